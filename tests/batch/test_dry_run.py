"""``femtobarn batch submit --dry-run``: all is shown, nothing is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from femtobarn.base.errors import RunDirectoryError, SettingsError
from femtobarn.cli.main import main

from .desk import Desk
from .wide import wide_analysis

ASKED = ("--system", "slurm", "--jobs", "4", "--walltime", "01:00:00", "--memory", "2GB")


def analysis_file(folder: Path) -> Path:
    path = folder / "toy.py"
    path.write_text(
        "from tests.batch.wide import wide_analysis\n\ntoy = wide_analysis()\ntoy.module = __name__\n"
    )
    return path


def submit(data: Path, out: Path, *more: str) -> None:
    words = [
        "batch",
        "submit",
        str(analysis_file(out.parent)),
        "--data",
        str(data),
        "--out",
        str(out),
        *ASKED,
        *more,
    ]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_scripts_commands_and_sizes_are_shown(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    submit(
        folder,
        tmp_path / "out",
        "--dry-run",
        "--setup",
        "module load a",
        "--setup",
        "module load b",
        "--extra=-C x",
    )
    said = shown(capsys)
    for line in ("#SBATCH --array=0-3", "#SBATCH --time=01:00:00", "#SBATCH --mem=1908M", "#SBATCH -C x"):
        assert line in said.splitlines()
    assert "module load a\nmodule load b\n" in said
    assert "would run there: sbatch --parsable array.sh" in said
    assert (
        "10 tasks in 4 slices of 2 to 3, each with 1 core, 2GB of memory, no disk asked for, and 01:00:00 of time"
        in said
    )
    assert {path.name for path in tmp_path.iterdir()} <= {"toy.py", "__pycache__"}


def test_a_run_directory_is_not_touched(
    desk: Desk, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    submit(folder, out, "--max-files", "1")
    token = desk.submitted[0].token
    desk.work(token, 0)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    done = len(desk.folder(token).tasks(0))
    total = sum(len(desk.folder(token).tasks(i)) for i in range(desk.submitted[0].slices))
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk, "_states", None)
        submit(folder, out, "--max-files", "1", "--dry-run")
    assert f"{total - done} tasks in " in shown(capsys)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    desk.work_all(token)
    submit(folder, out, "--max-files", "1", "--dry-run")
    assert "nothing would be submitted" in shown(capsys)
    submit(folder, out, "--max-files", "1")
    assert "Every task has a result already; merge them: femtobarn collect" in shown(capsys)


def test_what_would_be_refused_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    from femtobarn.api import batch as api

    asked = {"system": "slurm", "jobs": "4", "walltime": "01:00:00", "memory": "2GB"}
    with pytest.raises(RunDirectoryError, match=r"mine\.txt"):
        api.render(wide_analysis(), folder, batch=asked, out=tmp_path)
    with pytest.raises(SettingsError, match="walltime"):
        api.render(wide_analysis(), folder, batch={**asked, "walltime": "1h"}, out=tmp_path / "out")
