"""The figure: time against the number of variations."""

from __future__ import annotations

from pathlib import Path

from cumulative import Curve


def draw_curves(curves: list[Curve], path: Path, title: str) -> None:
    """Draw the curves into a PNG file."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 5.5), constrained_layout=True)
    for curve, style in zip(curves, ("o-", "s-", "D-", "^--"), strict=False):
        axes.plot(curve.numbers, curve.seconds, style, label=curve.name, markersize=4)
    axes.set(xscale="log", yscale="log", xlabel="variations done", ylabel="wall time [s]", title=title)
    axes.grid(visible=True, which="both", alpha=0.2)
    figure.legend(loc="outside lower center", frameon=False)
    figure.savefig(path, dpi=140)
    plt.close(figure)
