"""What people read of an inspection, from top to bottom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

from rich.console import Console, RenderableType
from rich.filesize import decimal as size
from rich.text import Text

from femtobarn.api.inspect_tables import UNITS, baskets_each, branch_table, listing, pairs
from femtobarn.api.inspection import EventModel, Inspection, Lacking
from femtobarn.base.records import Origin
from femtobarn.base.text import visible
from femtobarn.data.columns.describe import TreeDescription
from femtobarn.data.formats.model import FIELDS
from femtobarn.data.formats.skimmed import MARK, SkimFacts

BRANCHES = 40
"""How many branches of the tree with the events are listed unless all are asked for."""

_OBJECTS = 12  # other objects, branches of other trees, trees with a table
_SENTENCE = 2000  # characters
_KINDS = {"data": "data", "mc": "simulation"}


def plain(found: Inspection, *, width: int, whole: bool = False) -> str:
    """Return all parts as text of at most ``width`` columns."""
    out = Console(file=StringIO(), width=width, color_system=None, highlight=False, legacy_windows=False)
    for part in parts(found, width=width, whole=whole):
        out.print(part)
    written = out.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in written.splitlines())


def parts(found: Inspection, *, width: int, whole: bool = False) -> Iterator[RenderableType]:
    """Give what is shown, from top to bottom.

    Parameters
    ----------
    found
        an inspection
    width
        columns of the terminal
    whole
        whether everything is listed, however long
    """
    yield Text(visible(found.name), style="bold")
    yield pairs(_header(found), width)
    for warning in found.warnings:
        yield Text(f"  warning: {visible(warning)}", style="yellow")
    if found.objects:
        yield from _heading(f"other objects ({len(found.objects)})")
        rows = [(visible(key.name), visible(key.class_name)) for key in found.objects]
        yield from listing(rows, len(rows) if whole else _OBJECTS)
    main = _main(found)
    brief = {} if whole else {tree.name: tree for tree in found.trees[_OBJECTS:] if tree.name != main}
    for tree in found.trees:
        if tree.name not in brief:
            yield from _heading(f"tree {visible(tree.name)}")
            yield pairs(_about(tree), width)
            most = len(tree.branches) if whole else BRANCHES if tree.name == main else _OBJECTS
            yield from branch_table(tree, width=width, most=most)
    if brief:
        yield from _heading(f"{len(brief):,} more trees: --all shows their branches")
        yield from listing([(visible(tree.name), _in_brief(tree)) for tree in brief.values()], BRANCHES)
    if found.events is not None and found.format is not None:
        yield from _heading(f"event model ({found.format}, tree {visible(found.events.tree)})")
        most = len(found.events.lacking) if whole else _OBJECTS
        yield pairs(_model(found, found.events, most), width)
    elif found.trees:
        yield from _heading("event model: not a known format, nothing is read as events")
        yield pairs(_unknown(found), width)
    else:
        yield from _heading("no tree: nothing in this file can be read as events")


def _main(found: Inspection) -> str | None:
    """Return the tree that is shown at length: the one with the events, else the largest."""
    if found.events is not None:
        return found.events.tree
    return max(found.trees, key=lambda tree: tree.compressed).name if found.trees else None


def _header(found: Inspection) -> Iterator[tuple[str, str]]:
    content = found.content
    yield "place", visible(found.place, most=_SENTENCE)
    yield "size", f"{size(content.size)} ({content.size:,} bytes)"
    yield "written as", f"ROOT {visible(content.root_version)}, uuid {visible(content.uuid)}"
    yield "compression", _compression(found)
    yield "format", "not known" if found.format is None else f"{found.format}, by what is in it"
    yield "its name says", _named(found)
    if found.facts is not None:
        yield "events", _facts(found)
    if found.skim is not None and (origin := found.skim.facts.origin) is not None:
        yield "skim of", _origin(found.skim, origin)
        yield "made by", visible(", then ".join(origin.steps), most=_SENTENCE)
    yield "catalogue", visible(found.published.words, most=_SENTENCE)


def _origin(skim: SkimFacts, origin: Origin) -> str:
    which = skim.period if skim.dataset is None else f"dataset {skim.dataset}"
    kind = _KINDS[skim.kind] + (f", {which}" if which else "")
    return visible(f"{origin.name} of {skim.release}: {kind}, {origin.entries:,} events")


def _compression(found: Inspection) -> str:
    content = found.content
    own = "none" if content.algorithm == "none" else f"{content.algorithm.upper()} level {content.level}"
    used = Counter(b.compression for t in found.trees for b in t.branches if b.compression)
    stored = used.pop("none", 0)
    if not used.keys() <= {content.algorithm}:
        own += f" for new objects; branches have {', '.join(name.upper() for name in used)}"
    if stored and content.algorithm != "none":
        total = stored + used.total()
        own += (
            f"; {stored:,} of {total:,} branches are not compressed" if used else "; no branch is compressed"
        )
    return own


def _named(found: Inspection) -> str:
    named = found.named
    if named is None:
        return "nothing: no name of a known release"
    what = f"dataset {named.dsid}" if named.dsid is not None else f"period {named.period}"
    return f"{named.release}, skim {named.skim}, {_KINDS[named.kind]}, {what}"


def _facts(found: Inspection) -> str:
    facts = found.facts
    assert facts is not None
    words = [f"{facts.entries:,}"]
    if facts.simulated_demo:
        words.append("SIMULATED DEMO DATA, no measurement")
    if found.skim is None:
        words.append("data or simulation: nothing tells" if facts.kind is None else _KINDS[facts.kind])
    dataset = facts.dataset if facts.kind != "data" else None
    if dataset is not None:
        words.append(f"dataset {dataset}{f' ({visible(found.dataset_name)})' if found.dataset_name else ''}")
    if facts.kind == "data" and facts.run is not None:
        words.append(f"first event of run {facts.run}")
    if facts.kind == "mc" and facts.cross_section_fb is not None:
        words.append(f"cross-section {facts.cross_section_fb / 1000:.6g} pb")
    if facts.kind == "mc" and facts.sum_of_weights is not None:
        placeholder = " (a placeholder)" if facts.sum_of_weights == 1 else ""
        words.append(f"sum of weights {facts.sum_of_weights:.10g}{placeholder}")
    return "; ".join(words)


def _about(tree: TreeDescription) -> Iterator[tuple[str, str]]:
    told = tree.title not in {"", tree.name} and not tree.title.startswith(MARK)
    yield "entries", f"{tree.entries:,} ({tree.kind}{f' {visible(repr(tree.title))}' if told else ''})"
    clusters = tree.clusters
    if clusters.number == 1:
        yield "clusters", "1"
    elif clusters.number and clusters.smallest == clusters.largest:
        yield "clusters", f"{clusters.number:,} of {clusters.largest:,} entries"
    elif clusters.number:
        sizes = f"{clusters.smallest:,} to {clusters.largest:,} entries, median {clusters.median:,.10g}"
        yield "clusters", f"{clusters.number:,} of {sizes}"
    yield "size", f"{size(tree.compressed)}, {size(tree.uncompressed)} uncompressed, ratio {tree.ratio:.1f}"
    words = f"{len(tree.branches):,}"
    if (each := baskets_each(tree)) is not None:
        words += f", {each:,} {UNITS[tree.kind].removesuffix('s') if each == 1 else UNITS[tree.kind]} each"
    if other := sum(branch.shape == "other" for branch in tree.branches):
        words += f"; {other:,} of them unreadable"
    yield "branches", words


def _in_brief(tree: TreeDescription) -> str:
    return f"{tree.kind}, {tree.entries:,} entries, branches: {len(tree.branches):,}, {size(tree.compressed)}"


def _model(found: Inspection, events: EventModel, most: int) -> Iterator[tuple[str, str]]:
    for group, names in _grouped(events.found):
        yield group, " ".join(names)
    absent = [one for one in events.lacking if not one.reason]
    optional = [one.path for one in absent if one.optional]
    if found.skim is not None:
        yield "not here", "all other fields: a skim has those that were asked for"
    elif optional:
        yield "not here", "\n".join(["files of this format may lack", *by_collection(optional)])
    if needed := [_expected(one) for one in absent if not one.optional]:
        yield "MISSING", _cut("an analysis that reads one of these cannot use this file", needed, most)
    if other := [visible(one.reason, most=_SENTENCE) for one in events.lacking if one.reason]:
        yield "other type", _cut("these fields cannot be read", other, most)
    if empty := dict(_grouped(events.empty)):
        yield "empty", f"{' '.join(empty)}: the file has none of them, in each event there are 0"
    for filled in events.filled:
        if filled.partition(":")[0] not in empty:
            yield "filled", visible(filled)


def _cut(words: str, lines: Sequence[str], most: int) -> str:
    more = [f"... and {len(lines) - most:,} more: --all lists them"] if len(lines) > most else []
    return "\n".join([words, *lines[:most], *more])


def _expected(one: Lacking) -> str:
    branches = ", ".join(visible(branch.replace("|", " or ")) for branch in one.branches)
    return f"{one.path}: expected {branches}"


def _unknown(found: Inspection) -> Iterator[tuple[str, str]]:
    for near in found.candidates:
        share = f"branches for {near.found} of its {near.fields} fields in tree {visible(near.tree)}"
        yield near.release, f"{share}, but not {visible(', '.join(near.lacking), most=_SENTENCE)}"
    if not found.candidates:
        yield "none", "no known format has branches of such names"
    yield "to do", "draft a format file with --draft OUT.toml, complete it, use it with --format OUT.toml"


def by_collection(paths: Iterable[str]) -> list[str]:
    """Return fields as one text for each collection: ``"lep: pt eta"``."""
    return [f"{group}: {' '.join(names)}" for group, names in _grouped(paths)]


def _grouped(paths: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Return fields by collection; those of the event by the first part of their name."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        group, _, name = path.partition(".")
        known = FIELDS[path].collection or (group if name else "event")
        groups.setdefault(known, []).append(name or path)
    return list(groups.items())


def _heading(words: str) -> Sequence[RenderableType]:
    return Text(""), Text(words, style="bold")
