"""Mass spectra of every final state, ``fb.spectra``: a scan is a run like any other, in stages that can be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from femtobarn.api import runs
from femtobarn.api.runs import Data
from femtobarn.api.scans import require_some, scan_of
from femtobarn.base.errors import SettingsError, TypesError, UnknownNameError
from femtobarn.base.settings import histogram_limit

if TYPE_CHECKING:
    from femtobarn.api.spectra_plan import ScanPlan
    from femtobarn.api.spectra_stages import OnStage, StageEnd
    from femtobarn.base.records import Kind
    from femtobarn.physics.spectra.imported import Imported
    from femtobarn.physics.spectra.scan import Scan
    from femtobarn.running.engine.observer import Observer
    from femtobarn.running.results.reader import RunResults
    from femtobarn.running.results.spectra.reader import Spectra
    from femtobarn.running.results.spectra.stages import Stage


@dataclass(frozen=True, slots=True)
class ScanRun:
    """What a command did of a scan.

    Parameters
    ----------
    out
        the run directory
    stages
        how the stages ended that were asked for, in their order
    results
        the run, if its spectra are filled and more than files was asked for
    exit_code
        0: all that was asked for is done; 3: it is, but some inputs failed
    """

    out: Path
    stages: tuple[StageEnd, ...]
    results: RunResults | None
    exit_code: int = 0


def load(out: str | Path) -> Spectra:
    """Return the spectra in a run directory."""
    from femtobarn.running.results.spectra.reader import Spectra

    return Spectra.load(out)


def init(release: str) -> str:
    """Return a commented configuration for files of a release: the text of a YAML file."""
    from femtobarn.physics.spectra.template import template

    return template(release)


def import_config(path: str | Path, *, release: str | None = None) -> Imported:
    """Return what comes of a configuration of atlas-utilization: ours, its text, what became of each key.

    Parameters
    ----------
    path
        a YAML file
    release
        of its inputs, if it does not say

    Raises
    ------
    SettingsError
        if it cannot be read, is none of that program, or what it says cannot be run
    """
    from femtobarn.physics.spectra.imported import import_config as imported

    return imported(path, release=release)


def plan(
    config: str | Path | Scan,
    data: Data = None,
    *,
    kind: Kind | None = None,
    format: str | Path | None = None,  # noqa: A002 - what the command line calls it
    **settings: Any,
) -> ScanPlan:
    """Return what a scan would do, and how much there could be of it. Reads no event; for parameters see `run`."""
    from femtobarn.api.spectra_plan import plan_of
    from femtobarn.running.engine.plan import make_plan

    scan = _scan(config, format)
    ready = runs.prepare(scan, data, kind=kind, format=format, **settings)
    require_some(ready.inputs, scan)
    made = make_plan(ready.spec, ready.inputs, ready.settings, histogram_limit=histogram_limit())
    return plan_of(made, ready.spec)


def run(
    config: str | Path | Scan,
    data: Data = None,
    *,
    out: str | Path | None = None,
    stages: Sequence[str] | None = None,
    again: bool = False,
    detach: bool = False,
    kind: Kind | None = None,
    format: str | Path | None = None,  # noqa: A002 - what the command line calls it
    observer: Observer | None = None,
    on_stage: OnStage | None = None,
    command: str | None = None,
    **settings: Any,
) -> ScanRun:
    """Scan files for mass spectra, or continue; a stage of which nothing has changed is not repeated.

    Parameters
    ----------
    config
        a configuration file, or the `Scan` that one describes
    data
        as in `femtobarn.api.runs.run`; None: what the configuration names, else the files that ``out`` was
        made of, else all of its release
    out
        the run directory; None: ``runs/<name>-<UTC time>``
    stages
        what is done: ``files`` (which files, in how many parts), ``fill`` (events are read), ``process``,
        ``export``, ``show``; None: all
    again
        whether also stages are done of which nothing has changed; by ``fill`` all events are read again, and
        what was filled before stays if that fails
    detach
        whether tasks are handed to others; `femtobarn.api.runs.collect` does what comes after them
    kind, format, observer, command
        as in `femtobarn.api.runs.run`
    on_stage
        is told of each stage when it has ended
    settings
        as in `femtobarn.api.runs.run`; they go before those of the configuration

    Raises
    ------
    NothingToDoError
        if a stage has nothing to do: no file, no event, no spectrum, or the stage before is not done
    FemtobarnError
        else, see the tree in `femtobarn.base.errors`
    """
    from femtobarn.api.spectra_fill import Request, begin
    from femtobarn.api.spectra_stages import LATER, after_fill
    from femtobarn.running.engine.run import exit_code

    chosen = _stages(stages)
    scan = _scan(config, format)
    ended: list[StageEnd] = []

    def tell(end: StageEnd) -> None:
        ended.append(end)
        if on_stage is not None:
            on_stage(end)

    request = Request(scan, data, kind, format, observer, command, again, settings)
    begun = begin(request, out, chosen, detach=detach, on_stage=tell)
    if not begun.handed_over and set(chosen) != {"files"}:
        after_fill(
            begun.out,
            [stage for stage in LATER if stage in chosen],
            again=again,
            figures=settings.get("figures") is not False,
            on_stage=tell,
            spec=scan.freeze(),
            fill=begun.cost,
        )
    results = begun.results
    if results is None and not begun.handed_over and set(chosen) != {"files"}:
        results = runs.load(begun.out)
    return ScanRun(begun.out, tuple(ended), results, 0 if results is None else exit_code(results.info))


def _scan(config: str | Path | Scan, format_file: str | Path | None) -> Scan:
    if format_file is not None:  # the release of the scan may be its
        from femtobarn.data.formats.userfile import hand_in

        hand_in(Path(format_file))
    found = scan_of(config)
    if found is None:
        msg = f"A scan is described by a YAML file (*.yaml), not by {str(config)!r}. Write one: femtobarn spectra init RELEASE"
        raise TypesError(msg)
    return found


def _stages(given: Sequence[str] | None) -> tuple[Stage, ...]:
    """Return what is asked for in the order in which it is done."""
    from femtobarn.running.results.spectra.stages import STAGES

    for name in given or ():
        if name not in STAGES:
            raise UnknownNameError("stage", name, STAGES)
    if given is not None and not given:
        msg = f"Expected stages to be done, but none are named. Choose from: {', '.join(STAGES)}."
        raise SettingsError(msg)
    return STAGES if given is None else tuple(stage for stage in STAGES if stage in given)
