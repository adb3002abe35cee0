"""Charts of numbers over time, as markup in the page: they follow its colours and need no plotting package."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

from femtobarn.show.report.html import Html, join, tag
from femtobarn.show.wording import plain

_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 30, 40
_MARK = 5  # half the width of a mark

# seconds of a unit, and until which length of a run times are told in it
_UNITS = ((1.0, "s", 180.0), (60.0, "min", 10_800.0), (3600.0, "h", 259_200.0), (86_400.0, "d", math.inf))


@dataclass(frozen=True, slots=True)
class Layer:
    """One of the things drawn.

    Parameters
    ----------
    label
        what it is; foreign text is welcome, it is escaped
    look
        class of its colour in the style of the page
    values
        one for each span; None where nothing is known
    """

    label: str
    look: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Numbers in equal spans of time.

    Parameters
    ----------
    title, unit
        what is drawn; ``unit`` also tells how its numbers are written: ``"B"`` with decimal prefixes
    seconds
        length of all spans together
    layers
        bottom to top
    kind
        ``"stack"``: filled, one on the other; ``"lines"``: each from 0
    marks
        spans above which something is to be seen, and what it is
    size
        width and height in pixels of a page as wide as it gets
    """

    title: str
    unit: str
    seconds: float
    layers: tuple[Layer, ...]
    kind: Literal["stack", "lines"]
    size: tuple[int, int]
    marks: tuple[int, ...] = ()


def draw(chart: Chart) -> Html:
    """Return the chart as an ``svg`` element."""
    highest = max((v for v in _totals(chart) if v is not None), default=0.0)
    ticks = nice_ticks(highest)
    frame = _Frame(chart, ticks[-1] if len(ticks) > 1 else 1.0)
    shapes = _stacked(chart, frame) if chart.kind == "stack" else _lines(chart, frame)
    width, height = chart.size
    words = f"{chart.title}, over {plain_time(chart.seconds)}"
    return tag(
        "svg",
        tag("title", words),
        tag("text", chart.title, x=_LEFT, y=16, class_="name"),
        _grid(frame, ticks, chart.unit),
        *shapes,
        _time_axis(frame),
        *(_mark(frame, i) for i in chart.marks),
        viewbox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        aria_label=words,
        class_="chart",
    )


def swatch(look: str) -> Html:
    """Return a small square in the colour of a layer, for a legend."""
    square = tag("rect", width=12, height=12, rx=2, class_=f"area {look}")
    return tag("svg", square, viewbox="0 0 12 12", width=12, height=12, aria_hidden="true", class_="swatch")


def mark_sign() -> Html:
    """Return the sign of a mark, for a legend."""
    sign = tag("path", d="M1 2H11L6 11Z", class_="mark")
    return tag("svg", sign, viewbox="0 0 12 12", width=12, height=12, aria_hidden="true", class_="swatch")


def nice_ticks(highest: float, most: int = 5) -> tuple[float, ...]:
    """Return round numbers from 0 to the first that is not below ``highest``, at most ``most`` + 1 of them."""
    if not (highest > 0 and math.isfinite(highest)):
        return (0.0,)
    rough = highest / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    return tuple(i * step for i in range(math.ceil(highest / step - 1e-9) + 1))


def short(value: float, unit: str, step: float) -> str:
    """Return a number at an axis; ``step`` is the distance of the next one.

    Bytes and large numbers have decimal prefixes: ``"250 MB"``, ``"1.5 M"``.
    """
    for scale, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= scale:
            return f"{_digits(value / scale, step / scale)} {prefix}{'B' if unit == 'B' else ''}"
    return f"{_digits(value, step)}{' B' if unit == 'B' and value else ''}"


def plain_time(seconds: float) -> str:
    """Return a length of time in one unit."""
    scale, unit = _unit(seconds)
    return f"{seconds / scale:.3g} {unit}"


def _digits(value: float, step: float) -> str:
    return f"{value:.{max(0, -math.floor(math.log10(step) + 1e-9)) if 0 < step < 1 else 0}f}"


def _unit(seconds: float) -> tuple[float, str]:
    return next((scale, unit) for scale, unit, until in _UNITS if seconds < until)


class _Frame:
    """Where on the chart a time and a number are."""

    def __init__(self, chart: Chart, highest: float) -> None:
        width, height = chart.size
        self.left, self.right = _LEFT, width - _RIGHT
        self.top, self.bottom = _TOP, height - _BOTTOM
        self.seconds, self.highest = chart.seconds, highest
        self.bins = max((len(layer.values) for layer in chart.layers), default=1)

    def x(self, seconds: float) -> float:
        share = seconds / self.seconds if self.seconds else 0.0
        return self.left + (self.right - self.left) * share

    def edge(self, i: int) -> str:
        return _number(self.left + (self.right - self.left) * i / self.bins)

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - self.top) * min(value / self.highest, 1.0)

    def height(self, value: float) -> str:
        return _number(self.y(value))


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _totals(chart: Chart) -> list[float | None]:
    """Return what the axis must reach: the sum of each span, or every value."""
    if chart.kind == "lines":
        return [v for layer in chart.layers for v in layer.values]
    return [sum(v or 0.0 for v in values) for values in zip(*(x.values for x in chart.layers), strict=True)]


def _stacked(chart: Chart, frame: _Frame) -> list[Html]:
    base = [0.0] * frame.bins
    shapes = []
    for layer in chart.layers:
        top = [b + (v or 0.0) for b, v in zip(base, layer.values, strict=True)]
        upper = "".join(f"V{frame.height(v)}H{frame.edge(i + 1)}" for i, v in enumerate(top))
        lower = "".join(f"V{frame.height(base[i])}H{frame.edge(i)}" for i in reversed(range(frame.bins)))
        path = f"M{frame.edge(0)} {frame.height(base[0])}{upper}{lower}Z"
        shapes.append(_shape(layer, path, "area"))
        base = top
    return shapes


def _lines(chart: Chart, frame: _Frame) -> list[Html]:
    shapes = []
    for layer in chart.layers:
        pieces = []
        for known, run in groupby(enumerate(layer.values), key=lambda item: item[1] is not None):
            if not known:
                continue
            steps = [(i, v) for i, v in run if v is not None]
            first, height = steps[0]
            pieces.append(f"M{frame.edge(first)} {frame.height(height)}")
            pieces += [f"V{frame.height(v)}H{frame.edge(i + 1)}" for i, v in steps]
        if pieces:
            shapes.append(_shape(layer, "".join(pieces), "line"))
    return shapes


def _shape(layer: Layer, path: str, kind: str) -> Html:
    return tag("path", tag("title", plain(layer.label)), d=path, class_=f"{kind} {layer.look}")


def _grid(frame: _Frame, ticks: Sequence[float], unit: str) -> Html:
    step = next((b - a for a, b in pairwise(ticks)), 1.0)
    parts = []
    for value in ticks:
        y = frame.height(value)
        parts.append(tag("line", x1=frame.left, x2=frame.right, y1=y, y2=y, class_="grid"))
        words = short(value, unit, step)
        parts.append(tag("text", words, x=frame.left - 8, y=_number(frame.y(value) + 4), text_anchor="end"))
    return join(parts)


def _time_axis(frame: _Frame) -> Html:
    scale, unit = _unit(frame.seconds)
    ticks = [t for t in nice_ticks(frame.seconds / scale, 8) if t * scale <= frame.seconds * (1 + 1e-9)]
    step = next((b - a for a, b in pairwise(ticks)), frame.seconds / scale)
    parts = [tag("line", x1=frame.left, x2=frame.right, y1=frame.bottom, y2=frame.bottom, class_="axis")]
    for tick in ticks:
        x = _number(frame.x(tick * scale))
        parts.append(tag("line", x1=x, x2=x, y1=frame.bottom, y2=frame.bottom + 4, class_="axis"))
        parts.append(tag("text", _digits(tick, step), x=x, y=frame.bottom + 17, text_anchor="middle"))
    middle = _number((frame.left + frame.right) / 2)
    words = f"time since the first task began [{unit}]"
    parts.append(tag("text", words, x=middle, y=frame.bottom + 34, text_anchor="middle"))
    return join(parts)


def _mark(frame: _Frame, span: int) -> Html:
    x = frame.left + (frame.right - frame.left) * (span + 0.5) / frame.bins
    left, right, top = _number(x - _MARK), _number(x + _MARK), frame.top - 9
    return tag("path", d=f"M{left} {top}H{right}L{_number(x)} {top + 9}Z", class_="mark")
