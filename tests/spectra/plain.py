"""A scan done slowly and plainly: every event, object and combination in turn, in Python's own numbers.

Nothing of the package is used: files are read with uproot under the names of their branches.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uproot

Event = dict[str, list["Thing"]]
Signature = tuple[str, str]


@dataclass(frozen=True)
class Where:
    """Branches of one kind of objects; energies are divided by ``scale`` to be in GeV."""

    prefix: str
    energy: str | None = None
    mass: str | float = 0.0
    scale: float = 1.0
    only: tuple[str, int] | None = None
    charge: str | None = None
    track: str | None = None
    calorimeter: str | None = None
    relative: str | None = None
    passes: tuple[str, int] | None = None
    dl1d: str | None = None
    tag: str | None = None

    def branches(self) -> list[str]:
        names = [f"{self.prefix}{q}" for q in ("pt", "eta", "phi")]
        named = [self.energy, self.mass, self.charge, self.track, self.calorimeter, self.relative, self.tag]
        named += [pair[0] for pair in (self.only, self.passes) if pair is not None]
        named += [f"{self.dl1d}_{p}" for p in ("pb", "pc", "pu")] if self.dl1d else []
        return names + [name for name in named if isinstance(name, str)]


@dataclass(frozen=True)
class Thing:
    """An object, in GeV and rad."""

    pt: float
    eta: float
    phi: float
    e: float
    charge: float
    track: float
    calorimeter: float
    relative: float
    passes: bool
    tag: float

    @property
    def vector(self) -> tuple[float, float, float, float]:
        return (
            self.pt * math.cos(self.phi),
            self.pt * math.sin(self.phi),
            self.pt * math.sinh(self.eta),
            self.e,
        )


@dataclass(frozen=True)
class Cuts:
    """Which objects of a kind count."""

    pt: float = 0.0
    eta: float = math.inf
    crack: tuple[float, float] = (9.0, 9.0)
    track: float = math.inf
    calorimeter: float = math.inf
    relative: float = math.inf

    def accept(self, one: Thing) -> bool:
        if not all(map(math.isfinite, (one.pt, one.eta, one.phi, one.e))):
            return False
        if one.pt < self.pt or abs(one.eta) > self.eta or self.crack[0] < abs(one.eta) < self.crack[1]:
            return False
        if one.pt == 0 and min(self.track, self.calorimeter) < math.inf:
            return False
        if self.track < math.inf and not one.track / one.pt <= self.track:
            return False
        if self.calorimeter < math.inf and not one.calorimeter / one.pt <= self.calorimeter:
            return False
        return one.passes and (self.relative == math.inf or one.relative <= self.relative)


@dataclass(frozen=True)
class Rules:
    """What is counted, and what is computed."""

    letters: str = "emjg"
    cuts: dict[str, Cuts] = field(default_factory=dict)
    tag: float | None = None
    overlap: tuple[tuple[str, str, float, float], ...] = ()
    limits: dict[str, tuple[int, int]] = field(default_factory=dict)
    kinds: tuple[int, int] = (1, 6)
    counts: tuple[int, int] = (1, 255)
    least: int = 1
    most: int = 4
    total: int = 4
    subleading: int = 0
    exact: bool = False
    quantities: tuple[str, ...] = ("mass",)
    balance: bool = False


@dataclass
class Scan:
    """What was found by final state and combination: value, weight and the energy that made it; weights by state."""

    values: dict[Signature, list[tuple[float, float, float]]] = field(default_factory=dict)
    events: dict[str, list[float]] = field(default_factory=dict)
    read: int = 0


def read(
    path: Path,
    tree: str,
    objects: dict[str, Where],
    numbers: dict[str, Any] | None = None,
    most: int | None = None,
) -> list[tuple[Event, dict[str, float]]]:
    """Return the objects of each event, and numbers of it: ``numbers`` names branches, or (branch, place)."""
    with uproot.open({str(path): tree}) as file:
        lists = {
            name: file[name].array(entry_stop=most).to_list()
            for where in objects.values()
            for name in where.branches()
        }
        singles = {
            name: file[b if isinstance(b, str) else b[0]].array(entry_stop=most).to_list()
            for name, b in (numbers or {}).items()
        }
        entries = file.num_entries if most is None else min(most, file.num_entries)
    found = []
    for i in range(entries):
        event = {letter: list(_things(where, lists, i)) for letter, where in objects.items()}
        own = {
            name: float(singles[name][i] if isinstance(b, str) else singles[name][i][b[1]])
            for name, b in (numbers or {}).items()
        }
        found.append((event, own))
    return found


def _things(where: Where, lists: dict[str, list[Any]], event: int) -> Iterator[Thing]:
    def number(name: str | None, at: int) -> float:
        return math.nan if name is None else float(lists[name][event][at])

    for at in range(len(lists[f"{where.prefix}pt"][event])):
        if where.only is not None and lists[where.only[0]][event][at] != where.only[1]:
            continue
        pt, eta, phi = (number(f"{where.prefix}{q}", at) for q in ("pt", "eta", "phi"))
        pt /= where.scale
        if where.energy is not None:
            e = number(where.energy, at) / where.scale
        else:
            mass = number(where.mass, at) / where.scale if isinstance(where.mass, str) else where.mass
            e = math.sqrt((pt * math.cosh(eta)) ** 2 + mass**2)
        tag = number(where.tag, at)
        if where.dl1d is not None:
            b, c, u = (number(f"{where.dl1d}_{p}", at) for p in ("pb", "pc", "pu"))
            tag = math.log(b / (0.018 * c + 0.982 * u))
        yield Thing(
            pt=pt,
            eta=eta,
            phi=phi,
            e=e,
            charge=number(where.charge, at),
            track=number(where.track, at) / where.scale,
            calorimeter=number(where.calorimeter, at) / where.scale,
            relative=number(where.relative, at),
            passes=where.passes is None or lists[where.passes[0]][event][at] >= where.passes[1],
            tag=tag,
        )


def scan(events: list[tuple[Event, dict[str, float]]], rules: Rules) -> Scan:
    """Return all values; an event weighs its number ``weight``, if it has one."""
    found, every = Scan(read=len(events)), list(_combinations(rules))
    for event, numbers in events:
        weight = numbers.get("weight", 1.0)
        chosen = _chosen(event, rules)
        counts = {letter: len(chosen.get(letter, [])) for letter in "emjgtb"}
        if not _kept(counts, rules):
            continue
        state = "_".join(f"{n}{letter}" for letter, n in counts.items())
        found.events.setdefault(state, []).append(weight)
        for quantity, windows in every:
            if not all(
                counts[letter] == n if rules.exact and start == 0 else counts[letter] >= start + n
                for letter, (n, start) in windows.items()
            ):
                continue
            parts = {letter: chosen[letter][start : start + n] for letter, (n, start) in windows.items()}
            value = _value(quantity, parts, chosen, numbers, rules)
            if value is not None:
                name = _name(quantity, windows)
                found.values.setdefault((state, name), []).append((value[0], weight, value[1]))
    return found


def _chosen(event: Event, rules: Rules) -> Event:
    left = {
        letter: [one for one in things if rules.cuts.get(letter, Cuts()).accept(one)]
        for letter, things in event.items()
    }
    for remove, near, radius, sliding in rules.overlap:
        stay = []
        for one in left[remove]:
            cone = min(radius, 0.04 + sliding / one.pt) if sliding else radius
            if all(_distance(one, other) >= cone for other in left[near]):
                stay.append(one)
        left[remove] = stay
    if rules.tag is not None:
        left["b"] = [one for one in left["j"] if one.tag >= rules.tag]
        left["j"] = [one for one in left["j"] if not one.tag >= rules.tag]
    return {letter: sorted(things, key=lambda one: -one.pt) for letter, things in left.items()}


def _distance(one: Thing, other: Thing) -> float:
    around = math.remainder(one.phi - other.phi, 2 * math.pi)
    return math.hypot(one.eta - other.eta, around)


def _kept(counts: dict[str, int], rules: Rules) -> bool:
    for letter, (least, most) in rules.limits.items():
        if not least <= counts[letter] <= most:
            return False
    there = [n for n in counts.values() if n > 0]
    low, high = rules.kinds
    return low <= len(there) <= high and all(rules.counts[0] <= n <= rules.counts[1] for n in there)


def _combinations(rules: Rules) -> Iterator[tuple[str, dict[str, tuple[int, int]]]]:
    one: list[tuple[int, int] | None] = [None]
    one += [
        (n, start)
        for n in range(rules.least, rules.most + 1)
        for start in range(rules.subleading + 1)
        if start == 0 or start + n <= rules.subleading + 1
    ]
    options = [one for _ in rules.letters]
    for choice in itertools.product(*options):
        windows = {letter: w for letter, w in zip(rules.letters, choice, strict=True) if w is not None}
        total = sum(n for n, _ in windows.values())
        charged = sum(n for letter, (n, _) in windows.items() if letter in "em")
        for quantity in rules.quantities:
            least = 1 if quantity == "met" else 2
            if least <= total <= rules.total and (quantity not in {"os", "ss"} or charged == 2):
                yield quantity, windows


def _name(quantity: str, windows: dict[str, tuple[int, int]]) -> str:
    words = [
        f"{letter}{rank}"
        for letter in "emjbgt"
        if letter in windows
        for rank in range(windows[letter][1], windows[letter][1] + windows[letter][0])
    ]
    return "".join(words) + {"mass": ""}.get(quantity, quantity.upper())


def _value(
    quantity: str, parts: Event, chosen: Event, numbers: dict[str, float], rules: Rules
) -> tuple[float, float] | None:
    if quantity in {"os", "ss"}:
        one, other = (x.charge for letter in "em" for x in parts.get(letter, []))
        if (quantity == "os") != (one * other < 0):
            return None
    vectors = [one.vector for things in parts.values() for one in things]
    px, py, pz, e = (math.fsum(v[k] for v in vectors) for k in range(4))
    square = e**2 - (px**2 + py**2 + pz**2)
    if quantity != "met":
        return math.copysign(math.sqrt(abs(square)), square), e
    if rules.balance:
        every = [one.vector for things in chosen.values() for one in things]
        x, y = (-math.fsum(v[k] for v in every) for k in (0, 1))
    else:
        x = numbers["met"] * math.cos(numbers["met_phi"])
        y = numbers["met"] * math.sin(numbers["met_phi"])
    energy = math.sqrt(max(square, 0.0) + px**2 + py**2)
    total = energy + math.hypot(x, y)
    return math.sqrt(max(0.0, total**2 - (px + x) ** 2 - (py + y) ** 2)), max(e, total)
