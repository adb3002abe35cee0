"""What is said and noted of a scan that is filled: in words, as digests, in its run directory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from femtobarn.base.atomic import write_text
from femtobarn.base.canonical import digest
from femtobarn.base.errors import RunDirectoryError, SettingsError
from femtobarn.running.results.spectra.folder import SUMS
from femtobarn.running.results.version import package_version

if TYPE_CHECKING:
    from femtobarn.base.records import AnalysisSpec, RunInfo
    from femtobarn.running.results.directory import RunDirectory
    from femtobarn.running.results.spectra.cost import Cost
    from femtobarn.running.results.spectra.stages import Book, Stage, StageRecord


def fill_settings(identity: str, luminosity: float | None) -> str:
    """Return the digest of what decides the filled spectra besides their inputs."""
    return digest([package_version(), identity, luminosity])


def fill_words(info: RunInfo) -> str:
    """Return in words what was filled."""
    failed = f", {info.files_failed} failed" if info.files_failed else ""
    pending = f", {info.files_pending} without a result yet" if info.files_pending else ""
    events, files = counted(info.events_processed, "event"), counted(info.files_processed, "file")
    return f"{events} of {files}{failed}{pending}"


def counted(number: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def fill_digest(directory: RunDirectory, info: RunInfo) -> str:
    """Return what tells these filled spectra from others: bins, files, and how simulation is scaled."""
    with (directory.spectra / SUMS).open("rb") as sums:
        content = hashlib.file_digest(sums, "sha256").hexdigest()
    files = [[row.name, row.status, row.events_processed] for row in info.inputs]
    scaled = [n.model_dump(mode="json") for n in info.normalisations]
    return digest([content, files, scaled, info.luminosity.model_dump(mode="json")])


def check_scan(directory: RunDirectory) -> None:
    """Raise `RunDirectoryError` if the run in ``directory`` is no scan."""
    analysis = directory.read_info().analysis
    if analysis.spectra is None:
        msg = f"Expected a scan of mass spectra in {directory.path}, but the run there is of the analysis {analysis.name}. Choose another output directory."
        raise RunDirectoryError(msg)


def adopt(directory: RunDirectory, spec: AnalysisSpec) -> None:
    """Let a filled scan be known with the limits on events, processing and output that are wanted now.

    Raises
    ------
    SettingsError
        if ``spec`` would have been filled with something else
    """
    from femtobarn.running.engine.submission import read_submission, write_submission

    info = directory.read_info()
    if (info.identity, info.release) != (spec.identity, spec.release):
        changed = ", ".join(differences(spec, info.analysis)) or "release"
        msg = f"Expected the scan that filled the spectra in {directory.path}, but the configuration says something else now: {changed}. Fill them again (--stages files,fill), or choose another output directory."
        raise SettingsError(msg)
    wanted = spec.model_copy(update={"inputs": info.analysis.inputs})
    if wanted == info.analysis:
        return
    asked = read_submission(directory)
    job = asked.job.model_copy(update={"analysis": wanted})
    write_submission(directory, asked.model_copy(update={"job": job}))
    info = info.model_copy(update={"analysis": wanted})
    write_text(directory.info, info.model_dump_json(indent=2) + "\n")


def differences(one: AnalysisSpec, other: AnalysisSpec) -> list[str]:
    """Return which keys of two scans differ, of those that decide what is filled."""
    contents = [{} if s.spectra is None else s.spectra.content() for s in (one, other)]
    return sorted(key for key in {*contents[0], *contents[1]} if contents[0].get(key) != contents[1].get(key))


def note(
    book: Book,
    stage: Stage,
    decided: tuple[str, str, str],
    words: str,
    files: Sequence[Path],
    cost: Cost,
) -> StageRecord:
    """Write down that a stage is done; ``decided`` are the digests of settings, inputs and what was written."""
    from femtobarn.running.engine.finish import utc

    settings, inputs, outputs = decided
    return book.note(
        stage,
        settings,
        inputs,
        outputs,
        words=words,
        files=files,
        finished=utc(datetime.now(UTC)),
        cost=cost,
    )
