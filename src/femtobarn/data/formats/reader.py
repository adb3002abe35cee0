"""Events of one file in the event model: checked before they are read, in base units, lists aligned."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.errors import DamagedError
from femtobarn.data.columns.interface import Column, TreeReader
from femtobarn.data.formats import derive
from femtobarn.data.formats.convert import RawColumn, converted, offsets_of, raw, require_same_lengths
from femtobarn.data.formats.facts import FileFacts, SampleKind
from femtobarn.data.formats.model import FIELDS
from femtobarn.data.formats.resolve import Resolver

if TYPE_CHECKING:
    from femtobarn.data.formats.spec import Format

DEMO_MARK = "simulated demo data"
"""What the title of a tree with demo data contains."""

_CROSS_SECTION = ("mc.cross_section", "mc.k_factor", "mc.filter_efficiency")
_FACTS = (*_CROSS_SECTION, "mc.sum_of_weights", "mc.num_events", "channel", "run")


class EventReader:
    """Reads fields of the event model from an open tree.

    Parameters
    ----------
    tree_reader
        the open tree; closing it stays with whoever opened it
    fmt
        the format of its release
    """

    def __init__(self, tree_reader: TreeReader, fmt: Format) -> None:
        self._tree = tree_reader
        self._format = fmt
        self._resolver = Resolver(tree_reader, fmt)
        self._filled: dict[str, None] = {}

    def resolve(self, paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return the branches that are read for each field, after checking that they exist and their types.

        A field of a collection that the file lacks, where the format allows it, has none.

        Raises
        ------
        UnknownNameError
            if the event model has no such field
        FormatError
            if the release has no such field
        BranchMissingError, BranchTypeError
            if the file lacks a branch, or it holds something else
        """
        found = {}
        for path in paths:
            branches = [self._resolver.branch(need) for need in self._needs(path)]
            found[path] = tuple(dict.fromkeys(b for b in branches if b is not None))
        return found

    def filled(self) -> tuple[str, ...]:
        """Return what was taken in place of values that the file lacks, of the fields asked for so far."""
        return tuple(self._filled)

    def read(self, paths: Sequence[str], start: int, stop: int) -> dict[str, Column]:
        """Return the fields for entries ``start`` to ``stop`` (excluded).

        Numbers are float64 in base units (GeV, mm, rad, fb) or int64, decisions bool, strings bytes;
        offsets begin at 0, and all lists of a collection have the same.

        Raises
        ------
        FormatError
            as `resolve`, and if a number cannot be what the event model says
        DamagedError
            if the file cannot be decoded, or lists of one collection differ in length within an event
        """
        self.resolve(paths)
        needed = tuple(dict.fromkeys(need for path in paths for need in self._needs(path)))
        stored = self._stored(needed, start, stop)
        return {path: self._made(path, stored, stop - start) for path in dict.fromkeys(paths)}

    def raw(self, paths: Sequence[str], start: int, stop: int) -> dict[str, RawColumn]:
        """Return the fields for entries ``start`` to ``stop`` (excluded), in the file's types where that can wait.

        `RawColumn.base` gives what `read` would have given.

        Raises
        ------
        FormatError, DamagedError
            as `read`
        """
        self.resolve(paths)
        fields = self._format.fields
        made = [p for p in paths if p not in fields or fields[p].from_mass]
        used = {need for path in made for need in self._needs(path)}
        needed = tuple(dict.fromkeys(need for path in paths for need in self._needs(path)))
        waiting: dict[str, RawColumn] = {}
        stored = self._stored(needed, start, stop, waiting=frozenset(needed) - used, waits=waiting)
        for path in paths:
            if path not in waiting:
                column = self._made(path, stored, stop - start)
                waiting[path] = RawColumn(column.content, column.offsets)
        return {path: waiting[path] for path in dict.fromkeys(paths)}

    def facts(self) -> FileFacts:
        """Return what the file says of itself, from its description and its first event.

        Raises
        ------
        BranchTypeError, DamagedError
            if a branch that would tell holds something else, or cannot be decoded
        """
        tree = self._tree
        there = tree.branches()
        fields = self._format.fields
        paths = [p for p in _FACTS if p in fields and any(b in there for b in fields[p].branches)]
        values: dict[str, Any] = {}
        if tree.entries:
            values = {path: column.content[0].item() for path, column in self.read(paths, 0, 1).items()}
        factors = [values[path] for path in _CROSS_SECTION if path in values]
        return FileFacts(
            entries=tree.entries,
            uuid=tree.uuid,
            title=tree.title,
            simulated_demo=DEMO_MARK in tree.title.lower(),
            cross_section_fb=math.prod(factors) if _CROSS_SECTION[0] in values else None,
            sum_of_weights=values.get("mc.sum_of_weights"),
            num_events=values.get("mc.num_events"),
            channel=values.get("channel"),
            run=values.get("run"),
            kind=self._kind(values.get("channel"), values.get("run"), "run" in paths),
        )

    def _kind(self, channel: int | None, run: int | None, runs: bool) -> SampleKind | None:
        """Tell data from simulation, by what only one of them has; None if nothing tells."""
        fmt, there = self._format, self._tree.branches()
        bit = next((b for b in fmt.simulation_bit if b in there), None)
        if (
            bit is not None
            and self._tree.entries
            and there[bit].shape == "scalar"
            and _integer(there[bit].dtype)
        ):
            return "mc" if int(self._tree.read([bit], 0, 1)[bit].content[0]) & 1 else "data"
        if any(branch in there for branch in fmt.simulation):
            return "mc"
        if channel is not None and run is not None:
            return "data" if channel in {0, run} else "mc"
        # the run number of simulation is 1 where there is no channel: it may have lost its weights
        if fmt.simulation and not fmt.simulation_bit and runs and run != 1:
            return "data"
        return None

    def _needs(self, path: str) -> tuple[str, ...]:
        needs = self._resolver.needs(path)
        for need in needs:
            self._note(need)
        return needs

    def _note(self, path: str) -> None:
        """Remember what is taken in place of what the file lacks."""
        collection, source = FIELDS[path].collection, self._format.fields[path]
        if self._resolver.lacks(collection):
            self._filled[f"{collection}: the file has no such collection, it is taken as empty"] = None
        elif source.fill is not None and self._resolver.branch(path) is None:
            what = (
                f"no mass of each object, all are {source.fill:g} GeV"
                if source.from_mass
                else f"{source.fill:g}"
            )
            self._filled[f"{path}: {what}"] = None

    def _stored(
        self,
        paths: Sequence[str],
        start: int,
        stop: int,
        *,
        waiting: frozenset[str] = frozenset(),
        waits: dict[str, RawColumn] | None = None,
    ) -> dict[str, Column]:
        """Return the columns of fields that are in the files, filled and empty ones too, lists aligned.

        Of the fields ``waiting`` those whose numbers need not be touched go to ``waits``.
        """
        branches = {p: b for p in paths if (b := self._resolver.branch(p)) is not None}
        counters = self._counters(branches)
        read = self._tree.read([*branches.values(), *counters.values()], start, stop)
        lengths: dict[str, tuple[str, NDArray[np.int64]]] = {
            collection: (branch, self._counted(branch, read[branch], start))
            for collection, branch in counters.items()
        }
        out: dict[str, Column] = {}
        alone: dict[str, tuple[str, NDArray[np.int64]]] = {}  # of collections of which nothing else is read
        for path, branch in branches.items():
            source, collection = self._format.fields[path], FIELDS[path].collection
            # a list that data leave empty may have to be filled
            may_wait = path in waiting and not (source.simulation_only and collection is not None)
            if may_wait and waits is not None:
                waits[path] = raw(self._tree.url, source, branch, read[branch], start)
                column = Column(waits[path].content, waits[path].offsets)
            else:
                column = converted(self._tree.url, source, branch, read[branch], start)
            if collection is not None and column.offsets is not None and not source.simulation_only:
                known = lengths.setdefault(collection, (branch, column.offsets))
                require_same_lengths(self._tree.url, known, (branch, column.offsets), start)
            out[path] = column
        for path, branch in branches.items():
            collection = FIELDS[path].collection
            if self._format.fields[path].simulation_only and collection in lengths:
                out[path] = self._aligned(path, branch, out[path], lengths[collection], start)
            elif collection is not None and (offsets := out[path].offsets) is not None:
                require_same_lengths(
                    self._tree.url, alone.setdefault(collection, (branch, offsets)), (branch, offsets), start
                )
        for path in paths:
            if path not in out:
                out[path] = self._in_place_of(path, out, stop - start)
        return out

    def _counted(self, branch: str, column: Column, start: int) -> NDArray[np.int64]:
        """Return the offsets of lists whose lengths a branch tells."""
        negative = np.flatnonzero(column.content < 0)
        if len(negative):
            msg = (
                f"{self._tree.url}: expected numbers of objects in branch {branch!r}, but in entry "
                f"{start + int(negative[0])} it is {column.content[negative[0]]}. The file is damaged or was "
                "written wrongly; fetch or write it again."
            )
            raise DamagedError(msg)
        return offsets_of(column.content)

    def _in_place_of(self, path: str, columns: Mapping[str, Column], entries: int) -> Column:
        collection, fill = FIELDS[path].collection, self._format.fields[path].fill
        if self._resolver.lacks(collection):
            return derive.empty(path, entries)
        assert fill is not None
        if collection is None:
            return derive.per_event(path, fill, entries)
        return derive.constant(columns[f"{collection}.pt"], path, fill)

    def _made(self, path: str, stored: Mapping[str, Column], entries: int) -> Column:
        """Return a field, made of others where the format says so."""
        collection, _, name = path.partition(".")
        fmt = self._format
        if path in fmt.fields:
            if fmt.fields[path].from_mass:
                return derive.energy(stored[f"{collection}.pt"], stored[f"{collection}.eta"], stored[path])
            return stored[path]
        if collection in fmt.parts:
            rule = fmt.parts[collection]
            return derive.part(self._made(f"{rule.of}.{name}", stored, entries), stored[rule.by], rule.value)
        join = fmt.joins[collection]
        if path == join.label:
            return derive.joined(
                [derive.constant(stored[f"{m}.pt"], path, value) for m, value in join.members]
            )
        return derive.joined([self._made(f"{member}.{name}", stored, entries) for member, _ in join.members])

    def _counters(self, paths: Iterable[str]) -> dict[str, str]:
        infos = self._tree.branches()
        counters = {}
        for path in paths:
            collection = FIELDS[path].collection
            branch = self._format.counters.get(collection) if collection is not None else None
            if collection is None or branch is None or branch not in infos:
                continue
            if infos[branch].shape == "scalar" and _integer(infos[branch].dtype):
                counters[collection] = branch
        return counters

    def _aligned(
        self, path: str, branch: str, column: Column, known: tuple[str, NDArray[np.int64]], start: int
    ) -> Column:
        """Return a list that data leave empty with one neutral value for each object."""
        offsets = known[1]
        if column.offsets is not None and len(column.content) == 0 and offsets[-1] > 0:
            # not-a-number, not zero: a value that data do not have must not look like one
            fill = np.nan if FIELDS[path].kind == "float" else 0
            self._filled[f"{path}: empty in the file, taken as {fill:g} for each object"] = None
            return Column(np.full(int(offsets[-1]), fill, dtype=column.content.dtype), offsets)
        if column.offsets is not None:
            require_same_lengths(self._tree.url, known, (branch, column.offsets), start)
        return column


def _integer(dtype: str) -> bool:
    return np.dtype(dtype).kind in "iu"
