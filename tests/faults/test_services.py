"""Faults that take seconds, and those of the real XRootD server: `make test-services`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.storage.servers import Fault

from .cells import Cell, cells
from .plays import Play, absent, lasting
from .samples import Samples
from .stage import environment, settings, staged
from .trial import attempt

pytestmark = pytest.mark.services
CELLS = [cell for cell in cells() if cell.services]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_the_same_bits_or_the_reason(cell: Cell, samples: Samples, large: Samples, tmp_path: Path) -> None:
    attempt(cell, large if cell.large else samples, tmp_path / "stage")


@pytest.mark.parametrize(
    ("way", "play", "reason"),
    [("cache", absent, "there is no such file"), ("stream", lasting(Fault("status")), "HTTP 503")],
)
def test_the_command_says_which_file_failed_and_why(
    way: str, play: Play, reason: str, samples: Samples, tmp_path: Path
) -> None:
    with staged(samples, tmp_path, "stream") as stage:
        play(stage)
        words = [word for file in stage.files() for word in ("--data", file.url)]
        words += ["--access", way, "--workers", "2", "--out", str(stage.out)]
        with environment(settings(stage.cache)):
            done = subprocess.run(
                [sys.executable, "-m", "femtobarn", "run", "zll", *words],
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
    shown = "".join((done.stdout + done.stderr).split())
    assert done.returncode == 3, shown
    assert samples.faulty in shown
    assert reason in (stage.out / "ledger.csv").read_text()
    assert json.loads((stage.out / "run.json").read_text())["files_failed"] == 1
    assert reason in (stage.out / "report.html").read_text()
