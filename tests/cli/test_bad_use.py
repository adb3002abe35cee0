"""Wrong requests: one paragraph with the nearest valid choice, the right exit code, no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from femtobarn.cli import main

ANALYSIS = """
from femtobarn import Analysis, Regular, ev, mc
a = Analysis("a")
s = a.selection("all")
{line}
"""


def stop(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[object, str]:
    with pytest.raises(SystemExit) as end:
        main([str(w) for w in words])
    out, err = capsys.readouterr()
    return end.value.code, out + err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "hzy", "--data", "{demo}"], "'hzy' is not a known analysis. Did you mean 'hzz'?"),
        (["run", "hzz", "--data", "{demo}", "--release", "2025"], "Did you mean '2025e-13tev-beta'?"),
        (["run", "hzz", "--data", "{demo}", "--mode", "notebok"], "Did you mean 'notebook'?"),
        (["run", "hzz", "--data", "{demo}", "--option", "x=1"], "'x' is not a known option of analysis 'hzz'"),
        (["run", "hzz", "--data", "{demo}", "--option", "x"], "--option takes NAME=VALUE, not 'x'"),
        (["run", "hzz", "--data", "{demo}", "--executor", "lokal"], "Did you mean 'local'?"),
        (["run", "hzz", "--data", "{demo}", "--fraction", "2"], "fraction must be above 0 and at most 1"),
        (["run", "hzz", "--data", "{demo}", "--luminosity", "-1"], "luminosity must be a positive number"),
        (["run", "hzz", "--data", "{demo}", "--workers", "-1"], "workers must be 0 or more"),
        (["run", "hzz", "--data", "nowhere"], "'nowhere' does not exist"),
        (["run", "none.py", "--data", "{demo}"], "There is no analysis file none.py"),
        (["status", "nowhere"], "Expected a run in nowhere"),
        (["figures", "nowhere"], "nowhere"),
        (["report", "nowhere"], "nowhere"),
        (["figures", "{run}", "--luminosity", "nan"], "A luminosity is a positive number"),
        (["explain", "hzz", "nowhere.root", "--entry", "0"], "nowhere.root"),
        (["nonsense"], "No such command"),
        (["run", "dimuon"], "does not say which datasets it reads. Name the data: --data"),
        (["skim", "hzz", "--data", "{demo}", "--selection", "finl"], "Did you mean 'final'?"),
        (["run", "hzz", "--data", "record:none"], "Expected the number of a portal record"),
        (["run", "hzz", "--data", "{demo}", "--access", "cach"], "Setting access"),
        (["run", "hzz", "--data", "{demo}", "--kind", "mcc"], "Did you mean 'mc'?"),
        (["run", "zll", "--data", "{demo}", "--out", "{run}"], "holds a run of hzz"),
    ],
)  # fmt: skip
def test_requests(
    words: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
    demo_folder: Path,
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, text = stop(capsys, *(w.format(demo=demo_folder, run=finished) for w in words))
    assert told in " ".join(text.split())
    assert "Traceback" not in text
    assert code == 2 or (words[0] == "explain" and code == 1)
    assert not (tmp_path / "runs").exists()


@pytest.fixture(scope="module")
def finished(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from femtobarn import api

    out = tmp_path_factory.mktemp("run") / "out"
    file = demo_folder / "ODEO_FEB2025_v0_exactly4lep_data15_periodD.exactly4lep.root"
    return api.run("hzz", file, out=out, workers=0).path


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('s.cut("x", ev.lep[0].pt > ev.met.phi)', "Units do not match: > needs both sides in the same unit"),
        ('s.cut("x", ev.lep[0].pt if ev.trigger.electron else 0)', "Write where(condition, a, b)"),
        ("if ev.met.pt > 20: pass", "Write where(condition, a, b)"),
        ('s.cut("x", ev.lep.ptt > 3)', "The collection 'lep' has no 'ptt'. Did you mean 'pt'?"),
        ('s.cut("x", ev.lep.pt > 20)', "needs one value per event"),
        ('a.histogram("h", ev.met.pt, Regular(3, 0, 1, unit="mm"), selections=s)', "the axis is in mm"),
        ("b = Analysis('b')", "must declare one Analysis at its top level, but declares 'a', 'b'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def", "SyntaxError"),
    ],
)
def test_a_users_file(
    line: str, told: str, capsys: pytest.CaptureFixture[str], demo_folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(ANALYSIS.format(line=line))
    code, text = stop(capsys, "run", file, "--data", demo_folder, "--out", tmp_path / "out")
    assert code == 2
    assert told in " ".join(text.split())
    assert "Traceback" not in text
    if "Analysis('b')" not in line:
        assert "mine.py, line 5" in text
    assert not (tmp_path / "out").exists()


def test_debug_shows_where_wherever_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--debug", "analyses", "x"], ["run", "hzy", "--data", ".", "--debug"]):
        code, text = stop(capsys, *words)
        assert code == 2
        assert ("Traceback" in text) == (words[0] == "run")


def test_a_defect_is_told_as_one(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import femtobarn.api

    def broken() -> tuple[str, ...]:
        msg = "out of cheese"
        raise RuntimeError(msg)

    monkeypatch.setattr(femtobarn.api, "analyses", broken)
    code, text = stop(capsys, "analyses")
    assert code == 1
    assert "Internal error: RuntimeError: out of cheese" in text
    assert "Traceback" not in text
