"""Plain operations on numbers and lists of one event: what is left of a graph before it is compiled.

Unlike nodes of the language, terms have no units, and no value that is not defined: whether a value
is defined is a term of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

Sort = Literal["bool", "int", "float", "axis"]

CALLS = frozenset(
    (
        *("exp", "log", "log10", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh"),
        *("arcsinh", "arctan2", "hypot", "power", "wrap"),
    )
)
"""Operations that call the mathematics library, or cost as much."""

REDUCTIONS = frozenset(("sum", "any", "all", "least", "greatest", "argbest", "nearest"))
"""Operations that loop over a list."""

SLOW = CALLS | REDUCTIONS | {"lookup"}
"""Operations whose value is kept if it is needed twice."""


class Term:
    """One operation. Terms of one `Terms` are equal exactly if they are the same object.

    Attributes
    ----------
    op, args, params
        what is done, with which terms and constants
    sort
        what one value is; ``axis`` for a collection, which has a length and objects
    axis
        the collection whose objects have a value each; None for one value per event
    varied
        whether it differs between the variations of a group
    slow
        whether it holds an operation worth doing only once
    number
        position among the terms of its `Terms`
    """

    __slots__ = ("args", "axis", "number", "op", "params", "slow", "sort", "varied")

    op: str
    args: tuple[Term, ...]
    params: tuple[Any, ...]
    sort: Sort
    axis: Term | None
    varied: bool
    slow: bool
    number: int

    def __repr__(self) -> str:
        """Return operation and number."""
        return f"<{self.op} #{self.number}>"


class Terms:
    """Makes terms, each once."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Term] = {}

    def make(
        self,
        op: str,
        args: Iterable[Term] = (),
        params: Iterable[Any] = (),
        *,
        sort: Sort,
        axis: Term | None = None,
    ) -> Term:
        """Return the term of this operation."""
        arguments, constants = tuple(args), tuple(params)
        # 1, 1.0 and True are equal in Python, and not the same constant; nor are 0.0 and -0.0
        marks = tuple(repr(p) for p in constants)
        key = (op, tuple(a.number for a in arguments), marks, sort, None if axis is None else axis.number)
        known = self._known.get(key)
        if known is not None:
            return known
        term = Term()
        term.op, term.args, term.params, term.sort, term.axis = op, arguments, constants, sort, axis
        below = arguments if axis is None else (*arguments, axis)
        term.varied = op in {"param", "param_field"} or any(t.varied for t in below)
        term.slow = op in SLOW or any(t.slow for t in arguments)
        term.number = len(self._known)
        self._known[key] = term
        return term

    def const(self, value: float) -> Term:
        """Return a constant."""
        if isinstance(value, bool):
            return self.make("const", (), (value,), sort="bool")
        return self.make("const", (), (value,), sort="int" if isinstance(value, int) else "float")

    def length(self, axis: Term) -> Term:
        """Return the number of objects of a collection."""
        return self.make("length", (_unordered(axis),), sort="int")

    def at_least(self, axis: Term, count: int) -> Term:
        """Return whether a collection has so many objects."""
        return self.make("at_least", (_unordered(axis),), (count,), sort="bool")

    def both(self, *conditions: Term | None) -> Term | None:
        """Return the conjunction; None is true."""
        result: Term | None = None
        for condition in conditions:
            if condition is None or condition is result:
                continue
            result = condition if result is None else self.make("and", (result, condition), sort="bool")
        return result

    def text(self, roots: Iterable[Term]) -> list[Any]:
        """Return everything below ``roots`` in a form that has one text only, for digests."""
        return [
            [t.number, t.op, [a.number for a in t.args], [repr(p) for p in t.params], t.sort]
            + ([] if t.axis is None else [t.axis.number])
            for t in walk(roots)
        ]


def _unordered(axis: Term) -> Term:
    """Return a collection with as many objects; sorting does not change their number."""
    while axis.op == "order":
        axis = axis.args[0]
    return axis


def walk(roots: Iterable[Term]) -> Iterator[Term]:
    """Yield every term below ``roots`` once, what it needs before it."""
    seen: set[int] = set()
    for root in roots:
        stack: list[tuple[Term, bool]] = [(root, False)]
        while stack:
            term, ready = stack.pop()
            if term.number in seen:
                continue
            if ready:
                seen.add(term.number)
                yield term
                continue
            stack.append((term, True))
            below = term.args if term.axis is None else (*term.args, term.axis)
            stack.extend((t, False) for t in below if t.number not in seen)


def conjuncts(condition: Term) -> Iterator[Term]:
    """Yield the conditions that are all true if ``condition`` is."""
    stack = [condition]
    while stack:
        term = stack.pop()
        if term.op == "and" and term.axis is None:
            stack.extend(term.args)
        yield term
