"""The benchmark of mass spectra: its input, its peers, its comparison, its fits, its plan and its pages."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.scan import load_scan

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks" / "spectra"
SCALE = ROOT / "benchmarks" / "scale" / "results.json"


@pytest.fixture(scope="module", autouse=True)
def _found() -> Iterator[None]:
    sys.path[:0] = [str(ROOT), str(FOLDER / "peers")]
    yield
    for place in (str(ROOT), str(FOLDER / "peers")):
        sys.path.remove(place)


def load(name: str) -> ModuleType:
    return importlib.import_module(f"benchmarks.spectra.{name}")


def write(path: Path, events: Any) -> None:
    """Write events with uproot, one branch of lists each."""
    import awkward as ak

    branches: dict[str, Any] = {f"EventInfoAuxDyn.{name}": v for name, v in events.scalars.items()}
    for collection, (counts, fields) in events.jagged.items():
        for name, values in fields.items():
            branches[f"{collection}AuxDyn.{name}"] = ak.unflatten(values, counts)
    with uproot.recreate(path) as file:
        file.mktree(
            "CollectionTree",
            {name: ak.type(a) if hasattr(a, "type") else a.dtype for name, a in branches.items()},
        )
        file["CollectionTree"].extend(branches)


# --- input -----------------------------------------------------------------------------------------


def test_events_are_those_of_the_seed() -> None:
    make = load("events").make_events
    one, same, other = make(1, 500), make(1, 500), make(2, 500)
    assert len(one.scalars) + sum(len(fields) for _, fields in one.jagged.values()) == 49
    for name, (counts, fields) in one.jagged.items():
        assert np.array_equal(counts, same.jagged[name][0])
        assert all(np.array_equal(v, same.jagged[name][1][f]) for f, v in fields.items())
        assert not np.array_equal(counts, other.jagged[name][0])
        assert {len(v) for v in fields.values()} == {counts.sum()}


def test_objects_are_not_ordered_and_pairs_have_the_mass_of_the_z() -> None:
    counts, fields = load("events").make_events(1, 20_000).jagged["AnalysisMuons"]
    first = (np.cumsum(counts) - counts)[counts > 1]
    ordered = fields["pt"][first] >= fields["pt"][first + 1]
    assert 0.3 < ordered.mean() < 0.7
    hard = fields["pt"] > 10_000
    event = np.repeat(np.arange(len(counts)), counts)[hard]
    pt, eta, phi = (fields[name][hard].astype(float) for name in ("pt", "eta", "phi"))
    one = np.flatnonzero((np.bincount(event, minlength=len(counts)) == 2)[event])[::2]
    mass = np.sqrt(
        2 * pt[one] * pt[one + 1] * (np.cosh(eta[one] - eta[one + 1]) - np.cos(phi[one] - phi[one + 1]))
    )
    assert len(one) > 500
    assert 0.4 < np.mean(np.abs(mass / 91_190 - 1) < 0.1) < 0.8


def test_copies_are_other_files(tmp_path: Path) -> None:
    source = tmp_path / "one.root"
    with uproot.recreate(source) as file:
        file["tree"] = {"x": np.arange(5)}
    found = load("inputs").copies(source, tmp_path / "copies", 3)
    identifiers = set()
    for path in (source, *found):
        with uproot.open(path) as file:
            identifiers.add(file.file.uuid)
            assert file["tree"]["x"].array(library="np").tolist() == [0, 1, 2, 3, 4]
    assert len(identifiers) == 4


@pytest.mark.parametrize(("subleading", "number"), [(0, 65), (1, 186), (2, 607)])
def test_configurations_are_those_that_are_meant(subleading: int, number: int, tmp_path: Path) -> None:
    scan = load("scan")
    path = tmp_path / "bench.yaml"
    path.write_text(scan.Scan(subleading=subleading, most_count=3).text([tmp_path / "a.root"]))
    record = load_scan(path).record
    assert len(combinations(record)) == number == scan.COMBINATIONS[subleading]
    assert record.least_events == scan.MIN_EVENTS
    assert record.states.most_count == 3
    assert not record.overlap
    assert not record.output.gallery
    assert not record.combinations.exact_leading
    path.write_text(scan.Scan(exact=True, pictures=True).text([]))
    changed = load_scan(path).record
    assert changed.combinations.exact_leading
    assert changed.output.gallery
    assert changed.output.figures


# --- peers -----------------------------------------------------------------------------------------


def test_peers_have_the_combinations_of_the_scan(tmp_path: Path) -> None:
    task = importlib.import_module("task")
    path = tmp_path / "bench.yaml"
    path.write_text(load("scan").Scan().text([]))
    record = load_scan(path).record
    kinds = {"electron": "e", "muon": "m", "jet": "j", "photon": "g"}
    assert {o.letter: o.pt_min for o in record.objects} == {k: least for k, (_, least) in task.KINDS.items()}
    assert {kinds[o.collection] for o in record.objects} == set(task.KINDS)
    assert (record.width, record.least_events) == (task.WIDTH, task.LEAST_EVENTS)
    names = [task.name_of(windows, {}).split("_")[2] for windows in task.combinations()]
    assert sorted(names) == sorted(c.name for c in combinations(record))


def test_peers_find_the_same(tmp_path: Path) -> None:
    path = tmp_path / "events.root"
    write(path, load("events").make_events(1, 1200))
    found = []
    for name in ("numpy_spectra", "awkward_spectra"):
        out = tmp_path / f"{name}.npz"
        command = [sys.executable, "-W", "ignore", str(FOLDER / "peers" / f"{name}.py"), str(out), str(path)]
        subprocess.run(command, check=True)
        found.append(load("answers").read_npz(out))
    load("answers").require_equal(found[0], "one", found[1], "other")
    assert "ROI_mass_j0j1_cat_0ex_0mx_2jx_0gx_0tx_0bx_width_10.0" in found[0]


# --- comparison ------------------------------------------------------------------------------------

ONE = {"a": np.array([0, 2, 1]), "b": np.array([3])}


def test_empty_bins_behind_the_last_make_no_difference() -> None:
    load("answers").require_equal(ONE, "one", ONE | {"b": np.array([3, 0, 0])}, "other")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"a": ONE["a"]}, "one has b, but other does not"),
        (ONE | {"c": np.array([1])}, "other has c, but one does not"),
        (ONE | {"a": np.array([0, 1, 2])}, "a: one has 3 entries in 3 bins, other 3 in 3"),
        (ONE | {"b": np.array([3, 1])}, "b: one has 3 entries in 1 bins, other 4 in 2"),
    ],
)
def test_differences_are_told(other: dict[str, Any], words: str) -> None:
    answers = load("answers")
    with pytest.raises(answers.UnequalError, match=words):
        answers.require_equal(ONE, "one", other, "other")


def test_nothing_is_not_equal_to_nothing() -> None:
    answers = load("answers")
    for empty in ({}, {"a": np.zeros(3, np.int64)}):
        with pytest.raises(answers.UnequalError, match="nothing is compared"):
            answers.require_equal(empty, "one", empty, "other")


def test_answers_are_read_back(tmp_path: Path) -> None:
    answers, task = load("answers"), importlib.import_module("task")
    task.Answer(ONE).write(tmp_path / "answer.npz")
    answers.require_equal(ONE, "one", answers.read_npz(tmp_path / "answer.npz"), "read")
    edges = np.array([0.0, 10.0, 20.0, 30.0])
    with uproot.recreate(tmp_path / "good.root") as file:
        file["a"] = (ONE["a"].astype(float), edges)
        file["b"] = (ONE["a"].astype(float), edges + 20)
    found = answers.read_root(tmp_path / "good.root")
    assert (found["a"].tolist(), found["b"].tolist()) == ([0, 2, 1], [0, 0, 0, 2, 1])


@pytest.mark.parametrize(
    ("counts", "edges", "words"),
    [
        ([0.0, 1.5], [0.0, 10.0, 20.0], "counts between its edges alone"),
        ([0.0, 1.0], [5.0, 15.0, 25.0], "edges that are multiples of 10"),
        ([0.0, 1.0], [-10.0, 0.0, 10.0], "edges that are multiples of 10"),
        ([0.0, 1.0], [0.0, 20.0, 40.0], "edges that are multiples of 10"),
    ],
    ids=["weights", "shifted", "below 0", "another width"],
)
def test_histograms_of_another_kind_are_refused(
    counts: list[float], edges: list[float], words: str, tmp_path: Path
) -> None:
    answers = load("answers")
    with uproot.recreate(tmp_path / "bad.root") as file:
        file["a"] = (np.array(counts), np.array(edges))
    with pytest.raises(answers.UnequalError, match=words):
        answers.read_root(tmp_path / "bad.root")


def test_commands_are_shown_without_places(tmp_path: Path) -> None:
    bench = load("bench").Bench(load("bench").SMALL, "/x/bin/femtobarn", "/y/python", tmp_path, None)
    shown = load("chain").shown
    words = load("runs").command(bench, tmp_path / "right.yaml", Path("OUT"), 2)
    assert shown(bench, words) == "femtobarn spectra run right.yaml --out OUT --workers 2"
    peer = ["/y/python", str(load("chain").PEERS / "numpy_spectra.py"), "OUT", "/a/1.root", "/a/2.root"]
    assert shown(bench, peer) == "python numpy_spectra.py OUT FILES..."


def test_what_was_compiled_stays_when_files_are_forgotten(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "kernel").touch()
    (tmp_path / "checked").mkdir()
    (tmp_path / "note").touch()
    load("runs").forget(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["code"]
    load("runs").forget(tmp_path / "not there")


def test_memory_is_told_for_driver_and_workers_apart() -> None:
    child = "x = bytearray(80_000_000); import sys; sys.stdin.read()"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE) as process:
        peaks = load("memory").Peaks(process.pid)
        peaks.start()
        deadline = time.monotonic() + 20
        while min(peaks.worker, peaks.together) < 80e6 and time.monotonic() < deadline:
            peaks.stopped.wait(0.01)
        assert process.stdin is not None
        process.stdin.close()  # both end
        assert process.wait(20) == 0
        peaks.stopped.set()
        peaks.join()
    assert peaks.worker > 80e6 > peaks.driver > 1e6
    assert peaks.together > 80e6


def test_a_command_that_fails_ends_the_measurement(tmp_path: Path) -> None:
    memory = load("memory")
    with pytest.raises(memory.CommandError, match="ended with 3"):
        memory.watched([sys.executable, "-c", "raise SystemExit(3)"], dict(os.environ), tmp_path / "log")


# --- fits, plan, pages -----------------------------------------------------------------------------

COSTS = (0.8, 2e-6, 2e-8, 5e-5)
"""Of a run, an event, a value, a histogram."""


def growth_row(events: int, combinations: int, most: int | None, costs: tuple[float, ...] = COSTS) -> Any:
    states = 100 * (most or 6)
    values = events * combinations // 40 * (most or 6) // 6
    written = states * combinations // 20 + events // 10_000
    start, event, value, histogram = costs
    seconds = start + event * events + value * values + histogram * written + 0.3
    return load("results").GrowthRow(
        subleading={65: 0, 186: 1, 607: 2}[combinations],
        most_count=most,
        combinations=combinations,
        events=events,
        tasks=events // 37_500,
        bytes_read=events * 200,
        states=states,
        histograms=states * combinations,
        written=written,
        values=values,
        cpu=(seconds * 1.5, seconds),
        wall=(seconds, seconds),
        later=(0.3 + histogram * written, 0.3 + histogram * written),
        partials=events * 2,
        sums=int(1000 * events**0.5),
        root=written * 400,
    )


def kernel_rows(costs: tuple[float, ...] = COSTS) -> tuple[Any, ...]:
    def row(values: int) -> Any:
        seconds = costs[1] / 2 * 37_500 + costs[2] / 4 * values
        return load("results").KernelRow(events=37_500, states=100, values=values, seconds=seconds)

    return tuple(row(values) for values in (10_000, 50_000, 200_000))


def growth(costs: tuple[float, ...] = COSTS, setting: Any = None, **changes: Any) -> Any:
    r = load("results")
    setting = setting or r.Setting(date="2026-01-01", machine=(), cores=2, small=False)
    opening = r.Opening(branches=(49, 1493), seconds=(0.004, 0.054))
    given = {"rows": growth_rows(costs), "kernel": kernel_rows(costs), **changes}
    return r.Growth(setting=setting, opening=opening, merging=0.007, **given)


def growth_rows(costs: tuple[float, ...] = COSTS) -> tuple[Any, ...]:
    free = [growth_row(150_000 * f, c, None, costs) for c in (65, 186, 607) for f in (1, 2, 4, 8)]
    return (*free, *(growth_row(300_000, 186, most, costs) for most in (4, 1, 2)))


def results(*, small: bool = False) -> Any:
    """Return results with simple numbers."""
    r, chain = load("results"), load("chain")
    setting = r.Setting(date="2026-01-01", machine=(("processor", "some"),), cores=2, small=small)
    cpu = {chain.AWKWARD: 100.0, chain.FIRST2: 2.5, chain.NUMPY: 2.0}
    names = (chain.NUMPY, chain.FIRST2, chain.FIRST1, chain.PICTURES, chain.AWKWARD)
    rows = [
        r.Row(name=name, command=f"run {name}", wall=(1.0,), cpu=(cpu.get(name, 3.0),), peak=410_000_000)
        for name in names
    ]
    return r.Results(
        chain=r.Chain(
            setting=setting,
            root="6.40",
            events=300_000,
            files=8,
            size=150_000_000,
            branches=49,
            branches_read=15,
            bytes_read=65_000_000,
            combinations=186,
            states=188,
            histograms=2000,
            values=1_000_000,
            rows=tuple(rows),
            stages=(r.StageCost(name="fill", wall=1.0, cpu=2.0),),
        ),
        growth=growth(setting=setting),
        memory=r.Memory(
            setting=setting,
            rows=tuple(
                r.MemoryRow(
                    files=n,
                    events=n * 1000,
                    driver=10**8 + n * 20_000,
                    worker=2 * 10**8 + n * 500_000,
                    together=5 * 10**8,
                )
                for n in (1, 10, 100)
            ),
        ),
    )


@given(st.tuples(st.floats(0.1, 10), st.floats(1e-7, 1e-5), st.floats(1e-9, 1e-7), st.floats(1e-6, 1e-3)))
def test_costs_are_found_again(costs: tuple[float, ...]) -> None:
    found = load("fits").costs(growth(costs))
    assert (found.event, found.value, found.histogram) == pytest.approx(costs[1:], rel=1e-4)
    assert found.start == pytest.approx(costs[0] + 0.3, rel=1e-4)
    assert (found.selecting, found.filling) == pytest.approx((costs[1] / 2, costs[2] / 4), rel=1e-4)
    assert found.residual < 1e-6


def test_costs_that_cannot_be_told_apart_are_refused() -> None:
    fits = load("fits")
    one_size = tuple(r for r in growth_rows() if r.events == 150_000)
    for changes in (
        {"rows": ()},
        {"rows": one_size[:1] * 5},
        {"rows": one_size},
        {"kernel": kernel_rows()[:1]},
    ):
        with pytest.raises(ValueError, match="tell them apart"):
            fits.costs(growth(**changes))
    with pytest.raises(ValueError, match="noise hides them"):
        fits.costs(growth((1.0, 1e-6, -1e-9, 1e-5)))


def test_a_bend_is_a_distance() -> None:
    fits = load("fits")
    rows = fits.by_events(growth_rows())[186]
    assert [row.events for row in rows] == [150_000, 300_000, 600_000, 1_200_000]
    assert fits.straight(rows).residual < 1e-6
    bent = (*rows[:-1], rows[-1].model_copy(update={"cpu": (20.0,)}))
    assert fits.straight(bent).residual > 0.05
    assert [row.most_count for row in fits.by_states(growth_rows())] == [1, 2, 4]


def test_the_plan_by_hand() -> None:
    read_scale = importlib.import_module("benchmarks.scale.results").read_results
    found = load("plan").plan(results().growth, read_scale(SCALE))
    assert found.columns.release.events == 9_058_437_931
    assert found.values_per_event == pytest.approx(186 / 40, rel=0.2)
    per_event = found.event + found.value * found.values_per_event
    workers = per_event * 9_058_437_931 + found.columns.costs.overhead * found.columns.tasks
    assert found.columns.core_seconds == pytest.approx(workers)
    assert found.opening == pytest.approx(0.05)
    known = importlib.import_module("benchmarks.scale.extrapolation").costs_of(read_scale(SCALE), 1.0)
    assert found.columns.costs.overhead == pytest.approx(known.overhead + 0.05)
    assert found.columns.costs.merge == 0.007
    assert found.columns.network_bytes == pytest.approx(200 * 9_058_437_931)
    assert found.columns.partial_bytes == pytest.approx(75_000 * found.columns.tasks)
    assert found.exponent == pytest.approx(0.5, abs=1e-3)
    assert found.spectra_bytes == pytest.approx(1000 * 9_058_437_931**0.5, rel=0.01)
    assert found.whole.network_bytes == found.whole.release.size


def test_the_plan_needs_growth_and_tasks() -> None:
    plan = load("plan")
    scale = importlib.import_module("benchmarks.scale.results")
    few = results().growth.model_copy(update={"rows": growth_rows()[:4]})
    with pytest.raises(plan.MissingError, match="growth of 186 combinations"):
        plan.plan(few, scale.read_results(SCALE))
    with pytest.raises(plan.MissingError, match="steps overhead, queueing and growth"):
        plan.plan(results().growth, scale.Results())


def test_targets_are_judged_from_the_numbers() -> None:
    found = {target.name: target for target in load("targets").targets(results())}
    cpu = found["whole chain, 2 workers: CPU seconds"]
    assert (cpu.value, cpu.met) == (2.5, True)
    memory = found["whole chain, 2 workers: peak memory of all processes"]
    assert (memory.value, memory.met) == (410.0, False)
    ratio = found["awkward-array for each final state and combination: CPU over that of the whole chain"]
    assert (ratio.value, ratio.met) == (40.0, True)
    driver = found["memory of the driver, 100 copies of a file over 10"]
    worker = found["memory of the largest worker, 100 copies of a file over 10"]
    assert (driver.value, driver.met) == (pytest.approx(102 / 100.2), True)
    assert (worker.value, worker.met) == (pytest.approx(250 / 205), False)


def test_the_page_has_every_step_and_its_verdicts() -> None:
    text = load("page").page(results(), SCALE)
    assert "Not measured" not in text
    assert "Not extrapolated" not in text
    assert "Not told apart" not in text
    assert "| missed |" in text
    assert "70,611 files" in text
    assert "40 times the CPU time of the whole chain" in text
    assert "| a value, whole chain | 20 ns |" in text


def test_the_page_says_what_is_missing() -> None:
    page = load("page").page
    assert page(load("results").Results(), SCALE).count("Not measured.") == 7
    small = page(results(small=True), SCALE)
    assert "nothing is judged" in small
    assert "| missed |" not in small


def test_results_go_to_json_and_back(tmp_path: Path) -> None:
    r = load("results")
    path = tmp_path / "results.json"
    assert r.read_results(path) == r.Results()
    r.write_results(path, results())
    assert r.read_results(path) == results()


PAGE = "before\n<!-- from results.json -->\nold\n<!-- end -->\nafter\n"


def test_documentation_holds_whole_measurements_only() -> None:
    documented = load("page").documented
    text = documented(PAGE, results(), SCALE)
    assert text.startswith("before\n")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "70,611 files" in text
    assert documented(text, results(), SCALE) == text
    assert "No results" in documented(text, results(small=True), SCALE)
    assert "No results" in documented(text, results().model_copy(update={"memory": None}), SCALE)


def test_the_documentation_is_that_of_the_results() -> None:
    text = (ROOT / "docs" / "spectra-speed.md").read_text(encoding="utf-8")
    kept = load("results").read_results(FOLDER / "results.json")
    assert load("page").documented(text, kept, SCALE) == text


def test_a_quick_look_never_takes_the_place_of_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "spectra",
        "--peers",
        sys.executable,
        "--work",
        str(tmp_path),
        "--results",
        str(FOLDER),
        "--small",
    ]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit):
        load("__main__").main()
    assert "give another folder" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_figure_is_drawn_of_what_there_is(tmp_path: Path) -> None:
    draw = load("figure").draw
    draw(results(), tmp_path / "all.png")
    draw(results().model_copy(update={"growth": None}), tmp_path / "one.png")
    sizes = [(tmp_path / name).stat().st_size for name in ("all.png", "one.png")]
    assert sizes[0] > sizes[1] > 1000
