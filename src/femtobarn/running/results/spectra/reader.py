"""Spectra of a scan as histograms: dense, one at a time, with what decides which are kept applied.

The sums of a run directory hold the bins that are not empty. Here they become histograms, by final
state and then by combination; one is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.errors import RunDirectoryError, SettingsError, UnknownNameError
from femtobarn.base.records import Kind
from femtobarn.base.spectra import SpectraRecord
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.sums import SpectraSums, Sums, Total, columns
from femtobarn.running.results.directory import RunDirectory
from femtobarn.running.results.spectra import dense, folder
from femtobarn.running.results.spectra.dense import Spectrum
from femtobarn.running.results.spectra.factors import factors_of

__all__ = ["Group", "Spectra", "Spectrum", "StateRow"]


@dataclass(frozen=True, slots=True)
class StateRow:
    """A final state of a group.

    Parameters
    ----------
    state
        its code
    events, sumw
        events of the whole input, and the sum of their weights (data: their number)
    kept
        whether its spectra are kept: all data, or all simulation, have enough events of it
    reason
        why not
    """

    state: int
    events: int
    sumw: float
    kept: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """What is written to one file.

    Parameters
    ----------
    name
        ``data``, ``mc``, or that of a process
    kind
        data count, simulation weighs
    processes
        what it is the sum of, in the order in which they are added
    factors
        what scales each of them; 1 if they are not scaled
    """

    name: str
    kind: Kind
    processes: tuple[str, ...]
    factors: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Spectra:
    """All spectra of a scan.

    Parameters
    ----------
    record
        what was scanned, and what is made of it
    members
        by group what it is made of
    sums
        by group the sums of all its processes, scaled
    """

    record: SpectraRecord
    members: Mapping[str, Group] = field(repr=False)
    sums: Mapping[str, SpectraSums] = field(repr=False)

    @classmethod
    def load(cls, out: Path | str, record: SpectraRecord | None = None) -> Spectra:
        """Return the spectra in the run directory ``out``.

        Parameters
        ----------
        out
            a run directory
        record
            the same scan with other limits, processing or output; None: as it was run

        Raises
        ------
        RunDirectoryError
            if it holds no finished scan
        SettingsError
            if ``record`` fills other spectra than those that are there
        LuminosityUnknownError, ResultsError
            if simulation is to be scaled to the luminosity and cannot be
        """
        directory = RunDirectory(Path(out))
        info = directory.read_info()
        scanned = info.analysis.spectra
        if scanned is None:
            msg = f"Expected a scan of mass spectra in {directory.path}, but the run there is of the analysis {info.analysis.name}. Give the output directory of a scan."
            raise RunDirectoryError(msg)
        if record is not None and record.content() != scanned.content():
            msg = f"Expected the scan that was run in {directory.path}, but objects, cuts, combinations, width or weights are others now. Only limits on events, processing and output can change without running again: choose another output directory."
            raise SettingsError(msg)
        wanted = scanned if record is None else record
        scaled = factors_of(info) if wanted.output.scale == "luminosity" else None
        return cls._of(wanted, folder.each(directory.spectra), scaled)

    @classmethod
    def of_sums(
        cls,
        record: SpectraRecord,
        by_process: Mapping[str, SpectraSums],
        kinds: Mapping[str, Kind],
        factors: Mapping[str, float] | None = None,
    ) -> Spectra:
        """Return the spectra of sums that are in memory.

        Parameters
        ----------
        record
            what was scanned
        by_process
            sums, in the order in which processes are added
        kinds
            of each process
        factors
            what scales each simulated process; None: they are not scaled
        """
        wrong = [p for p, s in by_process.items() if s.events.shape[1] != columns(kinds[p])]
        if wrong:
            msg = f"Expected the sums of {', '.join(wrong)} to be counts for data and weights for simulation, but they are not."
            raise SettingsError(msg)
        return cls._of(record, by_process.items(), factors)

    @classmethod
    def _of(
        cls,
        record: SpectraRecord,
        by_process: Iterable[tuple[str, SpectraSums]],
        factors: Mapping[str, float] | None,
    ) -> Spectra:
        totals: dict[str, Total] = {}
        members: dict[str, Group] = {}
        for process, sums in by_process:
            kind: Kind = "data" if sums.events.shape[1] == 1 else "mc"
            name = process if record.output.files == "process" else kind
            # of files without events nothing is known, and nothing is to be scaled
            plain = kind == "data" or not len(sums.states)
            factor = 1.0 if factors is None or plain else factors[process]
            totals.setdefault(name, Total(columns(kind))).add(_scaled(sums, factor))
            old = members.get(name, Group(name, kind, (), ()))
            members[name] = Group(name, kind, (*old.processes, process), (*old.factors, factor))
        return cls(record, members, {name: total.sums() for name, total in totals.items()})

    @property
    def groups(self) -> tuple[str, ...]:
        """What is written to files of its own: data and simulation, or each process."""
        return tuple(self.members)

    def group(self, name: str) -> Group:
        """Return what a group is made of.

        Raises
        ------
        UnknownNameError
            if there is no such group
        """
        if name not in self.members:
            raise UnknownNameError("group of spectra", name, self.members)
        return self.members[name]

    def spectra(self, group: str) -> Iterator[Spectrum]:
        """Give the spectra of the final states that are kept: by final state, then by combination."""
        member = self.group(group)
        kept = self.kept(group)
        yield from dense.spectra(
            self.sums[group], combinations(self.record), self._bins, kept, group=group, kind=member.kind
        )

    def states(self, group: str) -> tuple[StateRow, ...]:
        """Return all final states of a group by their code; those that are not kept say why."""
        least, sums, counted = self.record.least_events, self.sums[group], self._counted(group)
        several = sum(one.kind == self.group(group).kind for one in self.members.values()) > 1
        of = " of all its kind" if several else ""
        weights = sums.events[:, 1 if sums.events.shape[1] == 3 else 0]
        return tuple(
            StateRow(
                state,
                int(events),
                weight,
                number >= least,
                "" if number >= least else f"{number:,} events{of}, fewer than {least:,}",
            )
            for state, events, weight, number in zip(
                sums.states.tolist(),
                sums.events[:, 0].tolist(),
                weights.tolist(),
                counted.tolist(),
                strict=True,
            )
        )

    def kept(self, group: str) -> NDArray[np.bool_]:
        """Tell of each final state of a group whether it has enough events: (states,).

        Events of all data, or of all simulation, count: in which files spectra are written changes nothing.
        """
        return np.asarray(self._counted(group) >= self.record.least_events)

    def _counted(self, group: str) -> NDArray[np.int64]:
        """Return how many events all groups of its kind have of each final state of a group: (states,)."""
        kind, own = self.group(group).kind, self.sums[group].states
        counted = np.zeros(len(own), np.int64)
        for name, member in self.members.items():
            if member.kind == kind:
                other = self.sums[name]
                _, mine, theirs = np.intersect1d(own, other.states, assume_unique=True, return_indices=True)
                counted[mine] += other.events[theirs, 0].astype(np.int64)
        return counted

    @property
    def _bins(self) -> dense.Binning:
        return dense.Binning.of(self.record)


def _scaled(sums: SpectraSums, factor: float) -> SpectraSums:
    """Return sums of weights times ``factor``; the numbers of events stay."""
    if factor == 1.0:
        return sums
    by: Sums = np.array([1.0, factor, factor**2])
    return SpectraSums(sums.states, sums.events * by, sums.cells, sums.sums * by)
