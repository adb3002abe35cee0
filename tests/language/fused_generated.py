"""Whole analyses at random, typed, over the event model; and columns for them, as files hold them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

import awkward as ak
import numpy as np

from femtobarn.data.formats.convert import RawColumn
from femtobarn.data.formats.model import FIELDS
from femtobarn.physics.language import (
    Expr,
    GeV,
    all_,
    any_,
    arctan2,
    best,
    columnar,
    cos,
    cosh,
    cross,
    delta_phi,
    delta_r,
    ev,
    exp,
    function,
    log,
    lookup,
    match,
    maximum,
    mc,
    minimum,
    nearest_delta_r,
    pairs,
    quadruplets,
    sfos_pairs,
    sign,
    sin,
    sinh,
    sqrt,
    system,
    tanh,
    transverse_mass,
    triplets,
    where,
    zz_pairing,
)  # fmt: skip
from femtobarn.physics.language.expr import lift

LEAVES: dict[str, dict[str, tuple[str, ...]]] = {
    "lep": {
        "float": ("pt", "eta", "phi", "e", "d0_sig", "rel_iso"),
        "int": ("charge", "type", "flag", "index"),
        "bool": ("tight_id", "loose_iso", "is_muon"),
    },
    "jet": {
        "float": ("pt", "eta", "phi", "e", "jvt", "mv2c10"),
        "int": ("btag_quantile", "true_flavour"),
        "bool": ("jvt_pass", "truth_matched"),
    },
}
EVENT = {
    "float": (ev.met.pt / GeV, ev.met.phi, mc.sf.electron, mc.sf.muon),
    "int": (ev.run, ev.channel, ev.vertices),
    "bool": (ev.trigger.electron, ev.trigger.muon, ev.category == "a", ev.category.isin("b", "cc")),
}
UNITS = {"pt": GeV, "e": GeV}


@function(inputs={"x": "floats", "y": "float"}, output="floats")
def shifted(x, y):  # type: ignore[no-untyped-def]
    return x + y


@function(inputs={"x": "floats", "k": "int"}, output="float")
def at_or_less(x, k):  # type: ignore[no-untyped-def]
    return x[k % len(x)] if len(x) else -1.0


@columnar(inputs={"x": "floats", "good": "bools"}, output="float")
def summed(x, good):  # type: ignore[no-untyped-def]
    return ak.fill_none(ak.sum(x[good], axis=1), 0.0)


def number(value: Any) -> Expr:
    return value / GeV if value.node.type.unit.label == "GeV" else value


class Generator:
    """Draws expressions; what was drawn is used again, so that parts are shared."""

    def __init__(self, random: Random) -> None:
        self.r = random
        self._things: list[Any] = [ev.lep, ev.jet]
        self._known: dict[tuple[Any, str], list[Expr]] = {}

    def chance(self, percent: int) -> bool:
        return self.r.randrange(100) < percent

    def constant(self, kind: str) -> Any:
        if kind == "bool":
            return self.chance(50)
        if kind == "int":
            return self.r.randint(-3, 14)
        return (
            self.r.choice([-2.5, -1.0, -0.0, 0.0, 0.25, 1.0, 3.0])
            if self.chance(40)
            else self.r.uniform(-30, 60)
        )

    # --- collections, combinations, single objects

    def things(self, depth: int) -> Any:
        if depth <= 0 or self.chance(40):
            return self.r.choice(self._things)
        below = self.things(depth - 1)
        how = self.r.randrange(6)
        if how < 2:
            found = below[self.draw("bool", below, depth - 1)]
        elif how == 2:
            start = self.r.randint(0, 2)
            found = below[start : self.r.choice([None, start + 1, start + 2, start + 4])]
        elif how == 3:
            found = below.head(self.r.randint(1, 4))
        elif how == 4:
            found = below.sort(
                self.draw(self.r.choice(["float", "int"]), below, depth - 1), descending=self.chance(50)
            )
        else:
            others = self.things(depth - 1) if self.chance(60) else self.single(depth - 1)
            found = below.away_from(others, 0.4)
        self._things.append(found)
        return found

    def combinations(self, depth: int) -> Any:
        how = self.r.randrange(7)
        below = self.things(depth - 1)
        if how < 2:
            found = pairs(below)
        elif how == 2:
            found = triplets(below)
        elif how == 3:
            found = quadruplets(below.head(6))
        elif how == 4:
            found = cross(below, self.things(depth - 1))
        elif how == 5:
            found = match(below, self.things(depth - 1), max_delta_r=self.r.choice([0.4, 1.5, 9.0]))
        else:
            found = sfos_pairs(ev.lep if below._base != "lep" else below)
        if self.chance(40):
            found = found[self.draw("bool", found, depth - 1)]
        if self.chance(20):
            found = found[: self.r.randint(1, 3)]
        return found

    def single(self, depth: int) -> Any:
        group = self.things(depth)
        if self.chance(60):
            return group[self.r.randint(-2, 3)]
        key = self.draw(self.r.choice(["float", "int"]), group, depth - 1)
        return best(group, key=key, highest=self.chance(50))

    def group(self, depth: int) -> Any:
        return self.combinations(depth) if depth > 0 and self.chance(35) else self.things(depth)

    # --- values; of each object of a group, or of the event (group None)

    def draw(self, kind: str, group: Any, depth: int) -> Expr:
        known = self._known.setdefault((None if group is None else repr(group), kind), [])
        if known and self.chance(25):
            return self.r.choice(known)
        drawn: Expr = getattr(self, f"_{kind}")(group, depth) if depth > 0 else self.leaf(kind, group)
        known.append(drawn)
        return drawn

    def part(self, kind: str, group: Any, depth: int) -> Expr:
        """Return a partner: of the same group, or of the event."""
        if self.chance(15):
            return lift(self.constant(kind))
        return self.draw(kind, None if self.chance(25) else group, depth)

    def leaf(self, kind: str, group: Any) -> Expr:
        if group is None:
            return self.r.choice(EVENT[kind])
        if hasattr(group, "members"):
            if kind == "float" and self.chance(50):
                return self.r.choice(
                    [group.mass / GeV, group.system.pt / GeV, delta_r(group.first, group.second)]
                )
            group = self.r.choice(group.members)
        name = self.r.choice(LEAVES[group._base][kind])
        found = getattr(group, name)
        return found if name not in UNITS else found / UNITS[name]

    def _float(self, group: Any, depth: int) -> Expr:
        d = depth - 1
        if group is None and self.chance(55):
            return self.reduced("float", d)
        x, how = self.draw("float", group, d), self.r.randrange(10)
        if how < 3:
            y = self.part(self.r.choice(["float", "float", "int"]), group, d)
            return self.r.choice(
                [x + y, x - y, x * y, x / y, minimum(x, y), maximum(y, x), arctan2(x, y + 0.0)]
            )
        if how == 3:
            f: Callable[[Any], Expr] = self.r.choice(
                [sqrt, log, sin, cos, sinh, cosh, tanh, sign, exp, np.floor, np.ceil, abs]
            )
            return f(x)
        if how == 4:
            return x ** self.r.choice([2, 0.5, 3, -1, 1.5, 0, 1])
        if how == 5:
            condition = self.part("bool", group, d)
            other = self.part(self.r.choice(["float", "int"]), group, d)
            return where(condition, x, other) if self.chance(50) else where(condition, other, x)
        if how == 6:
            outside = self.r.choice(["clip", "undefined", "nan", 1.5])
            if self.chance(50):
                return lookup([0.5, 2.0, 3.5], (x, [-3.0, 0.0, 12.345, 40.0]), outside=outside)
            y = self.part(self.r.choice(["float", "int"]), group, d)
            table = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
            return lookup(table, (x, [-3.0, 0.0, 12.345, 40.0]), (y, [0.0, 1.0, 11.0]), outside=outside)
        if how == 7:
            return delta_phi(x, self.part("float", group, d))
        if how == 8:
            return x * self.draw("bool", group, d) + self.part("int", group, d)
        if group is not None and not hasattr(group, "members"):
            choices = [transverse_mass(group, ev.met) / GeV, group.px / GeV, shifted(group.eta, mc.sf.muon)]
            return self.r.choice([*choices, nearest_delta_r(group, self.things(d))])
        return -x

    def _int(self, group: Any, depth: int) -> Expr:
        d = depth - 1
        if group is None and self.chance(60):
            return self.reduced("int", d)
        x, y, how = self.draw("int", group, d), self.part("int", group, d), self.r.randrange(6)
        if how < 2:
            return self.r.choice([x + y, x - y, x * y, minimum(x, y), maximum(x, y)])
        if how == 2:
            return self.r.choice([-x, abs(x), sign(x), x**2, x**3])
        if how == 3:
            return where(self.part("bool", group, d), x, y)
        return x + self.draw("bool", group, d)

    def _bool(self, group: Any, depth: int) -> Expr:
        d = depth - 1
        if group is None and self.chance(35):
            return self.reduced("bool", d)
        how = self.r.randrange(8)
        if how < 4:
            kind = self.r.choice(["float", "float", "int"])
            x = self.draw(kind, group, d)
            y = (
                self.part(self.r.choice([kind, "int"]), group, d)
                if self.chance(40)
                else lift(self.constant(kind))
            )
            return self.r.choice([x < y, x <= y, x > y, x >= y, x == y, x != y])
        x, y = self.draw("bool", group, d), self.part("bool", group, d)
        if how < 6:
            return self.r.choice([x & y, x | y, x ^ y, ~x, x == y])
        if how == 6:
            kind = self.r.choice(["float", "int"])
            return self.draw(kind, group, d).isin(*{self.constant(kind) for _ in range(3)})
        return where(x, y, self.draw("bool", group, d))

    def reduced(self, kind: str, depth: int) -> Expr:
        how = self.r.randrange(8)
        if how == 0:
            x = self.draw(kind, None, depth)
            return x.is_defined() if kind == "bool" else x.default(self.constant(kind))
        if how == 1:
            return self.draw(kind, self.group(depth), depth)[self.r.randint(-2, 3)]
        if how == 2:
            return self.leaf(kind, self.single(depth))
        group = self.group(depth)
        if kind == "float" and how == 3:
            return self.of_system(depth)
        if kind == "float" and how == 4:
            things = self.things(depth)
            return self.r.choice(
                [at_or_less(things.eta, ev.run), summed(things.eta, self.draw("bool", things, depth))]
            )
        x = self.draw(kind, group, depth)
        if kind == "bool":
            return self.r.choice([any_, all_])(x)
        if kind == "int":
            return self.r.choice(
                [x.sum(), x.min(), x.max(), group.count(), self.draw("bool", group, depth).sum()]
            )
        mean = self.draw("int", group, depth).mean()
        return self.r.choice([x.sum(), x.min(), x.max(), x.mean(), mean])

    def of_system(self, depth: int) -> Expr:
        how = self.r.randrange(4)
        if how == 0:
            total: Any = system(self.things(depth))
        elif how == 1:
            total = system(self.single(depth), self.single(depth))
        elif how == 2:
            total = system(self.single(depth))
        else:
            zz = zz_pairing(ev.lep.head(5))
            return self.r.choice([zz.mass / GeV, zz.z1.mass / GeV])
        name = self.r.choice(["mass", "pt", "px", "py", "pz", "e", "eta", "rapidity", "phi"])
        return (
            number(getattr(total, name)) if name not in {"eta", "rapidity", "phi"} else getattr(total, name)
        )


# --- columns

KINDS: dict[str, tuple[Any, ...]] = {
    "float": (np.float32, np.float64, np.float32),
    "int": (np.int32, np.int64, np.uint8, np.int8),
    "bool": (np.bool_, np.uint8, np.int32),
}


def offsets(rng: np.random.Generator, entries: int, most: int) -> Any:
    counts = rng.integers(0, most + 1, entries) * (rng.random(entries) < 0.9)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def raw_columns(
    paths: Iterable[str], entries: int, rng: np.random.Generator, *, most: int = 6, wild: bool = False
) -> dict[str, RawColumn]:
    """Return columns in types that files have; ``wild``: also infinite, not-a-number and negative zero."""
    lists = {name: offsets(rng, entries, most) for name in ("lep", "jet")}
    return {p: _column(p, lists, entries, rng, wild=wild and not p.startswith("mc.")) for p in sorted(paths)}


def _column(
    path: str, lists: dict[str, Any], entries: int, rng: np.random.Generator, *, wild: bool
) -> RawColumn:
    field = FIELDS[path]
    at = None if field.collection is None else lists[field.collection]
    size = entries if at is None else int(at[-1])
    if field.kind == "string":
        words = rng.choice(np.array([b"a", b"b", b"cc", b""]), entries)
        ends = np.concatenate([[0], np.cumsum([len(w) for w in words])]).astype(np.int64)
        return RawColumn(np.frombuffer(b"".join(words), np.uint8), ends, None, None, "string")
    dtype = rng.choice(np.array(KINDS[field.kind], object))
    if field.kind == "bool":
        return RawColumn((rng.random(size) < 0.7).astype(dtype), at, None, None, "bool")
    if field.kind == "int":
        values = rng.choice([11, 13], size) if path.endswith("type") else rng.integers(-2, 4, size)
        signed = np.abs(values) if np.dtype(dtype).kind == "u" else values
        return RawColumn(signed.astype(dtype), at, None, None, "int")
    name = path.rsplit(".", 1)[-1]
    scale = 1000.0 if field.unit == "GeV" and rng.random() < 0.6 else None
    if name in {"pt", "pt_jer1", "pt_jer2"}:
        values = rng.exponential(25, size) + 0.1
    elif name == "e":
        values = rng.exponential(60, size) + 1200
    elif name == "phi":
        values = rng.uniform(-math.pi, math.pi, size)
    elif name in {"eta", "pt_syst"}:
        values = rng.normal(0, 1.2, size)
    elif path.startswith("mc."):
        values = rng.normal(1, 0.6, size)
    else:
        values = rng.integers(-8, 9, size) / 4  # with ties
    if wild:
        odd = rng.random(size) < 0.06
        values = np.where(odd, rng.choice([np.nan, np.inf, -np.inf, -0.0, 0.0], size), values)
    if scale is None and not wild and rng.random() < 0.1:
        return RawColumn(values.astype(np.int32), at, None, None, "float")
    return RawColumn((values * (scale or 1.0)).astype(dtype), at, scale, None, "float")
