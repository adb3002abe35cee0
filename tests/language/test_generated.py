"""Generated expressions against a loop over events in plain Python that shares nothing with the evaluator.

Numbers are multiples of 1/4 and small, so that sums are exact in any order and all results comparable
bit by bit; None is an undefined value.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from femtobarn.base.records import NodeRecord
from femtobarn.physics.language import Expr, all_, any_, best, ev, maximum, minimum, pairs, sqrt, where
from femtobarn.physics.language.graph import from_records, to_records
from femtobarn.physics.language.text import text

from .tools import columns, evaluated, rebuilt

Draw = Callable[[st.SearchStrategy[Any]], Any]
Slow = Callable[[dict[str, Any]], Any]
FLOATS = {"GeV": ("pt", "e"), "": ("eta", "d0_sig")}


@dataclass
class Pair:
    """An expression and the same in plain Python; ``many``: one value per object."""

    expr: Expr
    slow: Slow
    many: bool = False


@dataclass
class Group:
    """A collection or combinations, and in plain Python a list of tuples of objects."""

    things: Any
    slow: Slow
    name: str
    members: int = 1

    def member(self, k: int) -> Any:
        return self.things if self.members == 1 else (self.things.first, self.things.second)[k]


def each(fn: Callable[..., Any], *parts: Pair) -> tuple[Slow, bool]:
    """Return ``fn`` element by element; undefined if an argument is."""

    def slow(event: dict[str, Any]) -> Any:
        values = [p.slow(event) for p in parts]
        if any(v is None for v in values):
            return None
        lengths = {len(v) for v, p in zip(values, parts, strict=True) if p.many}
        if not lengths:
            return fn(*values)
        (n,) = lengths
        return [fn(*(v[i] if p.many else v for v, p in zip(values, parts, strict=True))) for i in range(n)]

    return slow, any(p.many for p in parts)


def made(expr: Expr, fn: Callable[..., Any], *parts: Pair) -> Pair:
    return Pair(expr, *each(fn, *parts))


def reduced(expr: Expr, part: Pair, fn: Callable[[list[Any]], Any], *, empty: bool = True) -> Pair:
    """Return a reduction; undefined for no objects unless ``empty``."""

    def slow(event: dict[str, Any]) -> Any:
        values = part.slow(event)
        return None if values is None or (not values and not empty) else fn(values)

    return Pair(expr, slow)


# --- collections


def draw_group(draw: Draw, depth: int) -> Group:
    name = draw(st.sampled_from(["lep", "jet"]))
    group = Group(getattr(ev, name), lambda event: [(o,) for o in event[name]], name)
    for _ in range(draw(st.integers(0, 2))):
        group = step(draw, group, depth)
    if draw(st.integers(0, 3)) == 0:
        below = group
        group = Group(
            pairs(group.things),
            lambda event: (
                None
                if (found := below.slow(event)) is None
                else [(a[0], b[0]) for a, b in itertools.combinations(found, 2)]
            ),
            name,
            2,
        )
        if draw(st.booleans()):
            group = step(draw, group, depth)
    return group


def step(draw: Draw, group: Group, depth: int) -> Group:
    kinds = ["filter", "slice"] + (["head", "sort"] if group.members == 1 else [])
    kind = draw(st.sampled_from(kinds))
    below = group.slow
    if kind == "filter":
        mask = objects(draw, group, "bool", "", max(depth - 1, 0))

        def filtered(event: dict[str, Any]) -> Any:
            found, chosen = below(event), mask.slow(event)
            return (
                None
                if found is None or chosen is None
                else [o for o, ok in zip(found, chosen, strict=True) if ok]
            )

        return Group(group.things[mask.expr], filtered, group.name, group.members)
    if kind == "slice":
        start = draw(st.integers(0, 2))
        stop = draw(st.none() | st.integers(start + 1, 4))

        def sliced(event: dict[str, Any]) -> Any:
            found = below(event)
            return None if found is None or (stop is not None and len(found) < stop) else found[start:stop]

        return Group(group.things[start:stop], sliced, group.name, group.members)
    if kind == "head":
        most = draw(st.integers(1, 3))
        return Group(
            group.things.head(most),
            lambda event: None if (found := below(event)) is None else found[:most],
            group.name,
        )
    key = objects(draw, group, draw(st.sampled_from(["int", "float"])), "", max(depth - 1, 0))
    down = draw(st.booleans())

    def ordered(event: dict[str, Any]) -> Any:
        found, keys = below(event), key.slow(event)
        if found is None or keys is None:
            return None
        order = sorted(range(len(found)), key=lambda i: -keys[i] if down else keys[i])
        return [found[i] for i in order]

    return Group(group.things.sort(by=key.expr, descending=down), ordered, group.name)


# --- values


def leaf(draw: Draw, group: Group, kind: str, unit: str) -> Pair:
    names = {
        "float": FLOATS.get(unit, ()),
        "int": ("charge", "type") if group.name == "lep" else ("btag_quantile", "true_flavour"),
        "bool": ("tight_id", "loose_iso") if group.name == "lep" else ("jvt_pass", "truth_matched"),
    }[kind]
    if kind == "float" and not unit:
        names = ("eta", "d0_sig") if group.name == "lep" else ("eta", "jvt")
    name, k = draw(st.sampled_from(names)), draw(st.integers(0, group.members - 1))
    return Pair(
        getattr(group.member(k), name),
        lambda event: None if (found := group.slow(event)) is None else [o[k][name] for o in found],
        many=True,
    )


def number(draw: Draw, kind: str) -> Any:
    if kind == "bool":
        return draw(st.booleans())
    return draw(st.integers(-3, 3)) if kind == "int" else draw(st.integers(-20, 40)) / 4 + 0.0


def objects(draw: Draw, group: Group, kind: str, unit: str, depth: int) -> Pair:
    """Return one value per object of ``group``."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return leaf(draw, group, kind, unit)
    return combined(draw, group, kind, unit, depth)


def events(draw: Draw, kind: str, unit: str, depth: int) -> Pair:
    """Return one value per event."""
    if depth == 0:
        return event_leaf(draw, kind, unit)
    which = draw(st.integers(0, 2))
    if which <= 1 and kind == "bool" and draw(st.booleans()):
        return logic(draw, depth)
    if which == 0:
        return combined(draw, None, kind, unit, depth)
    return reduction(draw, kind, unit, depth)


def event_leaf(draw: Draw, kind: str, unit: str) -> Pair:
    path = {
        "float": {"GeV": ("met.pt", "met.px"), "": ("mc.generator", "mc.pileup")}.get(unit),
        "int": ("run", "channel"),
        "bool": ("trigger.electron", "trigger.muon"),
    }[kind]
    assert path is not None
    name = draw(st.sampled_from(path))
    first, *rest = name.split(".")
    expr = getattr(ev, first)
    for part in rest:
        expr = getattr(expr, part)
    return Pair(expr, lambda event: event[name])


def part_of(draw: Draw, group: Group | None, kind: str, unit: str, depth: int) -> Pair:
    """Return an argument: per object if there is a group, sometimes per event."""
    if group is None or draw(st.integers(0, 4)) == 0:
        return events(draw, kind, unit, depth)
    return objects(draw, group, kind, unit, depth)


def main_of(draw: Draw, group: Group | None, kind: str, unit: str, depth: int) -> Pair:
    return events(draw, kind, unit, depth) if group is None else objects(draw, group, kind, unit, depth)


def combined(draw: Draw, group: Group | None, kind: str, unit: str, depth: int) -> Pair:
    """Return an operation element by element."""
    below = depth - 1
    if kind == "bool":
        return truth(draw, group, below)
    a = main_of(draw, group, kind, unit, below)
    op = draw(st.sampled_from(["add", "sub", "least", "most", "neg", "abs", "scale", "where", "special"]))
    if op in {"add", "sub", "least", "most"}:
        b = part_of(draw, group, kind, unit, below)
        fast = {"add": operator.add, "sub": operator.sub, "least": minimum, "most": maximum}[op]
        slow = {"add": operator.add, "sub": operator.sub, "least": min, "most": max}[op]
        return made(fast(a.expr, b.expr), slow, a, b)
    if op == "neg":
        return made(-a.expr, operator.neg, a)
    if op == "abs":
        return made(abs(a.expr), abs, a)
    if op == "scale":
        factor = number(draw, kind)
        return made(factor * a.expr, lambda x: factor * x, a)
    if op == "where":
        return chosen(draw, group, kind, unit, a, below)
    if kind == "int":
        flag = part_of(draw, group, "bool", "", below)
        return made(a.expr + flag.expr, lambda x, y: x + int(y), a, flag)
    if unit:
        ratio = main_of(draw, group, "float", "", 0)
        return made(ratio.expr * a.expr, operator.mul, ratio, a)
    return made(a.expr / 4, lambda x: x / 4, a)


def chosen(draw: Draw, group: Group | None, kind: str, unit: str, yes: Pair, depth: int) -> Pair:
    """Return where(): per event only the chosen side must be defined, per object both."""
    condition = part_of(draw, group, "bool", "", depth)
    if draw(st.booleans()):
        value = number(draw, kind)
        expr = where(condition.expr, yes.expr, value)
        no = Pair(yes.expr, lambda event: value)
    else:
        no = main_of(draw, group, kind, unit, depth)
        expr = where(condition.expr, yes.expr, no.expr)
    if condition.many:
        return made(expr, lambda c, a, b: a if c else b, condition, yes, no)

    def slow(event: dict[str, Any]) -> Any:
        decided = condition.slow(event)
        if decided is None:
            return None
        value = (yes if decided else no).slow(event)
        if value is None or not yes.many or isinstance(value, list):
            return value
        objects_ = yes.slow(event)
        return None if objects_ is None else [value] * len(objects_)

    return Pair(expr, slow, many=yes.many)


COMPARISONS = {
    "lt": operator.lt, "le": operator.le, "gt": operator.gt,
    "ge": operator.ge, "eq": operator.eq, "ne": operator.ne,
}  # fmt: skip


def truth(draw: Draw, group: Group | None, depth: int) -> Pair:
    op = draw(st.sampled_from([*COMPARISONS, "xor", "not", "isin", "between"]))
    kind = draw(st.sampled_from(["int", "float"]))
    unit = draw(st.sampled_from(["GeV", ""])) if kind == "float" else ""
    if op == "xor":
        a, b = (main_of(draw, group, "bool", "", depth), part_of(draw, group, "bool", "", depth))
        return made(a.expr ^ b.expr, operator.xor, a, b)
    if op == "not":
        a = main_of(draw, group, "bool", "", depth)
        return made(~a.expr, operator.not_, a)
    a = main_of(draw, group, kind, unit, depth)
    if op == "isin":
        values = sorted({number(draw, kind) for _ in range(3)})
        return made(a.expr.isin(*values), lambda x: x in values, a)
    if op == "between":
        low, high = sorted((number(draw, kind), number(draw, kind)))
        return made(a.expr.between(low, high), lambda x: low <= x <= high, a)
    if draw(st.booleans()):
        value = number(draw, kind)
        return made(COMPARISONS[op](a.expr, value), lambda x: COMPARISONS[op](x, value), a)
    b = part_of(draw, group, kind, unit, depth)
    return made(COMPARISONS[op](a.expr, b.expr), COMPARISONS[op], a, b)


def logic(draw: Draw, depth: int) -> Pair:
    """Return Kleene's and/or of two values per event, or whether one is defined."""
    a = events(draw, "bool", "", depth - 1)
    if draw(st.integers(0, 4)) == 0:
        return Pair(a.expr.is_defined(), lambda event: a.slow(event) is not None)
    b = events(draw, "bool", "", depth - 1)
    decides = draw(st.booleans())  # False decides an `and`, True an `or`

    def slow(event: dict[str, Any]) -> Any:
        sides = (a.slow(event), b.slow(event))
        if decides in sides:
            return decides
        return None if None in sides else not decides

    return Pair(a.expr | b.expr if decides else a.expr & b.expr, slow)


def reduction(draw: Draw, kind: str, unit: str, depth: int) -> Pair:
    group = draw_group(draw, depth - 1)
    part = objects(draw, group, kind, unit, depth - 1)
    which = draw(st.integers(0, 3))
    if which == 0:
        k = draw(st.integers(-2, 2))
        item = Pair(
            part.expr[k],
            lambda event: None if (v := part.slow(event)) is None or not -len(v) <= k < len(v) else v[k],
        )
        if draw(st.booleans()):
            return item
        other = event_leaf(draw, kind, unit) if draw(st.booleans()) else None
        value = number(draw, kind)
        return Pair(
            item.expr.default(value if other is None else other.expr),
            lambda event: (
                v if (v := item.slow(event)) is not None else value if other is None else other.slow(event)
            ),
        )
    if which == 1 and group.members <= 2:
        key = objects(draw, group, "float", "", depth - 1)
        name = {"float": "pt" if unit else "eta", "int": None, "bool": None}[kind]
        if name is not None:
            highest = draw(st.booleans())

            def picked(event: dict[str, Any]) -> Any:
                found, keys = group.slow(event), key.slow(event)
                if not found or keys is None:
                    return None
                return found[keys.index(max(keys) if highest else min(keys))][0][name]

            one = best(group.things, key=key.expr, highest=highest)
            return Pair(getattr(one if group.members == 1 else one.first, name), picked)
    if kind == "bool":
        if draw(st.booleans()):
            return reduced(any_(part.expr), part, any)
        return reduced(all_(part.expr), part, all)
    if kind == "int" and draw(st.integers(0, 2)) == 0:
        found = Pair(part.expr, group.slow, many=True)
        return reduced(group.things.count(), found, len)
    op = draw(st.sampled_from(["sum", "min", "max"]))
    fn = {"sum": sum, "min": min, "max": max}[op]
    return reduced(getattr(part.expr, op)(), part, fn, empty=op == "sum")  # type: ignore[arg-type]


@st.composite
def expressions(draw: Draw) -> Pair:
    kind = draw(st.sampled_from(["bool", "int", "float"]))
    unit = draw(st.sampled_from(["GeV", ""])) if kind == "float" else ""
    depth = draw(st.integers(1, 3))
    if draw(st.booleans()):
        return events(draw, kind, unit, depth)
    return objects(draw, draw_group(draw, depth), kind, unit, depth)


# --- events

quarters = st.integers(-12, 24).map(lambda k: k / 4)
LEP = {
    "pt": quarters, "e": quarters, "eta": quarters, "d0_sig": quarters, "charge": st.sampled_from([-1, 1]),
    "type": st.sampled_from([11, 13]), "tight_id": st.booleans(), "loose_iso": st.booleans(),
}  # fmt: skip
JET = {
    "pt": quarters, "e": quarters, "eta": quarters, "jvt": quarters, "btag_quantile": st.integers(-2, 3),
    "true_flavour": st.integers(-2, 3), "jvt_pass": st.booleans(), "truth_matched": st.booleans(),
}  # fmt: skip
EVENT = {
    "met.pt": quarters, "met.px": quarters, "mc.generator": quarters, "mc.pileup": quarters,
    "run": st.integers(-3, 3), "channel": st.integers(-3, 3),
    "trigger.electron": st.booleans(), "trigger.muon": st.booleans(),
    "lep": st.lists(st.fixed_dictionaries(LEP), max_size=5),
    "jet": st.lists(st.fixed_dictionaries(JET), max_size=4),
}  # fmt: skip
chunks = st.lists(st.fixed_dictionaries(EVENT), max_size=5)


def as_columns(found: list[dict[str, Any]]) -> dict[str, list[Any]]:
    flat = {p: [e[p] for e in found] for p in EVENT if p not in {"lep", "jet"}}
    for name, fields in (("lep", LEP), ("jet", JET)):
        flat |= {f"{name}.{f}": [[o[f] for o in e[name]] for e in found] for f in fields}
    return flat


def check(pair: Pair, found: list[dict[str, Any]]) -> None:
    got = evaluated(pair.expr, as_columns(found), len(found))
    expected = [pair.slow(event) for event in found]
    assert got == expected, text(pair.expr.node)
    kind = {"bool": bool, "int": int, "float": float}[pair.expr.node.type.kind]
    flat = [x for v in got if v is not None for x in (v if isinstance(v, list) else [v])]
    assert all(type(x) is kind for x in flat)


_slow = settings(deadline=None, max_examples=400, suppress_health_check=list(HealthCheck))


@_slow
@given(expressions(), chunks)
def test_values_and_definedness_equal_a_loop_over_events(pair: Pair, found: list[dict[str, Any]]) -> None:
    check(pair, found)


@_slow
@given(expressions())
def test_an_empty_chunk_has_no_values(pair: Pair) -> None:
    check(pair, [])


@_slow
@given(expressions())
def test_the_text_of_an_expression_makes_the_same_expression(pair: Pair) -> None:
    words = text(pair.expr.node)
    assert rebuilt(words).node is pair.expr.node, words


@_slow
@given(expressions())
def test_json_and_back_is_the_same_node(pair: Pair) -> None:
    records, index = to_records([pair.expr.node])
    again = tuple(NodeRecord.model_validate_json(r.model_dump_json()) for r in records)
    assert again == records
    assert from_records(again)[index[pair.expr.node]] is pair.expr.node


def test_the_generator_reaches_the_operators() -> None:
    """What is compared above is of the language's breadth; otherwise it would prove little."""
    from femtobarn.physics.language.graph import walk

    seen: set[str] = set()

    @settings(
        deadline=None,
        max_examples=200,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(expressions())
    def collect(pair: Pair) -> None:
        seen.update(n.op for n in walk([pair.expr.node]))

    collect()
    wanted = {"filter", "slice", "head", "order", "item", "member", "pick", "default", "defined", "where"}
    wanted |= {"sum", "min", "max", "any", "all", "count", "and", "or", "xor", "not", "isin", "add", "mul"}
    assert wanted <= seen


def test_roots_and_quotients_equal_pythons() -> None:
    values = {"lep.pt": [[2.0, 3.0], [], [7.5]], "met.pt": [0.3, 5.0, 1.25]}
    expr = sqrt(ev.lep.pt * ev.met.pt) / ev.met.pt
    expected = [
        [math.sqrt(pt * met) / met for pt in pts]
        for pts, met in zip(values["lep.pt"], values["met.pt"], strict=True)  # type: ignore[arg-type]
    ]
    assert evaluated(expr, values) == expected
    assert columns(values)["lep.pt"].entries == 3
