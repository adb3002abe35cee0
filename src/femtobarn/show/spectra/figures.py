"""All figures of a scan: what it cost, what it read, the largest spectra, and all histograms at once.

``draw_scan(out, folder)`` takes a run directory, or a `ShownScan` made of objects that are at hand, and
writes ``performance``, ``overview``, ``masses`` and ``occupancy`` as png and pdf.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from matplotlib.figure import Figure

from femtobarn.show.figures.save import write_both
from femtobarn.show.figures.style import Style, context
from femtobarn.show.spectra import masses, occupancy, overview, performance
from femtobarn.show.spectra.shown import ShownScan

STYLE: Style = "femtobarn"
_DPI = 120  # figures are large

FIGURES: Mapping[str, tuple[Callable[[ShownScan], Any], Callable[[Any], Figure]]] = MappingProxyType(
    {
        "overview": (overview.compute, overview.draw),
        "masses": (masses.compute, masses.draw),
        "occupancy": (occupancy.compute, occupancy.draw),
        "performance": (performance.compute, performance.draw),
    }
)
"""Names of the figures in the order in which they are shown; how each is computed, and how drawn."""


def draw_scan(scan: Path | str | ShownScan, folder: Path) -> tuple[Path, ...]:
    """Draw all figures of a scan into ``folder`` (created if absent); return the paths of png and pdf files.

    Other png and pdf files in ``folder`` are removed: they would be taken for figures of this scan.

    Parameters
    ----------
    scan
        a run directory, or what is to be shown
    folder
        where figures are written

    Raises
    ------
    RunDirectoryError
        if the run directory holds no finished scan
    """
    shown = scan if isinstance(scan, ShownScan) else ShownScan.load(scan)
    paths: list[Path] = []
    for name, (compute, _) in FIGURES.items():
        paths += write_both(drawn(name, compute(shown)), folder, name, STYLE, dpi=_DPI)
    for path in (*folder.glob("*.png"), *folder.glob("*.pdf")):
        if path not in paths:
            path.unlink(missing_ok=True)
    return tuple(paths)


def drawn(name: str, data: Any) -> Figure:
    """Return the figure ``name`` of what was computed for it; pyplot does not know it."""
    with context(STYLE):
        return FIGURES[name][1](data)
