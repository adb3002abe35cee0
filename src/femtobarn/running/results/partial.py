"""The result of one task: raw sums of one part of one file, and its file format.

A partial is a zip archive of NumPy arrays and one JSON member (``header.json``) that says what they
are. It holds no pickle, and appears under its name only when it is complete.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.errors import MergeError
from femtobarn.base.record import Record
from femtobarn.base.records import Environment, FileFacts, Identifier, Outcome, TaskMetrics
from femtobarn.physics.spectra.sums import SpectraSums
from femtobarn.running.results import files
from femtobarn.running.results.spectra import archive as spectra

if TYPE_CHECKING:
    from femtobarn.data.columns import Column

Array: TypeAlias = NDArray[np.float64]
HistogramKey: TypeAlias = tuple[str, str]
"""Selection and name of a histogram."""

_HEADER = "header.json"
_LONGEST_HEADER = 64 * 1024**2  # of a file in some thousand parts


class PartialHeader(Record):
    """What a partial says of itself; the arrays are beside it.

    Parameters
    ----------
    task
        the id of the task
    start, stop
        the entries that were read
    facts
        what the file says of itself
    sum_of_weights_seen
        sum of generator weights of the entries read (data: their number)
    histograms, selections
        what the arrays ``histogram/<i>`` and ``cutflow/<i>`` are
    filled
        what was taken in place of values that the file lacks
    columns
        names of the columns of a skim, arrays ``column/<i>``, and whether they are lists
    parts
        what the parts of a whole file said, if these are their folded sums; see `fold`
    spectra
        names of the arrays ``spectra/<name>`` of a scan
    """

    task: Identifier
    start: int
    stop: int
    facts: FileFacts
    environment: Environment
    metrics: TaskMetrics
    sum_of_weights_seen: float
    histograms: tuple[tuple[str, str], ...]
    selections: tuple[str, ...]
    filled: tuple[str, ...] = ()
    columns: tuple[tuple[str, bool], ...] = ()
    parts: tuple[PartialHeader, ...] = ()
    spectra: tuple[str, ...] = ()


def outcome_from(header: PartialHeader, task: str, *, attempts: int = 1, finished: float = 0.0) -> Outcome:
    """Return how a task ended, as its result tells; ``finished`` 0: when it was computed."""
    metrics = header.metrics
    return Outcome(
        task=task,
        processed=True,
        attempts=attempts,
        start=header.start,
        stop=header.stop,
        events=header.stop - header.start,
        seconds=metrics.seconds,
        bytes_read=metrics.bytes_read,
        worker=metrics.worker,
        finished=finished or metrics.started + metrics.seconds,
    )


@dataclass(frozen=True, slots=True)
class Partial:
    """The raw sums of one task.

    Parameters
    ----------
    header
        what it belongs to
    histograms
        by (selection, name): float64 (variations, bins with flow per axis, 2), sums of weights and of
        squared weights; data have one variation, the nominal
    cutflow
        by selection: float64 (variations, steps, 3), events, weights and squared weights after each
        step; step 0 counts all events
    columns
        of the selected events, if the run writes a skim
    spectra
        sums of a scan of mass spectra
    """

    header: PartialHeader
    histograms: Mapping[HistogramKey, Array]
    cutflow: Mapping[str, Array]
    columns: Mapping[str, Column] = field(default_factory=dict)
    spectra: SpectraSums | None = None


def write_partial(path: Path, partial: Partial) -> None:
    """Write ``partial`` to ``path`` in one step; a crash never leaves half of it under that name."""
    with files.archive(path, compress=True) as target:
        _fill(target, partial)


def to_bytes(partial: Partial) -> bytes:
    """Return what `write_partial` writes, to send it elsewhere."""
    buffer = io.BytesIO()
    with files.archive_in_memory(buffer, compress=True) as target:
        _fill(target, partial)
    return buffer.getvalue()


def header_of(data: bytes, *, where: str = "a message") -> PartialHeader:
    """Return what the bytes of a whole partial say of themselves; all checksums are verified.

    Raises
    ------
    MergeError
        if they are no whole partial
    """
    with _opened(io.BytesIO(data), where) as source:
        return _verified(source, where)


def _fill(target: zipfile.ZipFile, partial: Partial) -> None:
    files.add_bytes(target, _HEADER, partial.header.model_dump_json().encode())
    for i, key in enumerate(partial.header.histograms):
        files.add_array(target, f"histogram/{i}", partial.histograms[key])
    for i, selection in enumerate(partial.header.selections):
        files.add_array(target, f"cutflow/{i}", partial.cutflow[selection])
    for i, (name, lists) in enumerate(partial.header.columns):
        column = partial.columns[name]
        files.add_array(target, f"column/{i}", column.content)
        if lists and column.offsets is not None:
            files.add_array(target, f"offsets/{i}", column.offsets)
    if partial.spectra is not None:
        spectra.add(target, partial.spectra)


def read_partial(path: Path) -> Partial:
    """Read a partial with all its sums.

    Raises
    ------
    MergeError
        if it is absent, damaged or not a partial
    """
    with _opened(path, path) as source:
        return _partial(source)


def from_bytes(data: bytes, *, where: str = "a message") -> Partial:
    """Return the partial that `to_bytes` made bytes of.

    Raises
    ------
    MergeError
        if they are no whole partial
    """
    with _opened(io.BytesIO(data), where) as source:
        return _partial(source)


def read_header(path: Path, *, verify: bool = False) -> PartialHeader:
    """Read what a partial says of itself; with ``verify`` the checksums of its sums are checked too.

    Raises
    ------
    MergeError
        if it is absent, damaged or not a partial
    """
    with _opened(path, path) as source:
        return _verified(source, path) if verify else _header(source)


@contextmanager
def _opened(place: Path | io.BytesIO, where: Path | str) -> Iterator[zipfile.ZipFile]:
    """Open an archive; whatever is wrong with it, also later, is said in words."""
    try:
        with zipfile.ZipFile(place) as source:
            yield source
    except files.DAMAGE as error:
        raise _damaged(where, error) from error


def _header(source: zipfile.ZipFile) -> PartialHeader:
    return PartialHeader.model_validate(json.loads(files.get_bytes(source, _HEADER, most=_LONGEST_HEADER)))


def _partial(source: zipfile.ZipFile) -> Partial:
    header = _header(source)
    return Partial(
        header=header,
        histograms={
            key: files.get_array(source, f"histogram/{i}") for i, key in enumerate(header.histograms)
        },
        cutflow={name: files.get_array(source, f"cutflow/{i}") for i, name in enumerate(header.selections)},
        columns={name: _column(source, i, lists) for i, (name, lists) in enumerate(header.columns)},
        spectra=spectra.get(source, header.spectra) if header.spectra else None,
    )


def _column(source: zipfile.ZipFile, i: int, lists: bool) -> Column:
    from femtobarn.data.columns import Column

    content = files.get_array(source, f"column/{i}")
    return Column(content, files.get_array(source, f"offsets/{i}") if lists else None)


def _verified(source: zipfile.ZipFile, where: Path | str) -> PartialHeader:
    header = _header(source)
    if (bad := source.testzip()) is not None:
        msg = f"The partial result in {where} is damaged: the checksum of {bad} is wrong. It is computed anew when the same command is run again."
        raise MergeError(msg)
    return header


def _damaged(path: Path | str, error: Exception) -> MergeError:
    return MergeError(
        f"Expected a complete partial result in {path}, but it cannot be read ({type(error).__name__}: "
        f"{error}). Run the same command again: it is computed anew."
    )
