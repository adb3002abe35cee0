"""What a worker makes of a message before it runs anything: whose task it is, and whether it may be run here."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import cache

from femtobarn.base.errors import CodeError, ExecutorError, FemtobarnError, VersionsError
from femtobarn.base.records import FunctionRecord
from femtobarn.data.storage.urls import MIRRORS
from femtobarn.running.executors.rabbitmq.crew import Assignment
from femtobarn.running.executors.rabbitmq.messages import JobMessage, TaskMessage, glimpse, unpack
from femtobarn.running.executors.rabbitmq.options import WorkerOptions
from femtobarn.running.results.version import package_version, results_version

PUBLISHED = tuple(dict.fromkeys(place for place, _ in MIRRORS))
"""Where the published files are: what workers open unless they are told of more."""


def assignment(message: TaskMessage, job: JobMessage, options: WorkerOptions) -> Assignment:
    """Return what is to be run for a task.

    The places that may be opened are those of the worker, whatever the message says.

    Raises
    ------
    CodeError
        if the analysis has code that this worker was not told to trust
    AddressError, SettingsError, MissingExtraError
        if results are to go where this worker may not write, or cannot
    """
    trusted(job.job.analysis.functions, options.trust)
    if job.store:
        from femtobarn.running.results.remotestore import sink_of

        sink_of(job.store, allowed=options.prefixes)
    access = job.job.access.model_copy(update={"prefixes": options.prefixes})
    return Assignment(
        token=message.token,
        job=job.job.model_copy(update={"access": access}),
        task=message.task,
        store=job.store,
        max_message_bytes=job.max_message_bytes,
    )


def job_of(body: bytes) -> JobMessage:
    """Return the job of a run; what another version made may look like anything, but says which version that was.

    Raises
    ------
    VersionsError
        if this worker would not give the numbers that the run expects
    ExecutorError
        if it is no job
    """
    seen = glimpse(body)
    asked, own = (seen.femtobarn, seen.results_version), (package_version(), results_version())
    if seen.femtobarn and seen.results_version is not None and asked != own:
        msg = f"Expected a worker with femtobarn {asked[0]} (results version {asked[1]}) for this run, but this is {own[0]} (results version {own[1]}). Install the same version for runs and workers."
        raise VersionsError(msg)
    return unpack(JobMessage, body)


def task_of(body: bytes, token: str) -> TaskMessage:
    """Return the task of the run ``token`` that a message holds; any run will do if that is empty.

    Raises
    ------
    ExecutorError
        if it is no task, or one of another run
    """
    message = unpack(TaskMessage, body)
    if token and message.token != token:
        msg = f"Expected a task of the run {token}, but it is one of the run {message.token}."
        raise ExecutorError(msg)
    return message


def trusted(functions: Iterable[FunctionRecord], digests: Iterable[str]) -> None:
    """Raise `CodeError` for code that is neither trusted by its digest nor of an analysis installed here."""
    allowed = frozenset(digests)
    for function in functions:
        if function.digest not in allowed and not _installed(function.digest):
            msg = f"the analysis has code of its own (@{function.kind} {function.name}), which this worker was not told to trust. Read it, and start the worker with --trust {function.digest}"
            raise CodeError(msg)


@cache
def _installed(digest: str) -> bool:
    """Return whether an analysis that is installed here declares the code with this digest."""
    from femtobarn.physics.analyses.find import analyses, find_analysis
    from femtobarn.physics.language.code import record_of

    for name in analyses():
        with suppress(FemtobarnError, ImportError):
            find_analysis(name)
    with suppress(KeyError):
        record_of(digest)
        return True
    return False
