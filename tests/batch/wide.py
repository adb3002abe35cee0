"""The toy analysis over ten small files, so that there is something to slice."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from tests.running.toys import INPUTS, RELEASE, mc_name, toy_analysis, write_events, write_folder

from femtobarn.physics.language import Analysis

TRUTH = ("histograms.npz", "histograms.json", "cutflow.csv", "yields.csv")

OPTIONS = {"system": "slurm", "jobs": "8", "walltime": "00:05:00", "memory": "500MB", "poll": "0.5"}
"""For a Slurm of one node, which is asked often."""

_MORE = {"other": (410471, 700601, 700602), "higgs": (345061, 345062)}


def wide_analysis() -> Analysis:
    inputs: dict[str, Any] = copy.deepcopy(INPUTS)
    for process in inputs["release"][RELEASE]["processes"]:
        process.get("datasets", []).extend(_MORE.get(process["name"], ()))
    return toy_analysis(inputs=inputs)


def write_wide(folder: Path) -> Path:
    write_folder(folder)
    for seed, dsid in enumerate((dsid for more in _MORE.values() for dsid in more), start=9):
        write_events(folder / mc_name(dsid), 200 + 50 * seed, seed=seed, channel=dsid)
    return folder


def same(one: Path, other: Path) -> bool:
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in TRUTH)
