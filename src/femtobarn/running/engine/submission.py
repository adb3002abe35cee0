"""What a run was asked to do, kept in its directory, so that another process can finish it."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from femtobarn.base.atomic import write_text
from femtobarn.base.errors import RunDirectoryError
from femtobarn.base.record import Record
from femtobarn.base.records import AnalysisSpec, InputFile, Job, Settings, SkippedFile, Task, UnseenFile
from femtobarn.data.storage import local_path
from femtobarn.data.storage.urls import is_remote, shown
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.results.directory import RunDirectory


class Submission(Record):
    """submission.json: the request that a run answers, without secrets.

    Parameters
    ----------
    job
        what runs the tasks of plan.json, besides them
    files, skipped, missing, unseen, lost
        the inputs, as `Inputs` has them
    settings
        of the run
    command
        what repeats it
    started
        UTC time
    """

    job: Job
    files: tuple[InputFile, ...]
    skipped: tuple[SkippedFile, ...]
    missing: tuple[str, ...]
    unseen: tuple[UnseenFile, ...]
    lost: tuple[str, ...]
    settings: Settings
    command: str
    started: str

    @property
    def spec(self) -> AnalysisSpec:
        """The analysis."""
        return self.job.analysis

    @property
    def inputs(self) -> Inputs:
        """The inputs as the engine has them."""
        return Inputs(self.spec, self.files, self.skipped, self.missing, self.unseen, self.lost)


def submission_of(job: Job, inputs: Inputs, settings: Settings, command: str, started: str) -> Submission:
    """Return what is kept of a request; addresses lose user names, passwords and queries."""
    access = job.access.model_copy(update={"prefixes": tuple(map(shown, job.access.prefixes))})
    return Submission(
        job=job.model_copy(update={"access": access}),
        files=tuple(at(f, shown(f.url)) for f in inputs.files),
        skipped=inputs.skipped,
        missing=inputs.missing,
        unseen=inputs.unseen,
        lost=inputs.lost,
        settings=settings,
        command=command,
        started=started,
    )


def elsewhere(task: Task) -> Task:
    """Return ``task`` as it may leave this machine: a whole path, or an address without secrets."""
    url = task.file.url
    return moved(task, shown(url) if is_remote(url) else str(local_path(url).absolute()))


def moved(task: Task, url: str) -> Task:
    """Return ``task`` with its file at ``url``; itself, if it is there already."""
    return task if task.file.url == url else task.model_copy(update={"file": at(task.file, url)})


def at(file: InputFile, url: str) -> InputFile:
    """Return ``file`` at ``url``; itself, if it is there already: of 100,000 files copies would count."""
    return file if file.url == url else file.model_copy(update={"url": url})


def write_submission(directory: RunDirectory, submission: Submission) -> None:
    """Write ``submission`` to the run directory."""
    write_text(_path(directory), submission.model_dump_json() + "\n")


def read_submission(directory: RunDirectory) -> Submission:
    """Return what the run in ``directory`` was asked to do.

    Raises
    ------
    RunDirectoryError
        if there is none, or it cannot be read
    """
    path = _path(directory)
    try:
        return Submission.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        msg = f"Expected a run in {directory.path}, but there is none. Check the path."
        raise RunDirectoryError(msg) from error
    except (OSError, ValidationError) as error:
        msg = (
            f"Expected what a run was asked to do in {path}, but it cannot be read "
            f"({type(error).__name__}). It may be of another version of femtobarn: run the command again."
        )
        raise RunDirectoryError(msg) from error


def _path(directory: RunDirectory) -> Path:
    return directory.path / "submission.json"
