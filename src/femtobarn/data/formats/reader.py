"""Events of one file in the event model: checked before they are read, in base units, lists aligned."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.errors import (
    BranchMissingError,
    BranchTypeError,
    DamagedError,
    FormatError,
    UnknownNameError,
    suggestion,
)
from femtobarn.base.units import parse_unit
from femtobarn.data.columns.interface import BranchInfo, Column, TreeReader
from femtobarn.data.formats.facts import FileFacts
from femtobarn.data.formats.model import FIELDS
from femtobarn.data.formats.registry import format_of, formats

if TYPE_CHECKING:
    from femtobarn.data.formats.spec import FieldSource, Format

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
        self._branches: dict[str, str] = {}

    def resolve(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the branch that holds each field, after checking that it exists and its type.

        Raises
        ------
        UnknownNameError
            if the event model has no such field
        FormatError
            if the release has no such field
        BranchMissingError, BranchTypeError
            if the file lacks the branch, or it holds something else
        """
        wanted = tuple(paths)
        for path in wanted:
            if path not in self._branches:
                self._branches[path] = self._resolve(path)
        return {path: self._branches[path] for path in wanted}

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
        branches = self.resolve(paths)
        counters = self._counters(paths)
        raw = self._tree.read([*branches.values(), *counters.values()], start, stop)
        out: dict[str, Column] = {}
        lengths: dict[str, tuple[str, NDArray[np.int64]]] = {
            collection: (branch, _offsets(raw[branch].content)) for collection, branch in counters.items()
        }
        for path, branch in branches.items():
            source = self._format.fields[path]
            column = self._convert(path, branch, raw[branch])
            collection = FIELDS[path].collection
            if collection is not None and column.offsets is not None and not source.simulation_only:
                known = lengths.setdefault(collection, (branch, column.offsets))
                self._same_lengths(known, (branch, column.offsets), start)
            out[path] = column
        for path, branch in branches.items():
            collection = FIELDS[path].collection
            if self._format.fields[path].simulation_only and collection in lengths:
                out[path] = self._aligned(path, branch, out[path], lengths[collection], start)
        return out

    def facts(self) -> FileFacts:
        """Return what the file says of itself, from its description and its first event.

        Raises
        ------
        BranchTypeError, DamagedError
            if a branch that would tell holds something else, or cannot be decoded
        """
        tree = self._tree
        there = tree.branches()
        paths = [
            path
            for path in _FACTS
            if path in self._format.fields and any(b in there for b in self._format.fields[path].branches)
        ]
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
        )

    def _resolve(self, path: str) -> str:
        source = self._source(path)
        infos = self._tree.branches()
        branch = next((name for name in source.branches if name in infos), None)
        if branch is None:
            wanted = " or ".join(repr(name) for name in source.branches)
            msg = (
                f"{self._tree.url}: expected branch {wanted} for {path} ({self._format.release}), but tree "
                f"{self._tree.tree!r} has none. {suggestion(source.branches[0], infos)}"
            )
            raise BranchMissingError(msg)
        info = infos[branch]
        if info.shape != _shape_in_file(path, source) or info.dtype not in source.kinds:
            raise BranchTypeError(self._wrong_type(path, source, info))
        return branch

    def _source(self, path: str) -> FieldSource:
        if path not in FIELDS:
            raise UnknownNameError("field of the event model", path, FIELDS)
        source = self._format.fields.get(path)
        if source is None:
            release = self._format.release
            having = [n for n in formats() if n != release and path in format_of(n).fields]
            others = f"It exists in {', '.join(having)}." if having else "No known release has it."
            near = suggestion(path, self._format.fields)
            msg = f"{self._tree.url}: release {release} has no field {path}. {others} {near}"
            raise FormatError(msg)
        return source

    def _wrong_type(self, path: str, source: FieldSource, info: BranchInfo) -> str:
        wanted = f"a {_shape_in_file(path, source)} of {' or '.join(source.kinds)}"
        found = f"{info.shape} of {info.dtype}" if info.dtype else "something unreadable"
        same = [
            other.path
            for other in self._format.fields.values()
            if other.path != path and info.name in other.branches and info.dtype in other.kinds
        ]
        advice = f"Use {same[0]}, which reads it." if same else "Check that the file is of this release."
        return (
            f"{self._tree.url}: expected branch {info.name!r} for {path} to hold {wanted}, "
            f"but it holds {info.typename} ({found}). {advice}"
        )

    def _counters(self, paths: Iterable[str]) -> dict[str, str]:
        infos = self._tree.branches()
        counters = {}
        for path in paths:
            collection = FIELDS[path].collection
            branch = self._format.counters.get(collection) if collection is not None else None
            if collection is None or branch is None or branch not in infos:
                continue
            if infos[branch].shape == "scalar" and np.dtype(infos[branch].dtype).kind in "iu":
                counters[collection] = branch
        return counters

    def _convert(self, path: str, branch: str, column: Column) -> Column:
        model, source = FIELDS[path], self._format.fields[path]
        content = column.content
        if model.kind == "float":
            content = _scaled(content.astype(np.float64), parse_unit(source.unit).scale)
        elif model.kind == "int":
            content = self._whole(path, branch, content)
        return Column(content, column.offsets)

    def _whole(self, path: str, branch: str, content: NDArray[Any]) -> NDArray[np.int64]:
        fits = True
        if content.dtype.kind == "f":
            fits = bool(np.all(np.abs(content) < 2.0**53)) and np.array_equal(content, np.rint(content))
        elif content.dtype == np.uint64:
            fits = bool(np.all(content <= np.uint64(np.iinfo(np.int64).max)))
        if not fits:
            msg = (
                f"{self._tree.url}: expected whole numbers of 64 bits with sign in branch {branch!r} "
                f"for {path}, found others. Check that the file is of this release."
            )
            raise BranchTypeError(msg)
        return content.astype(np.int64)

    def _same_lengths(
        self, known: tuple[str, NDArray[np.int64]], other: tuple[str, NDArray[np.int64]], start: int
    ) -> None:
        if np.array_equal(known[1], other[1]):
            return
        entry = int(np.flatnonzero(np.diff(known[1]) != np.diff(other[1]))[0])
        counts = [int(offsets[entry + 1] - offsets[entry]) for offsets in (known[1], other[1])]
        msg = (
            f"{self._tree.url}: lists of one collection differ in length: in entry {start + entry} "
            f"{known[0]!r} tells of {counts[0]} objects, {other[0]!r} of {counts[1]}. "
            "The file is damaged or was written wrongly; fetch or write it again."
        )
        raise DamagedError(msg)

    def _aligned(
        self, path: str, branch: str, column: Column, known: tuple[str, NDArray[np.int64]], start: int
    ) -> Column:
        """Return a list that data leave empty with one neutral value for each object."""
        offsets = known[1]
        if column.offsets is not None and len(column.content) == 0 and offsets[-1] > 0:
            # not-a-number, not zero: a value that data do not have must not look like one
            fill = np.nan if FIELDS[path].kind == "float" else 0
            return Column(np.full(int(offsets[-1]), fill, dtype=column.content.dtype), offsets)
        if column.offsets is not None:
            self._same_lengths(known, (branch, column.offsets), start)
        return column


def _shape_in_file(path: str, source: FieldSource) -> str:
    return "string" if FIELDS[path].kind == "string" else source.shape


def _offsets(counts: NDArray[Any]) -> NDArray[np.int64]:
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, dtype=np.int64, out=offsets[1:])
    return offsets


def _scaled(values: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    if scale == 1:
        return values
    inverse = round(1 / scale) if scale < 1 else 0
    # a division by 1000 is rounded once, a product with 0.001 twice
    if inverse and 1 / inverse == scale:
        return values / inverse
    return values * scale
