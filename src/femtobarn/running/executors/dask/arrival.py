"""What came back from workers: checked, stored, and told as outcomes. Whatever it is, it never ends a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from femtobarn.base.errors import MergeError
from femtobarn.base.records import Outcome, Task
from femtobarn.base.text import visible
from femtobarn.running.results.folding import fold_name
from femtobarn.running.results.partial import header_of
from femtobarn.running.results.store import FolderStore


def outcomes_of(
    tasks: Sequence[Task], data: object, store: FolderStore, *, folded: bool, elsewhere: bool
) -> Iterator[Outcome]:
    """Store what came for ``tasks``, and give an outcome for each.

    Parameters
    ----------
    data
        `femtobarn.running.executors.dask.remote.Answer`, or ``Whole`` if ``folded``; it is not trusted
    elsewhere
        whether results are in a store of which nothing comes with the outcomes
    """
    match data:
        case (str(text), bytes(result)) if not folded:
            yield _one(tasks[0], text, result, store, elsewhere=elsewhere)
        case (tuple(texts), bytes(whole), tuple(results)) if folded and len(texts) == len(tasks):
            if not results:
                yield from _whole(tasks, texts, whole, store)
                return
            padded = (*results, *[b""] * len(tasks))
            for task, text, result in zip(tasks, texts, padded, strict=False):
                yield _one(task, text, result, store, elsewhere=elsewhere)
        case _:
            for task in tasks:
                yield _failed(task, f"a Dask worker returned {type(data).__name__}, not a result")


def _one(task: Task, text: object, result: object, store: FolderStore, *, elsewhere: bool) -> Outcome:
    outcome = _read(task, text)
    if outcome.processed and not elsewhere:
        try:
            store.put(task.id, result if isinstance(result, bytes) else b"")
        except MergeError as error:
            return _failed(task, f"the result that came back is none: {error}", outcome.worker)
    return outcome


def _whole(
    tasks: Sequence[Task], texts: Sequence[object], result: bytes, store: FolderStore
) -> Iterator[Outcome]:
    outcomes = [_read(task, text) for task, text in zip(tasks, texts, strict=True)]
    if all(outcome.processed for outcome in outcomes):
        try:
            told = tuple(part.task for part in header_of(result).parts)
            why = "" if told == tuple(task.id for task in tasks) else "it is not of these parts"
            if not why:  # what is stored once counts as done
                store.put(fold_name(told), result)
        except MergeError as error:
            why = str(error)
        if why:
            reason = f"the folded result that came back is none: {why}"
            outcomes = [_failed(task, reason, o.worker) for task, o in zip(tasks, outcomes, strict=True)]
    yield from outcomes


def _read(task: Task, text: object) -> Outcome:
    try:
        outcome = Outcome.model_validate_json(text if isinstance(text, str) else "")
    except ValidationError:
        return _failed(task, "a Dask worker did not say how the task ended")
    if outcome.task != task.id:
        return _failed(task, f"a Dask worker answered for another task ({visible(outcome.task, most=80)})")
    return outcome


def _failed(task: Task, reason: str, worker: str = "") -> Outcome:
    return Outcome(task=task.id, processed=False, reason=reason, worker=worker)
