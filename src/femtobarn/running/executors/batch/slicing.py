"""Tasks shared out to slices: whole files, about equal bytes, the same for the same tasks."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from femtobarn.base.records import Task
from femtobarn.running.engine.plan import by_file


def sliced(tasks: Sequence[Task], most: int) -> tuple[tuple[Task, ...], ...]:
    """Return at most ``most`` slices of ``tasks``, none empty, each in the order of the plan.

    All tasks of a file are in one slice. Files are dealt out from the largest to the smallest, each to the slice that
    has least: two slices differ by no more than the largest file.
    """
    files = by_file(tasks)
    order = {task.id: i for i, task in enumerate(tasks)}
    heap = [(0.0, i) for i in range(min(most, len(files)))]
    shares: list[list[Task]] = [[] for _ in heap]
    for group in sorted(files, key=size, reverse=True):
        load, index = heap[0]
        shares[index] += group
        heapq.heapreplace(heap, (load + size(group), index))
    return tuple(tuple(sorted(share, key=lambda t: order[t.id])) for share in shares)


def size(group: Sequence[Task]) -> float:
    """Return the bytes that tasks of one file read, about; never 0, so that each task counts."""
    return sum(max(task.file.size / task.parts, 1.0) for task in group)
