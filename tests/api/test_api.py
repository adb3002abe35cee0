"""``import femtobarn as fb``: events to look at, runs to start, results to use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import awkward as ak
import hist
import numpy as np
import pytest

import femtobarn as fb
from femtobarn.base.errors import TypesError, UnknownFieldError, UnknownNameError

PERIOD_D = "ODEO_FEB2025_v0_exactly4lep_data15_periodD.exactly4lep.root"
HEAVY = ("uproot", "awkward", "numba", "matplotlib", "hist", "boost_histogram", "scipy")


@pytest.mark.parametrize(
    "statement", ["import femtobarn", "from femtobarn import Analysis, ev, mass", "HELP"]
)
def test_nothing_heavy_is_loaded_until_it_is_used(statement: str) -> None:
    if statement == "HELP":
        statement = "import contextlib\nfrom femtobarn.cli import main\nwith contextlib.suppress(SystemExit): main(['--help'])"
    check = f"import sys; found = [m for m in {HEAVY} if m in sys.modules]; assert not found, found"
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\n{check}"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_public_name_is_there() -> None:
    assert set(fb.__all__) <= set(dir(fb))
    for name in fb.__all__:
        assert getattr(fb, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = fb.nonsense


def test_open_reads_what_is_asked_for(demo_folder: Path) -> None:
    events = fb.open(demo_folder / PERIOD_D)
    assert events.release == "2025e-13tev-beta"
    assert "lep.pt" in events.fields
    assert "mc.sf.electron" in events.fields
    assert len(events.lep.pt) == len(events) == len(events.trigger.electron)
    assert ak.all(events.lep.pt >= 7)
    first = events[:3]
    assert ak.to_list(first.lep.pt) == ak.to_list(events.lep.pt[:3])
    assert ak.to_list(events[1].lep.pt) == ak.to_list(events.lep.pt[1])
    assert ak.to_list(events[-1].met.pt) == events.met.pt[-1]
    assert set(ak.fields(events.arrays(["lep.pt", "met"], stop=2))) == {"lep", "met"}
    assert "lep" in dir(events)
    assert PERIOD_D in repr(events)
    with pytest.raises(UnknownNameError, match=r"Did you mean 'lep.pt'"):
        events.arrays(["lep.ptt"])
    with pytest.raises(UnknownFieldError, match="leptons"):
        _ = events.leptons
    with pytest.raises(IndexError, match="there is no event"):
        _ = events[10**9]


def test_a_run_gives_histograms(demo_folder: Path, tmp_path: Path) -> None:
    run = fb.run("hzz", data=demo_folder, out=tmp_path / "a", workers=0)
    final = run.histogram("m4l", selection="final", process="data")
    assert isinstance(final, hist.Hist)
    assert final.axes[0].size == 68
    raw = next(y.raw for y in run.yields() if (y.selection, y.process) == ("final", "data"))
    assert final.sum(flow=True).value == raw
    zz = run.histogram("m4l", selection="final", process="zz")
    half = fb.load(run.path, luminosity=run.luminosity.value / 2).histogram("m4l", "final", process="zz")
    assert np.allclose(half.values() * 2, zz.values(), rtol=1e-14)
    assert np.allclose(half.variances() * 4, zz.variances(), rtol=1e-14)
    shown = run._repr_html_()
    assert "simulated demo data" in shown
    assert "<table>" in shown
    assert (run.path / "report.html").is_file()
    assert fb.status(run.path).finished


def test_without_out_a_run_has_a_folder_of_its_own(
    demo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = {fb.run("zll", demo_folder / PERIOD_D, workers=0).path for _ in range(2)}
    assert len(paths) == 2
    assert all(p.parent == Path("runs") and p.name.startswith("zll-2") for p in paths)


def test_the_record_says_how_to_repeat_a_run(demo_folder: Path, tmp_path: Path) -> None:
    settings = {"part_bytes": 100_000, "chunk_entries": 77, "strict": True, "max_events": 50, "workers": 0}
    run = fb.run("hzz", demo_folder / PERIOD_D, out=tmp_path / "a", mode="notebook", **settings)
    words = run.info.command
    for flag in (
        "--mode notebook",
        "--part-bytes 100000",
        "--chunk-entries 77",
        "--strict",
        "--max-events 50",
    ):
        assert flag in words
    again = fb.run("hzz", demo_folder / PERIOD_D, out=tmp_path / "b", mode="notebook", **settings)
    assert (run.path / "histograms.npz").read_bytes() == (again.path / "histograms.npz").read_bytes()
    own = fb.Analysis("own")
    own.selection("all")
    assert fb.run(own, demo_folder / PERIOD_D, out=tmp_path / "c", workers=0).info.command.startswith(
        "(no command"
    )


def test_limits_keep_the_cross_section(demo_folder: Path, tmp_path: Path) -> None:
    whole = fb.run("hzz", demo_folder, out=tmp_path / "a", workers=0)
    some = fb.run("hzz", demo_folder, out=tmp_path / "b", workers=0, max_events=150)
    assert not some.info.complete
    for process in ("zz", "higgs"):
        a, b = (
            next(y for y in r.yields() if (y.selection, y.process) == ("loose", process))
            for r in (whole, some)
        )
        per_fb = [y.yield_ / r.luminosity.value for y, r in ((a, whole), (b, some))]
        error = np.hypot(a.stat_error / whole.luminosity.value, b.stat_error / some.luminosity.value)
        assert abs(per_fb[0] - per_fb[1]) < 4 * error


def test_wrong_requests(demo_folder: Path) -> None:
    with pytest.raises(
        UnknownNameError, match=r"'worker' is not a known setting of a run. Did you mean 'workers'"
    ):
        fb.run("hzz", demo_folder, worker=2)
    with pytest.raises(TypesError, match="a name, a Python or YAML file or an Analysis"):
        fb.plan(3, demo_folder)
