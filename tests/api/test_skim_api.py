"""``fb.skim`` as its users call it: from addresses, and again from the command that was recorded."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import uproot
from tests.running.toys import data_name, write_events
from tests.storage.servers import FaultServer

import femtobarn as fb
from femtobarn.cli.main import main

ANALYSIS = """
from femtobarn import Analysis, Regular, ev

mine = Analysis("mine")
hard = mine.selection("hard")
hard.cut("met", ev.met.pt > 20)
mine.histogram("missing", ev.met.pt, Regular(10, 0, 100, unit="GeV"), selections=hard)
"""


@pytest.fixture
def analysis(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(ANALYSIS)
    return path


def columns(out: Path) -> set[str]:
    with uproot.open(next((out / "skim").iterdir())) as file:
        return set(file["events"].keys())


def test_a_stream_of_a_file_that_lacks_what_is_taken_if_there(
    analysis: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEMTOBARN_CACHE_SMALL", "1")  # so that its share decides
    monkeypatch.setenv("FEMTOBARN_CACHE", str(tmp_path / "cache"))
    name = data_name("data15_periodD")
    path = write_events(tmp_path / name, 2000)
    with FaultServer({f"/{name}": path.read_bytes()}) as server:
        run = fb.skim(
            analysis, "hard", server.url(f"/{name}"), columns="jet,met.pt", out=tmp_path / "out", workers=0
        )
    assert run.info.files_failed == 0
    assert columns(tmp_path / "out") == {"met_pt"}  # the file has no jets


@pytest.mark.parametrize("chosen", [None, ("met", "missing")])
def test_the_recorded_command_makes_the_same_skim(
    chosen: tuple[str, ...] | None, analysis: Path, tmp_path: Path
) -> None:
    path = write_events(tmp_path / data_name("data15_periodD"), 500)
    run = fb.skim(analysis, "hard", path, columns=chosen, out=tmp_path / "out", workers=0)
    words = shlex.split(run.info.command)
    assert words[:2] == ["femtobarn", "skim"]
    words[words.index("--out") + 1] = str(tmp_path / "again")
    with pytest.raises(SystemExit) as end:
        main(words[1:])
    assert end.value.code == 0
    again = fb.load(tmp_path / "again")
    assert again.info.identity == run.info.identity
    assert columns(tmp_path / "again") == columns(tmp_path / "out")
