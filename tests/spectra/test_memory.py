"""Memory does not grow with the number of files."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import uproot
from tests.running.toys import data_name

from femtobarn.running.results.reader import RunResults
from femtobarn.running.results.spectra.stages import STAGES, Book

from .events import write_config, write_events

pytestmark = pytest.mark.services

BOUNDS = {1: 30e6, 10: 6e6}
"""Bytes that a hundred files may take more than one or ten, in whatever process of whatever stage.

Sums of two files and more are added up in a buffer, which a single one does not need.
"""


def copies(source: Path, folder: Path, number: int) -> Path:
    """Write files with the same events that are others to every reader: each has an identifier of its own."""
    folder.mkdir()
    content = source.read_bytes()
    with uproot.open(source) as file:
        own = file.file.uuid.bytes
    assert own in content
    for i in range(number):
        name = data_name("data15_periodD").replace(".root", f".{i:03d}.root")
        (folder / name).write_bytes(content.replace(own, uuid.UUID(int=i + 1).bytes))
    return folder


def test_peak_memory_is_flat_in_files(tmp_path: Path) -> None:
    config = write_config(tmp_path / "scan.yaml", combinations={"subleading": 1})
    source = write_events(tmp_path / data_name("data15_periodD"), 4_000)
    scan(config, copies(source, tmp_path / "warm", 1), tmp_path / "compiled")
    peaks: dict[int, dict[str, int]] = {}
    for number in (1, 10, 100):
        out = tmp_path / f"out-{number}"
        scan(config, copies(source, tmp_path / str(number), number), out)
        assert RunResults.load(out).info.events_processed == 4_000 * number
        peaks[number] = {one.stage: one.peak_rss for one in Book(out, out / "spectra").stages.stages}
    for number, bound in BOUNDS.items():
        grown = {stage: (peaks[100][stage] - peaks[number][stage]) / 1e6 for stage in STAGES}
        assert max(grown.values()) < bound / 1e6, f"MB more for 100 files than for {number}: {grown}"


def scan(config: Path, data: Path, out: Path) -> None:
    words = ["spectra", "run", config, "--data", data, "--out", out, "--workers", "1", "--no-figures"]
    done = subprocess.run(
        [sys.executable, "-m", "femtobarn", *map(str, words)],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
