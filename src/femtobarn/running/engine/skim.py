"""Which events and columns a skim keeps, gathered while an analysis runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.errors import SettingsError, UnknownNameError
from femtobarn.base.records import NOMINAL, AnalysisSpec, HistogramRecord, Kind, SkimRecord
from femtobarn.data.columns import Column
from femtobarn.data.formats import FIELDS, format_of
from femtobarn.data.formats.convert import offsets_of
from femtobarn.data.formats.skimmed import branch_of
from femtobarn.physics.language.program import program, required_fields

if TYPE_CHECKING:
    from femtobarn.physics.language.evaluate import ChunkResult

_FORMATS = ("parquet", "root")
_ALWAYS = ("run", "number", "channel")
"""Written with the columns that the analysis reads, where the release has them."""


def with_skim(spec: AnalysisSpec, selection: str, columns: Sequence[str] | None, to: str) -> AnalysisSpec:
    """Return ``spec`` with the request to write the events that pass ``selection``.

    Parameters
    ----------
    columns
        fields (``lep.pt``), what a file has of collections (``lep``), and names of histograms, whose first
        value is written; None: all that the analysis reads, so that it can run on the skim, and the event's
        numbers, if the file has them

    Raises
    ------
    UnknownNameError
        if there is no such selection or column
    SettingsError
        if a column cannot be written
    """
    if spec.spectra is not None:
        msg = f"{spec.name} scans mass spectra, of which no events are selected. Ask for values in its configuration."
        raise SettingsError(msg)
    if to not in _FORMATS:
        raise UnknownNameError("format of skims", to, _FORMATS)
    names = [s.name for s in spec.selections]
    if selection not in names:
        raise UnknownNameError(f"selection of {spec.name}", selection, names)
    if columns is not None and not columns:
        msg = "A skim needs at least one column; without --columns it has all that the analysis reads."
        raise SettingsError(msg)
    known = format_of(spec.release).paths
    fields: list[str] = []
    if_there: list[str] = []
    values: dict[str, int] = {}
    if columns is None:
        read = {f for kind in _KINDS for f in required_fields(spec, kind)}
        fields = [f for f in known if f in read]
        if_there = [f for f in _ALWAYS if f in known]
    histograms = {h.name: h for h in spec.histograms}
    for name in columns or ():
        below = [f for f in known if f.startswith(f"{name}.")]
        if name in known:
            fields.append(name)
        elif below:
            if_there += below
        elif name in histograms:
            values[name] = _value(histograms[name])
        else:
            raise UnknownNameError(
                f"field of {spec.release} or histogram of {spec.name}", name, (*known, *histograms)
            )
    words = [f for f in fields if FIELDS[f].kind == "string"]
    if words:
        msg = f"Column {words[0]} holds text, but a skim holds numbers only. Leave it out."
        raise SettingsError(msg)
    if "mc.generator" in known:
        fields.append("mc.generator")
    chosen = tuple(dict.fromkeys(fields))
    perhaps = tuple(f for f in dict.fromkeys(if_there) if f not in chosen and FIELDS[f].kind != "string")
    record = SkimRecord.model_validate(
        {
            "selection": selection,
            "fields": (*chosen, *perhaps),
            "if_there": perhaps,
            "values": tuple(values.items()),
            "to": to,
        }
    )
    # built anew: a copy would keep the identity that the analysis had without the request
    return AnalysisSpec(
        **{**{name: getattr(spec, name) for name in AnalysisSpec.model_fields}, "skim": record}
    )


def _value(histogram: HistogramRecord) -> int:
    """Return the node of what a histogram holds, after checking that its name is that of no field."""
    branch = branch_of(histogram.name)
    taken = next((f for f in FIELDS if branch_of(f) == branch), None)
    if taken is not None or branch.startswith("n_"):
        what = f"the field {taken}" if taken is not None else "a number of objects"
        msg = f"Histogram {histogram.name} would be written as {branch}, which is the name of {what}. Give the histogram another name."
        raise SettingsError(msg)
    return histogram.values[0]


_KINDS: tuple[Kind, ...] = ("data", "mc")


def skim_fields(skim: SkimRecord | None, kind: Kind) -> tuple[str, ...]:
    """Return the fields that a skim writes of data or simulation."""
    if skim is None:
        return ()
    return tuple(f for f in skim.fields if kind == "mc" or not f.startswith("mc."))


class Skimmer:
    """The selected events of one task.

    Parameters
    ----------
    spec
        the analysis, with a skim
    kind
        data have the nominal variation only
    fields
        which of the fields of the skim the file has
    """

    def __init__(self, spec: AnalysisSpec, kind: Kind, fields: Sequence[str]) -> None:
        assert spec.skim is not None
        self._skim = spec.skim
        self._fields = [f for f in skim_fields(spec.skim, kind) if f in fields]
        self._variations = spec.variation_keys if kind == "mc" else (NOMINAL,)
        self._cuts = next(len(s.cuts) for s in spec.selections if s.name == spec.skim.selection)
        self._nodes = {name: program(spec).nodes[index] for name, index in spec.skim.values}
        self._chunks = {path: [_nothing(FIELDS[path].kind, FIELDS[path].collection)] for path in self._fields}
        self._chunks |= {name: [_nothing("float", node.type.axis)] for name, node in self._nodes.items()}

    def add(self, chunk: ChunkResult, columns: Mapping[str, Column]) -> None:
        """Add the events of a chunk that pass, nominally or under any variation."""
        chosen = np.zeros(chunk.chunk.entries, np.bool_)
        for variation in self._variations:
            chosen |= chunk.passed(variation, self._skim.selection) == self._cuts
        for path in self._fields:
            self._chunks[path].append(take(columns[path], chosen))
        for name, node in self._nodes.items():
            self._chunks[name].append(take(chunk.column(node), chosen))

    def columns(self) -> dict[str, Column]:
        """Return the columns of all chunks, by field or name."""
        return {name: joined(chunks) for name, chunks in self._chunks.items()}


_DTYPES = {"bool": np.bool_, "int": np.int64, "float": np.float64}


def _nothing(kind: str, axis: object) -> Column:
    """Return a column without events, so that a skim in which nothing passes has its columns too."""
    return Column(np.empty(0, _DTYPES[kind]), None if axis is None else np.zeros(1, np.int64))


def take(column: Column, chosen: NDArray[np.bool_]) -> Column:
    """Return the events of ``column`` that are ``chosen`` (one bool per event)."""
    if column.offsets is None:
        return Column(column.content[chosen])
    counts = np.diff(column.offsets)
    inside = np.repeat(chosen, counts)
    first, last = column.offsets[0], column.offsets[-1]
    return Column(column.content[first:last][inside], offsets_of(counts[chosen]))


def joined(columns: Iterable[Column]) -> Column:
    """Return columns one after the other as one; at least one is needed."""
    parts = list(columns)
    content = np.concatenate([c.content for c in parts])
    if parts[0].offsets is None:
        return Column(content)
    return Column(
        content, offsets_of(np.concatenate([np.diff(c.offsets) for c in parts if c.offsets is not None]))
    )
