"""Files of the heavy-ion release: muons with names of their own, and no list of anything else."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from femtobarn.data.columns import open_tree
from femtobarn.data.formats import format_of
from femtobarn.data.formats.detect import detect_format
from femtobarn.data.formats.reader import EventReader

PTS = [[25_000.0, 4_000.0], [], [7_500.0]]


def write(path: Path, *, simulated: bool) -> Path:
    counts = [len(p) for p in PTS]
    columns = {
        "EventInfoAuxDyn.runNumber": np.array([286_711] * 3, np.uint32),
        "EventInfoAuxDyn.eventTypeBitmask": np.array([int(simulated)] * 3, np.uint32),
        "MuonsAuxDyn.pt": ak.values_astype(ak.Array(PTS), np.float32),
        "MuonsAuxDyn.eta": ak.unflatten(np.array([0.5, -1.0, 2.0], np.float32), counts),
        "MuonsAuxDyn.phi": ak.unflatten(np.array([0.1, 3.0, -2.0], np.float32), counts),
        "MuonsAuxDyn.charge": ak.unflatten(np.array([1, -1, 1], np.float32), counts),
    }
    types = {n: v.layout.form.type if isinstance(v, ak.Array) else v.dtype for n, v in columns.items()}
    with uproot.recreate(path) as file:
        file.mktree("CollectionTree", types).extend(columns)
    return path


@pytest.mark.parametrize("simulated", [False, True])
def test_muons_are_read_in_gev(tmp_path: Path, simulated: bool) -> None:
    path = write(tmp_path / "DAOD_HION14.root", simulated=simulated)
    fmt = detect_format(path)
    assert fmt is format_of("2024r-hi")
    with open_tree(path, fmt.tree) as tree:
        reader = EventReader(tree, fmt)
        assert reader.facts().kind == ("mc" if simulated else "data")
        found = reader.read(["muon.pt", "muon.e", "muon.charge"], 0, 3)
    assert found["muon.pt"].content.tolist() == [25.0, 4.0, 7.5]
    momenta = np.array([25.0, 4.0, 7.5]) * np.cosh([0.5, -1.0, 2.0])
    assert found["muon.e"].content == pytest.approx(np.hypot(momenta, 0.10566), rel=1e-6)
    assert found["muon.charge"].content.tolist() == [1, -1, 1]


def test_research_data_of_proton_collisions_are_not_taken_for_it(realdata: Path) -> None:
    assert detect_format(realdata / "2024r-pp" / "PHYSLITE_example.root").release == "2024r-pp"
