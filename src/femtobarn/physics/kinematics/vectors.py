"""Functions of four-vectors. All take arrays that broadcast together; energies in GeV, angles in rad."""

from __future__ import annotations

from typing import Any

import numpy as np


def cartesian(pt: Any, eta: Any, phi: Any) -> tuple[Any, Any, Any]:
    """Return (px, py, pz) in GeV of transverse momentum, pseudorapidity and azimuth."""
    return pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)


def invariant_mass(e: Any, px: Any, py: Any, pz: Any) -> Any:
    """Return the invariant mass in GeV; -sqrt(-m^2) for a space-like vector, as ROOT's TLorentzVector::M."""
    squared = e * e - (px * px + py * py + pz * pz)
    return np.sign(squared) * np.sqrt(np.abs(squared))


def pseudorapidity(px: Any, py: Any, pz: Any) -> Any:
    """Return the pseudorapidity asinh(pz / pt); infinite along the beam, NaN for no momentum at all."""
    return np.arcsinh(pz / np.hypot(px, py))


def rapidity(e: Any, pz: Any) -> Any:
    """Return the rapidity 1/2 ln((e + pz) / (e - pz))."""
    return 0.5 * np.log((e + pz) / (e - pz))


def delta_phi(phi1: Any, phi2: Any) -> Any:
    """Return phi1 - phi2 in rad, brought to [-pi, pi)."""
    return (phi1 - phi2 + np.pi) % (2.0 * np.pi) - np.pi


def delta_r(eta1: Any, phi1: Any, eta2: Any, phi2: Any) -> Any:
    """Return the distance sqrt(delta_eta^2 + delta_phi^2)."""
    return np.sqrt((eta1 - eta2) ** 2 + delta_phi(phi1, phi2) ** 2)


def transverse_mass(pt1: Any, phi1: Any, pt2: Any, phi2: Any) -> Any:
    """Return sqrt(2 pt1 pt2 (1 - cos(phi1 - phi2))) in GeV: the mass of two massless transverse vectors.

    The form of the ATLAS Open Data analyses (ATL-OREACH-PUB-2020-001).
    """
    return np.sqrt(2.0 * pt1 * pt2 * (1.0 - np.cos(delta_phi(phi1, phi2))))


def transverse_mass_of_system(mass: Any, pt: Any, phi: Any, met: Any, met_phi: Any) -> Any:
    """Return the transverse mass in GeV of a system of visible objects and the missing momentum.

    sqrt((E_T + met)^2 - |p_T + p_miss|^2) with E_T = sqrt(mass^2 + pt^2) of the system: that of
    H -> WW -> l nu l nu (ATLAS, Phys. Rev. D 92 (2015) 012006). A system of mass 0 gives
    `transverse_mass`.
    """
    energy = np.sqrt(mass * mass + pt * pt)
    squared = mass * mass + 2.0 * met * (energy - pt * np.cos(delta_phi(phi, met_phi)))
    return np.sqrt(np.maximum(squared, 0.0))
