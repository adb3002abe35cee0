"""RESULTS_VERSION is raised whenever a task gives other numbers: digests of one partial per shipped analysis,
and of one scan of mass spectra.

If a test fails here and the change is meant, raise RESULTS_VERSION and store the digest it prints in
``results_digests.json``.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from femtobarn.base.records import AnalysisSpec, Settings
from femtobarn.base.spectra import CombinationsRecord, ObjectRecord, OverlapRecord, SpectraRecord
from femtobarn.physics.analyses import find_analysis
from femtobarn.physics.spectra.spec import spec_of
from femtobarn.running.engine.inputs import gather
from femtobarn.running.engine.plan import make_plan
from femtobarn.running.engine.task import run_task
from femtobarn.running.results.version import results_version

from .toys import job

STORED = json.loads(Path(__file__).with_name("results_digests.json").read_text(encoding="utf-8"))
ENTRIES = 4000
MASSES = np.array([0.000511, 0.105658])


class Numbers:
    """Uniform numbers from raw bits, which no version of NumPy may change."""

    def __init__(self) -> None:
        self.bits = np.random.Philox(key=42)

    def uniform(self, size: int, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        raw = self.bits.random_raw(size) >> np.uint64(11)
        return low + (high - low) * raw.astype(np.float64) / 2.0**53


def write(path: Path) -> None:
    n = Numbers()
    count = 2 + (n.uniform(ENTRIES) * 4).astype(np.int64)
    total = int(count.sum())
    muon = n.uniform(total) < 0.5
    pt = 7.0 + 60.0 * n.uniform(total) ** 2
    eta = n.uniform(total, -2.4, 2.4)
    leptons = {
        "pt": pt.astype(np.float32),
        "eta": eta.astype(np.float32),
        "phi": n.uniform(total, -3.1, 3.1).astype(np.float32),
        "e": np.sqrt((pt * np.cosh(eta)) ** 2 + MASSES[muon.astype(int)] ** 2).astype(np.float32),
        "charge": np.where(n.uniform(total) < 0.5, -1, 1).astype(np.int32),
        "type": np.where(muon, 13, 11).astype(np.int32),
        **{
            name: n.uniform(total) < 0.9
            for name in ("isLooseID", "isMediumID", "isLooseIso", "isTrigMatched")
        },
    }
    weights = {
        f"ScaleFactor_{name}": n.uniform(ENTRIES, 0.9, 1.1).astype(np.float32)
        for name in ("PILEUP", "ELE", "MUON", "LepTRIGGER")
    }
    columns = {
        "channelNumber": np.full(ENTRIES, 700600, np.uint32),
        "trigE": n.uniform(ENTRIES) < 0.6,
        "trigM": n.uniform(ENTRIES) < 0.6,
        "mcWeight": np.where(n.uniform(ENTRIES) < 0.2, -1.0, 1.0).astype(np.float32),
        **weights,
        "xsec": np.full(ENTRIES, 1.5, np.float32),
        "kfac": np.full(ENTRIES, 1.0, np.float32),
        "filteff": np.full(ENTRIES, 1.0, np.float32),
        "sum_of_weights": np.full(ENTRIES, 1e6),
        "num_events": np.full(ENTRIES, 1e6),
        "lep": ak.zip({name: ak.unflatten(values, count) for name, values in leptons.items()}),
    }
    types = {k: v.layout.form.type if isinstance(v, ak.Array) else v.dtype for k, v in columns.items()}
    with uproot.recreate(path) as file:
        tree = file.mktree("analysis", types, counter_name=lambda name: f"{name}_n")
        tree.extend(columns)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("fixed")
    write(place / "ODEO_FEB2025_v0_exactly4lep_mc_700600.Fixed.exactly4lep.root")
    return place


def check(spec: AnalysisSpec, folder: Path, name: str) -> None:
    """Compare the digest of a partial result with the stored one."""
    inputs = gather(spec, folder)
    (task,) = make_plan(spec, inputs, Settings(part_bytes=10**9, chunk_entries=1000)).tasks
    partial = run_task(job(inputs.spec), task)
    arrays = {"/".join(k): v for k, v in partial.histograms.items()} | dict(partial.cutflow)
    if (spectra := partial.spectra) is not None:
        arrays |= {name: getattr(spectra, name) for name in ("states", "events", "cells", "sums")}
    assert all(v.any() for v in arrays.values())
    # nine digits: instruction sets may differ in the last ones
    text = "\n".join(f"{k} {[_shown(x) for x in v.ravel()]}" for k, v in sorted(arrays.items()))
    found = hashlib.sha256(text.encode()).hexdigest()
    assert (STORED["results_version"], STORED["digests"][name]) == (results_version(), found)


def _shown(number: np.generic) -> str:
    return str(number) if isinstance(number, np.integer) else f"{number:.9g}"


@pytest.mark.parametrize(("name", "mode"), [("hzz", "physics"), ("hzz", "notebook"), ("zll", "physics")])
def test_the_numbers_are_those_of_this_version(name: str, mode: str, folder: Path) -> None:
    spec = find_analysis(name).freeze(release="2025e-13tev-beta", mode=mode)
    check(spec, folder, f"{name} {mode}")


def test_the_numbers_of_a_scan_are_those_of_this_version(folder: Path) -> None:
    record = SpectraRecord(
        objects=(
            ObjectRecord(letter="e", collection="electron", pt_min=10, eta_max=2.0, most=3),
            ObjectRecord(letter="m", collection="muon", identification="medium_id"),
        ),
        overlap=(OverlapRecord(remove="m", near="e", delta_r=0.4, sliding=10),),
        combinations=CombinationsRecord(letters=("e", "m"), subleading=1),
        quantities=("mass", "os", "ss", "met"),
        met="objects",
        weight=("mc.generator", "mc.pileup"),
    )
    check(spec_of(record, "2025e-13tev-beta", name="scan", title="A scan"), folder, "scan")
