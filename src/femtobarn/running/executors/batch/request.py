"""What scripts are made of, and what is made: records between the executor and the batch systems."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from femtobarn.base.record import Record
from femtobarn.running.executors.batch.options import BatchOptions

Phase = Literal["waiting", "running", "ended", "unknown"]


class Request(Record):
    """One array of jobs, and perhaps a job after it that merges.

    Parameters
    ----------
    analysis
        its name
    out
        the run directory: a whole path, the same on the nodes
    token
        of this submission; its files are in ``out/batch/<token>``
    slices
        number of jobs in the array
    merge
        whether a job follows that merges
    directory
        where the user is: setup lines run there
    store
        where slices leave results; empty: in the run directory
    after
        arrays of earlier submissions that the merge waits for too
    user, group
        ids under which pods run
    """

    analysis: str
    out: str
    token: str
    slices: int
    merge: bool
    directory: str
    options: BatchOptions
    store: str = ""
    after: tuple[str, ...] = ()
    user: int = 0
    group: int = 0

    @property
    def name(self) -> str:
        """The name of the jobs: letters, digits, ``_`` and ``-`` only."""
        return f"femtobarn-{re.sub(r'[^A-Za-z0-9_-]+', '-', self.analysis).strip('-') or 'run'}"

    @property
    def folder(self) -> str:
        """Where the files of this submission are."""
        return f"{self.out.rstrip('/')}/batch/{self.token}"


@dataclass(frozen=True, slots=True)
class Scripts:
    """What is given to a batch system.

    Parameters
    ----------
    files
        names and texts, for the folder of the submission
    array, merge
        commands, run there; ``{array}`` stands for what the first one answered. No ``merge``: there is none, or
        the first command submits it too
    """

    files: tuple[tuple[str, str], ...]
    array: tuple[str, ...]
    merge: tuple[str, ...] = ()


class JobState(Record):
    """What the batch system says of one job: ``word`` is its own, ``reason`` why it waits or ended so."""

    phase: Phase
    word: str = ""
    reason: str = ""

    @property
    def words(self) -> str:
        """Word and reason for people."""
        return f"{self.word} ({self.reason})" if self.reason else self.word


_GONE = JobState(phase="ended")


@dataclass(frozen=True, slots=True)
class States:
    """The jobs of one submission.

    Parameters
    ----------
    slices
        those that the batch system knows
    merge
        the job that merges, if it knows one
    rest
        of slices that it does not know
    """

    slices: Mapping[int, JobState] = field(default_factory=dict)
    merge: JobState | None = None
    rest: JobState = _GONE

    def of(self, index: int) -> JobState:
        """Return the state of a slice."""
        return self.slices.get(index, self.rest)


UNKNOWN = States(rest=JobState(phase="unknown"))
"""What is known when the batch system does not answer."""
