"""From numbers and words to a matplotlib figure; no global state is touched."""

from __future__ import annotations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from femtobarn.show.figures import heatmap, notebook, standard
from femtobarn.show.figures.model import FigureData
from femtobarn.show.figures.style import context


def draw(data: FigureData) -> Figure:
    """Return ``data`` as a figure of its own; pyplot does not know it, so nothing has to be closed."""
    with context(data.style):
        figure = Figure(figsize=_size(data), dpi=100)
        FigureCanvasAgg(figure)
        if data.panels:
            heatmap.draw(data, figure)
        elif data.style == "notebook":
            notebook.draw(data, figure)
        else:
            standard.draw(data, figure)
    return figure


def _size(data: FigureData) -> tuple[float, float]:
    if data.size is not None:
        return data.size
    if data.panels:
        return (7.5 * len(data.panels), 6.5)
    if data.style == "notebook":
        return (12.0, 8.0) if data.data is not None and data.layers else (6.0, 4.0)
    return (8.0, 7.6) if data.data is not None and data.layers else (8.0, 6.2)
