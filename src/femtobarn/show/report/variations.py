"""What each systematic variation changes of the yields, the largest change first."""

from __future__ import annotations

from femtobarn.running.results.yields import Effect, effects, varied_yields
from femtobarn.show.report.html import Html, section, table, tag
from femtobarn.show.report.numbers import amount, shifted
from femtobarn.show.report.sections import luminosity_used
from femtobarn.show.results_like import Results
from femtobarn.show.wording import plain

MOST = 20  # variations shown of a selection; all are in cutflow.csv


def effects_on_yields(results: Results) -> Html:
    """Show the largest effects on all simulation together, for each selection; nothing without variations."""
    spec = results.spec
    if not spec.variations:
        return Html("")
    yields = varied_yields(spec, results.short_cutflow(), luminosity_used(results))
    parts: list[Html] = []
    for selection in spec.selections:
        found = effects(spec, yields, selection.name)
        if found:
            parts += _selection(found)
    if not parts:
        words = "Simulation is not scaled to a luminosity, so what variations change of it is not known."
        return section("variations", "Variations", tag("p", words, class_="soft"))
    intro = (
        "What each systematic variation changes of all simulation after the last cut. A variation acts on "
        "all processes at once; the normalisation stays the nominal one."
    )
    return section("variations", "Variations", tag("p", intro, class_="soft"), *parts)


def _selection(found: tuple[Effect, ...]) -> list[Html]:
    nominal = found[0].nominal
    rows = [(plain(e.name), shifted(e.up, nominal), shifted(e.down, nominal)) for e in found[:MOST]]
    parts = [
        tag("h3", f"Selection {found[0].selection}, nominal {amount(nominal)} events"),
        table(("variation", "up", "down"), rows, numeric=(1, 2)),
    ]
    more = len(found) - MOST
    if more > 0:
        words = f"{more:,} more with smaller effects; all are in cutflow.csv."
        parts.append(tag("p", words, class_="soft"))
    return parts
