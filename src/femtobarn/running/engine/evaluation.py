"""Columns of a chunk in, sums out: the compiled loop, or the reference evaluator where that must be.

A skim keeps values of single events, which only the reference evaluator gives; and an event with
more objects than the loop has room for sends its chunk there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from femtobarn.base.records import AnalysisSpec, Kind
from femtobarn.data.columns.interface import Column
from femtobarn.physics.language.fused.sums import External, Fused, FusedSums, TooLargeError

if TYPE_CHECKING:
    from femtobarn.data.formats.convert import RawColumn
    from femtobarn.physics.language.graph import Node
    from femtobarn.physics.spectra.evaluation import SpectraEvaluation
    from femtobarn.running.engine.skim import Skimmer
    from femtobarn.running.engine.sums import Accumulator
    from femtobarn.running.results.partial import Array, HistogramKey

_Key = TypeVar("_Key")
_KEPT = 16
_fused: dict[tuple[str, Kind], Fused] = {}


def evaluation(
    spec: AnalysisSpec, kind: Kind, skimmer: Skimmer | None = None
) -> Evaluation | SpectraEvaluation:
    """Return what adds up the events of one task: of an analysis, or of a scan of mass spectra."""
    if spec.spectra is None:
        return Evaluation(spec, kind, skimmer)
    from femtobarn.physics.spectra.evaluation import SpectraEvaluation

    return SpectraEvaluation(spec.spectra, kind)


class Evaluation:
    """The sums of one task, chunk by chunk.

    Parameters
    ----------
    spec
        the analysis
    kind
        data are neither weighted nor varied
    skimmer
        what takes the chosen events of a skim; None: nothing is kept of single events
    """

    def __init__(self, spec: AnalysisSpec, kind: Kind, skimmer: Skimmer | None = None) -> None:
        self._spec, self._kind, self._skimmer = spec, kind, skimmer
        self._fused = None if skimmer is not None else FusedSums(fused(spec, kind), self._external)
        self._reference: Accumulator | None = None

    def add(self, columns: Mapping[str, RawColumn], entries: int) -> None:
        """Add the events of a chunk.

        Raises
        ------
        NotFiniteError
            if a weight is infinite or not a number
        CodeError, TypesError
            if a function of the analysis fails, or returns something else than it declares
        """
        if self._fused is not None:
            try:
                self._fused.add(columns, entries)
            except TooLargeError:
                pass
            else:
                return
        self._add_by_reference({path: column.base() for path, column in columns.items()}, entries)

    def cutflow(self) -> dict[str, Array]:
        """Return the sums after each step by selection: (variations, steps, 3)."""
        own = None if self._fused is None else self._fused.cutflow()
        return _both(own, None if self._reference is None else self._reference.cutflow())

    def histograms(self) -> dict[HistogramKey, Array]:
        """Return the sums by selection and name: (variations, bins with flow per axis, 2)."""
        own = None if self._fused is None else self._fused.histograms()
        return _both(own, None if self._reference is None else self._reference.histograms())

    def spectra(self) -> None:
        """Return nothing: only a scan has spectra."""

    def notes(self) -> tuple[str, ...]:
        """Return nothing: the cuts of an analysis say what becomes of each event."""
        return ()

    def _add_by_reference(self, columns: Mapping[str, Column], entries: int) -> None:
        from femtobarn.physics.language.evaluate import evaluate

        chunk = evaluate(self._spec, self._kind, columns, entries)
        self._accumulator().add(chunk)
        if self._skimmer is not None:
            self._skimmer.add(chunk, columns)

    def _accumulator(self) -> Accumulator:
        from femtobarn.running.engine.sums import Accumulator

        if self._reference is None:
            self._reference = Accumulator(self._spec, self._kind)
        return self._reference

    def _external(self, nodes: Sequence[Node], columns: Mapping[str, Column], entries: int) -> list[External]:
        from femtobarn.physics.language.fused.outside import external_values

        return external_values(nodes, columns, entries, {f.digest: f for f in self._spec.functions})


def fused(spec: AnalysisSpec, kind: Kind) -> Fused:
    """Return the compiled analysis, made once in a process."""
    key = (spec.identity, kind)
    if key not in _fused:
        if len(_fused) >= _KEPT:
            _fused.clear()
        _fused[key] = Fused(spec, kind)
    return _fused[key]


def _both(first: dict[_Key, Array] | None, second: dict[_Key, Array] | None) -> dict[_Key, Array]:
    if first is None or second is None:
        return first or second or {}
    return {key: sums + second[key] for key, sums in first.items()}
