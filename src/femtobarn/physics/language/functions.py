"""The functions of the language, with NumPy's and awkward's names."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, cast

from femtobarn.base.errors import AxisError, TypesError
from femtobarn.base.units import parse_unit
from femtobarn.physics.language.expr import Expr, Step, lift
from femtobarn.physics.language.graph import make
from femtobarn.physics.language.operators import unit_params
from femtobarn.physics.language.things import Combinations, System, Things


def _unary(op: str, x: Any) -> Expr:
    return Expr(make(op, (lift(x).node,)))


def sqrt(x: Any) -> Expr:
    """Return the square root; the unit's powers are halved. Negative numbers give NaN."""
    return _unary("sqrt", x)


def exp(x: Any) -> Expr:
    """Return e to the power of a plain number."""
    return _unary("exp", x)


def log(x: Any) -> Expr:
    """Return the natural logarithm of a plain number."""
    return _unary("log", x)


def sin(x: Any) -> Expr:
    """Return the sine of an angle in radians."""
    return _unary("sin", x)


def cos(x: Any) -> Expr:
    """Return the cosine of an angle in radians."""
    return _unary("cos", x)


def tan(x: Any) -> Expr:
    """Return the tangent of an angle in radians."""
    return _unary("tan", x)


def sinh(x: Any) -> Expr:
    """Return the hyperbolic sine of a plain number."""
    return _unary("sinh", x)


def cosh(x: Any) -> Expr:
    """Return the hyperbolic cosine of a plain number."""
    return _unary("cosh", x)


def tanh(x: Any) -> Expr:
    """Return the hyperbolic tangent of a plain number."""
    return _unary("tanh", x)


def arctan2(y: Any, x: Any) -> Expr:
    """Return the angle of (x, y) in radians, -pi to pi; both in the same unit."""
    return _two("arctan2", y, x)


def abs_(x: Any) -> Expr:
    """Return the absolute value (Python's ``abs`` does the same)."""
    return _unary("abs", x)


def sign(x: Any) -> Expr:
    """Return -1, 0 or 1."""
    return _unary("sign", x)


def _two(op: str, a: Any, b: Any) -> Expr:
    if isinstance(a, Expr):
        return Expr(make(op, (a.node, lift(b, a.node).node)))
    right = lift(b)
    return Expr(make(op, (lift(a, right.node).node, right.node)))


def minimum(a: Any, b: Any) -> Expr:
    """Return the smaller of two values, element by element."""
    return _two("minimum", a, b)


def maximum(a: Any, b: Any) -> Expr:
    """Return the greater of two values, element by element."""
    return _two("maximum", a, b)


def where(condition: Expr, yes: Any, no: Any) -> Expr:
    """Return ``yes`` where the condition is true, else ``no``: the `if` of columns.

    An undefined value of the branch that is not chosen does no harm.
    """
    if isinstance(yes, Expr):
        a, b = yes, lift(no, yes.node)
    else:
        b = lift(no)
        a = lift(yes, b.node if isinstance(no, Expr) else None)
    return Expr(make("where", (lift(condition).node, a.node, b.node)))


def any_(x: Expr) -> Expr:
    """Return whether at least one object of an event is true."""
    return lift(x).any()


def all_(x: Expr) -> Expr:
    """Return whether all objects of an event are true (also when there are none)."""
    return lift(x).all()


def count(x: Expr | Things | Combinations) -> Expr:
    """Return the number of objects of an event."""
    return x.count()


# --- combinations ----------------------------------------------------------------------------------


def combinations(things: Things, n: int) -> Combinations:
    """Return all combinations of ``n`` different objects (2 to 6), in order of position.

    The members keep the order of the collection: ``first`` comes before ``second``.
    """
    if not getattr(things, "many", False) or isinstance(things, Combinations):
        msg = f"combinations() needs a collection such as ev.lep, but got {things!r}."
        raise TypesError(msg)
    return Combinations(
        tuple(things._then(("member", (), (n, k))) for k in range(n))  # noqa: SLF001 - same package
    )


def pairs(things: Things) -> Combinations:
    """Return all pairs of objects of a collection: n (n - 1) / 2 of them."""
    return combinations(things, 2)


def triplets(things: Things) -> Combinations:
    """Return all triplets of objects of a collection."""
    return combinations(things, 3)


def quadruplets(things: Things) -> Combinations:
    """Return all quadruplets of objects of a collection."""
    return combinations(things, 4)


def cross(a: Things, b: Things) -> Combinations:
    """Return every object of ``a`` with every object of ``b``."""
    one, two = (t._axis_node() for t in (a, b))  # noqa: SLF001 - same package
    if not (a.many and b.many):
        msg = f"cross() needs two collections, but got {a!r} and {b!r}."
        raise TypesError(msg)
    first: Step = ("cross", (two,), (0,))
    second: Step = ("cross", (one,), (1,))
    return Combinations((a._then(first), b._then(second)))  # noqa: SLF001 - same package


def best(candidates: Any, key: Expr | Callable[[Any], Expr], *, highest: bool = False) -> Any:
    """Return the one candidate per event with the lowest ``key`` (or highest).

    Parameters
    ----------
    candidates
        a collection or combinations; undefined in events without any
    key
        one number per candidate, or a function of the candidates that gives it:
        ``best(pairs, key=lambda p: abs(p.mass - 91.2))``. Ties go to the first.
    """
    value = key(candidates) if callable(key) and not isinstance(key, Expr) else key
    step: Step = ("pick", (lift(value).node,), ("max" if highest else "min",))
    if isinstance(candidates, Things):
        return candidates._then(step)  # noqa: SLF001 - same package
    if isinstance(candidates, Combinations):
        return Combinations(tuple(m._then(step) for m in candidates.members))  # noqa: SLF001
    msg = f"best() chooses from a collection or combinations, but got {candidates!r}."
    raise TypesError(msg)


# --- kinematics ------------------------------------------------------------------------------------


def system(*parts: Any) -> System:
    """Return the sum of four-vectors of objects, or of all objects of one collection."""
    return System(parts)


def mass(*parts: Any) -> Expr:
    """Return an invariant mass in GeV.

    ``mass(four)`` of a collection: of all its objects together; ``mass(a, b)`` of objects: of their
    sum; ``mass(pairs)`` of combinations: one for each.
    """
    return System(parts).mass


def delta_phi(a: Any, b: Any) -> Expr:
    """Return the difference in azimuth of two objects (or two angles), -pi to pi."""
    one, two = (x if isinstance(x, Expr) else x.phi for x in (a, b))
    return Expr(make("delta_phi", (one.node, two.node)))


def delta_eta(a: Any, b: Any) -> Expr:
    """Return the difference in pseudorapidity of two objects."""
    return cast("Expr", a.eta - b.eta)


def delta_r(a: Any, b: Any) -> Expr:
    """Return the distance sqrt(delta_eta^2 + delta_phi^2) of two objects."""
    return Expr(make("delta_r", (a.eta.node, a.phi.node, b.eta.node, b.phi.node)))


def nearest_delta_r(a: Things, b: Things) -> Expr:
    """Return, for each object of ``a``, the distance to the nearest of ``b``; infinite if there is none."""
    return Expr(make("nearest_delta_r", (a.eta.node, a.phi.node, b.eta.node, b.phi.node)))


def match(a: Things, b: Things, *, max_delta_r: float) -> Combinations:
    """Return the pairs of each object of ``a`` with its nearest of ``b``, if nearer than ``max_delta_r``."""
    both = cross(a, b)
    distance = delta_r(both.first, both.second)
    other = b._axis_node()  # noqa: SLF001 - same package
    nearest = Expr(make("cross", (nearest_delta_r(a, b).node, other), (0,)))
    return both[(distance <= nearest) & (distance < max_delta_r)]


def transverse_mass(*parts: Any, met: Any = None) -> Expr:
    """Return a transverse mass in GeV with the missing momentum, which is named or comes last.

    ``transverse_mass(lep[0], met)`` of an object, or of each of a collection, taken as massless:
    sqrt(2 pt met (1 - cos delta_phi)). ``transverse_mass(lep[0], lep[1], met)`` of several objects, and
    of combinations and systems: sqrt((E_T + met)^2 - |p_T + p_miss|^2) with E_T = sqrt(m^2 + p_T^2) of
    their sum.
    """
    objects, missing = (parts[:-1], parts[-1] if parts else None) if met is None else (parts, met)
    if not objects or missing is None or not hasattr(missing, "phi"):
        msg = "transverse_mass() needs one object or more, and the missing momentum: transverse_mass(lep[0], ev.met)."
        raise TypesError(msg)
    (first, *more) = objects
    if not more and isinstance(first, Things):
        return Expr(
            make("transverse_mass", (first.pt.node, first.phi.node, missing.pt.node, missing.phi.node))
        )
    total = System(objects)
    m, pt = total.mass, total.pt
    opening = sqrt(m * m + pt * pt) - pt * cos(delta_phi(total, missing))
    return sqrt(maximum(m * m + 2.0 * missing.pt * opening, 0.0))


# --- tables ----------------------------------------------------------------------------------------


def lookup(
    values: Any,
    *where_: tuple[Expr, Sequence[float]],
    outside: str | float = "clip",
    unit: str = "",
) -> Expr:
    """Return values of a table binned in one or more expressions.

    Parameters
    ----------
    values
        nested lists (or an array) of one number per bin
    where_
        one (expression, edges) for each dimension of the table
    outside
        ``"clip"`` uses the nearest bin, ``"undefined"`` leaves the event without a value, ``"nan"``
        gives not-a-number, a number is used instead
    unit
        unit of the values
    """
    import numpy as np

    table = np.asarray(values, dtype=np.float64)
    if table.ndim != len(where_) or table.shape != tuple(len(edges) - 1 for _, edges in where_):
        expected = " x ".join(str(len(edges) - 1) for _, edges in where_)
        msg = f"The table must have {expected} values for these edges, but has shape {table.shape}."
        raise TypesError(msg)
    scale = parse_unit(unit)
    params = (
        tuple(tuple(float(e) for e in edges) for _, edges in where_),
        tuple(float(v) * scale.scale for v in table.ravel()),
        outside if isinstance(outside, str) else float(outside),
        unit_params(scale),
    )
    return Expr(make("lookup", (e.node for e, _ in where_), params))


def quirk(name: str, *, physics: Expr, notebook: Expr, releases: Sequence[str] | None = None) -> Expr:
    """Return a value that differs between the ``physics`` and ``notebook`` modes of a run.

    Parameters
    ----------
    name
        how the difference is called on figures and in reports
    releases
        releases whose published result has this quirk; None: all
    """
    chosen = tuple(releases) if releases is not None else None
    params: tuple[Any, ...] = (name,) if chosen is None else (name, *chosen)
    return Expr(make("quirk", (physics.node, lift(notebook, physics.node).node), params))


def product(factors: Sequence[Expr]) -> Expr:
    """Return the product of expressions, from left to right."""
    return Expr(list(itertools.accumulate((f.node for f in factors), lambda a, b: make("mul", (a, b))))[-1])


def require_per_event(x: Expr, doing: str) -> None:
    """Raise `AxisError` unless ``x`` is one value per event."""
    if x.node.type.axis is not None:
        msg = (
            f"{doing} needs one value per event, but got a {x.node.type.describe()}. "
            "Reduce it first: any_(x), all_(x), x.sum(), x[0]."
        )
        raise AxisError(msg)
