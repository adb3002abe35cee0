"""The commands of a user's day, each run as the shell would run it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from femtobarn.cli import main

Run = Callable[..., tuple[int, str, str]]
PERIOD_D = "ODEO_FEB2025_v0_exactly4lep_data15_periodD.exactly4lep.root"

SEARCH = '''
"""Two electrons of opposite charge."""
from femtobarn import Analysis, Regular, ev, mc, pairs, best

search = Analysis("my_search", title="My search")
lep = ev.lep
threshold = search.option("threshold", 20.0, unit="GeV", doc="pt of the leading lepton")
electrons = lep[lep.is_electron]
two = pairs(electrons)
z = best(two[two.charge == 0], key=lambda p: abs(p.mass - 91.2))
signal = search.selection("signal")
signal.cut("leading", lep[0].pt > threshold)
signal.cut("near the Z", abs(z.mass - 91.2) < 30)
search.weight(mc.generator)
search.vary("electron scale", up={lep.pt: lep.pt * 1.01})
search.histogram("m_ee", z.mass, Regular(30, 60, 120, unit="GeV"), selections=signal)
search.figure("m_ee", "m_ee", signal)
'''


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main([str(w) for w in words])
        out, err = capsys.readouterr()
        code = end.value.code
        return (code if isinstance(code, int) else 0), out, err

    return call


def test_a_run_and_what_follows(run: Run, demo_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, text, _ = run("run", "hzz", "--data", demo_folder, "--out", out, "--workers", "2")
    assert code == 0
    assert "hzz on 2025e-13tev-beta: 40 files, 40 tasks" in text
    assert "Simulated demo data" in text
    assert "significance Higgs" in text
    assert str(out / "report.html") in text
    names = {p.name for p in out.iterdir()}
    assert names >= {
        "run.json", "ledger.csv", "cutflow.csv", "yields.csv", "histograms.npz", "histograms.json",
        "histograms.root", "metrics.json", "figures", "report.html", "tasks",
    }  # fmt: skip
    figures = {p.name for p in (out / "figures").iterdir()}
    for stem in ("data-period-D", "one-sample", "final", "final-with-ratio", "loose-with-ratio"):
        assert {f"{stem}.png", f"{stem}.pdf"} <= figures

    code, text, _ = run("run", "hzz", "--data", demo_folder, "--out", out)
    assert code == 0
    assert "40 tasks, 40 done before" in text

    code, text, _ = run("status", out)
    assert (code, "finished" in text, "40 of 40 tasks done, 0 failed" in text) == (0, True, True)

    before = (out / "figures" / "final.png").read_bytes()
    code, text, _ = run("figures", out, "--luminosity", "10")
    assert code == 0
    assert str(out / "figures" / "final.png") in text.splitlines()
    assert (out / "figures" / "final.png").read_bytes() != before

    code, text, _ = run("report", out)
    assert (code, text.strip()) == (0, str(out / "report.html"))
    assert "Simulated demo data" in (out / "report.html").read_text(encoding="utf-8")
    assert "ATLAS Open Data" not in (out / "report.html").read_text(encoding="utf-8")


def test_plan_tells_what_would_be_read_and_what_lacks(run: Run, demo_folder: Path, tmp_path: Path) -> None:
    for name in (PERIOD_D, "ODEO_FEB2025_v0_exactly4lep_data16_periodA.exactly4lep.root"):
        (tmp_path / name).symlink_to(demo_folder / name)
    code, text, _ = run("plan", "hzz", "--data", tmp_path)
    assert code == 0
    assert "2 files, 2 parts" in text
    assert "lep_isTrigMatched" in text
    assert "the analysis wants, and there is no file for (38):" in text
    assert "  data15_periodE" in text.splitlines()


def test_explain_shows_every_cut_of_one_event(run: Run, demo_folder: Path) -> None:
    code, text, _ = run("explain", "hzz", demo_folder / PERIOD_D, "--entry", "1")
    assert code == 0
    for words in ("loose: event 1 of", "final: event 1 of", "at least 4 lep", "lep[:4].type.sum() = "):
        assert words in text
    code, _, error = run("explain", "hzz", demo_folder / PERIOD_D, "--entry", "10000000")
    assert (code, "there is no entry 10000000" in error) == (2, True)


def test_a_users_own_file(run: Run, demo_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "my_search.py"
    file.write_text(SEARCH)
    out = tmp_path / "out"
    code, text, error = run(
        "run", file, "--data", demo_folder, "--out", out, "--option", "threshold=25", "--workers", "0"
    )
    assert (code, error) == (0, "")
    assert "my_search on 2025e-13tev-beta: 40 files" in text
    info = json.loads((out / "run.json").read_text())
    assert info["analysis"]["options"] == [{"name": "threshold", "value": 25.0}]
    variations = {
        row["variation"]
        for row in csv.DictReader((out / "cutflow.csv").read_text(encoding="utf-8").splitlines())
    }
    assert variations == {"nominal", "electron scale:up"}


def test_explain_takes_options_of_any_name(run: Run, demo_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "named.py"
    file.write_text(SEARCH.replace('"threshold"', '"mode"'))
    words = ("explain", file, demo_folder / PERIOD_D, "--entry", "0")
    code, text, error = run(*words, "--option", "mode=1000")
    assert (code, error, "FAIL  leading" in text) == (0, "", True)


def test_a_bad_folder_is_told_in_three_lines(run: Run, demo_folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for file in demo_folder.iterdir():
        (data / file.name).symlink_to(file)
    whole = (demo_folder / PERIOD_D).read_bytes()
    (data / PERIOD_D).unlink()
    (data / PERIOD_D).write_bytes(whole[: len(whole) // 2])
    (data / "empty.root").touch()
    (data / "text.root").write_text("not ROOT")
    code, text, _ = run("run", "hzz", "--data", data, "--out", tmp_path / "out")
    assert code == 3
    assert "incomplete" in text
    lines = [line for line in text.splitlines() if "failed" in line or "ledger.csv" in line]
    told = [line for line in lines if "3 failed" in line]
    assert len(told) == 1
    assert len(lines) <= 3
    rows = {
        r["file"]: r
        for r in csv.DictReader((tmp_path / "out" / "ledger.csv").read_text(encoding="utf-8").splitlines())
    }
    assert {n for n, r in rows.items() if r["status"] == "failed"} == {PERIOD_D, "empty.root", "text.root"}
    assert all(r["reason"] for r in rows.values() if r["status"] != "processed")
    assert sum(r["status"] == "processed" for r in rows.values()) == 39
    yields = list(csv.DictReader((tmp_path / "out" / "yields.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["complete"] for row in yields} == {"false"}


def test_strict_makes_absent_datasets_a_failure(run: Run, demo_folder: Path, tmp_path: Path) -> None:
    words = ("run", "hzz", "--data", demo_folder / PERIOD_D, "--workers", "0")
    assert run(*words, "--out", tmp_path / "a")[0] == 0
    assert run(*words, "--out", tmp_path / "b", "--strict")[0] == 3


def test_analyses_and_version(run: Run) -> None:
    code, text, _ = run("analyses")
    assert code == 0
    assert "hzz" in text
    assert "zll" in text
    code, text, _ = run("--version")
    assert (code, text.startswith("femtobarn 0.")) == (0, True)


def test_demo_data(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import femtobarn.simulate

    seen: dict[str, object] = {}

    def write(folder: Path, **settings: object) -> tuple[Path, ...]:
        seen.update(settings, folder=folder)
        path = folder / "a.root"
        path.write_bytes(b"x" * 2_000_000)
        return (path,)

    monkeypatch.setattr(femtobarn.simulate, "write_demo_data", write)
    code, text, _ = run("demo-data", tmp_path, "--seed", "7")
    assert code == 0
    assert (seen["folder"], seen["seed"]) == (tmp_path, 7)
    assert f"1 files of simulated demo data, 2 MB, in {tmp_path}" in text
