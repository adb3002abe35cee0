"""What the show floor needs of results: written as a protocol, so that any source of them will do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from femtobarn.base.records import AnalysisSpec, CutflowRow, LedgerRow, Luminosity, RunInfo, YieldRow

if TYPE_CHECKING:
    import hist

    from femtobarn.running.results.metrics import Metrics


class Results(Protocol):
    """Results of a run that can be read; histograms hold sums of weights and of squared weights.

    `femtobarn.running.results.reader.RunResults` is one.
    """

    @property
    def info(self) -> RunInfo:
        """Where the results come from and whether they are complete."""
        ...

    @property
    def spec(self) -> AnalysisSpec:
        """The analysis that was run."""
        ...

    @property
    def luminosity(self) -> Luminosity:
        """The luminosity in fb^-1 to which simulation is scaled when shown with data."""
        ...

    def histogram(
        self,
        name: str,
        selection: str,
        *,
        process: str | None = None,
        datasets: Sequence[int] | None = None,
        files: Sequence[str] | None = None,
        variation: str = "nominal",
        luminosity: float | None = None,
    ) -> hist.Hist[Any]:
        """Return one histogram; simulation is scaled to ``luminosity`` fb^-1, data are counts."""
        ...

    def yields(self) -> tuple[YieldRow, ...]:
        """Return the events that passed each selection, by process."""
        ...

    def cutflow(self) -> tuple[CutflowRow, ...]:
        """Return the events that passed each cut, raw and weighted."""
        ...

    def ledger(self) -> tuple[LedgerRow, ...]:
        """Return what became of every task and every file that was given."""
        ...

    def metrics(self) -> Metrics:
        """Return what the run cost."""
        ...

    def with_luminosity(self, value: float) -> Results:
        """Return the same results with simulation scaled to ``value`` fb^-1."""
        ...
