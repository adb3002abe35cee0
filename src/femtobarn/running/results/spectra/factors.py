"""What scales the simulated processes of a scan to the luminosity of its run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from femtobarn.base.errors import LuminosityUnknownError, ResultsError
from femtobarn.base.records import RunInfo


class Factors(Mapping[str, float]):
    """By process what scales it to a luminosity; a question for one that has none is an error.

    Parameters
    ----------
    info
        of the run
    """

    def __init__(self, info: RunInfo) -> None:
        self._info = info
        self._datasets: dict[str, set[int | None]] = {}
        for row in info.inputs:
            if row.events_processed:
                self._datasets.setdefault(row.process, set()).add(row.dataset)

    def __iter__(self) -> Iterator[str]:
        """Give the processes of which something was processed."""
        return iter(self._datasets)

    def __len__(self) -> int:
        """Return the number of these processes."""
        return len(self._datasets)

    def __getitem__(self, process: str) -> float:
        """Return what scales a simulated process.

        Raises
        ------
        LuminosityUnknownError
            if the luminosity of the run is not known
        ResultsError
            if the process has no factor, or is made of datasets with different ones
        """
        luminosity = self._info.luminosity
        if luminosity.value is None:
            msg = f"Simulation ({process}) cannot be scaled: the luminosity of the data is not known ({luminosity.note}). Give it with --luminosity, or set scale: none."
            raise LuminosityUnknownError(msg)
        datasets = self._datasets.get(process, set())
        found = {n.dataset: n for n in self._info.normalisations if n.dataset in datasets}
        factors = {None if d is None or d not in found else found[d].factor for d in datasets}
        if len(factors) > 1:
            msg = f"{process} is the sum of {len(datasets)} datasets that scale differently, so its spectra cannot be scaled to the luminosity. Make each of them a process of its own, or set scale: none."
            raise ResultsError(msg)
        factor = next(iter(factors), None)
        if factor is None:
            notes = "; ".join(n.note for n in found.values() if n.note)
            msg = f"{process} cannot be scaled to the luminosity: {notes or 'its cross-section or sum of weights is not known'}. Leave its files out, or set scale: none."
            raise ResultsError(msg)
        return luminosity.value * factor


def factors_of(info: RunInfo) -> Factors:
    """Return what scales the simulated processes of a run to its luminosity."""
    return Factors(info)
