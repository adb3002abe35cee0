"""Figures to files: png and pdf, equal bytes for equal figures, never half a file."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from matplotlib.figure import Figure

from femtobarn.base.atomic import write_bytes
from femtobarn.show.figures.compute import compute
from femtobarn.show.figures.draw import draw
from femtobarn.show.figures.model import FigureData
from femtobarn.show.figures.style import Style, context
from femtobarn.show.results_like import Results

# dates and versions would make equal figures differ
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"Creator": "femtobarn", "Producer": None, "CreationDate": None},
}


@dataclass(frozen=True, slots=True)
class FigurePaths:
    """Where a figure is, and what it shows."""

    name: str
    data: FigureData
    png: Path
    pdf: Path


def draw_all(results: Results, out: Path, luminosity: float | None = None) -> tuple[FigurePaths, ...]:
    """Draw every figure that the analysis declares into the folder ``out`` (created if absent).

    Other png and pdf files in ``out`` are removed: they would be taken for figures of these results.
    ``luminosity`` in fb^-1 overrides that of data and figures. Names that would share a file get a
    digest appended.
    """
    done = []
    taken: set[str] = set()
    for record in results.spec.figures:
        data = compute(results, record, luminosity)
        stem = file_stem(record.name)
        if stem.casefold() in taken:
            stem = f"{stem}-{hashlib.sha256(record.name.encode()).hexdigest()[:8]}"
        taken.add(stem.casefold())
        done.append(save(draw(data), data, out, stem=stem))
    current = {path for figure in done for path in (figure.png, figure.pdf)}
    for path in (*out.glob("*.png"), *out.glob("*.pdf")):
        if path not in current:  # of a figure that is no longer declared
            path.unlink(missing_ok=True)
    return tuple(done)


def save(figure: Figure, data: FigureData, out: Path, *, stem: str | None = None) -> FigurePaths:
    """Write ``figure`` into the folder ``out`` as png (150 dpi) and pdf, each in one step."""
    stem = file_stem(data.name) if stem is None else stem
    return FigurePaths(data.name, data, *write_both(figure, out, stem, data.style))


def write_both(figure: Figure, out: Path, stem: str, style: Style, *, dpi: float = 150) -> tuple[Path, Path]:
    """Write ``figure`` of ``style`` into the folder ``out`` (created if absent) as png and pdf; return both paths."""
    out.mkdir(parents=True, exist_ok=True)
    png, pdf = out / f"{stem}.png", out / f"{stem}.pdf"
    write_bytes(png, _render(figure, style, "png", dpi=dpi))
    write_bytes(pdf, _render(figure, style, "pdf", dpi=dpi))
    return png, pdf


def png_bytes(figure: Figure, data: FigureData, dpi: float = 100) -> bytes:
    """Return ``figure`` as a png image."""
    return _render(figure, data.style, "png", dpi=dpi)


def file_stem(name: str) -> str:
    """Return ``name`` as a safe file name without suffix: letters, digits, dot, dash and underscore."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80]
    return stem or f"figure-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _render(figure: Figure, style: Style, kind: Literal["png", "pdf"], dpi: float) -> bytes:
    buffer = io.BytesIO()
    with context(style):  # mathtext looks its fonts up when it is rendered
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=_METADATA[kind])
    return buffer.getvalue()
