"""The benchmark of executors: its fits, its extrapolation and its pages; and small runs of its steps."""

from __future__ import annotations

import importlib
import itertools
import math
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
POSITIVE = st.floats(1e-6, 1e6)


@pytest.fixture(scope="module", autouse=True)
def _found() -> Iterator[None]:
    sys.path.insert(0, str(ROOT))
    yield
    sys.path.remove(str(ROOT))


def load(name: str) -> ModuleType:
    return importlib.import_module(f"benchmarks.scale.{name}")


# --- fits ------------------------------------------------------------------------------------------


@given(st.floats(-100, 100), st.floats(-100, 100), st.sets(st.integers(1, 1000), min_size=2, max_size=9))
def test_a_line_gives_back_start_and_slope(start: float, slope: float, places: set[int]) -> None:
    x = sorted(places)
    found = load("fits").fitted(x, [start + slope * one for one in x])
    assert (found.start, found.slope) == pytest.approx((start, slope), rel=1e-6, abs=1e-6)
    assert found.residual < 1e-6


def test_a_bend_is_a_distance_from_the_line() -> None:
    fits = load("fits")
    x, straight, bent = [1, 2, 4, 8], [1.0, 2.0, 4.0, 8.0], [1.0, 2.0, 4.0, 16.0]
    assert fits.fitted(x, straight).residual == pytest.approx(0, abs=1e-9)
    assert fits.fitted(x, bent).residual > 0.05
    assert fits.steps(x, bent) == pytest.approx([1, 1, 3])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("fitted", ([1.0], [1.0])),
        ("fitted", ([2.0, 2.0], [1.0, 3.0])),
        ("fitted", ([1.0, 2.0], [1.0])),
        ("efficiency", (0.0, 1.0)),
        ("efficiency", (1.0, 0.0)),
    ],
)
def test_what_cannot_be_computed_is_refused(name: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="but got"):
        getattr(load("fits"), name)(*arguments)


# --- extrapolation ---------------------------------------------------------------------------------

COSTS = {
    "cpu_per_million": 1.0,
    "bytes_per_event": 100.0,
    "partial_bytes": 4000.0,
    "overhead": 0.005,
    "driver": 0.001,
    "broker": 0.002,
    "merge": 0.0005,
    "plan": 0.0001,
    "submit": 0.0003,
    "plan_memory": 4000.0,
}


def test_the_release_is_that_of_the_catalogue() -> None:
    found = load("extrapolation").release()
    assert (found.files, round(found.events / 1e9, 2), round(found.size / 1e12, 1)) == (70_611, 9.06, 71.7)


def test_an_estimate_by_hand() -> None:
    extrapolation = load("extrapolation")
    what = extrapolation.Release("some", files=1000, events=10**9, size=2 * 10**12)
    found = extrapolation.estimate(what, extrapolation.Costs(**COSTS), whole=False, part_bytes=10**9)
    assert found.tasks == 2000
    assert found.core_seconds == pytest.approx(1000 + 0.005 * 2000)
    assert found.network_bytes == 10**11
    assert found.plan_memory == 8e6
    by_name = {demand.name: demand.seconds for demand in found.demands}
    assert by_name == pytest.approx(
        {"reading the needed columns": 80.0, "the driver": 3.0, "the broker": 4.0, "publishing tasks": 0.6}
    )
    assert [demand.name for demand in found.demands][:2] == ["reading the needed columns", "the broker"]
    assert found.demands[0].workers == pytest.approx(1010 / 80)
    assert found.wall(10) == pytest.approx(0.2 + 101)
    assert found.limit(10) == "the workers"
    assert found.wall(1000) == pytest.approx(0.2 + 80)
    assert found.limit(1000) == "reading the needed columns"
    assert found.messages_per_second(1000) == pytest.approx(2 * 2000 / 80.2)
    whole = extrapolation.estimate(what, extrapolation.Costs(**COSTS), whole=True, part_bytes=10**9)
    assert whole.demands[0].name == "reading whole files"
    assert whole.demands[0].seconds == pytest.approx(1600)


@given(st.fixed_dictionaries(dict.fromkeys(COSTS, POSITIVE)), st.booleans())
def test_more_workers_never_take_longer_and_the_largest_demand_remains(
    costs: dict[str, float], whole: bool
) -> None:
    extrapolation = load("extrapolation")
    what = extrapolation.release()
    found = extrapolation.estimate(what, extrapolation.Costs(**costs), whole=whole)
    walls = [found.wall(workers) for workers in (1, 100, 1000, 10_000, 10**9)]
    assert walls == sorted(walls, reverse=True)
    assert walls[-1] >= max(demand.seconds for demand in found.demands)
    seconds = [demand.seconds for demand in found.demands]
    assert seconds == sorted(seconds, reverse=True)


def test_the_price_of_an_event_is_that_of_the_other_benchmark() -> None:
    scale = load("extrapolation")
    assert 0.1 < scale.cpu_per_million(ROOT / "benchmarks" / "results.json") < 10


# --- pages -----------------------------------------------------------------------------------------


def results(*, small: bool = False) -> Any:
    """Return results with simple numbers."""
    r = load("results")
    setting = r.Setting(date="2026-01-01", machine=(("processor", "some"),), cores=2, small=small)
    cpu = r.Cpu(driver=1.0, workers=10.0, servers=2.0)
    rows = [
        r.OverheadRow(
            executor=name,
            workers=2,
            tasks=980,
            start=(1.0,),
            wall=(9.8,),
            alone=(0.008,),
            cpu=(cpu,),
            cpu_tasks=1000,
            workers_counted=name != "batch",
        )
        for name in ("local", "rabbitmq", "batch")
    ]
    far = [
        r.FarRow(
            executor=name,
            workers=n,
            tasks=6,
            connections=at_once,
            wall=10.0 * (1 + n / 100) * (2 if at_once == 8 else 1),
            task_seconds=1.6,
            task_cpu=0.04,
            cpu=r.Cpu(driver=0.0, workers=0.3 * n, servers=0.1, far=0.1),
            memory=n * 2**26,
        )
        for name in ("local", "rabbitmq")
        for n, at_once in ((1, 512), (16, 512), (16, 8))
    ]
    speed = [
        r.SpeedRow(executor=name, workers=n, wall=(4.0 / n,), busy=(3.0 / n,), cpu=(cpu,))
        for name in ("local", "dask")
        for n in (1, 2)
    ]
    size = r.SizeRow(
        executor="local", workers=1, events=(10**6, 2 * 10**6, 4 * 10**6), seconds=((1.0,), (2.0,), (4.0,))
    )
    return r.Results(
        overhead=r.Overhead(
            setting=setting, events=300, partial_bytes=3500, merge_seconds=0.5, merged=1000, rows=tuple(rows)
        ),
        queueing=r.Queueing(
            setting=setting,
            tasks=100_000,
            queued=100_000,
            plan_seconds=9.0,
            submit_seconds=20.0,
            drain_seconds=1.0,
            drained=100_000,
            planned=10.0,
            submitted=30.0,
            seconds=tuple(float(s) for s in range(31)),
            rss=tuple(min(s, 10) * 30_000_000 for s in range(31)),
            broker_cpu=15.0,
        ),
        speed=r.Speed(
            setting=setting, files=160, events=10**6, bytes_read=10**8, digest="ab" * 32, rows=tuple(speed)
        ),
        far=r.Far(
            setting=setting, round_trip=0.2, events=300, requests=7, network_bytes=3e5, rows=tuple(far)
        ),
        sizes=r.Sizes(setting=setting, factors=(1, 2, 4), files=40, bytes_per_event=80.0, rows=(size,)),
    )


MILLION = ROOT / "benchmarks" / "results.json"
PAGE = "before\n<!-- from results.json -->\nold\n<!-- end -->\nafter\n"


def test_overhead_is_time_of_a_worker_beyond_the_task() -> None:
    row = results().overhead.rows[0]
    assert row.overhead == pytest.approx((9.8 * 2 / 980 - 0.008,))
    assert "| rabbitmq, 2 | 980 | 8.0 (8.0 to 8.0) | 12.0 (12.0 to 12.0) | 1.00 | 2.00 | 10.00 |" in load(
        "tables"
    ).overhead_table(results().overhead)
    assert "not known" in load("tables").overhead_table(results().overhead)  # jobs of Slurm


def test_efficiency_is_for_equal_requests_at_once() -> None:
    found = load("far").efficiencies(results().far.rows)
    assert found["local", 16, 512] == pytest.approx(1.01 / 1.16)
    assert found["local", 16, 8] == pytest.approx(1.01 / 2.32)
    # 10.1 s of one worker need 0.5 s of CPU: so many fill two cores
    assert load("tables").enough_cores(results().far)["local"] == pytest.approx(2 * 10.1 / 0.5)


def test_targets_are_judged_from_the_numbers() -> None:
    found = {target.name: target for target in load("targets").targets(results())}
    assert found["100,000 tasks planned and queued"].value == pytest.approx(29.0)
    assert found["100,000 tasks: growth of the driver while queueing"].value == pytest.approx(0, abs=1e-6)
    assert found["100,000 tasks: peak memory of the driver"].met
    waiting = found["efficiency of 16 workers that wait for a far server, rabbitmq"]
    assert (waiting.value, waiting.met) == (pytest.approx(1.01 / 1.16), False)
    assert sum("efficiency" in name for name in found) == 2


def test_a_driver_that_grows_while_it_queues_is_seen() -> None:
    queueing = results().queueing
    growing = queueing.model_copy(update={"rss": tuple(s * 10_000_000 for s in range(31))})
    growth, slope = load("targets").flatness(growing)
    assert (growth, slope) == (pytest.approx(200e6), pytest.approx(10e6))
    late = {t.name: t for t in load("targets").targets(results().model_copy(update={"queueing": growing}))}
    assert not late["100,000 tasks: growth of the driver while queueing"].met


def test_the_page_has_every_step_and_its_verdicts() -> None:
    text = load("page").page(results(), MILLION)
    assert "Not measured" not in text
    assert "Not extrapolated" not in text
    assert "| missed |" in text
    assert "70,611 files" in text
    assert "SHA-256 `abababababababab`" in text


def test_the_page_says_what_is_missing() -> None:
    page = load("page").page
    text = page(results().model_copy(update={"queueing": None}), MILLION)
    assert "Not measured." in text
    assert "Not extrapolated: steps overhead, queueing and growth are needed." in text
    small = page(results(small=True), MILLION)
    assert "nothing is judged" in small
    assert "| missed |" not in small


def test_results_go_to_json_and_back(tmp_path: Path) -> None:
    r = load("results")
    path = tmp_path / "results.json"
    assert r.read_results(path) == r.Results()
    r.write_results(path, results())
    assert r.read_results(path) == results()


def test_documentation_holds_whole_measurements_only() -> None:
    documented = load("page").documented
    text = documented(PAGE, results(), MILLION)
    assert text.startswith("before\n")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "70,611 files" in text
    assert documented(text, results(), MILLION) == text
    assert "No results" in documented(text, results(small=True), MILLION)
    assert "No results" in documented(text, results().model_copy(update={"far": None}), MILLION)


def test_the_documentation_is_that_of_the_results() -> None:
    text = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    kept = load("results").read_results(ROOT / "benchmarks" / "scale" / "results.json")
    assert load("page").documented(text, kept, MILLION) == text


@pytest.mark.parametrize("words", [("--small",), ("--executors", "local"), ("--rounds", "1")])
def test_a_quick_look_never_takes_the_place_of_results(
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = ROOT / "benchmarks" / "scale"
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    monkeypatch.setattr(sys, "argv", ["scale", "--work", str(tmp_path), "--results", str(folder), *words])
    with pytest.raises(SystemExit):
        load("__main__").main()
    assert "give another folder" in capsys.readouterr().err
    after = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert {n: t for n, t in after.items() if n != "__pycache__"} == {
        n: t for n, t in before.items() if n != "__pycache__"
    }


def test_the_figure_is_drawn_of_what_there_is(tmp_path: Path) -> None:
    load("figure").draw(results(), tmp_path / "all.png")
    load("figure").draw(results().model_copy(update={"far": None}), tmp_path / "two.png")
    sizes = [(tmp_path / name).stat().st_size for name in ("all.png", "two.png")]
    assert sizes[0] > sizes[1] > 1000


# --- measuring -------------------------------------------------------------------------------------


def test_different_bits_end_the_measurement() -> None:
    speed = load("speed")
    speed.require_equal({"local": "ab", "dask": "ab"})
    with pytest.raises(speed.UnequalError, match="dask differ from those of local"):
        speed.require_equal({"local": "ab", "dask": "cd"})


def test_the_cpu_of_processes_that_ended_counts() -> None:
    costs = load("costs")
    spin = "import time\nwhile time.process_time() < 0.3: pass\n"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {spin!r}]); print(1, flush=True); input()"
    command = [sys.executable, "-c", parent]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert costs.cpu_of(costs.tree([process.pid])) > 0.29
        assert process.pid in costs.tree([os.getpid()])
        parties = costs.Parties(servers=(process.pid,))
        assert parties.cpu().servers > 0.29
        process.communicate("\n")
    assert costs.tree([process.pid]) == set()


def test_the_far_server_is_far_and_right(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10
    (tmp_path / "a.root").write_bytes(content)
    with load("far").far_server(tmp_path, 0.1) as (_, base):
        begin = time.perf_counter()
        assert asked(f"{base}some/a.root", "bytes=10-19") == (206, content[10:20])
        assert time.perf_counter() - begin >= 0.2  # a connection, and an answer
        assert asked(f"{base}other/a.root", "bytes=2550-9999") == (206, content[2550:])
        with pytest.raises(urllib.error.HTTPError, match="404"):
            asked(f"{base}some/b.root", "bytes=0-1")


def test_a_gate_opens_for_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.root").write_bytes(b"content")
    with load("far").far_server(tmp_path, 0.0) as (_, base), ThreadPoolExecutor(2) as pool:
        first = pool.submit(asked, f"{base}gate-2/1/a.root", "bytes=0-1")
        with pytest.raises(TimeoutError):
            first.result(0.3)
        assert asked(f"{base}gate-2/2/a.root", "bytes=0-1") == (206, b"co")
        assert first.result(10) == (206, b"co")
        assert asked(f"{base}gate-2/1/a.root", "bytes=2-3") == (206, b"nt")  # it was open before


def asked(url: str, part: str) -> tuple[int, bytes]:
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Range": part}), timeout=20) as answer:
        return answer.status, answer.read()


# --- small runs ------------------------------------------------------------------------------------


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    import dataclasses

    module, r = load("bench"), load("results")
    size = dataclasses.replace(module.SMALL, executors=("local",), far_tasks=2)
    setting = r.Setting(date="2026-01-01", machine=(), cores=2, small=True)
    return module.Bench(size, tmp_path, setting, itertools.count())


@pytest.mark.services
def test_a_small_overhead(bench: Any) -> None:
    found = load("overhead").measure(bench)
    assert [(row.executor, row.workers, row.tasks) for row in found.rows] == [
        ("local", 1, 90),
        ("local", 2, 80),
    ]
    for row in found.rows:
        assert row.alone[0] > 0
        assert row.cpu[0].workers > row.cpu_tasks * row.alone[0] / 4
    assert found.partial_bytes > 100
    assert "local, 2" in load("tables").overhead_table(found)


@pytest.mark.services
def test_a_small_queue(bench: Any) -> None:
    found = load("queueing").measure(bench)
    if found is None:
        pytest.skip("NO RABBITMQ: queueing was NOT measured; install rabbitmq-server (apt-get install)")
    assert (found.tasks, found.queued, found.drained) == (1000, 1000, 1000)
    assert 0 < found.plan_seconds < 60
    assert 0 < found.submit_seconds < 60
    assert found.planned < found.submitted
    assert max(found.rss) > 30e6
    assert math.isfinite(load("targets").flatness(found)[0])


@pytest.mark.services
def test_a_small_far_server(bench: Any) -> None:
    found = load("far").measure(bench)
    assert [(row.executor, row.workers) for row in found.rows] == [("local", 1), ("local", 2), ("local", 4)]
    assert found.requests >= 3
    for row in found.rows:
        # every request waits for a round trip, and so many tasks for each worker one after another
        assert row.wall > row.tasks * 3 * found.round_trip
        assert row.task_cpu < row.task_seconds
    ends = load("far").efficiencies(found.rows)
    assert ends["local", 1, 512] == 1
    assert ends["local", 4, 512] > 0.25  # with one after another it would be this


@pytest.mark.services
def test_equal_bits_in_a_small_run(bench: Any) -> None:
    found = load("speed").measure(bench)
    assert {(row.executor, row.workers) for row in found.rows} == {("local", 1), ("local", 2)}
    assert found.events > 1000
