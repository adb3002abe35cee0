"""The arithmetic of the benchmark: slopes, ratios, CPU and memory of all processes, and when answers are equal."""

from __future__ import annotations

import csv
import importlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

FOLDER = Path(__file__).parents[2] / "benchmarks"
SECONDS = st.floats(0.01, 1e4)


@pytest.fixture(scope="module", autouse=True)
def _found() -> Iterator[None]:
    before = set(sys.modules)
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))
    for name in set(sys.modules) - before:  # their names are too plain to be left to other tests
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(FOLDER)):
            del sys.modules[name]


def load(name: str) -> ModuleType:
    return importlib.import_module(name)


@given(st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=9))
def test_a_line_gives_back_start_up_and_slope(truth: list[tuple[float, float]]) -> None:
    events = (250_000, 2_000_000)
    small, large = ([start + slope * n / 1e6 for start, slope in truth] for n in events)
    line = load("arithmetic").line(small, large, events)
    assert line.start.median == pytest.approx(np.median([start for start, _ in truth]), rel=1e-6, abs=1e-6)
    assert line.per_million.median == pytest.approx(
        np.median([slope for _, slope in truth]), rel=1e-6, abs=1e-6
    )


@given(st.lists(SECONDS, min_size=1, max_size=9), st.floats(0.1, 50))
def test_a_ratio_does_not_see_a_slow_machine(base: list[float], factor: float) -> None:
    found = load("arithmetic").ratios([factor * b for b in base], base)
    assert (found.low, found.median, found.high) == pytest.approx((factor,) * 3)


@given(st.lists(SECONDS, min_size=1, max_size=20))
def test_quartiles_enclose_the_median(values: list[float]) -> None:
    found = load("arithmetic").spread(values)
    assert min(values) <= found.low <= found.median <= found.high <= max(values)
    assert found.median == pytest.approx(np.median(values))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("spread", ([],)),
        ("ratios", ([1.0], [1.0, 2.0])),
        ("ratios", ([1.0], [0.0])),
        ("line", ([1.0], [], (1, 2))),
        ("line", ([1.0], [1.0], (2, 2))),
    ],
)
def test_what_cannot_be_computed_is_refused(name: str, arguments: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match=r"but got|above 0"):
        getattr(load("arithmetic"), name)(*arguments)


def test_memory_is_the_sum_over_a_session(tmp_path: Path) -> None:
    measure = load("measure")
    for pid, session, kib in ((10, 10, 300), (11, 10, 50), (12, 99, 7000)):
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "stat").write_text(f"{pid} (a (b) c) S 1 {session} {session} 0 -1")
        (folder / "smaps_rollup").write_text(f"Rss: 9999 kB\nPss: {kib} kB\nPss_Anon: 1 kB\n")
    (tmp_path / "self").mkdir()
    assert sorted(measure.session_members(10, tmp_path)) == [10, 11]
    assert measure.memory_of([10, 11, 404], tmp_path) == 350 * 1024


CHILD = "import time\nwhile time.process_time() < 0.3: pass"
PARENT = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {CHILD!r}])  # an orphan as soon as this process ends
subprocess.run([sys.executable, "-c", {CHILD!r}], check=True)
"""
ADOPT = """
import os, sys
sys.path.insert(0, sys.argv[1])
import measure
from pathlib import Path
measure.adopt_orphans()
took = measure.run([sys.executable, "-c", sys.argv[2]], environment=os.environ, log=Path(sys.argv[3]), memory=True)
print(took.cpu, took.peak)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_cpu_and_memory_of_children_and_orphans_are_counted(tmp_path: Path) -> None:
    # in a process of its own, since it makes orphans its children
    out = subprocess.run(
        [sys.executable, "-c", ADOPT, str(FOLDER), PARENT, str(tmp_path / "log")],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert 0.6 <= float(out[0]) < 5
    assert float(out[1]) > 5 * 2**20


def test_a_command_that_fails_shows_the_end_of_what_it_said(tmp_path: Path) -> None:
    measure = load("measure")
    command = [sys.executable, "-c", "raise SystemExit('no such sample')"]
    with pytest.raises(measure.CommandError, match="no such sample"):
        measure.run(command, environment=os.environ, log=tmp_path / "log", orphans=False)


IMPATIENT = """
import os, sys
sys.path.insert(0, sys.argv[1])
import measure
from pathlib import Path
measure.adopt_orphans()
measure.PATIENCE_SECONDS = 0.5
try:
    measure.run([sys.executable, "-c", sys.argv[2], sys.argv[4]], environment=os.environ, log=Path(sys.argv[3]))
except measure.CommandError as error:
    print(error)
Path(sys.argv[4]).write_text("")  # the orphan waits for somebody to open it
os.wait4(-1, 0)
"""
WAITS = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import sys; open(sys.argv[1]).read()", sys.argv[1]])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="adopts orphans")
def test_patience_with_orphans_ends(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    done = subprocess.run(
        [sys.executable, "-c", IMPATIENT, str(FOLDER), WAITS, str(tmp_path / "log"), str(tmp_path / "fifo")],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "processes were still there after 0 s"


def test_packages_are_told_of_each_environment(tmp_path: Path) -> None:
    machine = load("machine")
    for name, text in (("femtobarn", "femtobarn 7.0"), ("python", '{"Python": "9.9", "numba": "0.1"}')):
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{text}'\n")
        (tmp_path / name).chmod(0o755)
    found = dict(machine.describe(str(tmp_path / "femtobarn")))
    assert found["femtobarn"] == "7.0"
    assert found["femtobarn runs with"] == "Python 9.9, numba 0.1"
    assert found["the peers run with"].startswith(f"Python {platform.python_version()}, ")
    assert f"numpy {np.__version__}" in found["the peers run with"]


@pytest.mark.parametrize("wrong", [None, 1])
def test_runs_side_by_side_must_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: int | None
) -> None:
    cumulative, answers = load("cumulative"), load("answers")

    def once(program: int, _file: Path, out: Path) -> tuple[float, object]:
        count = 8 if program == wrong and out.name.startswith("together") else 7
        return 1.0, answer(count)

    monkeypatch.setattr(cumulative, "_once", once)
    monkeypatch.setattr(cumulative, "_femtobarn", lambda _tools, _name, _number, first: first)
    tools = load("programs").Tools("femtobarn", "python", None, tmp_path)
    if wrong is None:
        curves = cumulative.measure_curves(tools, tmp_path, 3, ())
        assert [curve.numbers for curve in curves] == [(1, 2, 3)] * 2
        return
    with pytest.raises(answers.UnequalError, match=r"variation 1 alone counts 7 .* two runs at a time 8"):
        cumulative.measure_curves(tools, tmp_path, 3, ())


def test_the_compiled_program_is_that_of_its_source_and_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_rdf = load("compile_rdf")
    tools, root = tmp_path / "tools", tmp_path / "site" / "ROOT"
    compiler = 'case "$*" in --version) echo one;; *) for last; do :; done; echo "$*" >> "$COMPILED"; echo > "$last";; esac'
    for path, text in (
        (tools / "g++", compiler),
        (root / "bin" / "root-config", 'case "$1" in --version) echo "$ROOT_IS";; *) echo -std=c++20;; esac'),
    ):
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    (root / "__init__.py").touch()
    source = tmp_path / "rdf.cxx"
    source.write_text("int main() {}")
    monkeypatch.syspath_prepend(str(root.parent))
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("COMPILED", str(tmp_path / "compiled"))
    monkeypatch.setenv("ROOT_IS", "6.30")
    monkeypatch.setattr(compile_rdf, "SOURCE", source)
    first = compile_rdf.compile_rdf(tmp_path)
    assert compile_rdf.compile_rdf(tmp_path) == first
    os.utime(source, ns=(0, 0))
    assert compile_rdf.compile_rdf(tmp_path) == first
    monkeypatch.setenv("ROOT_IS", "6.32")
    second = compile_rdf.compile_rdf(tmp_path)
    source.write_text("int main() { return 1; }")
    os.utime(source, ns=(0, 0))  # older than what is there
    third = compile_rdf.compile_rdf(tmp_path)
    assert len({first, second, third}) == 3
    assert len((tmp_path / "compiled").read_text().splitlines()) == 3
    (tools / "g++").write_text('#!/bin/sh\ncase "$*" in --version) echo two;; *) exit 1;; esac\n')
    with pytest.raises(subprocess.CalledProcessError):
        compile_rdf.compile_rdf(tmp_path)
    assert not list(tmp_path.glob(".rdf*"))


def answer(count: int = 7, bins: tuple[float, ...] = (1.0, -2.5), variation: str = "nominal"):
    return load("answers").Answer({variation: count}, {("m4l", variation): np.array(bins)})


def test_equal_answers_pass_and_may_have_more_histograms() -> None:
    more = answer(bins=(1.0 + 1e-13, -2.5))
    more.histograms["m4l_wide", "nominal"] = np.zeros(1)
    load("answers").require_equal(answer(), "a", more, "b")


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ({}, {"count": 8}, "a counts 7 events .nominal., but b 8"),
        ({}, {"variation": "scale000"}, "a counts 7 events .nominal., but b None"),
        ({}, {"bins": (1.0, -2.5 - 1e-9)}, "bin 1"),
        ({}, {"bins": (1.0, float("nan"))}, "bin 1"),
        ({}, {"bins": (1.0,)}, "bins in"),
        ({"count": 0}, {"count": 0}, "count no events"),
    ],
)
def test_other_answers_do_not(one: dict[str, object], other: dict[str, object], reason: str) -> None:
    answers = load("answers")
    with pytest.raises(answers.UnequalError, match=reason):
        answers.require_equal(answer(**one), "a", answer(**other), "b")  # type: ignore[arg-type]


def test_a_run_directory_is_added_up_over_its_files(tmp_path: Path) -> None:
    head = ["dsid", "file", "selection", "variation", "step", "raw"]
    with (tmp_path / "cutflow.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerows([head, [1, "a", "final", "nominal", 0, 9], [1, "a", "final", "nominal", 1, 4]])
        rows.writerows([[2, "b", "final", "nominal", 1, 3], [2, "b", "loose", "nominal", 1, 8]])
        rows.writerows([[1, "a", "final", "x:up", 1, 5], [2, "b", "final", "x:up", 1, 2]])
    sums = np.zeros((2, 2, 4, 2))
    sums[0, 0, :, 0] = [9, 1, 2, 9]
    sums[1, 0, :, 0] = [9, 10, 20, 9]
    sums[1, 1, :, 0] = [9, 5, 6, 9]
    stored = {"variations": np.array(["nominal", "x:up"]), "final/m": sums, "loose/m": sums}
    np.savez(tmp_path / "histograms.npz", **stored)  # type: ignore[arg-type]
    found = load("answers").read_run(tmp_path)
    assert found.counts == {"nominal": 7, "x": 7}
    assert {k: v.tolist() for k, v in found.histograms.items()} == {
        ("m", "nominal"): [11, 22],
        ("m", "x"): [5, 6],
    }


@pytest.mark.parametrize(
    ("value", "limit", "at_least", "verdict"),
    [
        (6, 3, True, "met, by a factor 2.00"),
        (1.5, 3, True, "missed, by a factor 2.00"),
        (0.5, 1, False, "met, by a factor 2.00"),
        (2, 1, False, "missed, by a factor 2.00"),
        (-0.1, 1, False, "not measurable: noise hides it"),
    ],
)
def test_a_target_is_met_or_missed_by_a_factor(
    value: float, limit: float, at_least: bool, verdict: str
) -> None:
    target = load("targets").Target("t", value, limit, "x", at_least=at_least)
    assert target.verdict() == verdict
    assert target.met == verdict.startswith("met")


def test_events_are_the_same_for_the_same_seed_and_channel() -> None:
    events = load("events")
    one, same, other = (events.make_events(1, 200, channel) for channel in (5, 5, 6))
    assert all(np.array_equal(one.scalars[k], same.scalars[k]) for k in one.scalars)
    assert not np.array_equal(one.scalars["met"], other.scalars["met"])
    for counts, fields in one.jagged.values():
        assert {len(values) for values in fields.values()} == {int(counts.sum())}
