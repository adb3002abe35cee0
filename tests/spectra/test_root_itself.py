"""ROOT reads what is written: names, contents, sums by ``TH1::Add`` and by ``hadd``.

ROOT is no dependency of this package. Its wheel is found in the Python that runs the tests, in that which
``FEMTOBARN_ROOT_PYTHON`` names, or in the environment of ``make bench``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from femtobarn.base.spectra import OutputRecord, ProcessingRecord
from femtobarn.running.results.spectra.reader import Spectra, Spectrum
from femtobarn.running.results.spectra.root import write_root_files

from .toys import scan, sums

pytestmark = pytest.mark.services

ROOT_PROGRAM = """
import json, subprocess, sys
from pathlib import Path
import ROOT

def histograms(directory, at=""):
    for key in directory.GetListOfKeys():
        one = key.ReadObj()
        if one.InheritsFrom("TDirectory"):
            yield from histograms(one, at + key.GetName() + "/")
        else:
            yield at + key.GetName(), one

def told(one):
    bins = one.GetNbinsX()
    return {
        "class": one.ClassName(),
        "name": one.GetName(),
        "entries": one.GetEntries(),
        "mean": one.GetMean(),
        "limits": [bins, one.GetXaxis().GetXmin(), one.GetXaxis().GetXmax()],
        "bins": {str(i): [one.GetBinContent(i), one.GetBinError(i)] for i in range(bins + 2) if one.GetBinContent(i)},
    }

first, second, work = sys.argv[1:]
hadd = Path(ROOT.__file__).parent / "bin" / "hadd"
subprocess.run([str(hadd), "-f", work + "/hadd.root", first, second], check=True, capture_output=True)
files = {name: ROOT.TFile.Open(path) for name, path in
         (("first", first), ("second", second), ("hadd", work + "/hadd.root"))}
result = {name: {key: told(one) for key, one in histograms(file)} for name, file in files.items()}
result["recovered"] = [bool(file.TestBit(ROOT.TFile.kRecovered)) for file in files.values()]
both = dict(histograms(files["second"]))
result["added"] = {}
for key, one in histograms(files["first"]):
    if key in both:
        assert one.Add(both[key])
        result["added"][key] = told(one)
print(json.dumps(result))
"""


@pytest.fixture(scope="session")
def root_python() -> str:
    """A Python that has ROOT."""
    if importlib.util.find_spec("ROOT") is not None:
        return sys.executable
    bench = Path(__file__).parents[2] / "build/bench/venv/bin/python"
    for place in (os.environ.get("FEMTOBARN_ROOT_PYTHON", ""), str(bench)):
        if place and Path(place).exists():
            return place
    pytest.skip(
        "ROOT ITSELF DID NOT READ THE FILES: no Python with ROOT. Set FEMTOBARN_ROOT_PYTHON, or run make bench once."
    )


def read_by_root(python: str, first: Path, second: Path) -> dict[str, Any]:
    """Return what ROOT finds in two files, and in their sum."""
    done = subprocess.run(
        [python, "-W", "ignore", "-c", ROOT_PROGRAM, str(first), str(second), str(first.parent)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr
    assert "Warning" not in done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def expected(spectrum: Spectrum) -> dict[float, np.ndarray]:
    """Content and variance by the number of the bin, counted from 0 GeV."""
    rows = np.stack([spectrum.values, spectrum.variances], axis=1)
    return {spectrum.first + i: row for i, row in enumerate(rows) if spectrum.sums[i].any()}


def bins_of(one: dict[str, Any]) -> dict[float, np.ndarray]:
    """The same of a histogram as ROOT has it."""
    start = round(one["limits"][1] / 10)
    return {int(k) - 1 + start: np.array([v, e**2]) for k, (v, e) in one["bins"].items()}


@pytest.mark.parametrize("kind", ["data", "mc"])
@pytest.mark.parametrize("layout", ["flat", "directories"])
@pytest.mark.parametrize("axis", ["common", "filled"])
def test_root_reads_and_adds_them(
    tmp_path: Path, root_python: str, kind: Any, layout: Any, axis: Any
) -> None:
    record = scan(
        processing=ProcessingRecord(mode="none"),
        output=OutputRecord(layout=layout, axis=axis, storage="TH1D"),
    )
    paths, runs = [], []
    for seed in (1, 2):
        spectra = Spectra.of_sums(record, {"a": sums(record, kind, seed=seed, events=50)}, {"a": kind})
        (path,) = write_root_files(spectra, tmp_path / str(seed))
        paths.append(path)
        above = "{}/{}" if layout == "directories" else "{1}"
        runs.append({above.format(s.final_state, s.name): s for s in spectra.spectra(kind)})
    found = read_by_root(root_python, *paths)
    assert not any(found["recovered"])
    for name, run in zip(("first", "second"), runs, strict=True):
        assert found[name].keys() == run.keys()
        for key, spectrum in run.items():
            one = found[name][key]
            assert one["class"] == "TH1D"
            assert one["name"] == spectrum.name
            assert one["entries"] == spectrum.entries
            assert one["mean"] == pytest.approx(np.average(spectrum.centres, weights=spectrum.values))
            _agree(bins_of(one), expected(spectrum))
            if axis == "common":
                assert one["limits"] == [1400, 0.0, 14000.0]
    assert found["hadd"].keys() == runs[0].keys() | runs[1].keys()
    for key, one in found["hadd"].items():
        total: dict[float, np.ndarray] = {}
        for run in runs:
            for k, row in (expected(run[key]) if key in run else {}).items():
                total[k] = total.get(k, 0.0) + row
        assert one["entries"] == sum(run[key].entries for run in runs if key in run)
        _agree(bins_of(one), total)
        if axis == "common" and key in found["added"]:
            assert found["added"][key]["bins"].keys() == one["bins"].keys()


def _agree(found: dict[float, np.ndarray], wanted: dict[float, np.ndarray]) -> None:
    assert found.keys() == wanted.keys()
    for k, row in found.items():
        np.testing.assert_allclose(row, wanted[k], rtol=1e-9)
