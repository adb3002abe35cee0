"""The workers of a run: what each did, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from femtobarn.running.results.metrics import Metrics
from femtobarn.running.results.timeline import Timeline, WorkerSeries
from femtobarn.running.results.workers import WorkerCost
from femtobarn.show.report.chart import Chart, Layer, draw, mark_sign, swatch
from femtobarn.show.report.html import Html, details, join, section, table, tag
from femtobarn.show.report.numbers import NONE, duration
from femtobarn.show.wording import size

_COLOURS = 8  # classes k0, k1, ... of the style
_OPEN_ROWS = 20  # of the table; further ones are folded
_MOST_ROWS = 500
_WIDE, _NARROW = (1024, 270), (500, 250)
_MOST_NAME = 40  # characters in the legend
_HEAD = (
    "worker", "tasks", "failed", "events", "events/s", "read", "CPU", "busy", "memory", "last error",
)  # fmt: skip


def workers(cost: Metrics) -> Html:
    """Return what each worker did, as a table and over time; nothing if no task was run."""
    if not cost.workers:
        return Html("")
    rows = sorted(cost.workers, key=lambda w: (w.count > 1, not w.failed))
    shown, folded = rows[:_OPEN_ROWS], rows[_OPEN_ROWS:_MOST_ROWS]
    errors = any(w.last_error for w in rows)
    parts = [_words(cost), _table(shown, cost.timeline, errors=errors)]
    if folded:
        parts.append(details(f"{len(folded)} more", _table(folded, cost.timeline, errors=errors)))
    if len(rows) > _MOST_ROWS:
        parts.append(tag("p", f"{len(rows) - _MOST_ROWS:,} more are in metrics.json.", class_="soft"))
    if cost.timeline is not None and cost.timeline.seconds > 0:
        parts.append(_over_time(cost.timeline))
    return section("workers", "Workers", *parts)


def _words(cost: Metrics) -> Html:
    count = sum(w.count for w in cost.workers)
    words = f"{count:,} worker{'s' if count > 1 else ''}. Busy is the share of the run with a task at work, events per second are those of this time, and memory is the most that was needed."
    if any(w.failed for w in cost.workers):
        words += " Workers in whose hands tasks failed come first."
    return tag("p", words, class_="soft")


def _table(rows: Sequence[WorkerCost], course: Timeline | None, *, errors: bool) -> Html:
    columns = len(_HEAD) if errors else len(_HEAD) - 1
    return table(
        _HEAD[:columns],
        [_row(w, course)[:columns] for w in rows],
        numeric=range(1, 9),
        row_classes=["failed" if w.failed else "" for w in rows],
    )


def _row(w: WorkerCost, course: Timeline | None) -> tuple[str, ...]:
    whole = 0.0 if course is None else course.seconds * w.count
    return (
        w.worker or "not known",
        f"{w.tasks:,}",
        f"{w.failed:,}",
        f"{w.events:,}",
        f"{w.events_per_second:,.0f}" if w.events else NONE,
        size(w.bytes_read),
        duration(w.cpu_seconds),
        f"{100 * w.busy_seconds / whole:.0f} %" if whole else NONE,
        size(w.peak_rss) if w.peak_rss else NONE,
        w.last_error,
    )


def _over_time(course: Timeline) -> Html:
    named, rest = _told_apart(course.workers)
    width = course.seconds / course.bins
    looks = {w.worker: f"k{i}" for i, w in enumerate(named)}

    def stack(title: str, numbers: dict[str, tuple[float, ...]], size: tuple[int, int]) -> Chart:
        layers = [Layer(w.worker, looks[w.worker], numbers[w.worker]) for w in named]
        if rest:
            summed = tuple(map(sum, zip(*(numbers[w.worker] for w in rest), strict=True)))
            layers.append(Layer(_rest_label(rest), "rest", summed))
        return Chart(title, "", course.seconds, tuple(layers), "stack", size)

    failures = tuple(i for i in range(course.bins) if any(w.failed[i] for w in course.workers))
    rates = {w.worker: tuple(v / width for v in w.events) for w in course.workers}
    processors = {w.worker: tuple(v / width for v in w.cpu_seconds) for w in course.workers}
    events = replace(stack("events per second", rates, _WIDE), marks=failures)
    narrow = (stack("processors at work", processors, _NARROW), _memory(course, named, rest, looks))
    return join(
        (
            tag("h3", "Over time"),
            _legend(named, rest, looks, failures=bool(failures)),
            tag("div", draw(events), class_="wide broad"),
            tag("div", *(tag("div", draw(chart), class_="wide") for chart in narrow), class_="pair"),
            _notes(course, rest),
        )
    )


def _memory(
    course: Timeline, named: Sequence[WorkerSeries], rest: Sequence[WorkerSeries], looks: dict[str, str]
) -> Chart:
    # the rest behind those that are told apart
    layers = [Layer(w.worker, "rest", _known(w.peak_rss)) for w in rest]
    layers += [Layer(w.worker, looks[w.worker], _known(w.peak_rss)) for w in named]
    return Chart("peak memory of each worker", "B", course.seconds, tuple(layers), "lines", _NARROW)


def _known(values: Sequence[int]) -> tuple[float | None, ...]:
    return tuple(float(v) if v else None for v in values)


def _told_apart(found: Sequence[WorkerSeries]) -> tuple[list[WorkerSeries], list[WorkerSeries]]:
    """Return the workers with colours of their own, which are the busiest if there are many, and the rest."""
    if len(found) <= _COLOURS and all(w.count == 1 for w in found):
        return list(found), []
    single = [w for w in found if w.count == 1]
    busiest = sorted(single, key=lambda w: (-sum(w.busy), w.worker))[:_COLOURS]
    names = {w.worker for w in busiest}
    return [w for w in found if w.worker in names], [w for w in found if w.worker not in names]


def _rest_label(rest: Sequence[WorkerSeries]) -> str:
    return f"{sum(w.count for w in rest):,} others"


def _legend(
    named: Sequence[WorkerSeries], rest: Sequence[WorkerSeries], looks: dict[str, str], *, failures: bool
) -> Html:
    entries = [(swatch(looks[w.worker]), w.worker or "not known") for w in named]
    entries += [(swatch("rest"), _rest_label(rest))] if rest else []
    entries += [(mark_sign(), "tasks failed")] if failures else []
    return tag("ul", *(tag("li", sign, _cut(words)) for sign, words in entries), class_="legend")


def _cut(name: str) -> str:
    """Return a name that leaves room for others; what tells workers apart is mostly at its ends."""
    half = _MOST_NAME // 2
    return name if len(name) <= _MOST_NAME else f"{name[:half]}…{name[-half + 1 :]}"


def _notes(course: Timeline, rest: Sequence[WorkerSeries]) -> Html:
    lines = []
    if rest:
        lines.append(f"The {_COLOURS} busiest workers have colours of their own.")
    if course.paused:
        lines.append(
            f"Long pauses in which no task ran, {duration(course.paused)} in all, are left out of the time axis."
        )
    return tag("p", " ".join(lines), class_="soft") if lines else Html("")
