"""Files of the 2025 release with leptons, jets and photons, and configurations of scans, made up for tests."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot
import yaml
from tests.running.toys import DATA_RUN, RELEASE, data_name, mc_name

COLLECTIONS = ("lep", "jet", "photon")

SMALL: dict[str, Any] = {"final_states": {"most_count": 2}, "combinations": {"most_total": 2}}
"""Changes to `content` with which there are few spectra: pairs, in up to two objects of each kind."""


def write_events(
    path: Path, entries: int, *, seed: int = 1, channel: int = DATA_RUN, clusters: int = 5, most: int = 4
) -> Path:
    """Write events with 0 to ``most`` leptons, jets and photons each, falling in pt."""
    rng = np.random.default_rng([seed, entries, channel])
    columns: dict[str, Any] = {
        "runNumber": np.full(entries, channel if channel == DATA_RUN else 284500, np.uint32),
        "eventNumber": np.arange(entries, dtype=np.uint64),
        "channelNumber": np.full(entries, channel, np.uint32),
        "mcWeight": rng.choice([1.0, -0.3, 0.7], entries).astype(np.float32),
        "xsec": np.full(entries, 2.0, np.float32),
        "kfac": np.full(entries, 1.0, np.float32),
        "filteff": np.full(entries, 0.5, np.float32),
        "sum_of_weights": np.full(entries, 50_000.0),
        "num_events": np.full(entries, 100_000, np.float64),
    }
    for name in COLLECTIONS:
        columns[name] = _objects(rng, rng.integers(0, most + 1, entries), leptons=name == "lep")
    types = {n: v.layout.form.type if isinstance(v, ak.Array) else v.dtype for n, v in columns.items()}
    with uproot.recreate(path) as file:
        out = file.mktree("analysis", types, title="analysis", counter_name=lambda name: f"{name}_n")
        for start, stop in pairwise(np.linspace(0, entries, clusters + 1).astype(int)):
            if stop > start:
                out.extend({name: values[start:stop] for name, values in columns.items()})
    return path


def _objects(rng: np.random.Generator, count: np.ndarray, *, leptons: bool) -> ak.Array:
    total = int(count.sum())
    pt = 8 + rng.exponential(30.0, total)
    eta = rng.uniform(-2.4, 2.4, total)
    fields = {"pt": pt, "eta": eta, "phi": rng.uniform(-np.pi, np.pi, total), "e": pt * np.cosh(eta) * 1.0005}
    made = {name: values.astype(np.float32) for name, values in fields.items()}
    if leptons:
        made |= {
            "type": rng.choice([11, 13], total).astype(np.int32),
            "charge": rng.choice([-1, 1], total).astype(np.int32),
        }
    return ak.zip({name: ak.unflatten(values, count) for name, values in made.items()})


def write_folder(folder: Path, *, files: int = 3, entries: int = 600) -> Path:
    """Write files of data, and as many of two simulated datasets."""
    folder.mkdir(exist_ok=True)
    for i in range(files):
        write_events(folder / data_name(f"data15_period{'DEFGHJ'[i]}"), entries + 50 * i, seed=i)
    for i, dsid in enumerate((410470, 700600)):
        write_events(folder / mc_name(dsid), entries - 100 * i, seed=10 + i, channel=dsid)
    return folder


def content(**changes: Any) -> dict[str, Any]:
    """Return a configuration: a scan of electrons, muons, jets and photons."""
    return {
        "release": RELEASE,
        "name": "toyscan",
        "objects": {"electron": {"pt_min": 7}, "muon": {}, "jet": {"pt_min": 20}, "photon": {}},
        "final_states": {"most_count": 4},
        "overlap_removal": False,
        **changes,
    }


def write_config(path: Path, **changes: Any) -> Path:
    """Write a configuration with changes to `content`."""
    path.write_text(yaml.safe_dump(content(**changes)), encoding="utf-8")
    return path
