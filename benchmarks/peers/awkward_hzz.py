"""The final selection of ``hzz`` in awkward-array, as a careful user of a notebook writes it."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

LEPTON = ("pt", "eta", "phi", "e", "charge", "type", "isMediumID", "isLooseID", "isLooseIso", "isTrigMatched")
WEIGHTS = (
    "mcWeight",
    "ScaleFactor_PILEUP",
    "ScaleFactor_ELE",
    "ScaleFactor_MUON",
    "ScaleFactor_LepTRIGGER",
)
BRANCHES = [f"lep_{name}" for name in LEPTON] + ["trigE", "trigM", *WEIGHTS]
BINS, LOW, HIGH = 68, 80.0, 250.0
EDGES = np.linspace(LOW, HIGH, BINS + 1)


def final(events: Any) -> tuple[int, NDArray[np.float64]]:
    """Return how many events pass and the sums of weights in the bins of the four-lepton mass.

    Masses and weights are computed in double precision: in single precision some events of a large sample
    fall into the neighbouring bin.
    """
    events = events[(ak.num(events["lep_pt"]) >= 4) & (events["trigE"] | events["trigM"])]
    events = events[ak.any(events["lep_isTrigMatched"], axis=1)]
    pt = ak.sort(events["lep_pt"], axis=1, ascending=False)
    events = events[(pt[:, 0] > 20) & (pt[:, 1] > 15) & (pt[:, 2] > 10)]
    kinds = events["lep_type"][:, :4]
    identified = ak.where(kinds == 13, events["lep_isMediumID"][:, :4], events["lep_isLooseID"][:, :4])
    events = events[ak.all(identified & events["lep_isLooseIso"][:, :4], axis=1)]
    total = ak.sum(events["lep_type"][:, :4], axis=1)
    events = events[(total == 44) | (total == 48) | (total == 52)]
    events = events[ak.sum(events["lep_charge"][:, :4], axis=1) == 0]
    weight = np.ones(len(events))
    for name in WEIGHTS:
        weight = weight * ak.to_numpy(events[name]).astype(np.float64)
    four = {n: ak.values_astype(events[f"lep_{n}"][:, :4], np.float64) for n in ("pt", "eta", "phi", "e")}
    p = [
        four["pt"] * np.cos(four["phi"]),
        four["pt"] * np.sin(four["phi"]),
        four["pt"] * np.sinh(four["eta"]),
    ]
    square = ak.sum(four["e"], axis=1) ** 2 - sum(ak.sum(c, axis=1) ** 2 for c in p)
    mass = np.sqrt(np.maximum(ak.to_numpy(square), 0.0))
    return len(events), np.histogram(mass, EDGES, weights=weight)[0]
