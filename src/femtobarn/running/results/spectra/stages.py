"""stages.json: which stages of a scan are done, from what, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from pydantic import ValidationError, field_validator

from femtobarn.base.atomic import write_text
from femtobarn.base.record import Record
from femtobarn.running.results.spectra.cost import Cost

Stage = Literal["files", "fill", "process", "export", "show"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""The stages of a scan in their order: each reads what the one before wrote."""

FILE = "stages.json"

_OWN: dict[Stage, tuple[str, ...]] = {
    "process": ("processed.npz",),
    "export": ("*.root", "summary.json"),
    "show": ("figures/*", "gallery.html", "../report.html"),
}
"""What stages write into the folder of the scan, whoever noted it."""


class Written(Record):
    """A file that a stage wrote: its path below the run directory, and its bytes."""

    name: str
    size: int

    @field_validator("name")
    @classmethod
    def _below(cls, name: str) -> str:
        """Refuse what is elsewhere: files that are noted may be removed later."""
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            msg = "must be a path below the run directory"
            raise ValueError(msg)
        return name


class StageRecord(Record):
    """A stage that is done.

    Parameters
    ----------
    stage
        which
    settings
        digest of what decides it besides its inputs
    inputs
        digest of what the stage before wrote; empty for the first
    digest
        of what it wrote
    words
        the same for people
    files
        what it wrote for others to read
    finished
        UTC time
    seconds, cpu_seconds
        wall time, and time of processors; of ``fill`` that of all tasks, wherever they ran
    peak_rss
        the largest memory of a process, in bytes
    """

    stage: Stage
    settings: str
    inputs: str
    digest: str
    words: str
    files: tuple[Written, ...] = ()
    finished: str
    seconds: float
    cpu_seconds: float
    peak_rss: int


class Stages(Record):
    """stages.json: the stages that are done, in their order."""

    stages: tuple[StageRecord, ...] = ()

    def get(self, stage: Stage) -> StageRecord | None:
        """Return what is known of a stage; None if it is not done."""
        return next((one for one in self.stages if one.stage == stage), None)


class Book:
    """What is known of the stages of one scan, kept in stages.json.

    Parameters
    ----------
    out
        the run directory
    folder
        what it has of the scan
    """

    def __init__(self, out: Path, folder: Path) -> None:
        self._out = out
        self._path = folder / FILE

    @property
    def stages(self) -> Stages:
        """The stages that are done; none if nothing is known, or it cannot be read."""
        with suppress(OSError, ValidationError):  # what is not known to be done is done again
            return Stages.model_validate_json(self._path.read_bytes())
        return Stages()

    def unchanged(self, stage: Stage, settings: str, inputs: str) -> StageRecord | None:
        """Return what is known of a stage if doing it again would give the same; else None."""
        known = self.stages.get(stage)
        if known is None or (known.settings, known.inputs) != (settings, inputs):
            return None
        return known if all(self._there(one) for one in known.files) else None

    def stale(self, stage: Stage, settings: str, inputs: str) -> bool:
        """Tell whether what a stage wrote was made of something else than what is there now."""
        known = self.stages.get(stage)
        return known is not None and (known.settings, known.inputs) != (settings, inputs)

    def note(
        self,
        stage: Stage,
        settings: str,
        inputs: str,
        digest: str,
        *,
        words: str,
        files: Sequence[Path],
        finished: str,
        cost: Cost,
    ) -> StageRecord:
        """Write down that a stage is done; for parameters see `StageRecord`."""
        record = StageRecord(
            stage=stage,
            settings=settings,
            inputs=inputs,
            digest=digest,
            words=words,
            files=self._written(files),
            finished=finished,
            seconds=cost.seconds,
            cpu_seconds=cost.cpu_seconds,
            peak_rss=cost.peak_rss,
        )
        self._write({**{one.stage: one for one in self.stages.stages}, stage: record})
        return record

    def measure(self, stage: Stage) -> None:
        """Note the sizes of the files of a stage as they are now."""
        known = {one.stage: one for one in self.stages.stages}
        files = self._written([self._out / one.name for one in known[stage].files])
        self._write({**known, stage: known[stage].model_copy(update={"files": files})})

    def forget(self, stage: Stage) -> None:
        """Remove what a stage wrote, noted or not, so that nothing stale can be taken for new."""
        known = {one.stage: one for one in self.stages.stages}
        if stage in known:
            gone = known.pop(stage)
            self._write(known)
            for one in gone.files:
                (self._out / one.name).unlink(missing_ok=True)
        for pattern in _OWN.get(stage, ()):
            for path in self._path.parent.glob(pattern):
                if not path.is_dir():
                    path.unlink(missing_ok=True)

    def _written(self, files: Sequence[Path]) -> tuple[Written, ...]:
        return tuple(Written(name=f.relative_to(self._out).as_posix(), size=f.stat().st_size) for f in files)

    def _write(self, known: dict[Stage, StageRecord]) -> None:
        made = Stages(stages=tuple(known[stage] for stage in STAGES if stage in known))
        write_text(self._path, made.model_dump_json(indent=2) + "\n")

    def _there(self, one: Written) -> bool:
        with suppress(OSError):
            return (self._out / one.name).stat().st_size == one.size
        return False
