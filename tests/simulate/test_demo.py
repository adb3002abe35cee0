"""The demo data set as an analysis sees it."""

from __future__ import annotations

from dataclasses import dataclass

import awkward as ak
import numpy as np
import pytest
import uproot

from femtobarn.base.errors import SettingsError, UnwritableError, UsageError
from femtobarn.simulate import write_demo_data
from femtobarn.simulate.demo import data_file_name, data_table, mc_file_name, mc_table
from femtobarn.simulate.processes import DATASETS, LUMINOSITY, PERIODS, scaled_datasets
from femtobarn.simulate.table import compact

SEED = 7
SIGNAL = {345060, 346228, 346310, 346311, 346312, 346340, 346341, 346342}
FACTORS = ("PILEUP", "ELE", "MUON", "LepTRIGGER")


@dataclass
class Selected:
    mass: np.ndarray
    weight: np.ndarray
    loose: np.ndarray
    final: np.ndarray

    def yield_of(self, stage, low=80.0, high=250.0):
        window = getattr(self, stage) & (self.mass >= low) & (self.mass < high)
        return float(self.weight[window].sum())


def select(table):
    lep = {name: a.reshape(-1, 4) for name, a in table.collections["lep"].fields.items()}
    pt, eta, phi, e = (lep[name].astype(float) for name in ("pt", "eta", "phi", "e"))
    px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    mass = np.sqrt(np.maximum(e.sum(1) ** 2 - px.sum(1) ** 2 - py.sum(1) ** 2 - pz.sum(1) ** 2, 0))
    good = np.where(lep["type"] == 13, lep["isMediumID"], lep["isLooseID"]) & lep["isLooseIso"]
    loose = np.isin(lep["type"].sum(1), (44, 48, 52)) & (lep["charge"].sum(1) == 0)
    ev = table.events
    final = loose & (ev["trigE"] | ev["trigM"]) & lep["isTrigMatched"].any(1) & good.all(1)
    final &= (pt[:, 0] > 20) & (pt[:, 1] > 15) & (pt[:, 2] > 10)
    weight = np.ones(len(table))
    if ev["xsec"][0] > 0:
        weight = LUMINOSITY * 1000 * ev["mcWeight"] / ev["sum_of_weights"]
        for name in ("xsec", "kfac", "filteff", *(f"ScaleFactor_{f}" for f in FACTORS)):
            weight = weight * ev[name]
    return Selected(mass, weight, loose, final)


@pytest.fixture(scope="module")
def simulated():
    return {d.dsid: mc_table(SEED, d, 3000) for d in scaled_datasets(80_000)}


@pytest.fixture(scope="module")
def chosen(simulated):
    return {dsid: select(table) for dsid, table in simulated.items()}


@pytest.fixture(scope="module")
def data():
    return [select(data_table(SEED, period, scaled_datasets(80_000))) for period in PERIODS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo")
    calls = []
    files = write_demo_data(
        path, seed=SEED, events_data=400, events_mc=120, progress=lambda *a: calls.append(a)
    )
    return path, files, calls


def total(chosen, dsids, stage, low=80.0, high=250.0):
    return sum(chosen[dsid].yield_of(stage, low, high) for dsid in dsids)


BACKGROUND = [d.dsid for d in DATASETS if d.dsid not in SIGNAL]
OTHER = [dsid for dsid in BACKGROUND if dsid != 700600]


def test_final_yields_are_about_the_published_ones(chosen):
    assert total(chosen, BACKGROUND, "final") == pytest.approx(731, rel=0.2)
    assert total(chosen, OTHER, "final") == pytest.approx(98, rel=0.3)
    assert total(chosen, [700600], "final") == pytest.approx(633, rel=0.2)
    assert total(chosen, SIGNAL, "final") == pytest.approx(26, rel=0.15)
    assert total(chosen, SIGNAL, "final", 122.5, 130) == pytest.approx(18.4, rel=0.3)


def test_shape_has_the_peak_the_gap_and_the_threshold(chosen):
    peak = total(chosen, BACKGROUND, "final", 85, 97.5)
    gap = total(chosen, BACKGROUND, "final", 100, 132.5)
    plateau = total(chosen, BACKGROUND, "final", 190, 222.5)
    assert peak == pytest.approx(130, rel=0.3)
    assert plateau > 4 * gap > 0


def test_data_agree_with_the_simulation_at_both_stages(chosen, data):
    for stage in ("loose", "final"):
        observed = sum(period.yield_of(stage) for period in data)
        expected = total(chosen, chosen, stage)
        assert observed == pytest.approx(expected, rel=0.12)


def test_sizes_follow_the_luminosity(data):
    sizes = np.array([len(period.mass) for period in data])
    assert sum(p.luminosity for p in PERIODS) == pytest.approx(LUMINOSITY)
    expected = 80_000 * np.array([p.luminosity for p in PERIODS]) / LUMINOSITY
    assert np.all(np.abs(sizes - expected) < 5 * np.sqrt(expected))


def test_top_pairs_alone_look_like_the_published_loose_figure(chosen):
    assert chosen[410470].yield_of("loose") * 0.105 / LUMINOSITY == pytest.approx(3.51, rel=0.2)


def test_expectation_before_selection_is_the_tabulated_one(simulated, chosen):
    for dataset in scaled_datasets(80_000):
        weights = chosen[dataset.dsid].weight
        spread = np.sqrt(np.sum(weights**2))
        assert abs(weights.sum() - dataset.expected) < 5 * spread
        events = simulated[dataset.dsid].events
        assert events["sum_of_weights"][0] > np.abs(events["mcWeight"]).sum() * 0.5
        assert events["num_events"][0] >= len(simulated[dataset.dsid])


def test_weights_have_both_signs_in_the_stated_fractions(simulated):
    for dataset in DATASETS:
        negative = np.mean(simulated[dataset.dsid].events["mcWeight"] < 0)
        error = np.sqrt(dataset.negative * (1 - dataset.negative) / 3000)
        assert abs(negative - dataset.negative) < 5 * error


def test_recorded_leptons_are_in_acceptance_ordered_and_nested(simulated):
    for table in simulated.values():
        lep = {name: a.reshape(-1, 4) for name, a in table.collections["lep"].fields.items()}
        assert lep["pt"].min() >= 7.0 * (1 - 1e-3)
        assert np.all(np.diff(lep["pt"], axis=1) <= 0)
        assert np.abs(lep["eta"]).max() <= 2.5 * (1 + 1e-3)
        assert np.all(lep["isMediumID"] | ~lep["isTightID"])
        assert np.all(lep["isLooseID"] | ~lep["isMediumID"])
        assert np.all(lep["isLooseIso"] | ~lep["isTightIso"])
        assert np.all(lep["e"] >= lep["pt"] * np.cosh(lep["eta"].astype(float)) * (1 - 1e-6))


def test_non_prompt_leptons_mostly_fail(simulated):
    def passing(dsid):
        fields = simulated[dsid].collections["lep"].fields
        return (fields["isLooseID"] & fields["isLooseIso"]).reshape(-1, 4).all(axis=1).mean()

    assert passing(345060) > 0.6
    assert passing(410470) < 0.02


def test_equal_seeds_give_equal_contents_and_others_do_not():
    datasets = scaled_datasets(16 * 300)
    first = mc_table(3, datasets[0], 200)
    assert first.digest() == mc_table(3, datasets[0], 200).digest()
    assert first.digest() != mc_table(4, datasets[0], 200).digest()
    assert data_table(3, PERIODS[5], datasets).digest() == data_table(3, PERIODS[5], datasets).digest()
    assert data_table(3, PERIODS[5], datasets).digest() != data_table(3, PERIODS[7], datasets).digest()


def test_forty_files_with_the_names_of_the_release(folder):
    path, files, calls = folder
    assert len(files) == len(set(files)) == 40
    assert sorted(p.name for p in path.iterdir()) == sorted(p.name for p in files)
    assert files[0].name == "ODEO_FEB2025_v0_exactly4lep_data15_periodD.exactly4lep.root"
    assert path / mc_file_name(DATASETS[0]) in files
    assert [done for _, done, _ in calls] == list(range(1, 41))
    assert {of for _, _, of in calls} == {40}


def test_files_say_what_they_are_and_hold_what_was_made(folder):
    path, _, _ = folder
    datasets = scaled_datasets(16 * 400)
    table = mc_table(SEED, datasets[0], 120)
    with uproot.open(path / mc_file_name(datasets[0])) as file:
        tree = file["analysis"]
        assert tree.title == "simulated demo data"
        assert tree.num_entries == 120
        assert tree["lep_pt"].num_baskets == 2
        assert set(tree["category"].array()) == {"mc"}
        for name, values in table.events.items():
            np.testing.assert_array_equal(tree[name].array(library="np"), values)
        for name, collection in table.collections.items():
            np.testing.assert_array_equal(tree[f"{name}_n"].array(library="np"), collection.counts)
            for field, values in collection.fields.items():
                read = ak.to_numpy(ak.flatten(tree[f"{name}_{field}"].array()))
                np.testing.assert_array_equal(read, values)


def test_data_have_unit_weights_no_truth_and_plausible_runs(folder):
    path, _, _ = folder
    period = PERIODS[9]
    with uproot.open(path / data_file_name(period)) as file:
        tree = file["analysis"]
        for name in ("mcWeight", "sum_of_weights", "ScaleFactor_PILEUP"):
            assert np.all(tree[name].array(library="np") == 1)
        assert np.all(tree["xsec"].array(library="np") == 0)
        assert np.all(tree["truth_elec_n"].array(library="np") == 0)
        assert ak.count(tree["jet_pt_jer1"].array(), axis=None) == 0
        runs = tree["runNumber"].array(library="np")
        assert period.first_run <= runs.min() <= runs.max() <= period.last_run
        numbers = tree["eventNumber"].array(library="np")
        assert len(np.unique(numbers)) == len(numbers)


def test_writing_again_replaces_only_the_demo_and_keeps_identities(folder, tmp_path):
    _, files, _ = folder
    (tmp_path / "notes.txt").write_text("mine")
    again = write_demo_data(tmp_path, seed=SEED, events_data=400, events_mc=120)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 41
    for one, two in zip(files, again, strict=True):
        with uproot.open(one) as a, uproot.open(two) as b:
            assert a.file.uuid == b.file.uuid


def test_a_file_where_the_folder_should_be_is_an_error(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(UsageError, match="Expected a folder"):
        write_demo_data(tmp_path / "taken")


def test_a_failed_write_is_an_error_and_leaves_nothing(tmp_path):
    (tmp_path / data_file_name(PERIODS[0])).mkdir()
    with pytest.raises(UnwritableError, match=r"Expected to write .*Is a directory"):
        write_demo_data(tmp_path, events_data=400, events_mc=20)
    assert [p.name for p in tmp_path.iterdir()] == [data_file_name(PERIODS[0])]


@pytest.mark.parametrize("bad", [{"seed": -1}, {"seed": 2**64}, {"events_mc": 0}, {"events_data": 10}])
def test_impossible_requests_are_refused_before_anything_is_written(tmp_path, bad):
    with pytest.raises(SettingsError, match=r"Expected .* (Ask|Choose)"):
        write_demo_data(tmp_path / "new", **bad)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("bits", [6, 10, 14])
def test_compact_keeps_the_stated_precision(bits):
    values = np.random.default_rng(0).normal(0, 100, 1000).astype(np.float32)
    np.testing.assert_allclose(compact(values, bits), values, rtol=2.0 ** -(bits + 1))
