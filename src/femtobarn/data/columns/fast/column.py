"""One branch's entries as a column: the kernel called until all is read, other codecs inflated here."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from femtobarn.data.columns.fast.codecs import BlockError, inflate
from femtobarn.data.columns.fast.kinds import Kind
from femtobarn.data.columns.fast.layout_codes import (
    ARRAYS,
    BASKET,
    BLOCKS,
    CONTENT,
    COUNTS,
    FILLED,
    FIXED,
    HEADER,
    NEED,
    NEEDS_OUTPUT,
    NEEDS_PLAIN,
    OFFSETS,
    OTHER_CODEC,
    PROBLEMS,
    SHARED,
    SLACK,
    STATE_SIZE,
    UNREADABLE,
    VECTORS,
)
from femtobarn.data.columns.fast.metadata import Branch
from femtobarn.data.columns.fast.native import Scratch, kernel, scratch
from femtobarn.data.columns.interface import Column
from femtobarn.data.columns.layout import read_blocks, read_key

_FIRST_GUESS = 64 << 20  # bytes; more is taken only when it is there
_MOST_RATIO = 1032  # of deflate
_BASKET_FIELDS = struct.Struct(">Hiiii")
_IN_MEMORY = -1
_MOST_INFLATED = 1 << 31
_MOST_HEADER = (1 << 15) - 1  # its length has 16 bits and a sign


class BasketError(Exception):
    """A basket is not what it should be.

    Parameters
    ----------
    basket
        its number in the branch
    outcome
        what is wrong (`layout_codes.PROBLEMS`)
    """

    def __init__(self, basket: int, outcome: int) -> None:
        self.basket, self.outcome = basket, outcome
        super().__init__(f"basket {basket} {PROBLEMS[outcome]}")


@dataclass(frozen=True, slots=True)
class Piece:
    """What is read: entries of a branch that is understood.

    Parameters
    ----------
    branch, kind
        the branch
    start, stop
        its entries
    """

    branch: Branch
    kind: Kind
    start: int
    stop: int

    @property
    def baskets(self) -> tuple[int, int]:
        """The first basket that is needed, and the one after the last."""
        edges = self.kind.edges
        first = int(np.searchsorted(edges, self.start, "right")) - 1
        return first, int(np.searchsorted(edges, self.stop, "left"))


def read_column(
    fd: int, record: bytes, piece: Piece, peer: NDArray[np.int64] | None, *, check: bool
) -> Column:
    """Return entries of a branch.

    Parameters
    ----------
    fd
        descriptor of the file
    record
        the tree's own record, in which embedded baskets are
    piece
        which entries
    peer
        offsets of lists of the same entries; they are returned themselves if this branch has the same
    check
        whether checksums are verified

    Raises
    ------
    BasketError
        if a basket is damaged
    """
    return _Reading(fd, piece, peer, check=check).run(record)


class _Reading:
    """The memory of one column while it is filled."""

    def __init__(self, fd: int, piece: Piece, peer: NDArray[np.int64] | None, *, check: bool) -> None:
        self.fd, self.piece, self.kind, self.check = fd, piece, piece.kind, int(check)
        self.first, self.last = piece.baskets
        self.normal = min(max(self.first, len(piece.branch.places)), self.last)
        self.entries = piece.stop - piece.start
        self.lists = self.kind.form != FIXED
        self.capacity = self._guess() if self.lists else self.entries * self.kind.count
        self.out = np.empty(self.capacity * self.kind.size + SLACK, dtype=np.uint8)
        self.offsets = np.empty(self.entries + 1 if self.lists else 1, dtype=np.int64)
        self.offsets[0] = 0
        self.peer = peer if self.lists else None
        self.state = np.zeros(STATE_SIZE, dtype=np.int64)
        self.state[SHARED] = self.peer is not None

    def run(self, record: bytes) -> Column:
        branch, memory = self.piece.branch, scratch()
        if self.first < self.normal:
            sizes = branch.sizes[self.first : self.normal]
            memory.hold(int(sizes.max()))
            places = branch.places[self.first : self.normal]
            if self._call(self.fd, places, sizes, self.first, memory) == OTHER_CODEC:
                self._inflate_rest(self.first + int(self.state[BASKET]), memory)
        for number in range(self.normal, self.last):
            basket = branch.embedded[number - len(branch.places)]
            data = record[basket.data : basket.data + basket.size]
            if (
                self.kind.form == ARRAYS
                and basket.offsets[:4] != struct.pack(">i", basket.header)[: 4 * (basket.entries > 0)]
            ):
                raise BasketError(number, OFFSETS)
            content = np.frombuffer(data + bytes(4) + basket.offsets + bytes(SLACK), dtype=np.uint8)
            self._unpack(number, content, basket.size, memory)
        return self._column()

    def _call(
        self, fd: int, places: NDArray[np.int64], sizes: NDArray[np.int64], first: int, memory: Scratch
    ) -> int:
        """Run the kernel over baskets from number ``first`` on; return `DONE` or `OTHER_CODEC`."""
        run, kind, state = kernel(), self.kind, self.state
        edges = kind.edges[first : first + len(places) + 1]
        state[BASKET] = 0
        while True:
            outcome = run(
                fd, places.ctypes.data, sizes.ctypes.data, edges.ctypes.data, len(places), kind.form,
                kind.size, kind.count, self.piece.start, self.piece.stop, memory.packed.ctypes.data,
                memory.plain.ctypes.data, len(memory.plain), memory.inflater, memory.context, self.check,
                self.out.ctypes.data, self.capacity, self.offsets.ctypes.data,
                0 if self.peer is None else self.peer.ctypes.data, state.ctypes.data,
            )  # fmt: skip
            if outcome == NEEDS_OUTPUT:
                self.capacity = max(int(state[NEED]), self.capacity + self.capacity // 2)
                self.out.resize(self.capacity * kind.size + SLACK, refcheck=False)
            elif outcome == NEEDS_PLAIN:
                memory.hold(0, int(state[NEED]))
            elif outcome < 0:
                raise BasketError(first + int(state[BASKET]), outcome)
            else:
                return outcome

    def _unpack(self, number: int, content: NDArray[np.uint8], size: int, memory: Scratch) -> None:
        """Unpack a basket whose content is in memory."""
        place = np.array([content.ctypes.data], dtype=np.int64)
        self._call(_IN_MEMORY, place, np.array([size], dtype=np.int64), number, memory)

    def _inflate_rest(self, begin: int, memory: Scratch) -> None:
        """Read the baskets from number ``begin`` on with codecs that the kernel has not."""
        branch = self.piece.branch
        for number in range(begin, self.normal):
            place, size = int(branch.places[number]), int(branch.sizes[number])
            stored = memory.packed.data[:size]
            if os.preadv(self.fd, [stored], place) != size:
                raise BasketError(number, UNREADABLE)
            entries = int(self.kind.edges[number + 1] - self.kind.edges[number])
            header, length, data = _parts(number, bytes(stored[:_MOST_HEADER]), place, size, entries)
            if size - header == length:
                memory.hold(size, length)
                memory.plain[:length] = memory.packed[header:size]
            else:
                try:
                    read_blocks(bytes(stored), header, length)
                except ValueError as error:
                    raise BasketError(number, BLOCKS) from error
                memory.hold(size, length)
                try:
                    inflate(stored[header:], length, memory.plain)
                except BlockError as error:
                    raise BasketError(number, CONTENT) from error
            if self.kind.form == ARRAYS:
                table = length - data
                origin = int.from_bytes(memory.plain[data + 4 : data + 8].tobytes(), "big")
                if table != 4 * (entries + 2) or origin != header:
                    raise BasketError(number, OFFSETS)
            self._unpack(number, memory.plain, data, memory)

    def _column(self) -> Column:
        kind, filled = self.kind, int(self.state[FILLED])
        if not self.lists:
            if filled != self.capacity:
                raise BasketError(self.last - 1, COUNTS)
            content = self.out[: filled * kind.size].view(kind.info.dtype)
            if kind.info.shape == "scalar":
                return Column(content)
            return Column(content, np.arange(self.entries + 1, dtype=np.int64) * kind.count)
        self.out.resize(filled * kind.size, refcheck=False)
        offsets = self.offsets
        if self.peer is not None and self.state[SHARED]:
            offsets = self.peer
        if offsets[-1] != filled:
            raise BasketError(self.last - 1, COUNTS)
        return Column(self.out.view(kind.info.dtype), offsets)

    def _guess(self) -> int:
        """Return for how many numbers there is room at first."""
        branch = self.piece.branch
        stored = int(branch.sizes[self.first : self.normal].sum())
        stored += sum(one.size for one in branch.embedded)
        ratio = min(max(branch.total / branch.packed, 1), _MOST_RATIO) if branch.packed > 0 else 1
        whole = stored * ratio
        baskets = self.last - self.first
        per_entry = 14 if self.kind.form == VECTORS else 4
        numbers = max(whole - per_entry * self.entries, 0) * 1.05 + whole / max(baskets, 1)
        return int(min(numbers, _FIRST_GUESS)) // self.kind.size + 1


def _parts(number: int, head: bytes, place: int, size: int, entries: int) -> tuple[int, int, int]:
    """Return bytes of a basket's header, content, and the content's data."""
    try:
        key, end = read_key(head, 0)
        _, _, _, told, last = _BASKET_FIELDS.unpack_from(head, end)
    except (struct.error, IndexError, ValueError) as error:
        raise BasketError(number, HEADER) from error
    data = last - key.header
    right = (key.class_name, key.size, key.position, told, end + _BASKET_FIELDS.size + 1)
    if right != ("TBasket", size, place, entries, key.header) or key.header >= size:
        raise BasketError(number, HEADER)
    if not 0 <= data <= key.length < _MOST_INFLATED:
        raise BasketError(number, HEADER)
    return key.header, key.length, data
