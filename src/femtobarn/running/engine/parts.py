"""Which entries of a file part k of n has: a fixed rule on the file's clusters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def limit(entries: int, max_events: int | None, fraction: float | None) -> int:
    """Return how many of ``entries`` are read, counted from the first."""
    most = entries if fraction is None else int(np.floor(entries * fraction))
    return most if max_events is None else min(most, max_events)


def part_edges(boundaries: NDArray[np.int64], entries: int, parts: int) -> NDArray[np.int64]:
    """Return the ``parts`` + 1 entries at which parts begin and the last ends.

    The ideal edge k is ``entries`` x k / ``parts``; it moves to the nearest cluster boundary if that is
    at most half a part away, so that few baskets are read twice.

    Parameters
    ----------
    boundaries
        ascending entries at which clusters begin, and the end
    entries
        how many entries are shared out
    parts
        into how many parts

    Returns
    -------
    numpy.ndarray
        int64 (parts + 1), ascending, from 0 to ``entries``
    """
    ideal = np.arange(parts + 1, dtype=np.int64) * entries // parts
    inside = np.unique(np.concatenate([[0], boundaries[boundaries < entries], [entries]])).astype(np.int64)
    after = np.clip(np.searchsorted(inside, ideal), 1 if len(inside) > 1 else 0, len(inside) - 1)
    before = np.maximum(after - 1, 0)
    nearer_before = ideal - inside[before] <= inside[after] - ideal
    nearest = np.where(nearer_before, inside[before], inside[after])
    edges = np.where(2 * parts * np.abs(nearest - ideal) <= entries, nearest, ideal)
    edges[0], edges[-1] = 0, entries
    return np.maximum.accumulate(edges)


def chunk_edges(boundaries: NDArray[np.int64], start: int, stop: int, most: int) -> list[int]:
    """Return the entries at which chunks of a part begin, and its end.

    Chunks end where clusters end, so that no basket is inflated twice; a cluster with more than ``most``
    entries is divided.

    Parameters
    ----------
    boundaries
        ascending entries at which clusters begin, and the end
    start, stop
        the part
    most
        entries that a chunk may have
    """
    ends = [*boundaries[(boundaries > start) & (boundaries < stop)].tolist(), stop]
    edges = [start]
    for i, end in enumerate(ends):
        if end <= edges[-1]:
            continue
        while end - edges[-1] > most:
            edges.append(edges[-1] + most)
        following = ends[i + 1] if i + 1 < len(ends) else None
        if following is None or following - edges[-1] > most:
            edges.append(end)
    return edges
