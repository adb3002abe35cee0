"""The words and edges of axes, and the energy of a release."""

from __future__ import annotations

import re

import numpy as np

from femtobarn.base.records import AxisRecord
from femtobarn.data.catalogue import known
from femtobarn.show.figures.model import Floats


def edges_of(axis: AxisRecord) -> Floats:
    """Return the bin edges of ``axis``, shape (bins + 1)."""
    if axis.kind == "variable":
        return np.asarray(axis.edges, dtype=np.float64)
    return np.linspace(axis.edges[0], axis.edges[-1], axis.bins + 1)


def axis_label(axis: AxisRecord) -> str:
    """Return label and unit: ``"mass [GeV]"``."""
    if not axis.unit or axis.unit == "1" or axis.label.rstrip().endswith("]"):
        return axis.label
    return f"{axis.label} [{axis.unit}]"


def events_label(axis: AxisRecord) -> str:
    """Return ``"Events / 2.5 GeV"``, or ``"Events / bin"`` where bins differ in width."""
    widths = np.diff(edges_of(axis))
    if not np.allclose(widths, widths[0], rtol=1e-9):
        return "Events / bin"
    unit = "" if axis.unit == "1" else axis.unit
    if not unit and np.isclose(widths[0], 1):
        return "Events"
    return f"Events / {widths[0]:.4g} {unit}".rstrip()


def energy_of(release: str) -> str:
    """Return the collision energy of a release, or that in its name: ``"13 TeV"``; empty if it has none."""
    published = known(release)
    if published is not None:
        return published.sqrt_s
    found = re.search(r"(\d+(?:p\d+)?)tev", release.casefold())
    return f"{found[1].replace('p', '.')} TeV" if found else ""
