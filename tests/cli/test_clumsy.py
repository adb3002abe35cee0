"""What happens to people in a hurry: foreign folders, renamed files, pipes, impossible weights, Ctrl-C."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import pytest

import femtobarn as fb
from femtobarn.base.errors import RunDirectoryError, SettingsError, TypesError, UnknownNameError, UsageError
from femtobarn.cli import main

PERIOD_D = "ODEO_FEB2025_v0_exactly4lep_data15_periodD.exactly4lep.root"
PERIOD_E = "ODEO_FEB2025_v0_exactly4lep_data15_periodE.exactly4lep.root"
HEAD = "from femtobarn import *\na = Analysis('a')\ns = a.selection('all')\n"


def stop(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[object, str]:
    with pytest.raises(SystemExit) as end:
        main([str(w) for w in words])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return end.value.code, " ".join((out + err).split())


def ledger(out: Path) -> dict[str, dict[str, str]]:
    lines = (out / "ledger.csv").read_text(encoding="utf-8").splitlines()
    return {row["file"]: row for row in csv.DictReader(lines)}


@pytest.fixture
def one(demo_folder: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(demo_folder / PERIOD_D, folder)
    return folder


def test_a_folder_with_other_files_is_left_alone(
    capsys: pytest.CaptureFixture[str], one: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "report.html").write_text("my thesis")
    code, text = stop(capsys, "run", "hzz", "--data", one, "--out", mine, "--workers", 0)
    assert (code, "holds other files (report.html)" in text) == (2, True)
    assert [p.read_text() for p in mine.iterdir()] == ["my thesis"]
    (tmp_path / "file").touch()
    code, text = stop(capsys, "run", "hzz", "--data", one, "--out", tmp_path / "file")
    assert (code, "file is a file" in text) == (2, True)
    for words in (("--data", one, "--out", ""), ("--data", "", "--out", tmp_path / "new")):
        code, text = stop(capsys, "run", "hzz", *words)
        assert code == 2
        assert not (tmp_path / "new").exists()


def test_a_run_below_its_data_is_no_input(capsys: pytest.CaptureFixture[str], one: Path) -> None:
    words = ("run", "hzz", "--data", one, "--out", one / "out", "--workers", 0)
    assert stop(capsys, *words)[0] == 0
    code, text = stop(capsys, *words)
    assert (code, "1 done before" in text) == (0, True)
    assert set(ledger(one / "out")) == {PERIOD_D}


def test_a_pipe_does_not_hang(capsys: pytest.CaptureFixture[str], one: Path, tmp_path: Path) -> None:
    os.mkfifo(one / PERIOD_E)
    os.mkfifo(one / "other.root")
    code, _ = stop(capsys, "run", "hzz", "--data", one, "--out", tmp_path / "out", "--workers", 0)
    assert code == 3
    rows = ledger(tmp_path / "out")
    for name in (PERIOD_E, "other.root"):
        assert rows[name]["status"] == "failed"
        assert "expected a regular file" in rows[name]["reason"]


def test_renamed_files_are_found_out(
    capsys: pytest.CaptureFixture[str], demo_folder: Path, one: Path, tmp_path: Path
) -> None:
    zz = next(demo_folder.glob("*mc_700600*"))
    signal = next(demo_folder.glob("*mc_345060*"))
    shutil.copy(zz, one / PERIOD_E)
    shutil.copy(demo_folder / PERIOD_E, one / zz.name)
    shutil.copy(next(demo_folder.glob("*mc_346228*")), one / signal.name)
    code, _ = stop(capsys, "run", "hzz", "--data", one, "--out", tmp_path / "out", "--workers", 0)
    assert code == 3
    rows = ledger(tmp_path / "out")
    assert (
        "expected recorded data, as it is named, but its events are of dataset 700600"
        in rows[PERIOD_E]["reason"]
    )
    assert (
        "expected dataset 700600, as it is named, but its events are of recorded data"
        in rows[zz.name]["reason"]
    )
    assert "but its events are of dataset 346228" in rows[signal.name]["reason"]
    assert rows[PERIOD_D]["status"] == "processed"


def test_infinite_weights_fail(capsys: pytest.CaptureFixture[str], demo_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(HEAD + "a.weight(1 / (mc.generator - mc.generator))\n")
    zz = next(demo_folder.glob("*mc_700600*"))
    code, text = stop(capsys, "run", file, "--data", zz, "--out", tmp_path / "out", "--workers", 0)
    assert code == 1
    assert "Nothing was processed" in text
    assert (
        "have a weight that is infinite or not a number (nominal)"
        in ledger(tmp_path / "out")[zz.name]["reason"]
    )


def test_nothing_usable_is_an_error(capsys: pytest.CaptureFixture[str], one: Path, tmp_path: Path) -> None:
    code, text = stop(
        capsys, "run", "hzz", "--release", "2020e-13tev", "--data", one, "--out", tmp_path / "out"
    )
    assert code == 1
    assert "error: Nothing was processed: none of the 1 files could be used." in text
    assert "it is of release 2025e-13tev-beta" in text
    assert not (tmp_path / "out" / "report.html").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to try as another user")
def test_where_nothing_can_be_written(capsys: pytest.CaptureFixture[str], one: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert stop(capsys, "run", "hzz", "--data", one, "--out", out, "--workers", 0)[0] == 0
    for folder in (tmp_path, *list(tmp_path.parents)[:3]):
        folder.chmod(0o755)
    os.seteuid(65534)
    try:
        told = [
            stop(capsys, "figures", out),
            stop(capsys, "report", out),
            stop(capsys, "run", "hzz", "--data", one, "--out", tmp_path / "no", "--workers", 0),
        ]
    finally:
        os.seteuid(0)
    assert [code for code, _ in told] == [2, 2, 2]
    assert all("Permission denied" in text and "Internal" not in text for _, text in told)


def test_an_interrupt_says_how_to_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, one: Path
) -> None:
    import femtobarn.api

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(femtobarn.api, "run", interrupted)
    code, text = stop(capsys, "run", "hzz", "--data", one)
    assert (code, "Interrupted. The same command continues" in text) == (130, True)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        (
            "a.histogram('h', ev.met.pt, Regular(2, 0, float('inf'), unit='GeV'), selections=s)",
            "finite low < high",
        ),
    ],
)
def test_files_that_end_early(
    line: str,
    told: str,
    capsys: pytest.CaptureFixture[str],
    one: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "a.py").write_text(HEAD + line)
    monkeypatch.chdir(tmp_path)
    code, text = stop(capsys, "run", "a.py", "--data", one)
    assert code == 2
    assert "a.py, line 4: " in text
    assert told in text


def test_an_index_too_far_is_an_error_that_names_the_function(
    capsys: pytest.CaptureFixture[str], one: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.py").write_text(
        HEAD
        + "@function(inputs={'pt': 'floats GeV'}, output='float GeV')\n"
        + "def hundredth(pt):\n    return pt[100]\n"
        + "a.histogram('h', hundredth(ev.lep.pt), Regular(2, 0, 1, unit='GeV'), selections=s)\n"
    )
    code, _ = stop(capsys, "run", tmp_path / "a.py", "--data", one, "--out", tmp_path / "out", "--workers", 0)
    assert code == 1
    assert "hundredth() (@function) failed: IndexError" in ledger(tmp_path / "out")[PERIOD_D]["reason"]


def test_figures_are_checked_before_anything_runs() -> None:
    inputs = {
        "release": {
            "r": {
                "processes": [
                    {"name": "zz", "label": "ZZ", "colour": "red", "role": "signal", "datasets": [1]}
                ]
            }
        }
    }
    for wrong, near in (
        ({"processes": ["zzz"]}, "'zz'"),
        ({"datasets": [2]}, "1"),
        ({"files": ["data_A"]}, "None"),
    ):
        analysis = fb.Analysis("a", inputs=inputs)
        every = analysis.selection("all")
        analysis.histogram("h", fb.ev.met.pt, fb.Regular(2, 0, 1, unit="GeV"), selections=every)
        analysis.figure("f", "h", every, **wrong)
        with pytest.raises(UnknownNameError, match=near):
            analysis.freeze(release="r")
    with pytest.raises(SettingsError, match=r"Figure 'g': luminosity: .* not 'x'"):
        analysis.figure("g", "h", every, luminosity="x")


def test_replaced_tables_are_not_read_as_empty(one: Path, tmp_path: Path) -> None:
    run = fb.run("hzz", one, out=tmp_path / "out", workers=0)
    (run.path / "cutflow.csv").write_text("nothing\n")
    with pytest.raises(RunDirectoryError, match="its columns are nothing"):
        fb.load(run.path).yields()
    assert repr(run) == f"<hzz on 2025e-13tev-beta, physics, incomplete: {run.path}>"


def test_a_file_that_failed_in_parts_is_in_the_figures(demo_folder: Path, tmp_path: Path) -> None:
    from femtobarn.show.figures import compute

    data = tmp_path / "data"
    data.mkdir()
    for name in ("mc_345060", "mc_700600"):
        shutil.copy(next(demo_folder.glob(f"*{name}*")), data)
    damaged = next(data.glob("*mc_345060*"))
    content = bytearray(damaged.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = bytes(4000)
    damaged.write_bytes(content)
    run = fb.run("hzz", data, out=tmp_path / "out", workers=0, part_bytes=len(content) // 3)
    row = next(r for r in run.info.inputs if r.name == damaged.name)
    assert row.status == "failed"
    assert 0 < row.events_processed < row.entries
    higgs = run.histogram("m4l", "loose", process="higgs", luminosity=1.0).sum(flow=True).value
    assert higgs > 0
    assert run.info.normalisations[-1].fraction == pytest.approx(row.events_processed / row.entries)
    record = next(f for f in run.spec.figures if f.name == "loose with ratio")
    names = {layer.process for layer in compute(run, record).layers}
    assert names == {"zz", "higgs"}


def test_wrong_types_are_told_in_words(one: Path) -> None:
    with pytest.raises(TypesError, match="data is a folder, a file, an address, or a list of them, not 7"):
        fb.plan("hzz", 7)
    with pytest.raises(UsageError, match="does not say which datasets it reads"):
        fb.plan("dimuon")
    with pytest.raises(SettingsError, match=r"Setting workers: .* not 'two'"):
        fb.plan("hzz", one, workers="two")
    with pytest.raises(SettingsError, match=r"Setting max_events: .* not 2\.5"):
        fb.plan("hzz", one, max_events=2.5)
    with pytest.raises(SettingsError, match="part_bytes must be 1000 or more"):
        fb.plan("hzz", one, part_bytes=1)
    with pytest.raises(TypesError, match="options are names with values"):
        fb.plan("hzz", one, options=3)
    with pytest.raises(UsageError, match="does not exist"):
        fb.open(3)
