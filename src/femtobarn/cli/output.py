"""What the commands print; rich where there is a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from femtobarn.base.text import visible, without_secrets

if TYPE_CHECKING:
    from rich.console import Console

    from femtobarn.base.records import InputFile
    from femtobarn.physics.language.analysis import Analysis
    from femtobarn.physics.language.explain import Explanation
    from femtobarn.physics.spectra.scan import Scan
    from femtobarn.running.engine.plan import Plan
    from femtobarn.running.results.reader import RunResults

_MOST_LISTED = 12
_WIDE = 160  # columns where there is no terminal: tables for files and pipes are not folded


def console(*, stderr: bool = False) -> Console:
    """Return a console on the stream as it is now (tests replace it)."""
    from rich.console import Console

    live = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, highlight=False, soft_wrap=not live, width=None if live else _WIDE)


def line(words: str) -> None:
    """Print one line."""
    from rich.text import Text

    console().print(Text(_escaped(words)), soft_wrap=True)


def note(words: str) -> None:
    """Print one line about what happens on the error stream."""
    from rich.text import Text

    console(stderr=True).print(Text(_escaped(words)), soft_wrap=True)


def error(words: str) -> None:
    """Print an error as one paragraph on the error stream."""
    from rich.text import Text

    out = console(stderr=True)
    out.print(Text("error: ", style="bold red") + Text(_escaped(words)))


def _escaped(words: str) -> str:
    """Names come from strangers: nothing in them steers the terminal, and no password of a user is shown."""
    return "\n".join(visible(part, most=len(part)) for part in without_secrets(words).split("\n"))


def size(count: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return ""


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[str] = (),
    stderr: bool = False,
) -> None:
    """Print a table; the columns named in ``right`` are numbers."""
    from rich.table import Table
    from rich.text import Text

    made = Table(show_edge=False, pad_edge=False)
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    console(stderr=stderr).print(made)


def results(found: RunResults) -> None:
    """Print the end of a run: yields, significance, problems, paths; an error if nothing was done."""
    from femtobarn.running.engine.run import exit_code

    if exit_code(found.info) == 1:
        lost = [row for row in found.ledger() if row.status != "processed"]
        named = bool(lost) and lost[0].file in lost[0].reason
        first = f" The first reason: {'' if named else f'{lost[0].file}: '}{lost[0].reason}" if lost else ""
        error(f"Nothing was processed: none of the {found.info.files_given} files could be used.{first}")
        line(f"every reason is in {found.path / 'ledger.csv'}")
        return
    from femtobarn.show.report import print_summary

    skim = [found.path / "skim"] if found.spec.skim is not None else []
    spectra = [found.path / "spectra"] if found.spec.spectra is not None else []
    drawn = found.spec.figures and found.info.settings.figures
    figures = [found.path / "figures"] if drawn else []
    print_summary(console(), found, [*skim, *spectra, *figures, found.path / "report.html"])


def plan(made: Plan) -> None:
    """Print a plan."""
    from rich.text import Text

    files: dict[str, list[InputFile]] = {}
    for file in made.files:
        files.setdefault(file.process, []).append(file)
    parts = Counter(task.file.process for task in made.tasks)
    rows = []
    for process, own in files.items():
        keys = ", ".join(f.key for f in own[:_MOST_LISTED]) + (", ..." if len(own) > _MOST_LISTED else "")
        rows.append((process, str(len(own)), str(parts[process]), size(sum(f.size for f in own)), keys))
    console().print(Text(f"{made.analysis} on {made.release}", style="bold"))
    table(
        ("process", "files", "parts", "size", "datasets or periods"), rows, right=("files", "parts", "size")
    )
    total = sum(f.size for f in made.files)
    line(f"{len(made.files)} files, {len(made.tasks)} parts, {size(total)}")
    if remote := remote_words(made.files):
        line(remote)
    line(f"reads {len(made.branches)} branches: {', '.join(made.branches)}")
    if made.histogram_bytes:
        line(f"histograms take {size(made.histogram_bytes)}")
    _listed("the analysis wants, and there is no file for", made.missing)
    _listed("not read", [f"{f.name}: {f.reason}" for f in made.skipped])


def remote_words(files: Sequence[InputFile]) -> str:
    """Return how many files and bytes are elsewhere, and what of them is in the cache; empty if none are."""
    from femtobarn.data.storage.urls import is_remote, parse

    remote = [f for f in files if is_remote(f.url)]
    if not remote:
        return ""
    from femtobarn.data.storage import Cache

    cache = Cache.from_environment()
    here = [f for f in remote if cache.find(f.identity, f.size, f.url) is not None]
    hosts = ", ".join(dict.fromkeys(parse(f.url).host for f in remote))
    total, left = sum(f.size for f in remote), sum(f.size for f in remote) - sum(f.size for f in here)
    words = f"{len(remote)} of them from {hosts}, {size(total)}"
    return f"{words}; {len(here)} are in the cache, {size(left)} are not" if here else words


def _listed(what: str, names: Sequence[str]) -> None:
    if names:
        line(f"{what} ({len(names)}):")
        for name in names[:_MOST_LISTED]:
            line(f"  {name}")
        if len(names) > _MOST_LISTED:
            line(f"  ... and {len(names) - _MOST_LISTED} more")


def explanation(found: Explanation) -> None:
    """Print every cut of one event."""
    from rich.text import Text

    out = console()
    verdict = Text("passes", style="bold green") if found.selected else Text("fails", style="bold red")
    out.print(Text(f"{found.selection}: event {found.entry} of {found.file} ") + verdict, soft_wrap=True)
    marks = {
        True: Text("  pass  ", style="green"),
        False: Text("  FAIL  ", style="red"),
        None: Text("  n/a   ", style="yellow"),
    }
    for step in found.steps:
        out.print(marks[step.passed] + Text(step.name), soft_wrap=True)
        for part in step.parts:
            value = "not defined (too few objects)" if part.value is None else str(part.value)
            out.print(Text(f"          {part.text} = {value}", style="dim"), soft_wrap=True)


def analyses(found: Sequence[tuple[str, Analysis | Scan]]) -> None:
    """Print the analyses."""
    from femtobarn.show.wording import plain_label

    rows = [
        (
            name,
            plain_label(analysis.title),
            ", ".join(analysis.releases) or "any",
            "; ".join(f"{k}: {v}" for k, v in analysis.options.items()) or "-",
        )
        for name, analysis in found
    ]
    table(("name", "title", "releases", "options"), rows)


@contextmanager
def steps(doing: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar for named steps in a terminal, nothing elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    bar = Progress(
        TextColumn(doing),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[name]}", markup=False),
        console=console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with bar:
        task = bar.add_task(doing, total=None, name="")
        yield lambda name, done, total: bar.update(task, completed=done, total=total, name=name)
