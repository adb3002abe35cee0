"""How femtobarn is run, and what there is when it has run."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.spectra.results import StageCost

if TYPE_CHECKING:
    from benchmarks.spectra.bench import Bench

KEPT = ("code",)
"""What of a cache stays if files are to be read for the first time: what was compiled."""


def command(bench: Bench, config: Path, out: Path, workers: int) -> list[str]:
    """Return the command that does the whole chain."""
    return [bench.femtobarn, "spectra", "run", str(config), "--out", str(out), "--workers", str(workers)]


def forget(cache: Path) -> None:
    """Make all files unknown; what was compiled stays."""
    for entry in cache.iterdir() if cache.exists() else ():
        if entry.name not in KEPT:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


@dataclass(frozen=True, slots=True)
class Counted:
    """What a finished run holds; see `GrowthRow`.

    Parameters
    ----------
    branches
        that were read
    """

    combinations: int
    events: int
    tasks: int
    bytes_read: int
    branches: int
    states: int
    histograms: int
    written: int
    values: int
    partials: int
    sums: int
    root: int


def counted(out: Path) -> Counted:
    """Return what the run directory of a scan of data holds."""
    import numpy as np

    from femtobarn.physics.spectra.combinations import combinations
    from femtobarn.physics.spectra.fields import scanned_fields
    from femtobarn.physics.spectra.sums import COMBINATION_SHIFT
    from femtobarn.running.results.spectra.reader import Spectra

    spectra = Spectra.load(out)
    (group,) = spectra.groups
    sums = spectra.sums[group]
    metrics = json.loads((out / "metrics.json").read_text())
    folder = out / "spectra"
    return Counted(
        combinations=len(combinations(spectra.record)),
        events=metrics["events"],
        tasks=metrics["tasks"],
        bytes_read=metrics["bytes_read"],
        branches=len(_branches(scanned_fields(spectra.record, "data"))),
        states=len(sums.states),
        histograms=len(np.unique(sums.cells >> np.uint64(COMBINATION_SHIFT))),
        written=sum(1 for _ in spectra.spectra(group)),
        values=int(sums.sums[:, 0].sum()),
        partials=sum(path.stat().st_size for path in (out / "tasks").rglob("*") if path.is_file()),
        sums=(folder / "spectra.npz").stat().st_size,
        root=sum(path.stat().st_size for path in folder.glob("*.root")),
    )


def stages(out: Path) -> tuple[StageCost, ...]:
    """Return what the stages of a finished run have cost."""
    noted = json.loads((out / "spectra" / "stages.json").read_text())["stages"]
    return tuple(StageCost(name=s["stage"], wall=s["seconds"], cpu=s["cpu_seconds"]) for s in noted)


def later(out: Path) -> float:
    """Return the CPU seconds that a finished run spent after all events were filled."""
    return sum(stage.cpu for stage in stages(out) if stage.name not in {"files", "fill"})


def _branches(fields: tuple[str, ...]) -> set[str]:
    """Return the branches of which fields are made: the first name of each that has one."""
    from femtobarn.data.formats import format_of

    known = format_of("2024r-pp").fields
    return {known[field].branches[0] for field in fields if known[field].branches}
