"""What the show floor needs of results: written as a protocol, so that any source of them will do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from femtobarn.base.records import AnalysisSpec, CutflowRow, LedgerRow, Luminosity, RunInfo

if TYPE_CHECKING:
    import hist
    import numpy as np
    from numpy.typing import NDArray

    from femtobarn.running.results.metrics import Metrics
    from femtobarn.running.results.yields import YieldWithErrors


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

    def varied_values(
        self,
        name: str,
        selection: str,
        *,
        process: str | None = None,
        datasets: Sequence[int] | None = None,
        files: Sequence[str] | None = None,
        luminosity: float | None = None,
    ) -> NDArray[np.float64]:
        """Return bin contents of one histogram, (variations, bins): the nominal, then each variation."""
        ...

    def yields(self) -> tuple[YieldWithErrors, ...]:
        """Return the events that passed each selection, by process."""
        ...

    def cutflow(self) -> tuple[CutflowRow, ...]:
        """Return the events that passed each cut, raw and weighted."""
        ...

    def short_cutflow(self) -> tuple[CutflowRow, ...]:
        """Return the nominal rows of the cutflow, and those of every variation after the last cut."""
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
