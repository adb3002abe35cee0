"""Sums of a task, filled by the compiled loop: columns in, histograms and cutflows out."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.errors import DamagedError, NotFiniteError
from femtobarn.base.records import AnalysisSpec, Kind
from femtobarn.data.columns.interface import Column
from femtobarn.data.formats.convert import RawColumn
from femtobarn.physics.language.fused.groups import ranges
from femtobarn.physics.language.fused.kernel import Kernel, kernel
from femtobarn.physics.language.fused.plan import Group, Plan, differs
from femtobarn.physics.language.fused.slots import Slot, capacity, capacity_rule
from femtobarn.physics.language.fused.source import Source
from femtobarn.physics.language.fused.terms import walk as terms_below
from femtobarn.physics.language.graph import Node, from_records, walk

Array = NDArray[np.float64]

MOST_SCRATCH = 1 << 28
"""Bytes of working memory for the objects of one event; chunks that need more go to the reference."""

MOST_COUNTED = 1 << 53
"""Objects that can be counted without an overflow on the way."""

MOST_SORTED = 1 << 12
"""The compiled loop sorts by insertion: longer lists go to the reference."""

Reference = Callable[[Sequence[Node], Mapping[str, Column], int], "list[External]"]


@dataclass(frozen=True, slots=True)
class External:
    """The values of a node that the reference evaluator gives.

    Parameters
    ----------
    content
        float64, int64 or bool; flat
    offsets
        of lists; None for one value per event
    defined
        per event whether it has a meaning; None: always
    """

    content: NDArray[Any]
    offsets: NDArray[np.int64] | None
    defined: NDArray[np.bool_] | None


class TooLargeError(Exception):
    """The compiled loop has no room for an event's objects, or for the program; the reference takes the chunk."""


class Fused:
    """An analysis for data or for simulation, compiled when the first columns come.

    Parameters
    ----------
    spec
        the analysis
    kind
        data are neither weighted nor varied
    """

    def __init__(self, spec: AnalysisSpec, kind: Kind) -> None:
        self.plan = Plan(spec, from_records(spec.nodes), kind)
        self._kernels: dict[tuple[tuple[str, Source], ...], Kernel] = {}
        made = [t for t in terms_below(self.plan.roots()) if t.op in {"combinations", "cross", "order"}]
        self.rules = tuple(capacity_rule(t) for t in made)
        outside = [n for n in walk(self.plan.externals) if n.op == "field"]
        self.outside_fields = tuple(sorted({str(n.params[0]) for n in outside}))

    def kernel(self, sources: Mapping[str, Source]) -> Kernel:
        """Return the loop for columns that lie in memory like this.

        Raises
        ------
        TooLargeError
            if the analysis is none that can be compiled
        """
        key = tuple(sorted(sources.items()))
        if not self.plan.compilable:
            raise TooLargeError
        if key not in self._kernels:
            self._kernels[key] = kernel(self.plan, sources)
        return self._kernels[key]


class FusedSums:
    """The sums of one task.

    Parameters
    ----------
    code
        the compiled analysis
    reference
        gives what the loop does not compute by itself
    """

    def __init__(self, code: Fused, reference: Reference) -> None:
        self._code, self._plan, self._reference = code, code.plan, reference
        self._kept: dict[Slot, NDArray[Any]] = {}
        self._scratch: dict[Slot, NDArray[Any]] = {}

    def add(self, columns: Mapping[str, RawColumn], entries: int) -> None:
        """Add the events of a chunk.

        Raises
        ------
        NotFiniteError
            if a weight is infinite or not a number
        TooLargeError
            if nothing was added, because an event has too many objects
        """
        if not entries:
            return
        own = set(self._plan.fields())
        sources = {
            p: Source(str(c.content.dtype), c.divide, c.multiply) for p, c in columns.items() if p in own
        }
        found = self._code.kernel(sources)
        given = _Given(self._plan, columns, entries)
        for rule in self._code.rules:
            given.require_countable(rule)
        given.require_room([slot for slot in found.slots if slot.role == "scratch"])
        if self._plan.externals:
            outside = {p: columns[p].base() for p in self._code.outside_fields}
            given.externals = self._reference(self._plan.externals, outside, entries)
        keep = [self._array(slot, given) for slot in found.slots]
        addresses = np.array([a.ctypes.data for a in keep] or [0], np.uint64)
        found.run(0, entries, ctypes.c_void_p(addresses.ctypes.data))
        self._require_finite(entries)

    def _array(self, slot: Slot, given: _Given) -> NDArray[Any]:
        if slot.role in _GIVEN:
            return _GIVEN[slot.role](given, *slot.what)
        if slot.role == "scratch":
            return self._working(slot, given.capacity(slot.what[4]), slot.what[3])
        if slot.role == "buffer":
            number, _name, size = slot.what
            return self._working(slot, len(self._plan.groups[number].members), size)
        if slot not in self._kept:
            self._kept[slot] = self._sums(slot)
        return self._kept[slot]

    def _working(self, slot: Slot, count: int, size: int) -> NDArray[Any]:
        array = self._scratch.get(slot)
        if array is None or len(array) < count * size:
            array = np.empty(max(count * size, 8), np.uint8)
            self._scratch[slot] = array
        return array

    def _sums(self, slot: Slot) -> NDArray[Any]:
        """Return zeros for what is summed, or the table of a group's parameters."""
        plan, role, what = self._plan, slot.role, slot.what
        if role == "numbers":
            return _table(plan.groups[what[0]])
        if role == "ranges":
            return np.array(ranges(plan.groups[what[0]].numbers), np.float64)
        if role == "histogram":
            return np.zeros((plan.nominal.fills[what[0]].bins, 2))
        if role == "varied":
            members = len(plan.groups[what[0]].members)
            return np.zeros((plan.nominal.fills[what[1]].bins, members, 2))
        if role == "bad":
            return np.zeros(1 if what[0] == 0 else len(plan.groups[what[0] - 1].members), np.int64)
        selection = what[-1]
        rows = len(plan.nominal.cuts[selection]) + 1
        if role == "rows":
            return np.zeros((rows, 3, len(plan.groups[what[0]].members)))
        return np.zeros((rows, 3))  # cutflow, common

    def _require_finite(self, entries: int) -> None:
        found: dict[int, int] = {}
        for slot, counts in self._kept.items():
            if slot.role == "bad":
                group = slot.what[0]
                positions = (0,) if group == 0 else self._plan.groups[group - 1].members
                found |= {p: int(bad) for p, bad in zip(positions, counts, strict=True) if bad}
        if found:
            first = min(found)
            raise not_finite(found[first], entries, self._plan.variations[first])

    # --- results ----------------------------------------------------------------------------------------------

    def cutflow(self) -> dict[str, Array]:
        """Return the sums after each step by selection: (variations, steps, 3)."""
        result = {}
        for s, name in enumerate(self._plan.selections):
            rows = self._exclusive(s)
            result[name] = np.ascontiguousarray(np.cumsum(rows[:, ::-1], axis=1)[:, ::-1])
        return result

    def histograms(self) -> dict[tuple[str, str], Array]:
        """Return the sums by selection and name: (variations, bins with flow per axis, 2)."""
        result = {}
        for position, fill in enumerate(self._plan.nominal.fills):
            shape = tuple(axis.bins + 2 for axis in fill.axes)
            nominal = self._held("histogram", position)
            sums = np.empty((len(self._plan.variations), fill.bins, 2))
            sums[:] = 0.0 if nominal is None else nominal
            for number, group in enumerate(self._plan.groups):
                if self._refilled(group, position):
                    own = self._held("varied", number, position)
                    sums[list(group.members)] = 0.0 if own is None else own.transpose(1, 0, 2)
            result[self._plan.selections[fill.selection], fill.name] = sums.reshape(
                len(self._plan.variations), *shape, 2
            )
        return result

    def _refilled(self, group: Group, position: int) -> bool:
        fill, nominal = group.outcome.fills[position], self._plan.nominal.fills[position]
        return (
            group.outcome.weight is not self._plan.nominal.weight
            or differs(fill, nominal)
            or self._first_changed(group, fill.selection) is not None
        )

    def _first_changed(self, group: Group, selection: int) -> int | None:
        both = zip(group.outcome.cuts[selection], self._plan.nominal.cuts[selection], strict=True)
        return next((i for i, (a, b) in enumerate(both) if a is not b), None)

    def _exclusive(self, s: int) -> Array:
        """Return the sums per number of cuts passed: (variations, steps, 3)."""
        steps = len(self._plan.nominal.cuts[s]) + 1
        nominal = self._held("cutflow", s)
        sums = np.empty((len(self._plan.variations), steps, 3))
        sums[:] = 0.0 if nominal is None else nominal
        for number, group in enumerate(self._plan.groups):
            own_weight = group.outcome.weight is not self._plan.nominal.weight
            changed = 0 if own_weight else self._first_changed(group, s)
            if changed is None:
                continue
            members = list(group.members)
            own = np.zeros((len(members), steps, 3))
            for role in ("common", "rows"):
                held = self._held(role, number, s)
                if held is not None:
                    own += held if role == "common" else held.transpose(2, 0, 1)
            sums[members, changed:] = own[:, changed:]
        return sums

    def _held(self, role: str, *what: int) -> NDArray[Any] | None:
        return self._kept.get(Slot(role, what))


class _Given:
    """The columns of a chunk, as the loop wants them."""

    def __init__(self, plan: Plan, columns: Mapping[str, RawColumn], entries: int) -> None:
        self._plan, self._columns, self._entries = plan, columns, entries
        self.externals: list[External] = []
        self._most: dict[str, int] = {}
        self._held: list[NDArray[Any]] = []

    def offsets(self, collection: str) -> NDArray[Any]:
        """Return the offsets of a collection's lists."""
        name = f"{collection}."
        for path, column in self._columns.items():
            if path.startswith(name) and column.offsets is not None:
                return np.ascontiguousarray(column.offsets, np.int64)
        msg = f"no column of {collection}"
        raise KeyError(msg)

    def require_countable(self, rule: Sequence[Any]) -> None:
        """Check that the objects of a collection can be counted in 64 bits; they may be too many to be held."""
        if self._count(rule) > MOST_COUNTED:
            raise TooLargeError

    def _count(self, rule: Sequence[Any]) -> int:
        for collection in _collections(rule):
            if collection not in self._most:
                self._most[collection] = int(np.diff(self.offsets(collection)).max(initial=0))
        return capacity(rule, self._most)

    def capacity(self, rule: Sequence[Any]) -> int:
        """Return how many objects of a collection an event can have."""
        count = self._count(rule)
        if count * 8 > MOST_SCRATCH or (rule[0] == "order" and count > MOST_SORTED):
            raise TooLargeError
        return count

    def require_room(self, slots: Iterable[Slot]) -> None:
        """Check that the working memory of all ``slots`` together is not too much."""
        if sum(self.capacity(slot.what[4]) * slot.what[3] for slot in slots) > MOST_SCRATCH:
            raise TooLargeError

    def content(self, path: str) -> NDArray[Any]:
        """Return the numbers of a column, after checking that there are as many as the loop will ask for."""
        column, collection = self._columns[path], path.partition(".")[0]
        there = len(column.content)
        wanted = self._entries if column.offsets is None else int(self.offsets(collection)[-1])
        if there < wanted:
            msg = f"Expected {wanted} numbers of {path}, as {collection} has objects, but got {there}."
            raise DamagedError(msg)
        return np.ascontiguousarray(column.content)

    def external(self, position: int, sort: str) -> NDArray[Any]:
        dtype = {"bool": np.uint8, "int": np.int64, "float": np.float64}[sort]
        return np.ascontiguousarray(self.externals[position].content).astype(dtype, copy=False)

    def external_offsets(self, position: int) -> NDArray[Any]:
        found = self.externals[position].offsets
        assert found is not None
        return np.ascontiguousarray(found, np.int64)

    def external_ok(self, position: int) -> NDArray[Any]:
        found = self.externals[position].defined
        return np.ones(self._entries, np.uint8) if found is None else found.astype(np.uint8)

    def fields(self, number: int) -> NDArray[Any]:
        """Return the addresses of the columns that are a group's parameters."""
        group = self._plan.groups[number]
        columns = [self._columns[path].base().content for paths in group.fields for path in paths]
        self._held += [np.ascontiguousarray(c) for c in columns]
        return np.array([c.ctypes.data for c in self._held[-len(columns) :]], np.uint64)


_GIVEN: dict[str, Callable[..., NDArray[Any]]] = {
    "content": _Given.content,
    "offsets": _Given.offsets,
    "external": _Given.external,
    "external_offsets": _Given.external_offsets,
    "external_ok": _Given.external_ok,
    "fields": _Given.fields,
}


def _collections(rule: Sequence[Any]) -> list[str]:
    if rule[0] == "objects":
        return [rule[1]]
    return [c for part in rule if isinstance(part, list | tuple) for c in _collections(part)]


def _table(group: Group) -> NDArray[Any]:
    """Return the numbers of a group's parameters, 8 bytes each: (parameters, members)."""
    rows = []
    for values in group.numbers:
        whole = all(isinstance(v, int) for v in values)
        rows.append(np.array(values, np.int64 if whole else np.float64).view(np.int64))
    return np.array(rows, np.int64)


def not_finite(bad: int, entries: int, variation: str) -> NotFiniteError:
    """Return the error for weights that would spoil every sum."""
    msg = (
        f"{bad} of {entries} events have a weight that is infinite or not a number ({variation}): "
        "one of them would spoil every sum. Check the weights of the analysis."
    )
    return NotFiniteError(msg)
