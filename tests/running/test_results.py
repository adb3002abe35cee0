"""Partials, the run directory and reading it."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import hist
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st
from uhi.io.json import object_hook

from femtobarn.base.atomic import replacing
from femtobarn.base.errors import (
    LuminosityUnknownError,
    MergeError,
    ResultsError,
    RunDirectoryError,
    SettingsError,
    UnknownNameError,
)
from femtobarn.base.records import AnalysisSpec, RunInfo, Settings
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.plan import make_plan
from femtobarn.running.engine.run import run
from femtobarn.running.engine.task import run_task
from femtobarn.running.results.cutflow import _cells as cutflow_cells
from femtobarn.running.results.names import safe_names
from femtobarn.running.results.partial import Partial, read_partial, write_partial
from femtobarn.running.results.reader import RunResults
from femtobarn.running.results.store import FolderStore

from .toys import data_name, job, mc_name

Make = Callable[..., Settings]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, spec: AnalysisSpec, inputs: Inputs) -> RunResults:
    out = tmp_path_factory.mktemp("results") / "out"
    run(
        spec,
        inputs,
        Settings(workers=0, part_bytes=20_000, chunk_entries=300),
        out,
        command="femtobarn run toy",
    )
    return RunResults.load(out)


@pytest.fixture(scope="module")
def partial(spec: AnalysisSpec, inputs: Inputs) -> Partial:
    plan = make_plan(spec, inputs, Settings(part_bytes=20_000, chunk_entries=300))
    return run_task(job(spec), plan.tasks[-1], worker="w")


def test_partial_round_trip(partial: Partial, tmp_path: Path) -> None:
    write_partial(tmp_path / "p", partial)
    again = read_partial(tmp_path / "p")
    assert again.header == partial.header
    for key, values in partial.histograms.items():
        assert again.histograms[key].tobytes() == values.tobytes()
    for key, values in partial.cutflow.items():
        assert again.cutflow[key].tobytes() == values.tobytes()
    assert list(tmp_path.iterdir()) == [tmp_path / "p"]


def test_partial_holds_no_pickle_and_no_time_of_writing(partial: Partial, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_partial(tmp_path / name, partial)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with zipfile.ZipFile(tmp_path / "a") as source:
        assert {Path(n).suffix for n in source.namelist()} == {".npy", ".json"}


def test_hostile_partial_is_not_unpickled(partial: Partial, tmp_path: Path) -> None:
    path = tmp_path / "p"
    write_partial(path, partial)
    with zipfile.ZipFile(path) as source:
        members = {n: source.read(n) for n in source.namelist()}
    with zipfile.ZipFile(path, "w") as target:
        for name, data in members.items():
            if name == "histogram/0.npy":
                with target.open(name, "w") as member:
                    np.lib.format.write_array(member, np.array([{}], dtype=object), allow_pickle=True)
            else:
                target.writestr(name, data)
    with pytest.raises(MergeError, match="computed anew"):
        read_partial(path)


@given(data=st.data())
def test_damage_is_noticed_or_harmless(
    data: st.DataObject, partial: Partial, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("damage") / partial.header.task
    write_partial(path, partial)
    content = bytearray(path.read_bytes())
    where = data.draw(st.integers(0, len(content) - 1))
    content[where] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))]))
    try:
        again = read_partial(path)
    except MergeError:
        return
    assert again.header == partial.header
    assert all(np.array_equal(again.histograms[k], v) for k, v in partial.histograms.items())
    assert all(np.array_equal(again.cutflow[k], v) for k, v in partial.cutflow.items())


def test_store(partial: Partial, tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    task = partial.header.task
    assert not store.has(task)
    assert list(store.tasks()) == []
    store.write(partial)
    store.write(partial)
    assert store.has(task)
    assert store.path(task) == tmp_path / task[:2] / task
    assert list(store.tasks()) == [task]
    with pytest.raises(MergeError, match="cannot be read"):
        store.read("0" * 64)


def test_an_interrupted_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def half() -> None:
        with replacing(path) as temporary:
            temporary.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_directory_has_the_files_of_the_contract(results: RunResults) -> None:
    names = {p.name for p in results.path.iterdir()}
    assert names >= {
        "run.json", "ledger.csv", "cutflow.csv", "yields.csv", "histograms.npz", "histograms.json",
        "histograms.root", "metrics.json", "tasks",
    }  # fmt: skip
    heads = {
        "ledger.csv": "task,file,part,start,stop,status,reason,attempts,seconds,worker",
        "cutflow.csv": "process,dsid,file,selection,variation,step,cut,raw,sumw,sumw2,norm",
        "yields.csv": "selection,process,role,raw,yield,stat_error,complete,syst_down,syst_up",
    }
    for name, head in heads.items():
        assert (results.path / name).read_text().splitlines()[0] == head


def test_run_json(results: RunResults, inputs: Inputs) -> None:
    text = json.loads((results.path / "run.json").read_text())
    assert text["complete"] is True
    assert text["mode"] == "physics"
    assert text["command"] == "femtobarn run toy"
    assert {i["name"]: (i["size"], i["identity"]) for i in text["inputs"]} == {
        f.name: (f.size, f.identity) for f in inputs.files
    }
    assert dict(text["environment"]["versions"])["numpy"] == np.__version__
    assert RunInfo.model_validate(text) == results.info


def test_root_equals_npz(results: RunResults) -> None:
    with (
        np.load(results.path / "histograms.npz") as truth,
        uproot.open(results.path / "histograms.root") as file,
    ):
        variations = list(truth["variations"])
        assert variations == ["nominal", "lepton scale:up", "lepton scale:down"]
        norms = {n.dataset: n.factor for n in results.info.normalisations}
        for name in ("pt", "plane"):
            sums = truth[f"final/{name}"]
            keys = list(truth[f"final/{name}/keys"])
            for v, safe in enumerate(("nominal", "lepton_scale_up", "lepton_scale_down")):
                factors = {k: 0.4 * norms[int(k)] for k in ("410470", "700600")}
                values = sum(sums[keys.index(k), v, ..., 0] * f for k, f in factors.items())
                variances = sum(sums[keys.index(k), v, ..., 1] * f**2 for k, f in factors.items())
                found = file[f"final/{safe}/other/{name}"]
                assert found.classname == ("TH1D" if name == "pt" else "TH2D")
                np.testing.assert_allclose(found.values(flow=True), values, rtol=1e-14)
                np.testing.assert_allclose(found.variances(flow=True), variances, rtol=1e-14)
            assert np.array_equal(
                file[f"final/nominal/Data/{name}"].values(flow=True), sums[:2, 0, ..., 0].sum(axis=0)
            )
        assert not [k for k in file.classnames() if "/Data/" in k and "nominal" not in k]


def test_uhi_json_read_back_by_hist(results: RunResults) -> None:
    text = (results.path / "histograms.json").read_text()
    assert "writer_info" not in text
    loaded = json.loads(text, object_hook=object_hook)
    assert list(loaded) == sorted(loaded)
    with np.load(results.path / "histograms.npz") as truth:
        expected = {
            f"{name[: -len('/keys')]}/{key}"
            for name in truth.files
            if name.endswith("/keys")
            for key in truth[name]
        }
        assert set(loaded) == expected
        back = hist.Hist(loaded["final/plane/345060"])
        index = list(truth["final/plane/keys"]).index("345060")
        sums = truth["final/plane"][index, 0]
    assert np.array_equal(back.values(flow=True), sums[..., 0])
    assert np.array_equal(back.variances(flow=True), sums[..., 1])
    assert f"final/met/{mc_name(345060)}" in loaded
    assert "final/lead/higgs" in loaded


def test_cutflow_agrees_with_the_ledger_and_the_histograms(results: RunResults) -> None:
    events: dict[str, int] = {}
    for row in results.ledger():
        events[row.file] = events.get(row.file, 0) + row.stop - row.start
    for row in results.cutflow():
        if row.step == 0:
            assert row.raw == events[row.file]
            assert row.cut == "all events"
    last = {
        (r.dsid, r.variation): r.sumw for r in results.cutflow() if r.selection == "final" and r.step == 3
    }
    with np.load(results.path / "histograms.npz") as truth:
        sums, keys = truth["final/plane"], list(truth["final/plane/keys"])
        for v, variation in enumerate(truth["variations"]):
            for dsid in (410470, 345060):
                total = sums[keys.index(str(dsid)), v, ..., 0].sum()
                assert total == pytest.approx(last[dsid, variation], rel=1e-12)
    ups = [r.raw for r in results.cutflow() if (r.dsid, r.selection, r.step) == (345060, "final", 3)]
    assert ups[1] > ups[0] > ups[2]


def test_data_are_the_same_in_all_variations(results: RunResults) -> None:
    nominal = results.histogram("pt", "final", process="Data")
    up = results.histogram("pt", "final", process="Data", variation="lepton scale:up")
    assert nominal == up
    assert nominal.sum(flow=True).value > 0


def test_what_is_kept_can_be_asked_for(results: RunResults) -> None:
    period = results.histogram("pt", "final", files=["data15_periodD"])
    both = results.histogram("pt", "final", process="Data")
    assert 0 < period.sum(flow=True).value < both.sum(flow=True).value
    a = results.histogram("pt", "final", datasets=[410470], luminosity=0.105)
    b = results.histogram("pt", "final", datasets=[700600], luminosity=0.105)
    total = results.histogram("pt", "final", process="other", luminosity=0.105)
    np.testing.assert_allclose((a + b).values(flow=True), total.values(flow=True), rtol=1e-13)
    np.testing.assert_allclose((a + b).variances(flow=True), total.variances(flow=True), rtol=1e-13)
    one = results.histogram("met", "final", files=[data_name("data15_periodD")])
    same = results.histogram("met", "final", files=["data15_periodD"])
    assert one == same
    # without a choice: all of the simulation
    every = results.histogram("pt", "final")
    parts = [results.histogram("pt", "final", process=p) for p in ("other", "higgs")]
    np.testing.assert_allclose(every.values(), sum(p.values() for p in parts), rtol=1e-13)


def test_keep_process_is_normalised_dataset_by_dataset(results: RunResults) -> None:
    kept = results.histogram("lead", "final", process="other")
    projected = results.histogram("plane", "final", process="other")[:, sum]
    np.testing.assert_allclose(kept.values(flow=True), projected.values(flow=True), rtol=1e-12)
    with pytest.raises(ResultsError, match="keeps one sum"):
        results.histogram("lead", "final", datasets=[410470])


def test_luminosity_can_be_changed_after_the_run(results: RunResults) -> None:
    more = results.with_luminosity(4.0)
    assert results.luminosity.value == 0.4
    a, b = results.histogram("pt", "final"), more.histogram("pt", "final")
    np.testing.assert_allclose(b.values(), 10 * a.values(), rtol=1e-13)
    np.testing.assert_allclose(b.variances(), 100 * a.variances(), rtol=1e-13)
    for before, after in zip(results.yields(), more.yields(), strict=True):
        assert after.yield_ == pytest.approx(before.yield_ * (1 if before.role == "data" else 10))
    with pytest.raises(SettingsError, match="positive number"):
        results.with_luminosity(0)


def test_unknown_names_and_sums_without_meaning(results: RunResults) -> None:
    for request in (
        {"name": "mt"}, {"selection": "finale"}, {"process": "Higgs"}, {"datasets": [1]},
        {"files": ["data15_periodX"]}, {"variation": "up"},
    ):  # fmt: skip
        with pytest.raises(UnknownNameError):
            results.histogram(**{"name": "pt", "selection": "final", **request})
    with pytest.raises(ResultsError, match="no meaning"):
        results.histogram("pt", "final", process=["Data", "other"])


def test_unknown_luminosity_and_factor(results: RunResults) -> None:
    unknown = replace(results, luminosity=results.luminosity.model_copy(update={"value": None}))
    with pytest.raises(LuminosityUnknownError, match="--luminosity"):
        unknown.histogram("pt", "final")
    assert unknown.histogram("pt", "final", process="Data").sum().value > 0
    lost = tuple(n.model_copy(update={"factor": None}) for n in results.info.normalisations)
    unscaled = replace(results, info=results.info.model_copy(update={"normalisations": lost}))
    with pytest.raises(ResultsError, match="cannot be scaled"):
        unscaled.histogram("pt", "final")


def test_notebook_view_is_escaped(results: RunResults) -> None:
    view = results._repr_html_()
    assert "A &lt;toy&gt;" in view
    assert "<toy>" not in view
    assert "complete" in view


def test_yields_file_is_what_the_reader_gives(results: RunResults) -> None:
    with (results.path / "yields.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(r["process"], r["yield"], r["complete"]) for r in rows] == [
        (y.process, repr(y.yield_), "true") for y in results.yields()
    ]


def test_metrics(results: RunResults) -> None:
    metrics = results.metrics()
    assert metrics.events == results.info.events_processed
    assert metrics.tasks == len(results.ledger())
    assert metrics.bytes_read > 0
    assert metrics.peak_rss > 10**7
    assert metrics.over_time[-1].events == metrics.events
    assert sum(w.events for w in metrics.workers) == metrics.events


def test_not_a_run_directory(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="there is none"):
        RunResults.load(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(RunDirectoryError, match="cannot be read"):
        RunResults.load(tmp_path)


def test_safe_names_are_safe_and_distinct() -> None:
    names = ["final", "a/b", "a b", "../..", "", "ü", "m4l"]
    safe = safe_names(names)
    assert len(set(safe.values())) == len(names)
    assert safe["m4l"] == "m4l"
    assert not any("/" in s or s in {"", ".", ".."} or ";" in s for s in safe.values())


def test_mixed_environments_are_noted(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make
) -> None:
    run(spec, inputs, settings(), tmp_path / "out")
    store = FolderStore(tmp_path / "out" / "tasks")
    one = store.read(next(store.tasks()))
    other = one.header.environment.model_copy(update={"instruction_set": "other"})
    store.write(replace(one, header=one.header.model_copy(update={"environment": other})))
    again = run(spec, inputs, settings(), tmp_path / "out")
    assert again.info.mixed_environments
    assert any("instruction sets" in note for note in again.info.notes)


def test_cells_of_any_text_are_those_of_a_table() -> None:
    words = ["plain", "two\nlines", "a,b", 'say "x"', "", "c\rr"]
    assert next(csv.reader(io.StringIO(cutflow_cells(*words)))) == words
