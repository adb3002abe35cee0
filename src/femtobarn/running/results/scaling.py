"""Which file, dataset or process a key of a histogram stands for, and what scales it to 1 fb^-1."""

from __future__ import annotations

from dataclasses import dataclass

from femtobarn.base.records import InputRow, Keep, RunInfo


@dataclass(frozen=True, slots=True)
class Member:
    """What one key of a histogram stands for.

    Parameters
    ----------
    key, process
        the key, and the process it belongs to
    data
        whether it is data: counts that are never scaled
    datasets, periods, files
        what it is made of
    events
        how many of its events were processed; without any its sums are zero, whatever the factor
    factor
        what scales its sums to 1 fb^-1; None if unknown
    """

    key: str
    process: str
    data: bool
    datasets: tuple[int, ...]
    periods: tuple[str, ...]
    files: tuple[str, ...]
    events: int
    factor: float | None


class Scale:
    """The keys of the histograms of a run.

    Parameters
    ----------
    info
        inputs, processes and normalisations
    """

    def __init__(self, info: RunInfo) -> None:
        self._roles = {p.name: p.role for p in info.analysis.inputs.processes}
        self._factors = {n.dataset: n.factor for n in info.normalisations}
        self._rows: dict[Keep, dict[str, list[InputRow]]] = {"file": {}, "dataset": {}, "process": {}}
        for row in info.inputs:
            if row.process not in self._roles:
                continue
            key = row.period or row.name
            if self._roles[row.process] != "data" and row.dataset is not None:
                key = str(row.dataset)
            self._rows["file"].setdefault(row.name, []).append(row)
            self._rows["dataset"].setdefault(key, []).append(row)
            self._rows["process"].setdefault(row.process, []).append(row)

    def member(self, keep: Keep, key: str) -> Member:
        """Return what ``key`` of a histogram with this ``keep`` stands for."""
        rows = self._rows[keep][key]
        process = rows[0].process
        data = self._roles[process] == "data"
        factor: float | None = None
        if not data:
            counted = dict.fromkeys(r.dataset for r in rows if r.dataset is not None and r.events_processed)
            factors = [self._factors.get(d) for d in counted]
            if factors and None not in factors:
                # sums of processes are already at 1 fb^-1: their datasets have different factors
                factor = 1.0 if keep == "process" else factors[0]
        return Member(
            key=key,
            process=process,
            data=data,
            datasets=tuple(dict.fromkeys(r.dataset for r in rows if r.dataset is not None)),
            periods=tuple(dict.fromkeys(r.period for r in rows if r.period is not None)),
            files=tuple(r.name for r in rows),
            events=sum(r.events_processed for r in rows),
            factor=factor,
        )
