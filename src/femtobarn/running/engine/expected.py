"""What a plan lets one expect in its run directory, without the rest of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from femtobarn.running.engine.finish import plan_digest
from femtobarn.running.engine.request import read_plan
from femtobarn.running.results.directory import RunDirectory
from femtobarn.running.results.folding import fold_name


@dataclass(frozen=True, slots=True)
class Expected:
    """What a look needs of a plan.

    Parameters
    ----------
    names
        the tasks whose results are in a result of some name: one, or all of a file in a folded one
    written
        when the plan was, in seconds since the epoch
    """

    analysis: str
    release: str
    digest: str
    failed_files: int
    tasks: frozenset[str]
    names: dict[str, Sequence[str]]
    written: float

    @classmethod
    def read(cls, directory: RunDirectory, written: float) -> Expected:
        """Read what is expected of the run in ``directory``, whose plan was written at ``written``.

        Raises
        ------
        RunDirectoryError
            if there is no run
        """
        plan = read_plan(directory)
        names: dict[str, Sequence[str]] = {task.id: (task.id,) for task in plan.tasks}
        for group in plan.by_file:
            if len(group) > 1:
                ids = [task.id for task in group]
                names[fold_name(ids)] = ids
        return cls(
            analysis=plan.analysis,
            release=plan.release,
            digest=plan_digest(plan),
            failed_files=sum(f.status == "failed" for f in plan.skipped),
            tasks=frozenset(task.id for task in plan.tasks),
            names=names,
            written=written,
        )
