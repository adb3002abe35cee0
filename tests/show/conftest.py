"""Results in memory, in the shape of H -> ZZ* -> 4l, for the tests of the show floor."""

from __future__ import annotations

import dataclasses
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hist
import numpy as np
import pytest

from femtobarn.base.errors import ResultsError, UnknownNameError
from femtobarn.base.records import (
    AnalysisSpec,
    AxisRecord,
    CutflowRow,
    CutRecord,
    Environment,
    FigureRecord,
    HistogramRecord,
    InputRow,
    InputsRecord,
    LedgerRow,
    Luminosity,
    NodeRecord,
    Normalisation,
    ProcessRecord,
    RunInfo,
    SelectionRecord,
    Settings,
    SignificanceRecord,
    VariationRecord,
)
from femtobarn.running.results.metrics import Metrics, StepCost
from femtobarn.running.results.timeline import Timeline, WorkerSeries
from femtobarn.running.results.workers import WorkerCost
from femtobarn.running.results.yields import YieldWithErrors

from .browser import Browser

EDGES = np.linspace(80, 250, 69)
CENTRES = (EDGES[1:] + EDGES[:-1]) / 2
LABELS = {
    "data": "Data",
    "other": r"Background $Z,t\bar{t},t\bar{t}+V,VVV$",
    "zz": r"Background $ZZ^{*}$",
    "higgs": r"Signal ($m_H$ = 125 GeV)",
}
COLOURS = {"data": "black", "other": "#6b59d3", "zz": "#ff0000", "higgs": "#00cdff"}


def _shapes() -> dict[str, np.ndarray]:
    peak = np.exp(-0.5 * ((CENTRES - 91) / 3) ** 2)
    rise = 1 / (1 + np.exp(-(CENTRES - 184) / 5))
    return {
        "other": 0.4 + 18 * peak,
        "zz": 2.5 + 12 * peak + 15 * rise,
        "higgs": 9 * np.exp(-0.5 * ((CENTRES - 124.5) / 2.8) ** 2),
    }


@dataclass(frozen=True)
class StandIn:
    """The methods of results, over arrays at 1 fb^-1."""

    info: RunInfo
    contents: dict[str, tuple[np.ndarray, np.ndarray]]
    unknown: frozenset[str] = frozenset()
    overridden: Luminosity | None = None
    two: dict[str, np.ndarray] = field(default_factory=dict)
    shifts: dict[str, np.ndarray] = field(default_factory=dict)
    rows: dict[str, Any] = field(default_factory=dict)
    cost: Any = None

    @property
    def spec(self) -> AnalysisSpec:
        return self.info.analysis

    @property
    def luminosity(self) -> Luminosity:
        return self.overridden or self.info.luminosity

    def histogram(
        self,
        name: str,
        selection: str,
        *,
        process: str | None = None,
        datasets: Sequence[int] | None = None,
        files: Sequence[str] | None = None,
        variation: str = "nominal",
        luminosity: float | None = None,
    ) -> hist.Hist:
        if process not in self.contents:
            raise UnknownNameError("process", process, self.contents)
        if process in self.unknown:
            raise ResultsError("normalisation unknown")
        role = self.spec.process(str(process)).role
        values, variances = self.contents[str(process)]
        scale = 1.0 if role == "data" else luminosity
        if scale is None:
            scale = self.luminosity.value or 1.0
        if name == "plane":
            h2 = hist.Hist(
                hist.axis.Regular(10, 0, 100), hist.axis.Regular(8, 0, 40), storage=hist.storage.Weight()
            )
            h2.view().value = self.two[str(process)] * scale
            h2.view().variance = self.two[str(process)] * scale**2
            return h2
        if datasets is not None or (files is not None and role == "data"):
            values, variances = values * 0.25, variances * 0.25
            if role == "data":
                values = variances = np.floor(values)
        h = hist.Hist(hist.axis.Regular(68, 80, 250), storage=hist.storage.Weight(), name=name)
        h.view().value = values * scale
        h.view().variance = variances * scale**2
        return h

    def varied_values(
        self,
        name: str,
        selection: str,
        *,
        process: str | None = None,
        datasets: Sequence[int] | None = None,
        files: Sequence[str] | None = None,
        luminosity: float | None = None,
    ) -> np.ndarray:
        nominal = self.histogram(
            name, selection, process=process, datasets=datasets, files=files, luminosity=luminosity
        ).values()
        return np.stack([nominal, *(nominal * (1 + s) for s in self.shifts[str(process)])])

    def yields(self) -> tuple[YieldWithErrors, ...]:
        return tuple(self.rows["yields"])

    def cutflow(self) -> tuple[CutflowRow, ...]:
        return tuple(self.rows["cutflow"])

    def short_cutflow(self) -> tuple[CutflowRow, ...]:
        last = {s.name: len(s.cuts) for s in self.spec.selections}
        return tuple(r for r in self.cutflow() if r.variation == "nominal" or r.step == last[r.selection])

    def ledger(self) -> tuple[LedgerRow, ...]:
        return tuple(self.rows["ledger"])

    def metrics(self) -> Any:
        return self.cost

    def with_luminosity(self, value: float) -> StandIn:
        return dataclasses.replace(
            self, overridden=Luminosity(value=value, nominal=36.6, source="given", note="given by the user")
        )


FIGURES = (
    FigureRecord(
        name="one period",
        histogram="m4l",
        selection="loose",
        files=("data15_periodD",),
        style="notebook",
        headroom=1.6,
    ),
    FigureRecord(
        name="one sample",
        histogram="m4l",
        selection="loose",
        datasets=(410470,),
        luminosity=0.105,
        style="notebook",
    ),
    FigureRecord(
        name="final",
        histogram="m4l",
        selection="final",
        processes=("other", "zz", "higgs"),
        luminosity=36.6,
        style="notebook",
        size=(12, 8),
        headroom=2.0,
        text=r"$H \rightarrow ZZ^* \rightarrow 4\ell$",
    ),
    FigureRecord(
        name="stack",
        histogram="m4l",
        selection="final",
        text=r"$H \rightarrow ZZ^* \rightarrow 4\ell$",
    ),
)


def _inputs(processes: Sequence[str]) -> tuple[InputRow, ...]:
    rows = []
    known = {
        "data": [(None, "data15_periodD"), (None, "data16_periodA")],
        "other": [(410470, None), (700320, None)],
        "zz": [(700600, None)],
        "higgs": [(345060, None)],
    }
    for process in processes:
        for number, (dataset, period) in enumerate(known[process]):
            name = f"{process}_{dataset or period}.root"
            rows.append(
                InputRow(
                    name=name,
                    url=f"/data/{name}",
                    size=1_000_000 + number,
                    identity="adler32:0badcafe",
                    process=process,
                    dataset=dataset,
                    period=period,
                    entries=5000,
                    events_processed=5000,
                    status="processed",
                )
            )
    return tuple(rows)


def build(
    *,
    data: bool = True,
    mc: bool = True,
    simulated: bool = False,
    complete: bool = True,
    notebook: bool = False,
    luminosity: float | None = 36.6,
    negative: bool = False,
    empty: bool = False,
    figures: Sequence[FigureRecord] = FIGURES,
    labels: dict[str, str] | None = None,
    names: dict[str, str] | None = None,
    release: str = "2025e-13tev-beta",
    unknown: Sequence[str] = (),
    title: str = "H → ZZ* → 4ℓ",
    extra_notes: Sequence[str] = (),
    variations: Sequence[tuple[str, str, dict[str, Any]]] = (),
) -> StandIn:
    """Return results; ``names`` renames files and reasons, ``labels`` processes.

    ``variations`` are name, direction and the relative shift of each process, a number or one per bin.
    """
    labels, names = labels or {}, names or {}
    rng = np.random.default_rng(7)
    processes = tuple(
        ProcessRecord(
            name=p,
            label=labels.get(p, LABELS[p]),
            colour=COLOURS[p],
            role={"data": "data", "higgs": "signal"}.get(p, "background"),  # type: ignore[arg-type]
            datasets={"other": (410470, 700320), "zz": (700600,), "higgs": (345060,)}.get(p, ()),
            periods=("data15_periodD", "data16_periodA") if p == "data" else (),
        )
        for p in ("data", "other", "zz", "higgs")
    )
    present = (("data",) if data else ()) + (("other", "zz", "higgs") if mc else ())
    shapes = _shapes()
    contents: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    expected = sum(shapes.values())
    for p, shape in shapes.items():
        value = shape / 36.6
        if negative and p == "other":
            value = value - 0.05
        contents[p] = (value, (0.07 * value) ** 2 + 2e-6)
    counts = rng.poisson(expected).astype(float)
    contents["data"] = (counts, counts)
    if empty:
        contents = {p: (np.zeros(68), np.zeros(68)) for p in contents}
    two = {p: rng.poisson(4, (10, 8)).astype(float) for p in contents}
    mass = AxisRecord(
        kind="regular", edges=(80.0, 250.0), bins=68, label=r"4-lepton invariant mass $m_{4\ell}$", unit="GeV"
    )
    plane = (
        AxisRecord(kind="regular", edges=(0.0, 100.0), bins=10, label="$m_{12}$", unit="GeV"),
        AxisRecord(kind="regular", edges=(0.0, 40.0), bins=8, label="$m_{34}$", unit="GeV"),
    )
    spec = AnalysisSpec(
        name="hzz",
        title=title,
        release=release,
        mode="notebook" if notebook else "physics",
        variations=tuple(
            VariationRecord(name=name, direction=direction, replace=())  # type: ignore[arg-type]
            for name, direction, _ in variations
        ),
        quirks=("absolute generator weights", "N_sig is the height of the stack") if notebook else (),
        nodes=(NodeRecord(op="constant", params=(1.0,)),),
        selections=tuple(
            SelectionRecord(name=s, cuts=(CutRecord(name="neutral", node=0),)) for s in ("loose", "final")
        ),
        histograms=(
            HistogramRecord(name="m4l", values=(0,), axes=(mass,), selections=("loose", "final")),
            HistogramRecord(name="plane", values=(0, 0), axes=plane, selections=("final",)),
        ),
        figures=tuple(figures),
        significances=(
            SignificanceRecord(name="Higgs", histogram="m4l", selection="final", first=17, last=19),
        ),
        inputs=InputsRecord(release=release, skim="exactly4lep", luminosity=36.6, processes=processes),
    )
    inputs = _inputs(present)
    if not complete:
        inputs = tuple(row for row in inputs if row.period != "data16_periodA")
    if "file" in names:
        inputs = tuple(row.model_copy(update={"name": names["file"] + row.name}) for row in inputs)
    info = RunInfo(
        femtobarn="0.1.0",
        results_version=1,
        analysis=spec,
        identity="a" * 64,
        plan="b" * 64,
        mode=spec.mode,
        release=release,
        complete=complete,
        simulated=simulated,
        files_wanted=40,
        files_given=42,
        files_processed=40 if complete else 3,
        files_failed=1,
        files_skipped=1,
        missing=() if complete else ("data16_periodA", "mc_700600"),
        events_processed=sum(row.events_processed for row in inputs),
        luminosity=Luminosity(
            value=luminosity,
            nominal=36.6,
            source="data" if luminosity is not None else "unknown",
            note="" if luminosity is not None else "no luminosity is known for data15_periodE",
        ),
        normalisations=(
            Normalisation(
                dataset=410470,
                process="other",
                factor=1.234e-5,
                cross_section=831760.0,
                sum_of_weights=6.7e10,
                fraction=1.0,
                source="file",
            ),
            Normalisation(
                dataset=700600,
                process="zz",
                factor=None,
                cross_section=None,
                sum_of_weights=1.0,
                fraction=0.5,
                source="unknown",
                note="the file says the sum of weights is 1 (a placeholder)",
            ),
        ),
        notes=("dataset 410000: the sum of weights of the catalogue is used", *extra_notes),
        settings=Settings(part_bytes=100_000_000, chunk_entries=100_000, workers=2),
        inputs=inputs,
        environment=Environment(
            instruction_set="x86-64-v3", versions=(("numpy", "2.4.6"), ("uproot", "5.6.0"))
        ),
        mixed_environments=False,
        started="2025-11-21T03:00:00+00:00",
        finished="2025-11-21T03:00:20+00:00",
        seconds=20.5,
        command=names.get("command", "femtobarn run hzz --data demo --out runs/demo"),
    )
    yields = []
    cutflow = []
    for selection in ("loose", "final"):
        for process in processes:
            if process.name not in present:
                continue
            value = float(contents[process.name][0].sum())
            is_data = process.role == "data"
            scale = 1.0 if is_data else luminosity
            yields.append(
                YieldWithErrors(
                    selection=selection,
                    process=process.name,
                    role=process.role,
                    raw=int(value if is_data else abs(value) * 3000),
                    yield_=None if scale is None else value * scale,
                    stat_error=None if scale is None else 0.1 * abs(value) * scale,
                    complete=complete,
                )
            )
            for row in inputs:
                if row.process != process.name:
                    continue
                varied = [] if is_data else [(f"{n}:{d}", s.get(process.name, 0.0)) for n, d, s in variations]
                for (variation, shift), (step, cut) in itertools.product(
                    [("nominal", 0.0), *varied], enumerate(("all events", "neutral"))
                ):
                    weighted = (1000.0 - 400 * step) * (1 + float(np.mean(shift)))
                    cutflow.append(
                        CutflowRow(
                            process=process.name,
                            dsid=row.dataset,
                            file=row.name,
                            selection=selection,
                            variation=variation,
                            step=step,
                            cut=names.get("cut", cut) if step else cut,
                            raw=1000 - 400 * step,
                            sumw=weighted,
                            sumw2=weighted,
                            norm=None if is_data else 0.01,
                        )
                    )
    ledger = [
        LedgerRow(
            task=f"{i:064x}",
            file=r.name,
            part=0,
            start=0,
            stop=5000,
            status="processed",
            attempts=1,
            seconds=0.4,
        )
        for i, r in enumerate(inputs)
    ]
    ledger += [
        LedgerRow(
            task="",
            file=names.get("file", "") + "broken.root",
            part=0,
            start=None,
            stop=None,
            status="failed",
            reason=names.get("reason", "expected a ROOT file, found 0 bytes; download it again"),
            attempts=1,
        ),
        LedgerRow(
            task="",
            file="notes.root",
            part=0,
            start=None,
            stop=None,
            status="skipped",
            reason="dataset 999 is not wanted",
        ),
    ]
    return StandIn(
        info=info,
        contents=contents,
        unknown=frozenset(unknown),
        two=two,
        shifts={
            p: np.array([np.broadcast_to(shift.get(p, 0.0), CENTRES.shape) for _, _, shift in variations])
            for p in contents
        },
        rows={"yields": yields, "cutflow": cutflow, "ledger": ledger},
        cost=METRICS,
    )


METRICS = Metrics(
    events=200_000,
    tasks=40,
    reused_tasks=3,
    failed_tasks=1,
    bytes_read=123_456_789,
    seconds=20.5,
    busy_seconds=19.5,
    events_per_second=10_256.4,
    peak_rss=512 * 1024**2,
    steps=StepCost(read=10.0, evaluate=20.0, other=4.0, cpu=38.2, wall=34.0),
    workers=(
        WorkerCost(
            worker="host:1",
            tasks=20,
            events=100_000,
            events_per_second=5_263.2,
            bytes_read=61_000_000,
            cpu_seconds=18.0,
            busy_seconds=19.0,
            peak_rss=5 * 10**8,
        ),
        WorkerCost(
            worker="host:2",
            tasks=20,
            failed=1,
            events=100_000,
            bytes_read=62_456_789,
            busy_seconds=0.0,
            peak_rss=4 * 10**8,
            last_error="the server gave no right answer",
        ),
    ),
    over_time=(),
    timeline=Timeline(
        started="2025-11-21T03:00:00Z",
        seconds=20.0,
        paused=0.0,
        bins=4,
        workers=(
            WorkerSeries(
                worker="host:1",
                tasks=(5, 5, 5, 5),
                failed=(0, 0, 0, 0),
                events=(20_000, 30_000, 30_000, 20_000),
                bytes_read=(15_250_000,) * 4,
                cpu_seconds=(4.0, 5.0, 5.0, 4.0),
                busy=(0.9, 1.0, 1.0, 0.9),
                peak_rss=(3 * 10**8, 4 * 10**8, 5 * 10**8, 5 * 10**8),
            ),
            WorkerSeries(
                worker="host:2",
                tasks=(10, 0, 5, 5),
                failed=(0, 0, 1, 0),
                events=(50_000, 0, 25_000, 25_000),
                bytes_read=(31_228_389, 0, 15_614_200, 15_614_200),
                cpu_seconds=(5.0, 0.0, 2.5, 2.5),
                busy=(1.0, 0.0, 0.5, 0.5),
                peak_rss=(4 * 10**8, 0, 4 * 10**8, 4 * 10**8),
            ),
        ),
    ),
)


@pytest.fixture(scope="session")
def make() -> Callable[..., StandIn]:
    return build


@pytest.fixture(scope="session")
def chromium_program() -> Path:
    """The path of Chromium, which is installed where that is possible."""
    program = _find_chromium()
    if program is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
            subprocess.run(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=600
            )
        program = _find_chromium()
    if program is None:
        pytest.skip("NO BROWSER: the page was NOT looked at; install chromium (apt-get install chromium)")
    return program


@pytest.fixture(scope="module")
def browser(chromium_program) -> Iterator[Browser]:
    """A headless Chromium that is steered."""
    started = Browser(chromium_program)
    yield started
    started.close()


@pytest.fixture(scope="session")
def chromium(chromium_program) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A function that runs headless Chromium with the given arguments."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            return subprocess.run(
                [
                    str(chromium_program),
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-quic",
                    "--no-first-run",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-sync",
                    f"--user-data-dir={profile}",
                    *arguments,
                ],
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )

    return run


def _find_chromium() -> Path | None:
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        found = shutil.which(name)
        if found:
            return Path(found)
    return None
