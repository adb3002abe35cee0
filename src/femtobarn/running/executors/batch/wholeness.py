"""A run whose tasks were submitted: whether all of them ended, and which slices they were lost with."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from femtobarn.base.errors import MergeError
from femtobarn.base.records import Settings, Task
from femtobarn.running.engine.plan import Plan
from femtobarn.running.engine.request import read_plan
from femtobarn.running.engine.submission import Submission, read_submission
from femtobarn.running.executors.batch.layout import BatchFolder
from femtobarn.running.executors.batch.survey import Known, SliceReport, asked, known, report
from femtobarn.running.results.directory import RunDirectory
from femtobarn.running.results.store import FolderStore

_PAUSE = 5.0  # seconds between two looks of a job that waits for others
_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Run:
    """A run whose tasks may be with batch systems."""

    directory: RunDirectory
    plan: Plan
    submission: Submission
    store: FolderStore

    @classmethod
    def of(cls, out: Path | str) -> Run:
        """Return the run in ``out``; `RunDirectoryError` if there is none."""
        directory = RunDirectory(Path(out))
        return cls(directory, read_plan(directory), read_submission(directory), FolderStore(directory.tasks))

    @property
    def settings(self) -> Settings:
        """Of the run."""
        return self.submission.settings

    def known(self, *, verify: bool = False) -> Known:
        """Return what is known of its tasks; with ``verify`` damaged results do not count."""
        return known(self.store, self.plan.by_file, elsewhere=bool(self.settings.store), verify=verify)


def check_whole(
    out: Path | str,
    *,
    wait: bool = False,
    on_wait: Callable[[str], None] | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Return when every task of a run has a result, or failed on its own, and nobody writes its directory.

    Parameters
    ----------
    wait
        for slices that wait or run
    on_wait
        told what is waited for
    pause
        waits the seconds between two looks

    Raises
    ------
    MergeError
        if tasks were lost with their slices, or their results are damaged; it names the slices
    RunDirectoryError
        if there is no run
    """
    run = Run.of(out)
    said = ""
    while True:
        now = run.known()
        missing = now.missing(run.plan.tasks)
        damaged = 0
        if not missing:  # files that are there may still be cut: reading all is for once, at the end
            now = run.known(verify=True)
            missing = now.missing(run.plan.tasks)
            damaged = len(missing)
        if missing:
            states, notes = asked(run.store, run.settings)
            slices = _lacking(run, missing, tuple(report(run.directory.path, now, states)))
            alive = [s for s in slices if s.phase != "ended" and folder_of(run, s).end(s.index) is None]
            if not (wait and alive):
                raise _not_whole(run, len(missing), slices, damaged)
            words = "; ".join([f"{len(missing)} tasks of {len(alive)} slices are not done", *notes])
        elif run.directory.busy():
            words = f"another command writes {run.directory.path}"
        else:
            return
        if on_wait is not None and words != said:
            on_wait(words)
        said = words
        pause(_PAUSE)


def folder_of(run: Run, slice_: SliceReport) -> BatchFolder:
    """Return the folder of the submission that a slice is of."""
    return BatchFolder.of(run.directory.path, slice_.batch)


def _lacking(run: Run, missing: Sequence[Task], slices: Sequence[SliceReport]) -> list[SliceReport]:
    """Return the slices to which missing tasks were handed last, with what each misses of these."""
    places: dict[str, SliceReport] = {}
    wanted = {task.id for task in missing}
    for one in slices:
        places.update({t.id: one for t in folder_of(run, one).tasks(one.index) if t.id in wanted})
    counts = Counter((place.batch, place.index) for place in places.values())
    return [
        one.model_copy(update={"missing": counts[one.batch, one.index]})
        for one in slices
        if (one.batch, one.index) in counts
    ]


def _not_whole(run: Run, missing: int, slices: Sequence[SliceReport], damaged: int) -> MergeError:
    several = len({one.batch for one in slices}) > 1
    named = [
        f"slice {one.index}{f' of {one.batch}' if several else ''} misses {one.missing} of {one.tasks} ({_why(one)})"
        for one in slices[:_MOST_NAMED]
    ]
    named += [f"and {len(slices) - _MOST_NAMED} more slices"] if len(slices) > _MOST_NAMED else []
    rest = missing - sum(one.missing for one in slices)
    named += [f"{rest} were never submitted"] if rest else []
    named += [f"results of {damaged} are damaged"] if damaged else []
    out = run.directory.path
    return MergeError(
        f"Expected results of all {len(run.plan.tasks)} tasks of {out}, but {missing} are missing: {'; '.join(named)}. Submit them again: femtobarn batch resubmit {out}"
    )


def _why(one: SliceReport) -> str:
    return one.state or {"waiting": "it waits", "running": "it runs"}.get(one.phase, "nobody knows why")
