"""H -> ZZ* -> 4l on the real files gives the numbers that others published.

Sources: the uproot notebook HZZAnalysis of the ATLAS Open Data (2025 release; bins read off its saved
figure of data period D) and its 2020 edition.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from femtobarn.base.records import AnalysisSpec, Mode
from femtobarn.data.columns import open_tree
from femtobarn.data.formats import format_of
from femtobarn.data.formats.reader import EventReader
from femtobarn.physics.analyses import find_analysis, zll
from femtobarn.physics.analyses.hzz import R2020, R2025
from femtobarn.physics.language.evaluate import ChunkResult, evaluate
from femtobarn.physics.language.program import required_fields

DATA_2020 = {"A": (39, 27), "B": (156, 86), "C": (237, 146), "D": (400, 248)}
BINS_34 = [
    6, 28, 39, 8, 3, 6, 7, 8, 24, 12, 10, 8, 9, 11, 7, 6, 11, 6, 7, 5, 15, 16, 8, 15, 11, 12, 10, 9, 6, 13, 8, 8,
    10, 9,
]  # fmt: skip
BINS_68 = [
    2, 4, 12, 16, 29, 10, 5, 3, 2, 1, 5, 1, 2, 5, 2, 6, 15, 9, 4, 8, 6, 4, 5, 3, 6, 3, 5, 6, 4, 3, 4, 2, 2, 9, 3, 3,
    2, 5, 2, 3, 10, 5, 8, 8, 3, 5, 7, 8, 3, 8, 6, 6, 5, 5, 7, 2, 3, 3, 5, 8, 5, 3, 3, 5, 3, 7, 5, 4,
]  # fmt: skip
BINS_PERIOD_D = [
    9, 5, 8, 7, 10, 11, 6, 11, 9, 6, 11, 7, 5, 4, 6, 2, 0, 6, 3, 7, 3, 1, 2, 6, 4, 2, 1, 3, 1, 3, 1, 5, 4, 3, 3, 2,
    1, 2, 3, 1, 2, 1, 0, 3, 1, 0, 2, 3, 1, 1, 2, 2, 1, 2, 0, 1, 2, 2, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1,
]  # fmt: skip
PERIOD_D = "exactly4lep/ODEO_FEB2025_v0_exactly4lep_data15_periodD.exactly4lep.root"


@dataclass
class Outcome:
    spec: AnalysisSpec
    result: ChunkResult
    entries: int
    facts: Any

    def selected(self, selection: str) -> int:
        cuts = next(len(s.cuts) for s in self.spec.selections if s.name == selection)
        return int((self.result.passed("nominal", selection) == cuts).sum())

    def bins(self, histogram: str, selection: str) -> Any:
        axis = next(h.axes[0] for h in self.spec.histograms if h.name == histogram)
        fill = self.result.fill("nominal", selection, histogram)
        return np.histogram(fill.values[0], bins=axis.bins, range=axis.edges)[0]


def run(name: str, release: str, path: Path, kind: Any, mode: Mode) -> Outcome:
    spec = find_analysis(name).freeze(release=release, mode=mode)
    fmt = format_of(release)
    with open_tree(path, fmt.tree) as tree:
        reader = EventReader(tree, fmt)
        values = reader.read(required_fields(spec, kind), 0, tree.entries)
        return Outcome(spec, evaluate(spec, kind, values, tree.entries), tree.entries, reader.facts())


@pytest.mark.realdata
@pytest.mark.parametrize("mode", ["physics", "notebook"])
def test_data_of_2020_in_either_mode(realdata: Path, mode: Mode) -> None:
    """The 2020 edition has no quirk in data: both modes are the published numbers."""
    narrow, wide = np.zeros(68, int), np.zeros(34, int)
    selected = {}
    for period, (entries, expected) in DATA_2020.items():
        found = run("hzz", R2020, realdata / R2020 / "4lep" / f"data_{period}.4lep.root", "data", mode)
        assert found.entries == entries
        selected[period] = found.selected("loose")
        assert selected[period] == expected
        narrow += found.bins("m4l", "loose")
        wide += found.bins("m4l_wide", "loose")
    assert sum(selected.values()) == 507
    assert wide.tolist() == BINS_34
    assert narrow.tolist() == BINS_68
    assert wide.sum() == 371


@pytest.mark.realdata
@pytest.mark.parametrize("mode", ["physics", "notebook"])
def test_zee_of_2020_weighted_in_either_mode(realdata: Path, mode: Mode) -> None:
    """361106 at 10 fb^-1 with signed weights; the 2020 edition has no absolute weights."""
    found = run("hzz", R2020, realdata / R2020 / "4lep" / "mc_361106.Zee.4lep.root", "mc", mode)
    assert found.spec.quirks == ()
    weight = found.result.weight("nominal")[found.result.passed("nominal", "loose") == 3]
    scale = 10 * found.facts.cross_section_fb / found.facts.sum_of_weights
    assert weight.sum() * scale == pytest.approx(43.1418, rel=1e-5)
    assert (weight < 0).any()


@pytest.mark.realdata
@pytest.mark.parametrize("mode", ["physics", "notebook"])
def test_period_d_of_2025_in_either_mode(realdata: Path, mode: Mode) -> None:
    """Figure 1 of the notebook: data, loose; the modes differ in the weights of simulation only."""
    found = run("hzz", R2025, realdata / R2025 / PERIOD_D, "data", mode)
    assert found.entries == 3424
    bins = found.bins("m4l", "loose")
    assert bins.tolist() == BINS_PERIOD_D
    assert bins.sum() == 214
    assert found.selected("final") == 2


@pytest.mark.realdata
def test_z_masses_peak_at_the_z_in_physics_mode(realdata: Path) -> None:
    found = run("zll", R2020, realdata / R2020 / "4lep" / "data_D.4lep.root", "data", "physics")
    bins = found.bins("m_ll", "on-shell")
    edges = np.linspace(66, 116, 51)
    assert found.selected("on-shell") == 303
    assert 88 <= edges[int(np.argmax(bins))] <= 93


def test_the_modes_of_2025_differ_by_named_quirks() -> None:
    hzz = find_analysis("hzz")
    physics, notebook = (hzz.freeze(release=R2025, mode=m) for m in ("physics", "notebook"))
    assert (physics.quirks, notebook.quirks) == ((), ("leptons in stored order", "absolute weights"))
    assert physics.identity != notebook.identity
    assert hzz.freeze(release=R2020, mode="notebook").quirks == ()


def test_a_second_analysis_takes_twenty_lines() -> None:
    lines = inspect.getsource(zll).splitlines()
    assert len([line for line in lines if line.strip()]) <= 22
    spec = find_analysis("zll").freeze(release=R2025)
    assert [h.name for h in spec.histograms] == ["m_ll", "n_pairs"]
