"""The figure of the most populated spectra: full, and what was made of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from femtobarn.base.records import Kind
from femtobarn.base.spectra import SpectraRecord
from femtobarn.physics.spectra.combinations import Combination
from femtobarn.running.results.spectra.reader import Spectrum
from femtobarn.running.results.spectra.windows import matching
from femtobarn.show.figures.labels import safe_label
from femtobarn.show.spectra import known
from femtobarn.show.spectra.canvas import SOFT, WINDOW, Heading, colours, nothing, sheet
from femtobarn.show.spectra.catalogue import FULL, VARIANTS, Made
from femtobarn.show.spectra.populations import Populations, histograms, most_populated
from femtobarn.show.spectra.rows import rows, summed
from femtobarn.show.spectra.shown import ShownScan
from femtobarn.show.spectra.words import content_of

MOST = 12
_COLUMNS = 4
_LINE = 18.0  # points that a row of the legend takes
_SHARE = 0.999  # of the values that the axis has room for: a few far away would hide the rest


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One final state and combination.

    Parameters
    ----------
    title, subtitle
        the combination, and the final state with the number of values
    windows
        known resonances, lower and upper edges in GeV
    spectra
        of all rows, each with its variants
    """

    title: str
    subtitle: str
    quantity: str
    windows: tuple[tuple[float, float], ...]
    spectra: tuple[Spectrum, ...]


@dataclass(frozen=True, slots=True, eq=False)
class MassesData:
    """What the figure shows; ``rows`` are names and kinds."""

    heading: Heading
    width: float
    rows: tuple[tuple[str, Kind], ...]
    variants: tuple[str, ...]
    panels: tuple[Panel, ...]
    total: int

    @property
    def words(self) -> str:
        """The numbers in a line."""
        shown = f"the {len(self.panels)} with the most values of {self.total:,}"
        return f"mass spectra: {shown}, bins of {self.width:g} GeV"


def compute(scan: ShownScan) -> MassesData:
    """Return what the figure shows of a scan: the most populated spectra of its first row, and of all others."""
    spectra = scan.spectra
    record = spectra.record
    drawn = rows(spectra)
    wanted = most_populated(spectra, drawn[0].groups, MOST) if drawn else ()
    keys = [(one.state, one.combination) for one in wanted]
    found: dict[tuple[int, Combination], list[Spectrum]] = {key: [] for key in keys}
    for row in drawn:
        parts: defaultdict[tuple[int, Combination, str], list[Spectrum]] = defaultdict(list)
        for group in row.groups:
            for one in (*histograms(spectra, group, wanted), *_made(scan.processed, group)):
                if one is not None and (one.state, one.combination) in found:
                    parts[one.state, one.combination, one.variant].append(one)
        for (state, combination, _), ones in parts.items():
            found[state, combination].append(summed(ones, row.name))
    panels = tuple(
        Panel(
            one.combination.name,
            f"{one.final_state}: {one.entries:,}",
            "transverse mass" if one.combination.quantity == "met" else "mass",
            _windows(record, found[key][0]),
            tuple(found[key]),
        )
        for one, key in zip(wanted, keys, strict=True)
    )
    variants = {s.variant for p in panels for s in p.spectra}
    return MassesData(
        heading=Heading.of(scan.info, record, [row.kind for row in drawn]),
        width=record.width,
        rows=tuple((row.name, row.kind) for row in drawn),
        variants=tuple(v for v in VARIANTS if v in variants),
        panels=panels,
        total=len(Populations.of_groups(spectra, drawn[0].groups).entries) if drawn else 0,
    )


def _made(processed: Made, group: str) -> tuple[Spectrum, ...]:
    return tuple(processed[group]) if group in processed else ()


def _windows(record: SpectraRecord, spectrum: Spectrum) -> tuple[tuple[float, float], ...]:
    edges = [known.edges(record, w) for w in matching(known.windows_of(record), spectrum)]
    merged: list[tuple[float, float]] = []
    for low, high in sorted(edges):
        if merged and low < merged[-1][1]:  # those that overlap are one
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def draw(data: MassesData) -> Figure:
    """Return the figure."""
    down = max(1, -(-len(data.panels) // _COLUMNS))
    shades = dict(zip([n for n, _ in data.rows], colours([k for _, k in data.rows]), strict=True))
    entries = _legend(data, shades)
    lines = -(-len(entries) // _COLUMNS)
    figure, top = sheet(data.heading, data.words, (14.0, 1.6 + 2.75 * down + lines * _LINE / 72))
    height = figure.get_figheight()
    if not data.panels:
        nothing(figure.add_axes((0, 0, 1, top)), "No spectrum was found.")
        return figure
    figure.legend(
        handles=entries, loc="upper left", bbox_to_anchor=(20 / (14 * 72), top + 8 / (height * 72)),
        ncols=_COLUMNS, fontsize=11, frameon=False, borderaxespad=0, columnspacing=1.5,
    )  # fmt: skip
    top -= lines * _LINE / 72 / height
    grid = figure.add_gridspec(
        down, _COLUMNS, left=0.05, right=0.985, top=top - 0.5 / height, bottom=0.55 / height,
        wspace=0.2, hspace=0.52,
    )  # fmt: skip
    for i, panel in enumerate(data.panels):
        axes = figure.add_subplot(grid[divmod(i, _COLUMNS)])
        _panel(axes, panel, shades)
        if i % _COLUMNS == 0:
            content = content_of(kind for _, kind in data.rows)
            axes.set_ylabel(f"{content} / {data.width:g} GeV", fontsize=10.5, loc="top", labelpad=2)
    return figure


def _panel(axes: Axes, panel: Panel, shades: dict[str, str]) -> None:
    axes.set_title("", y=1)  # a given y: matplotlib does not search a place for it
    axes.text(0, 1.03, panel.title, transform=axes.transAxes, fontsize=12.5, fontweight="bold")
    axes.text(1, 1.03, panel.subtitle, transform=axes.transAxes, fontsize=10.5, color=SOFT, ha="right")
    for low, high in panel.windows:
        axes.axvspan(low, high, color=WINDOW, alpha=0.22, linewidth=0)
    made = any(one.variant != FULL for one in panel.spectra)
    for one in panel.spectra:
        if not len(one.sums):
            continue
        colour = shades[one.group]
        values = np.where(one.values > 0, one.values, 0.0)
        if one.variant == FULL and made:
            axes.stairs(values, one.edges, color=colour, linewidth=0.9, linestyle=(0, (2, 1.2)), baseline=0)
        else:
            axes.stairs(values, one.edges, fill=True, color=colour, alpha=0.28 if one.kind == "mc" else 0.14)
            axes.stairs(values, one.edges, color=colour, linewidth=1.2, baseline=0)
    axes.set_yscale("log")
    low, high = _limits(panel.spectra)
    axes.set_xlim(low, high)
    for one in panel.spectra:  # a logarithmic axis has no place for what is below 0 but its foot
        below = one.centres[(one.values < 0) & (one.centres > low) & (one.centres < high)]
        axes.plot(
            below, np.zeros(len(below)), "v", color=shades[one.group], markersize=4,
            transform=axes.get_xaxis_transform(), clip_on=False,
        )  # fmt: skip
    smallest = min((float(s.values[s.values > 0].min(initial=np.inf)) for s in panel.spectra), default=np.inf)
    largest = max((float(s.values.max(initial=0)) for s in panel.spectra), default=0)
    floor = 0.5 * smallest if np.isfinite(smallest) else 0.5
    axes.set_ylim(floor, max(largest * 3, floor * 40))
    axes.minorticks_off()  # hundreds of them take longer than all the rest
    axes.tick_params(labelsize=10, which="both")
    axes.tick_params(axis="both", which="major", length=5)
    axes.set_xlabel(f"{panel.quantity} [GeV]", fontsize=10.5, loc="right", labelpad=2)


def _limits(spectra: tuple[Spectrum, ...]) -> tuple[float, float]:
    """Return edges within which nearly all full spectra are."""
    low, high = np.inf, 0.0
    for one in spectra:
        if one.variant == FULL and len(one.sums):
            share = np.cumsum(one.sums[:, 0]) / one.sums[:, 0].sum()
            last = int(np.searchsorted(share, _SHARE))
            low = min(low, one.edges[0])
            high = max(high, one.edges[min(last + 1, len(one.sums))])
    return (float(low), float(high)) if high > low else (0.0, 1.0)


def _legend(data: MassesData, shades: dict[str, str]) -> list[Patch | Line2D]:
    entries: list[Patch | Line2D] = [
        Patch(facecolor=shades[name], edgecolor=shades[name], alpha=0.6, label=safe_label(name, 34))
        for name, _ in data.rows
    ]
    made = [v for v in data.variants if v != FULL]
    if made:
        entries.append(Line2D([], [], color=SOFT, linestyle=(0, (2, 1.2)), label="full"))
        entries.append(Patch(facecolor="none", edgecolor=SOFT, label=f"filled: {', '.join(made)}"))
    if any(panel.windows for panel in data.panels):
        entries.append(Patch(facecolor=WINDOW, alpha=0.3, label="known resonances"))
    if any((one.values < 0).any() for panel in data.panels for one in panel.spectra):
        entries.append(Line2D([], [], color=SOFT, marker="v", linestyle="", label="bins below 0"))
    return entries
