"""What spectra are called in files that others read; names are made once, since there are many spectra."""

from __future__ import annotations

from functools import lru_cache

from femtobarn.physics.spectra import states
from femtobarn.physics.spectra.combinations import MOST, Combination


def histogram_name(combination: Combination, state: int, width: float) -> str:
    """Return BumpNet's name: ``ROI_mass_e0e1_cat_2ex_0mx_3jx_0gx_0tx_0bx_width_10.0``."""
    return f"ROI_mass_{combination_name(combination)}_cat_{_category(state)}_width_{width}"


@lru_cache(1 << 12)
def final_state(state: int) -> str:
    """Return how a final state is written: ``2e_0m_3j_0g_0t_0b``."""
    return states.name(state)


@lru_cache(MOST)
def combination_name(combination: Combination) -> str:
    """Return the name of a combination: ``e0e1j0``."""
    return combination.name


@lru_cache(1 << 12)
def _category(state: int) -> str:
    return states.category(state)
