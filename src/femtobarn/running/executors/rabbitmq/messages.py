"""What travels through the broker: records as JSON, and results with their bytes behind them."""

from __future__ import annotations

import json
import re
import secrets
import struct
from typing import Annotated, TypeVar

from pydantic import Field, ValidationError

from femtobarn.base.errors import ExecutorError
from femtobarn.base.record import Record, first_fault
from femtobarn.base.records import Duration, Job, Moment, Outcome, Task
from femtobarn.base.text import visible

_LENGTH = struct.Struct(">I")
_NAME = r"[A-Za-z0-9_-]{1,128}"  # of a task, in every version
_MOST = 1_000_000  # no version is above

_FORM = r"^[0-9a-f]{32}$"
Token = Annotated[str, Field(pattern=_FORM)]
"""Tells a submission from all others."""

Kind = TypeVar("Kind", bound=Record)


class JobMessage(Record):
    """What all tasks of a run need.

    Parameters
    ----------
    results_version, femtobarn
        versions that a worker must have, or it would give other numbers
    token
        of the run
    store
        where results go; empty: to the broker
    max_message_bytes
        a result above this size is not sent to the broker
    """

    results_version: int
    femtobarn: str
    token: Token
    job: Job
    store: str = ""
    max_message_bytes: int


class TaskMessage(Record):
    """One task of a run."""

    token: Token
    task: Task


class RunMessage(Record):
    """A run that was begun: who began it, when (seconds since the epoch), with how many tasks, and whether they left."""

    token: Token
    analysis: str
    tasks: int
    host: str
    started: Moment
    detached: bool = False


class WorkerAnswer(Record):
    """What a worker says when it is asked who is there.

    Parameters
    ----------
    worker
        its name
    token, task, file, part
        what it works on; empty if it waits
    since
        seconds that it has been at it, or has waited
    done, failed
        tasks that it has ended since it started
    """

    worker: str
    token: str = ""
    task: str = ""
    file: str = ""
    part: int = 0
    since: Duration = 0.0
    done: int = 0
    failed: int = 0


class Glimpse(Record):
    """What can be told of a message whatever version of femtobarn made it; empty or None if it does not say.

    Parameters
    ----------
    femtobarn, results_version
        versions that a job asks for
    task
        id of a task
    """

    femtobarn: str = ""
    results_version: int | None = None
    task: str = ""


def new_token() -> str:
    """Return a token that no other submission has."""
    return secrets.token_hex(16)


def pack(message: Record) -> bytes:
    """Return ``message`` as JSON."""
    return message.model_dump_json().encode()


def unpack(kind: type[Kind], body: bytes) -> Kind:
    """Return the record of ``kind`` that ``body`` holds as JSON.

    Raises
    ------
    ExecutorError
        if it holds anything else
    """
    try:
        return kind.model_validate_json(body)
    except (ValidationError, RecursionError, ValueError) as error:
        fault = first_fault(error) if isinstance(error, ValidationError) else None
        what = "not readable" if fault is None else f"{fault.where or 'the whole'}: {fault.what}"
        msg = f"Expected a {kind.__name__} as JSON, got {len(body)} bytes that are none ({visible(what)})."
        raise ExecutorError(msg) from error


def glimpse(body: bytes) -> Glimpse:
    """Return what can be told of a job or a task that another version may have made; never raises."""
    try:
        whole = json.loads(body)
    except (ValueError, RecursionError):
        return Glimpse()
    whole = whole if isinstance(whole, dict) else {}
    task = whole.get("task")
    name = task.get("id") if isinstance(task, dict) else None
    femtobarn, results = whole.get("femtobarn"), whole.get("results_version")
    return Glimpse(
        femtobarn=visible(femtobarn, most=40) if isinstance(femtobarn, str) else "",
        results_version=results if type(results) is int and abs(results) < _MOST else None,
        task=name if isinstance(name, str) and re.fullmatch(_NAME, name) else "",
    )


def is_token(text: str) -> bool:
    """Return whether ``text`` looks like the token of a run."""
    return re.fullmatch(_FORM, text) is not None


def pack_result(outcome: Outcome, data: bytes = b"") -> bytes:
    """Return how a task ended, and the bytes of its result if they travel with it."""
    head = pack(outcome)
    return b"".join((_LENGTH.pack(len(head)), head, data))


def unpack_result(body: bytes) -> tuple[Outcome, bytes]:
    """Return what `pack_result` was given.

    Raises
    ------
    ExecutorError
        if ``body`` is something else
    """
    if len(body) >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(body)
        end = _LENGTH.size + length
        if end <= len(body):
            return unpack(Outcome, body[_LENGTH.size : end]), body[end:]
    msg = f"Expected how a task ended, got {len(body)} bytes that are no such message."
    raise ExecutorError(msg)
