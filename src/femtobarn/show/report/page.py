"""report.html: one page that holds all it shows and needs no script and no other file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from femtobarn.base.atomic import write_bytes
from femtobarn.show.report import sections, variations
from femtobarn.show.report.cutflow import by_process
from femtobarn.show.report.html import Html, raw_style, tag
from femtobarn.show.report.workers import workers
from femtobarn.show.results_like import Results
from femtobarn.show.statistics import significances
from femtobarn.show.wording import plain_label

if TYPE_CHECKING:
    from femtobarn.show.figures import FigureData, FigurePaths
    from femtobarn.show.report.scan import ScanBlock

FILE_NAME = "report.html"
_SECTIONS = (
    ("spectra", "Mass spectra"),
    ("figures", "Figures"),
    ("yields", "Yields"),
    ("variations", "Variations"),
    ("significance", "Significance"),
    ("cutflow", "Cutflow"),
    ("ledger", "Ledger"),
    ("normalisation", "Normalisation"),
    ("throughput", "Throughput"),
    ("workers", "Workers"),
    ("provenance", "Provenance"),
    ("repeat", "How to repeat"),
)


def write_report(
    results: Results,
    out: Path,
    luminosity: float | None = None,
    *,
    drawn: Sequence[FigurePaths] | None = None,
) -> Path:
    """Write ``report.html`` into the folder ``out`` in one step and return its path.

    For parameters see `render`. Of a scan of mass spectra the page shows what is in the run directory ``out``.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / FILE_NAME
    scan = None
    if results.spec.spectra is not None:
        from femtobarn.show.report.scan import ScanBlock

        scan = ScanBlock.of(out, results.spec.spectra, results.info.release)
    page = render(results, luminosity, drawn=drawn, scan=scan).encode("utf-8", errors="replace")
    write_bytes(path, page)
    return path


def render(
    results: Results,
    luminosity: float | None = None,
    *,
    drawn: Sequence[FigurePaths] | None = None,
    scan: ScanBlock | None = None,
) -> str:
    """Return the page as text; every name from files, users and servers in it is escaped.

    Parameters
    ----------
    results
        what is reported
    luminosity
        fb^-1; overrides that of data and figures
    drawn
        figures of these results at this luminosity, from `femtobarn.show.figures.draw_all`; their files
        are put into the page. Empty: the page says that no figure was drawn. None: they are drawn here
    scan
        what is shown of a scan of mass spectra
    """
    if luminosity is not None:
        results = results.with_luminosity(luminosity)
    images = _drawn(results, luminosity) if drawn is None else [(f.data, f.png.read_bytes()) for f in drawn]
    cost = results.metrics()
    flows = by_process(
        results.short_cutflow(), results.spec.inputs.processes, sections.luminosity_used(results)
    )
    blocks = {
        "figures": sections.figures(images, declared=len(results.spec.figures)),
        "yields": sections.yields(results),
        "variations": variations.effects_on_yields(results),
        "significance": sections.significances(significances(results)),
        "cutflow": sections.cutflows(results, flows),
        "ledger": sections.ledger(results),
        "normalisation": sections.normalisation(results),
        "throughput": sections.throughput(cost),
        "workers": workers(cost),
        "provenance": sections.provenance(results.info),
        "repeat": sections.repeat(results.info),
    }
    if results.spec.spectra is not None:
        blocks |= _scanned(scan)
    links = [tag("li", tag("a", title, href=f"#{name}")) for name, title in _SECTIONS if blocks.get(name)]
    style = files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    title = f"{plain_label(results.spec.title) or results.spec.name}: report"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(style)),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name_="referrer", content="no-referrer"),
        tag("title", title),
        raw_style(style),
    )
    body = tag(
        "body",
        sections.headline(results, cost),
        tag("nav", tag("ul", *links), aria_label="Sections"),
        tag("main", *(blocks[name] for name, _ in _SECTIONS if name in blocks)),
        tag("footer", f"Made by femtobarn {results.info.femtobarn}."),
    )
    return Html("<!DOCTYPE html>\n") + tag("html", head, body, lang="en") + "\n"


def _scanned(scan: ScanBlock | None) -> dict[str, Html]:
    """Return the sections that a scan has of its own; it declares no figures as other analyses do."""
    if scan is None:
        return {"figures": Html("")}
    from femtobarn.show.report import scan as own

    return {"spectra": own.spectra(scan), "figures": own.figures(scan)}


def _drawn(results: Results, luminosity: float | None) -> list[tuple[FigureData, bytes]]:
    from femtobarn.show.figures import compute, draw, png_bytes

    found = [compute(results, record, luminosity) for record in results.spec.figures]
    return [(data, png_bytes(draw(data), data, dpi=110)) for data in found]


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
