"""Scans of files: trees and RNTuples, collections that a file lacks, what a run tells of its inputs."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from femtobarn.base.errors import BranchMissingError, DamagedError
from femtobarn.base.records import Settings
from femtobarn.base.spectra import CombinationsRecord, ObjectRecord, SpectraRecord
from femtobarn.physics.spectra.spec import spec_of
from femtobarn.running.engine.inputs import gather
from femtobarn.running.engine.run import run
from femtobarn.running.results.spectra.folder import read_sums

from .comparing import bins_of, record_of, require_equal
from .plain import Rules, Where, read, scan
from .scanning import filled
from .test_invariance import same

LITE = {"e": "AnalysisElectrons", "m": "AnalysisMuons", "j": "AnalysisJets", "g": "AnalysisPhotons"}
TAGS = "BTagging_AntiKt4EMPFlowAuxDyn"
WHERE = {
    letter: Where(
        f"{name}AuxDyn.",
        mass=0.10566 if letter == "m" else f"{name}AuxDyn.m",
        scale=1000,
        charge=f"{name}AuxDyn.charge" if letter in "em" else None,
        dl1d=f"{TAGS}.DL1dv01" if letter == "j" else None,
    )
    for letter, name in LITE.items()
}


def events(entries: int, *, seed: int = 1, mark: str = ".", shift: int = 0) -> dict[str, Any]:
    """Return branches of PHYSLITE; ``shift`` jets too few are tagged in the first event that has any."""
    rng = np.random.default_rng(seed)
    found: dict[str, Any] = {"EventInfoAuxDyn.eventTypeBitmask": np.ones(entries, np.uint32)}
    found["EventInfoAuxDyn.runNumber"] = np.full(entries, 284500, np.uint32)
    found["EventInfoAuxDyn.eventNumber"] = np.arange(entries, dtype=np.uint64)
    found["EventInfoAuxDyn.mcChannelNumber"] = np.full(entries, 410470, np.uint32)
    weights = rng.normal(1, 0.2, (entries, 2)).astype(np.float32)
    found["EventInfoAuxDyn.mcEventWeights"] = ak.from_regular(ak.Array(weights))
    for letter, name in LITE.items():
        count = rng.integers(0, 4, entries)
        total = int(count.sum())
        fields = {
            "pt": 5000 + rng.exponential(30_000, total),
            "eta": rng.uniform(-2.5, 2.5, total),
            "phi": rng.uniform(-np.pi, np.pi, total),
            "m": rng.exponential(3000, total),
            "charge": rng.choice([-1, 1], total),
        }
        for field, numbers in fields.items():
            found[f"{name}AuxDyn.{field}"] = ak.unflatten(numbers.astype(np.float32), count)
        if letter == "j":
            first = int(np.argmax(count > 0))
            tagged = count - shift * (np.arange(entries) == first)
            for flavour in ("pb", "pc", "pu"):
                numbers = rng.uniform(0.01, 1, int(tagged.sum())).astype(np.float32)
                found[f"{TAGS}.DL1dv01_{flavour}"] = ak.unflatten(numbers, tagged)
    return {name.replace(".", mark): values for name, values in found.items()}


def write_tree(path: Path, columns: dict[str, Any], tree: str = "CollectionTree") -> Path:
    types = {n: v.layout.form.type if isinstance(v, ak.Array) else v.dtype for n, v in columns.items()}
    with uproot.recreate(path) as file:
        out = file.mktree(tree, types, counter_name=lambda name: f"n_{name.replace('.', '_')}")
        entries = len(next(iter(columns.values())))
        for start in range(0, entries, 30):
            out.extend({name: values[start : start + 30] for name, values in columns.items()})
    return path


TAGGED = Rules(letters="emjgb", tag=0.0, quantities=("mass", "os", "ss", "met"), balance=True, total=3)


def test_an_rntuple_is_scanned_as_a_tree(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree.root", events(60))
    ntuple = tmp_path / "ntuple.root"
    columns = events(60, mark=":")
    with uproot.recreate(ntuple) as file:
        out = file.mkrntuple("EventData", {name: values[:25] for name, values in columns.items()})
        out.extend({name: values[25:] for name, values in columns.items()})
    record = record_of(TAGGED, tag="dl1d")
    one, other = (filled("2024r-pp", record, path, chunk_entries=17)[0] for path in (tree, ntuple))
    assert one.spectra is not None
    assert other.spectra is not None
    assert same(one.spectra, other.spectra)
    assert one.cutflow["final states"].tobytes() == other.cutflow["final states"].tobytes()
    numbers = {"weight": ("EventInfoAuxDyn.mcEventWeights", 0)}
    plain = scan(read(tree, "CollectionTree", WHERE, numbers), TAGGED)
    assert require_equal(other.spectra, record, plain, weighed=True) > 800


def test_tags_of_another_number_of_jets_are_an_error(tmp_path: Path) -> None:
    path = write_tree(tmp_path / "tree.root", events(50, shift=1))
    with pytest.raises(DamagedError, match=rf"differ in length: in entry \d+ .*{TAGS}.DL1dv01_pb"):
        filled("2024r-pp", record_of(TAGGED, tag="dl1d"), path)


def test_a_choice_of_taus_that_a_file_lacks_is_an_error(tmp_path: Path) -> None:
    path = write_tree(tmp_path / "tree.root", events(20))
    taus = ObjectRecord(letter="t", collection="tau_muon_removed")
    electrons = ObjectRecord(letter="e", collection="electron")
    record = SpectraRecord(objects=(electrons, taus), combinations=CombinationsRecord(letters=("e", "t")))
    with pytest.raises(
        BranchMissingError, match=r"'AnalysisTauJets_MuonRMAuxDyn.pt' or .*tau_muon_removed\.pt"
    ):
        filled("2024r-pp", record, path)


def write_nano(path: Path, entries: int, collections: dict[str, tuple[str, ...]], seed: int) -> Path:
    """Write NanoAOD with some collections; each has the fields named, and those of every object."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {
        "run": np.full(entries, 1, np.uint32),
        "event": np.arange(entries, dtype=np.uint64),
        "genWeight": rng.choice([1.0, -1.0], entries).astype(np.float32),
    }
    for name, fields in collections.items():
        count = rng.integers(0, 4, entries)
        total = int(count.sum())
        numbers = {
            "pt": rng.exponential(30, total) + 3,
            "eta": rng.uniform(-2.4, 2.4, total),
            "phi": rng.uniform(-3.1, 3.1, total),
        }
        numbers |= {field: rng.uniform(0, 1, total) for field in fields}
        columns[name] = ak.zip(
            {field: ak.unflatten(values.astype(np.float32), count) for field, values in numbers.items()}
        )
    types = {n: v.layout.form.type if isinstance(v, ak.Array) else v.dtype for n, v in columns.items()}
    with uproot.recreate(path) as file:
        file.mktree("Events", types, counter_name=lambda name: f"n{name}").extend(columns)
    return path


def test_files_of_which_each_lacks_another_collection(tmp_path: Path) -> None:
    every = {
        "Electron": ("mass",),
        "Muon": ("mass",),
        "Jet": ("mass", "btagPNetB"),
        "Photon": (),
        "boostedTau": ("mass",),
    }
    rules = Rules(letters="emjgt", total=2)
    record = record_of(rules)
    taus = record.objects[-1].model_copy(update={"collection": "boosted_tau"})
    record = record.model_copy(update={"objects": (*record.objects[:-1], taus)})
    where = {"e": "Electron", "m": "Muon", "j": "Jet", "g": "Photon", "t": "boostedTau"}
    own = {
        "Electron": "electron",
        "Muon": "muon",
        "Jet": "jet",
        "Photon": "photon",
        "boostedTau": "boosted_tau",
    }
    for i, lacking in enumerate([None, *every]):
        there = {name: fields for name, fields in every.items() if name != lacking}
        path = write_nano(tmp_path / f"{i}.root", 60, there, seed=i)
        (partial,) = filled("cms-nanoaod", record, path)
        kinds = {
            letter: Where(f"{name}_", mass=0.0 if name == "Photon" else f"{name}_mass")
            for letter, name in where.items()
            if name in there
        }
        plain = scan(read(path, "Events", kinds, {"weight": "genWeight"}), rules)
        assert partial.spectra is not None
        assert require_equal(partial.spectra, record, plain, weighed=True) > 300
        expected = set() if lacking == "Photon" else {"photon.e: no mass of each object, all are 0 GeV"}
        if lacking is not None:
            expected.add(f"{own[lacking]}: the file has no such collection, it is taken as empty")
        assert {*partial.header.filled} == expected


def test_a_run_tells_of_objects_without_a_four_vector(tmp_path: Path) -> None:
    path = write_nano(tmp_path / "nano.root", 40, {"Muon": ("mass",)}, seed=1)
    with uproot.open({str(path): "Events"}) as tree:
        columns = {name: tree[name].array() for name in ("run", "event", "genWeight")}
        muons = {field: tree[f"Muon_{field}"].array() for field in ("pt", "eta", "phi", "mass")}
    pt = ak.where(ak.local_index(muons["pt"]) == 1, np.float32(np.nan), muons["pt"])
    columns = {name: ak.to_numpy(values) for name, values in columns.items()}
    columns["Muon"] = ak.zip({**muons, "pt": ak.values_astype(pt, np.float32)})
    types = {n: v.layout.form.type if isinstance(v, ak.Array) else v.dtype for n, v in columns.items()}
    broken = tmp_path / "broken.root"
    with uproot.recreate(broken) as file:
        file.mktree("Events", types, counter_name=lambda name: f"n{name}").extend(columns)
    muon = ObjectRecord(letter="m", collection="muon")
    record = SpectraRecord(objects=(muon,), combinations=CombinationsRecord(letters=("m",)))
    spec = spec_of(record, "cms-nanoaod", name="scan", title="A scan")
    inputs = gather(spec, broken)
    results = run(
        inputs.spec, inputs, Settings(workers=0, part_bytes=10**9, chunk_entries=10), tmp_path / "out"
    )
    assert (
        "broken.root: muon: objects whose four-vector is not finite, or absurdly large, were left out"
        in " ".join(results.info.notes)
    )
    (sums,) = read_sums(tmp_path / "out/spectra").values()
    assert int(sums.events[:, 0].sum()) == int(ak.sum(ak.num(muons["pt"]) > 0))


@pytest.mark.services
def test_a_run_in_many_parts_has_the_bins_of_a_plain_scan(folder: Path, tmp_path: Path) -> None:
    rules = Rules(quantities=("mass", "os", "ss", "met"), balance=True, total=3)
    record = record_of(rules).model_copy(update={"values": False})
    spec = spec_of(record, "2025e-13tev-beta", name="scan", title="A scan")
    inputs = gather(spec, folder)
    settings = Settings(workers=2, part_bytes=4000, chunk_entries=50)
    run(inputs.spec, inputs, settings, tmp_path / "out")
    found = read_sums(tmp_path / "out/spectra")
    leptons = {
        letter: Where("lep_", energy="lep_e", only=("lep_type", number), charge="lep_charge")
        for letter, number in (("e", 11), ("m", 13))
    }
    where = leptons | {x: Where(f"{n}_", energy=f"{n}_e") for x, n in (("j", "jet"), ("g", "photon"))}
    by_process: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.root")):
        name = "410470" if "410470" in path.name else "700600" if "700600" in path.name else "Data"
        by_process.setdefault(name, []).append(path)
    assert sum(map(len, by_process.values())) == len(inputs.files)
    for process, sums in found.items():
        key = next((k for k in by_process if k in process), "Data")
        weighed = key != "Data"
        numbers = {"weight": "mcWeight"} if weighed else {}
        every = [one for path in by_process[key] for one in read(path, "analysis", where, numbers)]
        plain = scan(every, rules)
        counts: Counter[tuple[str, str]] = Counter()
        for (signature, _), row in bins_of(sums, record).items():
            counts[signature] += int(row[0])
        assert counts == {signature: len(values) for signature, values in plain.values.items()}
        expected = [math.fsum(own) for _, own in sorted(plain.events.items(), key=_by_counts)]
        np.testing.assert_allclose(sums.events[:, 1 if weighed else 0], expected, rtol=1e-12, atol=1e-9)


def _by_counts(item: tuple[str, list[float]]) -> list[int]:
    return [int(n[:-1]) for n in item[0].split("_")]
