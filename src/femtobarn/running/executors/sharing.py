"""Which of several executors has which tasks: shared out by whole files, and taken over from who is slow or gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from femtobarn.base.records import Outcome, Task


class Shares:
    """What each of several executors has to do; nothing here runs anything.

    A task is given to each executor at most once, and has exactly one outcome in the end: the first that
    says it was processed, or a failure that nobody can mend any more.

    Parameters
    ----------
    names
        of the executors
    tasks
        all that is to be done; parts of one file stay together
    """

    def __init__(self, names: Sequence[str], tasks: Sequence[Task]) -> None:
        self._files: dict[tuple[str, str], list[Task]] = defaultdict(list)
        for task in tasks:
            self._files[task.file.name, task.file.url].append(task)
        self._unsettled = {task.id: task for task in tasks}
        self._owners: dict[str, set[str]] = {task.id: set() for task in tasks}
        self._had: dict[str, set[str]] = {name: set() for name in names}
        self._failures: dict[str, Outcome] = {}
        self.living = list(names)

    @property
    def settled(self) -> bool:
        """Whether every task has its outcome."""
        return not self._unsettled

    def first(self) -> dict[str, list[Task]]:
        """Return the first share of each executor: whole files, about the same number of bytes for all."""
        weights = dict.fromkeys(self.living, 0.0)
        shares: dict[str, list[Task]] = {name: [] for name in self.living}
        for parts in self._files.values():
            least = min(weights, key=lambda name: weights[name])
            shares[least] += parts
            # an empty file costs something too
            weights[least] += sum(1.0 + task.file.size / task.parts for task in parts)
        for name, share in shares.items():
            self._given(name, share)
        return shares

    def ended(self, name: str, outcome: Outcome) -> Outcome | None:
        """Take what ``name`` says of a task; return its outcome if this decides it.

        Raises
        ------
        KeyError
            if there is no such task
        """
        self._owners[outcome.task].discard(name)
        if outcome.task not in self._unsettled:
            return None
        if outcome.processed:
            return self._settle(outcome)
        self._failures[outcome.task] = outcome
        return None if self._owners[outcome.task] else self._settle(outcome)

    def over(self, name: str, *, alive: bool) -> list[Outcome]:
        """Take that ``name`` says no more of its share; return the outcomes that this decides.

        Parameters
        ----------
        alive
            whether it may be given more
        """
        lost = [task for task in self._unsettled if name in self._owners[task]]
        for owners in self._owners.values():
            owners.discard(name)
        if not alive:
            self.living.remove(name)
        outcomes = [
            self._settle(self._failures[task])
            for task in lost
            if not self._owners[task] and task in self._failures
        ]
        if self.living:
            outcomes += [
                self._settle(Outcome(task=task, processed=False, reason=f"{name} ended without it"))
                for task in self._orphans()
                if all(task in self._had[other] for other in self.living)
            ]
        return outcomes

    def more(self, name: str) -> list[Task]:
        """Return what ``name``, which is idle, does next: what nobody has, or half of what the slowest has.

        The slowest may go on with these too: whoever is first, the result is the same.
        """
        share = self._new_to(name, self._orphans())
        if not share:
            others = [
                self._new_to(name, (t for t in self._unsettled if other in self._owners[t]))
                for other in self.living
                if other != name
            ]
            slowest = max(others, key=len, default=[])
            files = list(dict.fromkeys((t.file.name, t.file.url) for t in slowest))
            late = set(files[len(files) // 2 :])  # executors begin with the first ones
            share = [t for t in slowest if (t.file.name, t.file.url) in late]
        self._given(name, share)
        return share

    def _orphans(self) -> list[str]:
        return [task for task in self._unsettled if not self._owners[task]]

    def _new_to(self, name: str, tasks: Iterable[str]) -> list[Task]:
        return [self._unsettled[task] for task in tasks if task not in self._had[name]]

    def _given(self, name: str, share: Sequence[Task]) -> None:
        for task in share:
            self._owners[task.id].add(name)
            self._had[name].add(task.id)

    def _settle(self, outcome: Outcome) -> Outcome:
        del self._unsettled[outcome.task]
        return outcome
