"""Single values on disk, appended file by file and read back spectrum by spectrum, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from femtobarn.physics.spectra.sums import COMBINATION_SHIFT, STATE_SHIFT, SpectraSums, Sums

BUFFERED = 4_000_000
"""How many values are in memory before they are sorted and appended (24 bytes each, three times)."""

_BITS = 16  # of a spectrum's number: its final state's code, then the place of its combination
_PIECE = np.dtype([("spectrum", "<u8"), ("process", "<i4"), ("start", "<i8"), ("length", "<i8")])
Pieces = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Values of one final state, by combination in the order that was asked for, then in that of the plan.

    Parameters
    ----------
    combinations, processes
        (pieces,) places of combinations, and numbers of processes
    lengths
        (pieces,) how many values each has
    values, weights
        (n,) one after the other
    """

    combinations: NDArray[np.intp]
    processes: NDArray[np.intp]
    lengths: NDArray[np.int64]
    values: Sums
    weights: Sums


class Spool:
    """Values of data, or of simulation: first all are added, then all are read.

    Parameters
    ----------
    folder
        where they are kept meanwhile, in three files
    """

    def __init__(self, folder: Path) -> None:
        self._paths = {name: folder / f"{name}.spool" for name in ("pieces", "values", "weights")}
        self._files: dict[str, BinaryIO] = {name: path.open("wb") for name, path in self._paths.items()}
        self._waiting: list[tuple[int, SpectraSums]] = []
        self._count = self._values = self._pieces = 0
        self._ends: list[int] = []  # of the pieces of each time that values were appended
        self._states: set[int] = set()

    def add(self, process: int, sums: SpectraSums) -> None:
        """Add the values of a file; the order of calls is that in which each spectrum has them."""
        assert sums.values is not None
        self._waiting.append((process, sums))
        self._count += len(sums.values.values)
        if self._count >= BUFFERED:
            self._append()

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def states(self) -> list[int]:
        """Return the codes of the final states of which there are values, ascending."""
        self._append()
        return sorted(self._states)

    def blocks(self, state: int, ranks: NDArray[np.intp], most: int) -> Iterator[Block]:
        """Give the values of a final state in blocks of at most ``most``, or those of one piece.

        Parameters
        ----------
        state
            its code
        ranks
            (combinations,) where each combination comes in the order that is wanted
        most
            how many values are read at once
        """
        pieces = self._of_state(state)
        places = (pieces["spectrum"] & np.uint64((1 << _BITS) - 1)).astype(np.intp)
        order = np.argsort(ranks[places], kind="stable")
        pieces, places = pieces[order], places[order]
        values, weights = (self._mapped(name, "<f8") for name in ("values", "weights"))
        for first, last in _cuts(pieces["length"], most):
            chosen = pieces[first:last]
            index = _positions(chosen["start"], chosen["length"])
            yield Block(
                places[first:last],
                chosen["process"].astype(np.intp),
                chosen["length"].astype(np.int64),
                np.asarray(values[index], np.float64),
                np.asarray(weights[index], np.float64),
            )

    def _of_state(self, state: int) -> Pieces:
        mapped = self._mapped("pieces", _PIECE)
        limits = np.array([state << _BITS, (state + 1) << _BITS], np.uint64)
        found: list[Pieces] = []
        start = 0
        for end in self._ends:
            part = mapped[start:end]
            first, last = np.searchsorted(part["spectrum"], limits)
            found.append(np.array(part[first:last]))
            start = end
        return np.concatenate(found)

    def _mapped(self, name: str, dtype: Any) -> NDArray[Any]:
        path = self._paths[name]
        return np.memmap(path, dtype, "r") if path.stat().st_size else np.empty(0, dtype)

    def _append(self) -> None:
        """Append what waits, sorted by spectrum."""
        if not self._waiting:
            return
        pieces, values, weights = _sorted(self._waiting, self._values)
        self._states.update((np.unique(pieces["spectrum"] >> np.uint64(_BITS))).tolist())
        for name, array in (("pieces", pieces), ("values", values), ("weights", weights)):
            array.tofile(self._files[name])
            self._files[name].flush()
        self._values += len(values)
        self._pieces += len(pieces)
        self._ends.append(self._pieces)
        self._waiting, self._count = [], 0


def _sorted(waiting: list[tuple[int, SpectraSums]], start: int) -> tuple[Pieces, Sums, Sums]:
    """Return the values of some files by spectrum, then in their order; ``start`` values are on disk."""
    parts: list[Pieces] = []
    values: list[Sums] = []
    weights: list[Sums] = []
    at = 0
    for process, sums in waiting:
        own = sums.values
        assert own is not None
        part = np.empty(len(own.keys), _PIECE)
        codes = sums.states[(own.keys >> np.uint64(STATE_SHIFT)).astype(np.intp)]
        low = (own.keys >> np.uint64(COMBINATION_SHIFT)) & np.uint64((1 << _BITS) - 1)
        part["spectrum"] = (codes << np.uint64(_BITS)) | low
        part["process"] = process
        part["start"] = at + own.offsets[:-1]
        part["length"] = np.diff(own.offsets)
        parts.append(part)
        values.append(own.values)
        weights.append(own.weights if len(own.weights) else np.ones(len(own.values)))
        at += len(own.values)
    pieces = np.concatenate(parts)
    pieces = pieces[np.argsort(pieces["spectrum"], kind="stable")]
    index = _positions(pieces["start"], pieces["length"])
    pieces["start"] = start + np.cumsum(pieces["length"]) - pieces["length"]
    return pieces, np.concatenate(values)[index], np.concatenate(weights)[index]


def _positions(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers from each start, as many as its length, one after the other."""
    before = np.cumsum(lengths) - lengths
    numbers: NDArray[np.int64] = np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)
    return numbers


def _cuts(lengths: NDArray[np.int64], most: int) -> Iterator[tuple[int, int]]:
    """Give ranges of pieces that have at most ``most`` values together, or are one piece."""
    ends = np.cumsum(lengths)
    first = 0
    while first < len(lengths):
        done = ends[first] - lengths[first]
        last = max(first + 1, int(np.searchsorted(ends, done + most, side="right")))
        yield first, last
        first = last
