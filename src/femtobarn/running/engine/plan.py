"""From an analysis and its inputs to tasks. Nothing is opened to plan."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from femtobarn.base.canonical import digest
from femtobarn.base.errors import MemoryLimitError, SettingsError
from femtobarn.base.record import Record
from femtobarn.base.records import AnalysisSpec, InputFile, Kind, Settings, SkippedFile, Task
from femtobarn.base.settings import HISTOGRAM_LIMIT
from femtobarn.data.formats import Format, format_of
from femtobarn.data.storage.urls import shown
from femtobarn.physics.language.program import required_fields
from femtobarn.physics.spectra.fields import scanned_fields
from femtobarn.running.engine.skim import skim_fields
from femtobarn.running.results.merge import histogram_bytes
from femtobarn.running.results.version import results_version

if TYPE_CHECKING:
    from femtobarn.running.engine.inputs import Inputs


class Plan(Record):
    """What a run is to do.

    Parameters
    ----------
    id
        digest of the ids of the tasks, in order
    tasks
        file by file in the order of the plan
    skipped
        files that were given and are not read, and why
    missing
        wanted datasets and periods without any file
    fields, branches
        what is read of data and simulation: fields of the event model, and the branches that hold them
        (accepted alternatives separated by ``|``)
    histogram_bytes
        of the merged result
    """

    id: str
    analysis: str
    release: str
    tasks: tuple[Task, ...]
    skipped: tuple[SkippedFile, ...]
    missing: tuple[str, ...]
    fields: tuple[str, ...]
    branches: tuple[str, ...]
    histogram_bytes: int

    @property
    def files(self) -> tuple[InputFile, ...]:
        """The files that are read, in the order of the plan."""
        return tuple(t.file for t in self.tasks if t.part == 0)

    @property
    def by_file(self) -> tuple[tuple[Task, ...], ...]:
        """The tasks of each file, in their order, files in the order of the plan."""
        return by_file(self.tasks)


def by_file(tasks: Iterable[Task]) -> tuple[tuple[Task, ...], ...]:
    """Return the tasks of each file, in the order in which they come."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        groups.setdefault(task.file.name, []).append(task)
    return tuple(map(tuple, groups.values()))


def make_plan(
    spec: AnalysisSpec, inputs: Inputs, settings: Settings, *, histogram_limit: int = HISTOGRAM_LIMIT
) -> Plan:
    """Return the tasks of a run.

    Raises
    ------
    SettingsError
        if a setting is outside what is allowed
    MemoryLimitError
        if the histograms would take more bytes than ``histogram_limit``
    """
    check_settings(settings)
    files, beyond = _first_of_each(inputs.files, settings.max_files)
    size = histogram_bytes(spec, files)
    if size > histogram_limit:
        msg = (
            f"The histograms of {spec.name} would take {size:,} bytes, more than the limit of "
            f"{histogram_limit:,}. Book fewer bins or variations, use keep='process' or 'dataset', or raise "
            "the limit."
        )
        raise MemoryLimitError(msg)
    fmt = format_of(spec.release)
    fields = tuple(sorted({f for kind in _kinds(files) for f in fields_read(spec, kind)}))
    tasks = tuple(task for file in files for task in _tasks(spec, format_for(spec, file), file, settings))
    return Plan(
        id=digest([t.id for t in tasks]),
        analysis=spec.name,
        release=spec.release,
        tasks=tasks,
        skipped=(*inputs.skipped, *beyond),
        missing=inputs.missing,
        fields=fields,
        branches=tuple(dict.fromkeys(b for f in fields if f in fmt.paths for b in fmt.branches(f))),
        histogram_bytes=size,
    )


def check_settings(settings: Settings) -> None:
    """Raise `SettingsError` for a setting outside what is allowed."""
    least = {
        "workers": (settings.workers, 0),
        "part_bytes": (settings.part_bytes, 1000),
        "chunk_entries": (settings.chunk_entries, 1),
        "max_files": (settings.max_files, 1),
        "max_events": (settings.max_events, 1),
    }
    for name, (value, lowest) in least.items():
        if value is not None and value < lowest:
            msg = f"Setting {name} must be {lowest} or more, but is {value}."
            raise SettingsError(msg)
    if settings.fraction is not None and not 0 < settings.fraction <= 1:
        msg = f"Setting fraction must be above 0 and at most 1, but is {settings.fraction}."
        raise SettingsError(msg)
    given = settings.luminosity
    if given is not None and not (math.isfinite(given) and given > 0):
        msg = f"Setting luminosity must be a positive number of fb^-1, but is {given}."
        raise SettingsError(msg)


def fields_read(spec: AnalysisSpec, kind: Kind) -> tuple[str, ...]:
    """Return the fields that are read of data or simulation; of simulation the generator weight, if there is one."""
    if spec.spectra is not None:
        fields = {*scanned_fields(spec.spectra, kind)}
    else:
        fields = {*required_fields(spec, kind), *skim_fields(spec.skim, kind)}
    if kind == "mc" and "mc.generator" in format_of(spec.release).paths:
        fields.add("mc.generator")
    return tuple(sorted(fields))


def format_for(spec: AnalysisSpec, file: InputFile) -> Format:
    """Return the format of a file: its own, else that of the release."""
    return format_of(file.format or spec.release)


def task_id(spec: AnalysisSpec, fmt: Format, task: Task) -> str:
    """Return the name of the result of ``task``: a digest of everything that decides its numbers.

    Analysis, format, version of results, file and part; never the executor, worker, place or time.
    """
    return digest(
        {
            "analysis": spec.identity,
            "format": fmt.digest,
            "results_version": results_version(),
            "file": task.file.name,
            "size": task.file.size,
            "identity": task.file.identity,
            "kind": task.file.kind,
            "part": [task.part, task.parts],
            "chunk_entries": task.chunk_entries,
            "max_events": task.max_events,
            "fraction": task.fraction,
        }
    )


def _tasks(spec: AnalysisSpec, fmt: Format, file: InputFile, settings: Settings) -> list[Task]:
    parts = max(1, math.ceil(file.size / settings.part_bytes))
    tasks = []
    for part in range(parts):
        task = Task(
            id="",
            analysis=spec.identity,
            release=spec.release,
            format=fmt.digest,
            file=file,
            part=part,
            parts=parts,
            chunk_entries=settings.chunk_entries,
            max_events=settings.max_events,
            fraction=settings.fraction,
        )
        tasks.append(task.model_copy(update={"id": task_id(spec, fmt, task)}))
    return tasks


def _first_of_each(
    files: Sequence[InputFile], most: int | None
) -> tuple[tuple[InputFile, ...], tuple[SkippedFile, ...]]:
    """Return the first ``most`` files of each process, and the others as skipped."""
    kept: list[InputFile] = []
    beyond: list[SkippedFile] = []
    counts: dict[str, int] = {}
    for file in files:
        counts[file.process] = counts.get(file.process, 0) + 1
        if most is None or counts[file.process] <= most:
            kept.append(file)
        else:
            reason = f"only {most} file{'s' if most > 1 else ''} of each process are read (--max-files)"
            beyond.append(SkippedFile(name=file.name, url=shown(file.url), reason=reason))
    return tuple(kept), tuple(beyond)


def _kinds(files: Sequence[InputFile]) -> tuple[Kind, ...]:
    kinds: tuple[Kind, ...] = ("data", "mc")
    return tuple(k for k in kinds if any(f.kind == k for f in files)) or kinds
