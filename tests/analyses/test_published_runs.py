"""Published numbers, through whole runs over the real files: what a newcomer repeats with one command."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import femtobarn as fb

pytestmark = pytest.mark.realdata


def passed(out: Path, file: str, selection: str, cut: str) -> int:
    rows = csv.DictReader((out / "cutflow.csv").read_text(encoding="utf-8").splitlines())
    (row,) = (
        r
        for r in rows
        if (r["file"], r["selection"], r["cut"], r["variation"]) == (file, selection, cut, "nominal")
    )
    return int(row["raw"])


@pytest.mark.parametrize("mode", ["physics", "notebook"])
def test_2020_four_leptons(realdata: Path, tmp_path: Path, mode: str) -> None:
    """Mode: both, which agree here: the 2020 weights are signed in the notebook too."""
    run = fb.run("hzz", realdata / "2020e-13tev" / "4lep", out=tmp_path / "out", mode=mode, workers=0)
    counts = [passed(run.path, f"data_{p}.4lep.root", "loose", "neutral") for p in "ABCD"]
    assert counts == [27, 86, 146, 248]
    wide = run.histogram("m4l_wide", "loose", process="data")
    assert wide.values().tolist() == [
        6, 28, 39, 8, 3, 6, 7, 8, 24, 12, 10, 8, 9, 11, 7, 6, 11, 6, 7, 5, 15, 16, 8, 15, 11, 12, 10, 9, 6, 13,
        8, 8, 10, 9,
    ]  # fmt: skip
    fine = run.histogram("m4l", "loose", process="data")
    assert fine.values().reshape(34, 2).sum(axis=1).tolist() == wide.values().tolist()
    assert fine.values()[:12].tolist() == [2, 4, 12, 16, 29, 10, 5, 3, 2, 1, 5, 1]
    zee = run.histogram("m4l", "loose", datasets=[361106], luminosity=10.0)
    assert zee.sum(flow=True).value == pytest.approx(43.1418, rel=1e-5)
    assert run.luminosity.value == pytest.approx(10.0)
    assert not run.info.complete
    assert set(run.info.missing) == {"361107", "363490", "345060", "344235", "341964", "341947"}


def test_2025_period_d(realdata: Path, tmp_path: Path) -> None:
    """Mode: physics; data have no weights, so notebook mode is the same."""
    name = "ODEO_FEB2025_v0_exactly4lep_data15_periodD.exactly4lep.root"
    run = fb.run("hzz", realdata / "2025e-13tev-beta" / "exactly4lep", out=tmp_path / "out", workers=0)
    assert run.info.events_processed == 3424
    figure1 = run.histogram("m4l", "loose", files=["data15_periodD"])
    assert figure1.values().tolist() == [
        9, 5, 8, 7, 10, 11, 6, 11, 9, 6, 11, 7, 5, 4, 6, 2, 0, 6, 3, 7, 3, 1, 2, 6, 4, 2, 1, 3, 1, 3, 1, 5, 4, 3,
        3, 2, 1, 2, 3, 1, 2, 1, 0, 3, 1, 0, 2, 3, 1, 1, 2, 2, 1, 2, 0, 1, 2, 2, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1,
    ]  # fmt: skip
    assert figure1.values().sum() == 214
    assert passed(run.path, name, "final", "neutral") == 2
    assert run.luminosity.value == pytest.approx(0.105)
    assert "ATLAS Open Data" in (run.path / "report.html").read_text(encoding="utf-8")
