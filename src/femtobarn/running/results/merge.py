"""Partial results folded into the sums of a run, in an order that the plan alone decides.

Parts of a file are folded in the order of their entries, then files in the order of the plan: equal
plans give equal bits, whoever computed the parts and in whatever order they arrived. One partial is
in memory at a time, beside one set of sums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from femtobarn.base.errors import MergeError
from femtobarn.base.records import AnalysisSpec, FileFacts, HistogramRecord, InputFile, Kind
from femtobarn.physics.spectra.sums import SpectraSums, Total, columns, merged
from femtobarn.running.results import shapes
from femtobarn.running.results.folding import add, fold_name
from femtobarn.running.results.partial import Array, HistogramKey, Partial, PartialHeader
from femtobarn.running.results.store import FolderStore


@dataclass(frozen=True, slots=True)
class FileParts:
    """The results there are of one file, in order of entry; none if nothing of it could be processed.

    ``fold`` is the name under which the store has all of them as one.
    """

    file: InputFile
    headers: tuple[PartialHeader, ...]
    fold: str = ""

    @property
    def processed(self) -> int:
        """Number of events whose sums are there."""
        return sum(h.stop - h.start for h in self.headers)

    @property
    def facts(self) -> FileFacts | None:
        """What the file says of itself; None if it was not opened."""
        return self.headers[0].facts if self.headers else None


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums of one histogram: float64 (keys, variations, bins with flow per axis, 2)."""

    keys: tuple[str, ...]
    array: Array


@dataclass(frozen=True, slots=True)
class Merged:
    """All sums of a run; the cutflow is by logical file name and selection, as in a partial.

    ``spectra`` are those of a scan, by process.
    """

    histograms: Mapping[HistogramKey, Sums]
    cutflow: Mapping[str, Mapping[str, Array]]
    spectra: Mapping[str, SpectraSums] = field(default_factory=dict)


def collect(store: FolderStore, file: InputFile, tasks: Sequence[str]) -> FileParts:
    """Return the parts of ``file`` that ``store`` holds; ``tasks`` are the ids that have a result.

    Raises
    ------
    MergeError
        if parts overlap, or do not agree on what the file is
    """
    whole = fold_name(tasks) if store.folded(tasks) else ""
    found = store.header(whole).parts if whole else tuple(store.header(t) for t in tasks)
    headers = tuple(sorted(found, key=lambda h: (h.start, h.stop)))
    for before, after in pairwise(headers):
        if after.start < before.stop:
            msg = f"Parts of {file.name} overlap: entries {after.start} to {before.stop} appear twice."
            raise MergeError(msg)
        if after.facts != before.facts:
            msg = (
                f"Parts of {file.name} disagree on what the file says of itself ({before.facts} and "
                f"{after.facts}). Remove the folder tasks/ of this run and run again."
            )
            raise MergeError(msg)
    return FileParts(file, headers, whole)


def key_of(histogram: HistogramRecord, file: InputFile) -> str:
    """Return under which key ``histogram`` sums what comes from ``file``."""
    match histogram.keep:
        case "file":
            return file.name
        case "process":
            return file.process
        case "dataset":
            return file.key


def merge(
    spec: AnalysisSpec,
    parts: Sequence[FileParts],
    store: FolderStore,
    factor: Callable[[InputFile], float | None],
    *,
    on_values: Callable[[InputFile, SpectraSums], None] | None = None,
) -> Merged:
    """Fold all partial results into the sums of the run.

    Parameters
    ----------
    spec
        the analysis
    parts
        files in the order of the plan
    store
        holds their results
    factor
        what scales a simulated file to 1 fb^-1 (None: unknown). Used only by histograms that keep
        processes, whose sums are of datasets with different factors; those without one are left out,
        and readers refuse that process
    on_values
        is given the spectra of each file whose single values are kept, in the order of the plan

    Raises
    ------
    MergeError
        if a result is damaged or does not have the shape that the analysis declares
    """
    declared = [(s, h) for h in spec.histograms for s in h.selections]
    sums = {(s, h.name): _empty(spec, h, parts) for s, h in declared}
    rows = {name: {key: i for i, key in enumerate(target.keys)} for name, target in sums.items()}
    cutflow: dict[str, Mapping[str, Array]] = {}
    spectra: dict[str, Total] = {}
    for part in parts:
        if not part.headers:
            continue
        file = part.file
        folded = _fold(spec, part, store)
        cutflow[file.name] = folded.cutflow
        if folded.spectra is not None:
            spectra.setdefault(file.process, Total(columns(file.kind))).add(folded.spectra)
            if on_values is not None and folded.spectra.values is not None:
                on_values(file, folded.spectra)
        for selection, histogram in declared:
            target = sums[selection, histogram.name]
            values = folded.histograms[selection, histogram.name]
            if histogram.keep == "process" and file.kind == "mc":
                scale = factor(file)
                if scale is None:
                    continue
                values = values * np.array([scale, scale**2])
            row = target.array[rows[selection, histogram.name][key_of(histogram, file)]]
            row[: len(values)] += values
    for selection, histogram in declared:
        _copy_nominal_of_data(sums[selection, histogram.name], histogram, parts)
    return Merged(sums, cutflow, {process: total.sums() for process, total in spectra.items()})


def histogram_bytes(spec: AnalysisSpec, files: Sequence[InputFile]) -> int:
    """Return the bytes of all histograms: keys x variations x bins (with flow) x 16."""
    total = 0
    for histogram in spec.histograms:
        keys = len({key_of(histogram, f) for f in files})
        cells = int(np.prod(shapes.bins(histogram), dtype=np.int64))
        total += keys * len(spec.variation_keys) * cells * 16 * len(histogram.selections)
    return total


def _empty(spec: AnalysisSpec, histogram: HistogramRecord, parts: Sequence[FileParts]) -> Sums:
    keys = tuple(dict.fromkeys(key_of(histogram, p.file) for p in parts))
    return Sums(keys, np.zeros((len(keys), len(spec.variation_keys), *shapes.bins(histogram), 2)))


def _fold(spec: AnalysisSpec, part: FileParts, store: FolderStore) -> Partial:
    kind = part.file.kind
    if part.fold:
        whole = store.read(part.fold)
        _check_shapes(spec, whole, kind, store)
        return whole
    total: Partial | None = None
    spectra: list[SpectraSums] = []
    for header in part.headers:
        partial = store.read(header.task)
        _check_shapes(spec, partial, kind, store)
        if partial.spectra is not None:
            spectra.append(partial.spectra)
        if total is None:
            total = partial
            continue
        add(total, partial)
    if total is None:
        msg = f"There is no result of {part.file.name} to fold."
        raise MergeError(msg)
    return replace(total, spectra=merged(spectra)) if spectra else total


def _check_shapes(spec: AnalysisSpec, partial: Partial, kind: Kind, store: FolderStore) -> None:
    variations = 1 if kind == "data" else len(spec.variation_keys)
    expected = {(s, h.name): (variations, *shapes.bins(h), 2) for h in spec.histograms for s in h.selections}
    found = {key: array.shape for key, array in partial.histograms.items()}
    steps = {s.name: (variations, len(s.cuts) + 1, 3) for s in spec.selections}
    seen = {name: array.shape for name, array in partial.cutflow.items()}
    scanned = None if partial.spectra is None else partial.spectra.events.shape[1]
    wanted = None if spec.spectra is None else columns(kind)
    if expected != found or steps != seen or scanned != wanted:
        msg = (
            f"The partial result {store.path(partial.header.task)} does not have the histograms and "
            f"selections of analysis {spec.name}. Remove it and run the same command again."
        )
        raise MergeError(msg)


def _copy_nominal_of_data(target: Sums, histogram: HistogramRecord, parts: Sequence[FileParts]) -> None:
    """Variations are of simulation: data are the same in all of them."""
    for key in {key_of(histogram, p.file) for p in parts if p.file.kind == "data"}:
        row = target.array[target.keys.index(key)]
        row[1:] = row[:1]
