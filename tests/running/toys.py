"""A toy analysis, and files for it written with uproot."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import awkward as ak
import numpy as np
import uproot

from femtobarn.base.records import Access, AnalysisSpec, Job
from femtobarn.physics.language import Analysis, Regular, Variable, ev, mc

RELEASE = "2025e-13tev-beta"
DATA_RUN = 276262
INPUTS = {
    "release": {
        RELEASE: {
            "skim": "exactly4lep",
            "luminosity": 0.4,
            "processes": [
                {
                    "name": "Data",
                    "label": "Data",
                    "colour": "#000000",
                    "role": "data",
                    "periods": ["data15_periodD", "data15_periodE"],
                },
                {
                    "name": "other",
                    "label": "Other",
                    "colour": "#6b59d3",
                    "role": "background",
                    "datasets": [410470, 700600],
                },
                {
                    "name": "higgs",
                    "label": "Signal",
                    "colour": "#00cdff",
                    "role": "signal",
                    "datasets": [345060],
                },
            ],
        }
    }
}


def toy_analysis(cut: float = 20.0, inputs: dict | None = INPUTS) -> Analysis:
    analysis = Analysis("toy", title="A <toy>", inputs=inputs)
    lep = ev.lep
    loose = analysis.selection("loose")
    loose.cut("two leptons", lep.pt.count() >= 2)
    final = analysis.selection("final")
    final.cut("trigger", ev.trigger.electron)
    final.cut("leading pt", lep[0].pt > cut)
    analysis.weight(mc.generator, mc.pileup)
    analysis.vary("lepton scale", up={lep.pt: lep.pt * 1.1}, down={lep.pt: lep.pt * 0.9})
    pt = Regular(10, 0, 100, unit="GeV")
    analysis.histogram("pt", lep.pt, pt, selections=[loose, final])
    analysis.histogram(
        "met", ev.met.pt, Variable([0, 10, 30, 100], unit="GeV"), selections=[final], keep="file"
    )
    analysis.histogram("lead", lep[0].pt, pt, selections=[final], keep="process")
    analysis.histogram(
        "plane", [lep[0].pt, ev.met.pt], [pt, Regular(4, 0, 100, unit="GeV")], selections=[final]
    )
    return analysis


def toy_spec(cut: float = 20.0, mode: str = "physics", inputs: dict | None = INPUTS) -> AnalysisSpec:
    return toy_analysis(cut, inputs).freeze(release=RELEASE, mode=mode)


def job(spec: AnalysisSpec) -> Job:
    """What runs tasks needs, with every folder of this machine permitted."""
    return Job(analysis=spec, access=Access(prefixes=("/",)))


def data_name(period: str) -> str:
    return f"ODEO_FEB2025_v0_exactly4lep_{period}.exactly4lep.root"


def mc_name(dsid: int) -> str:
    return f"ODEO_FEB2025_v0_exactly4lep_mc_{dsid}.Toy.exactly4lep.root"


def write_events(
    path: Path,
    entries: int,
    *,
    seed: int = 1,
    channel: int = DATA_RUN,
    cross_section: float = 2.0,
    sum_of_weights: float = 50_000.0,
    clusters: int = 5,
    tree: str = "analysis",
    title: str = "analysis",
    run: int | None = None,
) -> Path:
    """Write events; the cross-section in pb is divided among xsec, kfac and filteff."""
    rng = np.random.default_rng([seed, entries])
    run = (channel if channel == DATA_RUN else 284500) if run is None else run
    count = rng.integers(0, 5, entries)
    total = int(count.sum())

    def lists(values: np.ndarray) -> ak.Array:
        return ak.unflatten(values, count)

    pt = np.round(rng.exponential(30.0, total), 3)
    columns = {
        "runNumber": np.full(entries, run, np.uint32),
        "eventNumber": np.arange(entries, dtype=np.uint64),
        "channelNumber": np.full(entries, channel, np.uint32),
        "trigE": rng.random(entries) < 0.7,
        "met": rng.exponential(25.0, entries).astype(np.float32),
        "mcWeight": rng.choice([1.0, -0.3, 0.7], entries).astype(np.float32),
        "ScaleFactor_PILEUP": rng.normal(1.0, 0.1, entries).astype(np.float32),
        "xsec": np.full(entries, cross_section, np.float32),
        "kfac": np.full(entries, 1.0, np.float32),
        "filteff": np.full(entries, 0.5, np.float32),
        "sum_of_weights": np.full(entries, sum_of_weights),
        "num_events": np.full(entries, 100_000, np.float64),
        "lep": ak.zip({"pt": lists(pt), "e": lists(pt * 1.5)}),
    }
    types = {n: v.layout.form.type if isinstance(v, ak.Array) else v.dtype for n, v in columns.items()}
    with uproot.recreate(path) as file:
        out = file.mktree(tree, types, title=title, counter_name=lambda name: f"{name}_n")
        for start, stop in pairwise(np.linspace(0, entries, clusters + 1).astype(int)):
            if stop > start:
                out.extend({name: values[start:stop] for name, values in columns.items()})
    return path


def write_folder(folder: Path) -> Path:
    write_events(folder / data_name("data15_periodD"), 900, seed=1)
    write_events(folder / data_name("data15_periodE"), 500, seed=2)
    for seed, dsid in enumerate((410470, 700600, 345060), start=3):
        write_events(folder / mc_name(dsid), 700 + 150 * seed, seed=seed, channel=dsid, cross_section=seed)
    return folder
