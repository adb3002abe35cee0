"""Expressions as people would write them, for cutflows, explanations and messages."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from femtobarn.physics.language.graph import Node

_INFIX = {
    "lt": ("<", 1),
    "le": ("<=", 1),
    "gt": (">", 1),
    "ge": (">=", 1),
    "eq": ("==", 1),
    "ne": ("!=", 1),
    "or": ("|", 2),
    "xor": ("^", 3),
    "and": ("&", 4),
    "add": ("+", 6),
    "sub": ("-", 6),
    "mul": ("*", 7),
    "div": ("/", 7),
}
_ATOM = 10
_LARGEST_CONDITION = 300
_sizes: WeakKeyDictionary[Node, int] = WeakKeyDictionary()
_rendered: WeakKeyDictionary[Node, tuple[str, int]] = WeakKeyDictionary()


def text(node: Node) -> str:
    """Return ``node`` as an expression of the language."""
    return _render(node)[0]


def collection_text(axis: Node) -> str:
    """Return the name of the collection that ``axis`` represents: ``"lep"``, ``"lep[lep.pt > 20]"``."""
    return text(axis).removesuffix(".pt")


def brief(axis: Node) -> str:
    """Return the name of a collection without the conditions of its filters: ``"pairs(lep)[...]"``."""
    steps: list[str] = []
    node = axis
    while node.op in _STEPS:
        steps.append("[...]" if node.op == "filter" else "")
        if node.op == "cross":
            sides = node.args if node.params[0] == 0 else node.args[::-1]
            words = f"cross({', '.join(brief(side) for side in sides)})"
            break
        if node.op == "member":
            words = _step(brief(node.args[0]), node).rpartition(".")[0]
            break
        node = node.args[0]
    else:
        words = collection_text(node)
    return words + "".join(dict.fromkeys(reversed(steps)))


def shortened(words: str, most: int = 72) -> str:
    """Return ``words`` with the middle left out if they are longer than ``most`` characters."""
    half = (most - 3) // 2
    return words if len(words) <= most else f"{words[:half]}...{words[-half:]}"


def number(value: Any) -> str:
    """Return a constant the short way: 20 for 20.0."""
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else repr(value)


def _wrap(node: Node, level: int) -> str:
    words, own = _render(node)
    return words if own >= level else f"({words})"


def _render(node: Node) -> tuple[str, int]:
    """Return how a node is written and how strongly it binds; each node is written once."""
    known = _rendered.get(node)
    if known is None:
        known = _rendered[node] = _written(node)
    return known


def _condition(node: Node) -> str:
    """Return what stands within brackets; something huge would be repeated in every field, at every level."""
    return text(node) if _size(node) <= _LARGEST_CONDITION else "..."


def _size(node: Node) -> int:
    """Return how many operations are written for a node, shared ones again and again."""
    known = _sizes.get(node)
    if known is None:
        known = _sizes[node] = 1 + sum(_size(a) for a in node.args)
    return known


def _written(node: Node) -> tuple[str, int]:  # noqa: C901, PLR0911, PLR0912 - one line for each way of writing
    op, args, params = node.op, node.args, node.params
    if op in _INFIX:
        sign, level = _INFIX[op]
        left = level + 1 if level == 1 else level  # comparisons do not chain
        return f"{_wrap(args[0], left)} {sign} {_wrap(args[1], level + 1)}", level
    if op == "literal":
        return number(params[0]), _ATOM
    if op == "field":
        return str(params[0]), _ATOM
    if op == "option":
        return f"option({params[0]!r})", _ATOM
    if op == "quirk":
        return f"quirk({params[0]!r})", _ATOM
    if op == "not":
        return f"~{_wrap(args[0], 9)}", 8
    if op == "neg":
        return f"-{_wrap(args[0], 9)}", 8
    if op == "pow":
        return f"{_wrap(args[0], _ATOM)}**{number(params[0])}", 9
    if op in {"sum", "min", "max", "mean", "count"}:
        return f"{collection_text(args[0]) if op == 'count' else _wrap(args[0], _ATOM)}.{op}()", _ATOM
    if op == "index":
        return f"{collection_text(args[0])}.index", _ATOM
    if op in {"any", "all"}:
        return f"{op}_({text(args[0])})", _ATOM
    if op == "isin":
        return f"{_wrap(args[0], _ATOM)}.isin({', '.join(number(p) for p in params)})", _ATOM
    if op in _STEPS:
        return _chain(node), _ATOM
    if op == "system":
        groups = [_four_vector(args[4 * i : 4 * i + 4]) for i in range(len(params) - 1)]
        words = ", ".join(groups)
        return (f"mass({words})" if params[0] == "mass" else f"system({words}).{params[0]}"), _ATOM
    if op == "default":
        return f"{_wrap(args[0], _ATOM)}.default({text(args[1])})", _ATOM
    if op == "defined":
        return f"{_wrap(args[0], _ATOM)}.is_defined()", _ATOM
    if op == "correction":
        return f"correction({params[0]!r}, {', '.join(text(a) for a in args)})", _ATOM
    if op == "call":
        return f"{params[0]}({', '.join(text(a) for a in args)})", _ATOM
    return f"{op}({', '.join(text(a) for a in args)})", _ATOM


_STEPS = ("filter", "slice", "head", "item", "order", "member", "cross", "pick")
_MEMBERS = ("first", "second", "third", "fourth", "fifth", "sixth")
_TUPLES = {2: "pairs", 3: "triplets", 4: "quadruplets"}


def _chain(node: Node) -> str:
    """Return ``lep[:4].pt`` for the field pt of lep, sliced; for other values the steps stand behind."""
    steps: list[Node] = []
    while node.op in _STEPS:
        steps.append(node)
        node = node.args[0]
    name = str(node.params[0]) if node.op == "field" else ""
    words, _, field = name.rpartition(".")
    if not words:
        words, field = _wrap(node, _ATOM), ""
    for step in reversed(steps):
        words = _step(words, step)
    return f"{words}.{field}" if field else words


def _step(words: str, step: Node) -> str:
    params = step.params
    if step.op == "filter":
        return f"{words}[{_condition(step.args[1])}]"
    if step.op == "slice":
        return f"{words}[{params[0] or ''}:{'' if params[1] is None else params[1]}]"
    if step.op == "head":
        return f"{words}.head({params[0]})"
    if step.op == "item":
        return f"{words}[{params[0]}]"
    if step.op == "order":
        return f"{words}.sort(by={_condition(step.args[1])}{'' if params[0] else ', descending=False'})"
    if step.op == "pick":
        return (
            f"best({words}, key={_condition(step.args[1])}{', highest=True' if params[0] == 'max' else ''})"
        )
    other = collection_text(step.args[1]) if step.op == "cross" else ""
    if step.op == "cross":
        both = f"{words}, {other}" if params[0] == 0 else f"{other}, {words}"
        return f"cross({both}).{_MEMBERS[params[0]]}"
    n, k = params
    tuples = f"{_TUPLES[n]}({words})" if n in _TUPLES else f"combinations({words}, {n})"
    return f"{tuples}.{_MEMBERS[k]}"


def _four_vector(args: tuple[Node, ...]) -> str:
    """Return the common stem of (pt, eta, phi, e), or all four where they have none."""
    words = [text(a) for a in args]
    stems = {w.removesuffix(f".{f}") for w, f in zip(words, ("pt", "eta", "phi", "e"), strict=True)}
    return stems.pop() if len(stems) == 1 else "[" + ", ".join(words) + "]"


def conjuncts(node: Node) -> tuple[Node, ...]:
    """Return the parts of ``a & b & c``, from left to right; one part if it is no conjunction."""
    return (*conjuncts(node.args[0]), *conjuncts(node.args[1])) if node.op == "and" else (node,)
