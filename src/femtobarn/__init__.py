"""femtobarn: declared analyses of open collider data, from files to figures.

``import femtobarn as fb`` gives the analysis language (``fb.ev``, ``fb.Analysis``, ``fb.mass``, ...)
and what runs it (``fb.run``, ``fb.open``, ``fb.load``, ...). Nothing heavy is loaded until it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from femtobarn.api import *  # noqa: F403
    from femtobarn.physics.language import *  # noqa: F403

_LANGUAGE = (
    "Analysis", "Combinations", "Expr", "GeV", "MeV", "OverlapStep", "Regular", "Selection", "TeV", "Things", "TwoPairs",
    "Variable",
    "abs_", "all_", "any_", "arctan2", "best", "cm", "columnar", "combinations", "correction", "cos", "cosh", "count",
    "cross", "delta_eta", "delta_phi", "delta_r", "ev", "exp", "function", "keV", "log", "lookup", "mass",
    "match", "maximum", "mc", "minimum", "mm", "nearest_delta_r", "pairs", "quadruplets", "quirk", "remove_overlaps", "sfos_pairs", "sign", "sin", "sinh",
    "sqrt", "system", "tan", "tanh", "transverse_mass", "triplets", "um", "where", "zz_pairing",
)  # fmt: skip
_API = (
    "Events", "analyses", "collect", "demo_data", "explain", "figures", "inspect", "load", "open", "plan", "report", "run", "skim", "spectra", "status", "submit",
)  # fmt: skip

__all__ = sorted((*_LANGUAGE, *_API, "__version__"))  # noqa: PLE0605 - one list for two rooms


def __getattr__(name: str) -> Any:
    """Load what is asked for."""
    from importlib import import_module

    if name in _LANGUAGE:
        return getattr(import_module("femtobarn.physics.language"), name)
    if name in _API:
        return getattr(import_module("femtobarn.api"), name)
    if name == "__version__":
        from femtobarn.base.installed import version

        return version("femtobarn")
    msg = f"module 'femtobarn' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    """Return the public names."""
    return list(__all__)
