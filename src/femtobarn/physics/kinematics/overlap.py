"""Overlap removal: which of two objects that are one particle is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.errors import SettingsError
from femtobarn.physics.kinematics.combine import nearest


@dataclass(frozen=True, slots=True)
class OverlapStep:
    """One step: objects of ``remove`` that are near an object of ``near`` go.

    Parameters
    ----------
    remove, near
        names of collections; only what earlier steps left counts
    delta_r
        objects nearer than this go
    sliding
        in GeV; if not 0, the distance is min(``delta_r``, 0.04 + ``sliding`` / pt of the removed object):
        decays of heavy particles with large pt are narrow
    """

    remove: str
    near: str
    delta_r: float
    sliding: float = 0.0

    def __post_init__(self) -> None:
        """Check the step.

        Raises
        ------
        SettingsError
            if it compares a collection with itself, or a distance is not a number above 0
        """
        if self.remove == self.near:
            msg = f"An overlap step compares two collections, but got {self.remove!r} near itself: every object is."
            raise SettingsError(msg)
        if not (self.delta_r > 0 and self.sliding >= 0):
            msg = (
                f"An overlap step needs a distance above 0, but got {self.delta_r} (sliding: {self.sliding})."
            )
            raise SettingsError(msg)


RECOMMENDED: tuple[OverlapStep, ...] = (
    OverlapStep("electron", "muon", 0.01),
    OverlapStep("tau", "electron", 0.2),
    OverlapStep("tau", "muon", 0.2),
    OverlapStep("jet", "electron", 0.2),
    OverlapStep("electron", "jet", 0.4),
    OverlapStep("jet", "muon", 0.2),
    OverlapStep("muon", "jet", 0.4),
    OverlapStep("jet", "tau", 0.2),
    OverlapStep("photon", "electron", 0.4),
    OverlapStep("photon", "muon", 0.4),
    OverlapStep("jet", "photon", 0.4),
)
"""Order and distances as analyses of ATLAS commonly use them.

An electron shares the muon's track: in ntuples without tracks, it is as near as 0.01. A jet near a
muon has few tracks there: where their number is not known, every such jet goes.
"""

BOOSTED: tuple[OverlapStep, ...] = tuple(
    OverlapStep(s.remove, s.near, s.delta_r, 10.0) if s.near == "jet" else s for s in RECOMMENDED
)
"""The same, with cones around jets of min(0.4, 0.04 + 10 GeV / pt) for leptons."""


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """Flat arrays of a collection and their offsets: pt in GeV, eta, phi in rad."""

    pt: Any
    eta: Any
    phi: Any
    offsets: Any


def remove_overlaps(
    collections: Mapping[str, Directions], steps: Iterable[OverlapStep] = RECOMMENDED
) -> dict[str, NDArray[np.bool_]]:
    """Return for each collection which of its objects are left after all steps.

    Steps with a collection that is not given are left out.
    """
    left = {name: np.ones(len(np.asarray(c.pt)), np.bool_) for name, c in collections.items()}
    for step in steps:
        if step.remove not in collections or step.near not in collections:
            continue
        one, two = collections[step.remove], collections[step.near]
        here, there = left[step.remove], left[step.near]
        distance, _ = nearest(*_kept(one, here), *_kept(two, there))
        limit: Any = step.delta_r
        if step.sliding:
            limit = np.minimum(limit, 0.04 + step.sliding / np.asarray(one.pt)[here])
        left[step.remove] = here.copy()
        left[step.remove][here] = distance >= limit
    return left


def _kept(objects: Directions, left: NDArray[np.bool_]) -> tuple[Any, Any, Any]:
    offsets = np.concatenate([[0], np.cumsum(left)])[np.asarray(objects.offsets)]
    return np.asarray(objects.eta)[left], np.asarray(objects.phi)[left], offsets
