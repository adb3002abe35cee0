"""A run that draws nothing, and figures that are drawn later."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import femtobarn as fb
from femtobarn.cli import main


def test_a_run_without_figures_says_so_and_they_can_be_drawn_later(
    demo_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    data = next(demo_folder.glob("*345060*"))
    with pytest.raises(SystemExit) as end:
        main(["run", "hzz", "--data", str(data), "--out", str(out), "--workers", "0", "--no-figures"])
    assert not end.value.code
    text = capsys.readouterr().out
    assert str(out / "report.html") in text
    assert str(out / "figures") not in text
    assert not (out / "figures").exists()
    assert "<img" not in (out / "report.html").read_text()
    assert json.loads((out / "run.json").read_text())["settings"]["figures"] is False
    drawn = fb.figures(out)
    assert drawn
    assert all(path.stat().st_size > 1000 for path in drawn)


def test_the_command_that_repeats_it_draws_none_either(demo_folder: Path, tmp_path: Path) -> None:
    data = next(demo_folder.glob("*345060*"))
    made = [
        fb.run("hzz", data, out=tmp_path / str(figures), workers=0, figures=figures, max_events=20).info
        for figures in (False, True)
    ]
    assert ["--no-figures" in info.command.split() for info in made] == [True, False]
