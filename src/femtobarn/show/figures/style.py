"""The two looks, as matplotlib settings; both use fonts that come with the packages."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Literal

import matplotlib.style
import mplhep
from matplotlib.colors import is_color_like

Style = Literal["femtobarn", "notebook"]

WARNING = "#a33b00"
_FALLBACK = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#0072b2", "#d55e00", "#f0e442")

_FIXED: dict[str, Any] = {
    "pdf.fonttype": 3,
    "savefig.transparent": False,
    "savefig.facecolor": "white",
    "figure.facecolor": "white",
    "hatch.linewidth": 0.6,
    "svg.hashsalt": "femtobarn",
}

_FEMTOBARN: dict[str, Any] = {
    **mplhep.style.ATLAS,
    "font.family": ["TeX Gyre Heros", "DejaVu Sans"],
    "font.size": 13,
    "axes.autolimit_mode": "data",
    "axes.formatter.limits": (-3, 5),
    "axes.labelsize": 15,
    "axes.labelpad": 6,
    "xtick.labelsize": 12.5,
    "ytick.labelsize": 12.5,
    "xtick.major.size": 7,
    "xtick.minor.size": 3.5,
    "ytick.major.size": 7,
    "ytick.minor.size": 3.5,
    "legend.fontsize": 12,
    "legend.borderpad": 0.4,
    "legend.handlelength": 1.6,
    "legend.handletextpad": 0.6,
    "lines.markersize": 5,
    "lines.linewidth": 1.3,
    "mathtext.fallback": "stixsans",
}

_NOTEBOOK: dict[str, Any] = {"font.family": ["DejaVu Sans"], "mathtext.fontset": "dejavusans"}


def context(style: Style) -> AbstractContextManager[None]:
    """Return a context in which figures of ``style`` are built and saved, whatever the user's settings."""
    own = _NOTEBOOK if style == "notebook" else _FEMTOBARN
    return matplotlib.style.context(["default", {**own, **_FIXED}])


def safe_colour(colour: str, index: int) -> str:
    """Return ``colour`` if it is one, else the ``index``-th of a palette for colour-blind readers."""
    return colour if is_color_like(colour) else _FALLBACK[index % len(_FALLBACK)]
