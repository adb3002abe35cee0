"""The stages of a scan once its spectra are filled: each reads what the one before wrote, and notes what it did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from femtobarn.api.spectra_notes import adopt, check_scan, fill_digest, fill_settings, fill_words, note
from femtobarn.api.spectra_work import Done, Work
from femtobarn.base.canonical import digest
from femtobarn.base.errors import NothingToDoError, ResultsError
from femtobarn.running.results.directory import RunDirectory
from femtobarn.running.results.spectra.cost import Cost, metered
from femtobarn.running.results.spectra.folder import SUMS
from femtobarn.running.results.spectra.stages import Book, Stage, StageRecord
from femtobarn.running.results.version import package_version

if TYPE_CHECKING:
    from femtobarn.base.records import AnalysisSpec
    from femtobarn.base.spectra import SpectraRecord
    from femtobarn.running.results.reader import RunResults

LATER: tuple[Stage, ...] = ("process", "export", "show")
"""The stages that read no events."""


@dataclass(frozen=True, slots=True)
class StageEnd:
    """How a stage ended.

    Parameters
    ----------
    stage
        which
    words
        what there is now
    record
        what is noted of it; None if nothing is, as of tasks that were handed to others
    repeated
        False: it was done before, and nothing that decides it has changed since
    handed_over
        whether others do it now
    """

    stage: Stage
    words: str
    record: StageRecord | None = None
    repeated: bool = True
    handed_over: bool = False


OnStage = Callable[[StageEnd], None]


def after_fill(
    out: Path | str,
    stages: Sequence[Stage] = LATER,
    *,
    again: bool = False,
    figures: bool | None = None,
    on_stage: OnStage | None = None,
    spec: AnalysisSpec | None = None,
    fill: Cost | None = None,
) -> None:
    """Do those of the later ``stages`` of a filled scan that are not done, in their order.

    Parameters
    ----------
    out
        the run directory
    again
        whether also those are done whose settings and inputs have not changed
    figures
        whether figures are drawn; None: as the run was told
    on_stage
        is told of each stage when it has ended
    spec
        the scan with limits on events, processing and output as they are wanted now; None: as it was run
    fill
        what filling has cost, if it was done just now

    Raises
    ------
    RunDirectoryError
        if there is no filled scan, or somebody else writes the directory now
    SettingsError
        if ``spec`` would have been filled with something else
    NothingToDoError
        if a stage has nothing to do: the one before is not done, or leaves nothing
    """
    directory = RunDirectory(Path(out))
    if not directory.info.is_file():
        asked = ",".join(("files", "fill", *stages))
        msg = f"Expected the filled spectra of a scan in {directory.path}, but there are none. Fill them first: --stages {asked}"
        raise NothingToDoError(msg)
    tell = on_stage or (lambda _: None)
    with directory.locked():
        check_scan(directory)
        if spec is not None:
            adopt(directory, spec)
        scan = _Filled(directory, figures=figures)
        end = scan.note_fill(fill)
        if fill is not None:
            tell(end)
        scan.do(stages, again=again, on_stage=tell)


def after_run(results: RunResults, *, figures: bool) -> None:
    """Do all that comes after filling, with a report in any case: what a run, a collection or a merge ends with.

    Raises
    ------
    NothingToDoError, ResultsError
        if no spectrum can be made, or simulation cannot be scaled as it is to be
    """
    try:
        after_fill(results.path, figures=figures)
    except (NothingToDoError, ResultsError):
        from femtobarn.show.report import write_report

        write_report(results, results.path, drawn=())
        raise


class _Filled:
    """A scan whose spectra are filled.

    Parameters
    ----------
    directory
        of the run, which nobody else writes
    figures
        whether figures are drawn; None: as the run was told
    """

    def __init__(self, directory: RunDirectory, *, figures: bool | None) -> None:
        self._directory, self._info = directory, directory.read_info()
        assert self._info.analysis.spectra is not None
        self._record: SpectraRecord = self._info.analysis.spectra
        told = self._info.settings.figures if figures is None else figures
        self._figures = self._record.output.figures and told
        self._work = Work(directory, self._info, self._record, figures=self._figures)
        self._book = Book(directory.path, directory.spectra)
        self._filled = fill_digest(directory, self._info)

    def note_fill(self, spent: Cost | None) -> StageEnd:
        """Write down that the spectra are filled, and what that cost, wherever tasks ran."""
        settings = fill_settings(self._info.identity, self._info.settings.luminosity)
        known = self._book.unchanged("fill", settings, self._info.plan)
        if spent is None and known is not None and known.digest == self._filled:
            return StageEnd("fill", known.words, known, repeated=False)
        tasks, own = self._work.results.metrics(), spent or Cost(seconds=self._info.seconds)
        cost = Cost(own.seconds, max(own.cpu_seconds, tasks.steps.cpu), max(own.peak_rss, tasks.peak_rss))
        words, sums = fill_words(self._info), self._directory.spectra / SUMS
        decided = (settings, self._info.plan, self._filled)
        return StageEnd("fill", words, note(self._book, "fill", decided, words, (sums,), cost))

    def do(self, stages: Sequence[Stage], *, again: bool, on_stage: OnStage) -> None:
        """Do what is asked for and not done."""
        settings, inputs = self._settings(), self._filled
        for i, stage in enumerate(LATER):
            known = self._book.unchanged(stage, settings[stage], inputs)
            if self._book.stages.get(stage) is None:
                self._book.forget(stage)  # nobody knows what files there may be are made of
            if self._book.stale(stage, settings[stage], inputs):  # and so is all that was made of it
                for later in LATER[i:]:
                    self._book.forget(later)
            if stage in stages:
                end = self._end(stage, settings[stage], inputs, None if again else known)
                on_stage(end)
                known = end.record
            elif known is None:
                self._need(stage, [s for s in LATER[i + 1 :] if s in stages])
            inputs = "" if known is None else known.digest

    def _end(self, stage: Stage, settings: str, inputs: str, known: StageRecord | None) -> StageEnd:
        if known is not None:
            return StageEnd(stage, known.words, known, repeated=False)
        self._book.forget(stage)
        with metered() as cost:
            done = self._do(stage)
        decided = (settings, inputs, digest([settings, inputs]))
        record = note(self._book, stage, decided, done.words, done.files, cost)
        if stage != "process":
            self._work.tell_costs(self._book.stages)
            self._book.measure("export")
        return StageEnd(stage, done.words, record)

    def _do(self, stage: Stage) -> Done:
        if stage == "process":
            return self._work.process()
        return self._work.export(self._book.stages) if stage == "export" else self._work.show()

    def _need(self, stage: Stage, asked: Sequence[Stage]) -> None:
        if asked:
            msg = f"The stage {asked[0]} reads what {stage} writes, but {stage} is not done for what is in {self._directory.path} now. Do both: --stages {stage},{','.join(asked)}"
            raise NothingToDoError(msg)

    def _settings(self) -> dict[Stage, str]:
        """Return for each stage the digest of what decides it besides its inputs."""
        record, version, title = self._record, package_version(), self._info.analysis.title
        output = record.output.model_dump(mode="json", exclude={"figures", "gallery"})
        made = [output[key] for key in ("scale", "files", "maximum")]
        processing = record.processing.model_dump(mode="json")
        return {
            "process": digest([version, record.least_events, processing, made]),
            "export": digest([version, record.least_events, output]),
            "show": digest([version, title, output, self._figures, record.output.gallery]),
        }
