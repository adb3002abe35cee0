"""Scans with as many spectra as wanted, made up at once: falling masses with peaks of known resonances."""

from __future__ import annotations

from itertools import product

import numpy as np
from tests.spectra.toys import OBJECTS

from femtobarn.base.records import AnalysisSpec, CutflowRow, Kind, ProcessRecord
from femtobarn.base.spectra import CombinationsRecord, OutputRecord, ProcessingRecord, SpectraRecord
from femtobarn.physics.spectra import states
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.presets import WINDOWS
from femtobarn.physics.spectra.spec import spec_of
from femtobarn.physics.spectra.steps import SELECTION
from femtobarn.physics.spectra.sums import COMBINATION_SHIFT, STATE_SHIFT, SpectraSums
from femtobarn.running.results.spectra.reader import Spectra, Spectrum
from femtobarn.running.results.spectra.stages import StageRecord, Stages
from femtobarn.running.results.spectra.summary import summarise_scan
from femtobarn.running.results.spectra.windows import matching, vetoed
from femtobarn.show.results_like import Results
from femtobarn.show.spectra.shown import ShownScan

BINS = 160


def record(**changes: object) -> SpectraRecord:
    """Return a scan of 186 combinations that vetoes known resonances."""
    wanted = SpectraRecord(
        objects=OBJECTS,
        combinations=CombinationsRecord(subleading=1),
        processing=ProcessingRecord(windows=tuple(WINDOWS.values())),
    )
    return wanted.model_copy(update=changes)


def made_up(
    scan: SpectraRecord, wanted: int, kind: Kind = "data", *, seed: int = 1, scale: float = 1.0
) -> SpectraSums:
    """Return sums with exactly ``wanted`` spectra, of as many final states as that takes."""
    rng = np.random.default_rng(seed)
    found = combinations(scan)
    codes, owners, which = [], [], []
    for numbers in sorted(product(range(5), repeat=4), key=lambda n: (sum(n), n)):
        if len(owners) == wanted:
            break
        code = states.code(dict(zip("emjg", numbers, strict=True)))  # type: ignore[arg-type]
        fitting = [i for i, c in enumerate(found) if c.applies(code, exact_leading=False)]
        fitting = fitting[: wanted - len(owners)]
        codes += [code] if fitting else []
        owners += [code] * len(fitting)
        which += fitting
    assert len(owners) == wanted, f"{len(owners)} spectra are possible"
    known = np.unique(np.array(codes, np.uint64))
    place = np.searchsorted(known, np.array(owners, np.uint64))
    total = np.array([c.total for c in found])[which]
    height = scale * 4e4 * np.exp(-0.9 * np.array([sum(states.counts(o).values()) for o in owners]))
    centres = (np.arange(BINS) + 0.5) * scan.width
    start, slope = 25.0 * total, 45.0 * total
    falling = np.exp(-(centres - start[:, None]) / slope[:, None]) / (
        1 + np.exp(-(centres - start[:, None]) / 12)
    )
    peaks = np.array([_peak(c.particles) for c in found])[which]
    peak = 2.5 * np.exp(-0.5 * ((centres - peaks[:, None]) / (0.03 * peaks[:, None] + 1e-9)) ** 2)
    expected = height[:, None] * (falling + np.where(peaks[:, None] > 0, peak, 0)) * scan.width / 10
    counts = rng.poisson(expected)
    counts[:, 5] += counts.sum(axis=1) == 0  # each spectrum has something
    rows, bins = np.nonzero(counts)
    raw = counts[rows, bins].astype(float)
    cells = (
        (place[rows].astype(np.uint64) << np.uint64(STATE_SHIFT))
        | (np.array(which, np.uint64)[rows] << np.uint64(COMBINATION_SHIFT))
        | (bins + 1).astype(np.uint64)
    )
    order = np.argsort(cells)
    events = np.zeros(len(known))
    np.maximum.at(events, place, counts.sum(axis=1))
    if kind == "data":
        return SpectraSums(known, events[:, None], cells[order], raw[order, None])
    weight = rng.normal(0.8, 0.05, len(raw))
    sums = np.stack([raw, raw * weight, raw * weight**2 * 1.1], axis=1)
    return SpectraSums(known, np.stack([events, events, events], axis=1), cells[order], sums[order])


def _peak(particles: str) -> float:
    return {"ee": 91.2, "mm": 91.2, "jj": 80.4, "gg": 125.0}.get(particles, 0.0)


def scan_of(
    wanted: int, *, names: tuple[str, ...] = ("data", "mc"), **changes: object
) -> tuple[Spectra, dict[str, tuple[Spectrum, ...]]]:
    """Return spectra of data, and of simulation as further names, and what a veto makes of them."""
    scan = record(**changes)
    if names not in {("data",), ("data", "mc")}:
        scan = scan.model_copy(update={"output": OutputRecord(files="process")})
    kinds: dict[str, Kind] = {name: "mc" if i else "data" for i, name in enumerate(names)}
    sums = {
        name: made_up(scan, wanted, kinds[name], seed=i, scale=1 / (1 + i)) for i, name in enumerate(names)
    }
    spectra = Spectra.of_sums(scan, sums, kinds)
    windows = scan.processing.windows
    return spectra, {
        group: tuple(vetoed(one, matching(windows, one)) for one in spectra.spectra(group))
        for group in spectra.groups
    }


def shown(
    results: Results, wanted: int, *, names: tuple[str, ...] = ("data", "mc"), **changes: object
) -> ShownScan:
    """Return a scan with the run, the costs and the ledger of ``results``."""
    spectra, processed = scan_of(wanted, names=names, **changes)
    info = results.info.model_copy(update={"analysis": analysis(spectra.record)})
    cuts = [c.name for c in info.analysis.selections[0].cuts]
    cutflow = [
        CutflowRow(
            process=process, dsid=None, file="f", selection=SELECTION, variation="nominal", step=step, cut=cut,
            raw=raw, sumw=0.5 * raw, sumw2=0.25 * raw, norm=None,
        )
        for process in ("data", "zz")
        for step, (cut, raw) in enumerate(zip(("all events", *cuts), (300_000, 221_345, 180_021), strict=False))
    ]  # fmt: skip
    costs = (
        ("files", 0.9, 0.8, 180),
        ("fill", 12.4, 19.6, 395),
        ("process", 0.7, 0.7, 240),
        ("export", 2.2, 2.1, 260),
    )
    stages = Stages(
        stages=tuple(
            StageRecord(
                stage=stage, settings="", inputs="", digest="", words="", finished="2025-11-21T03:00:20Z",
                seconds=wall, cpu_seconds=cpu, peak_rss=memory * 10**6,
            )
            for stage, wall, cpu, memory in costs
        )
    )  # fmt: skip
    summary = summarise_scan(info, spectra, results.metrics(), results.ledger(), stages, cutflow=cutflow)
    return ShownScan(info, results.metrics(), spectra, processed, summary)


def analysis(scan: SpectraRecord, *, title: str = "Mass spectra of 2025") -> AnalysisSpec:
    """Return a scan as an analysis."""
    spec = spec_of(scan, "2025e-13tev-beta", name="everything", title=title)
    processes = tuple(
        ProcessRecord(name=name, label=name, colour="black", role=role)
        for name, role in (("data", "data"), ("zz", "background"))
    )
    return spec.model_copy(update={"inputs": spec.inputs.model_copy(update={"processes": processes})})
