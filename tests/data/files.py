"""Small ROOT files in the releases' names, written with C arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

from femtobarn.data.storage.source import Transfer


def counts(entries: int, most: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, most + 1, size=entries)


def jagged(values: Any, count: Any) -> ak.Array:
    return ak.unflatten(np.asarray(values), np.asarray(count))


def events(entries: int = 50, seed: int = 1) -> dict[str, Any]:
    """Columns with a scalar, a collection of three types, and the bookkeeping of 2025 in them."""
    rng = np.random.default_rng(seed)
    n_lep, n_jet = counts(entries, 5, seed), counts(entries, 3, seed + 1)
    total, jets = int(n_lep.sum()), int(n_jet.sum())
    return {
        "eventNumber": np.arange(entries, dtype=np.uint64) + 10,
        "channelNumber": np.full(entries, 345060, dtype=np.uint32),
        "trigE": rng.random(entries) > 0.5,
        "met": rng.random(entries).astype(np.float32) * 100,
        "xsec": np.full(entries, 28.3, dtype=np.float32),
        "kfac": np.full(entries, 1.5, dtype=np.float32),
        "filteff": np.full(entries, 0.25, dtype=np.float32),
        "sum_of_weights": np.full(entries, 123456.0),
        "num_events": np.full(entries, 1000.0),
        "lep": ak.zip(
            {
                "pt": jagged(rng.random(total).astype(np.float32) * 100, n_lep),
                "e": jagged(rng.random(total) * 200, n_lep),
                "type": jagged(rng.choice(np.array([11, 13], dtype=np.int32), total), n_lep),
                "isLooseID": jagged(rng.random(total) > 0.3, n_lep),
            }
        ),
        "jet": ak.zip(
            {
                "pt": jagged(rng.random(jets).astype(np.float32), n_jet),
                "jvt": jagged(rng.random(jets) > 0.5, n_jet),
            }
        ),
    }


def write(
    path: Path,
    columns: Mapping[str, Any],
    *,
    tree: str = "analysis",
    title: str = "analysis",
    chunks: int = 1,
) -> Path:
    """Write columns as a tree whose counters are called ``<collection>_n``."""
    types = {
        name: values.layout.form.type if isinstance(values, ak.Array) else values.dtype
        for name, values in columns.items()
    }
    length = len(next(iter(columns.values())))
    edges = np.linspace(0, length, chunks + 1).astype(int)
    with uproot.recreate(path) as file:
        out = file.mktree(tree, types, title=title, counter_name=lambda counted: f"{counted}_n")
        for start, stop in pairwise(edges):
            if stop > start:
                out.extend({name: values[start:stop] for name, values in columns.items()})
    return path


class MemorySource:
    """A remote file whose bytes are in memory; counts what it is asked, and may change its answers.

    ``fault`` gets each answer: the number of answers before it, its offset, its bytes.
    """

    validator = ""

    def __init__(
        self,
        content: bytes,
        *,
        name: str = "https://example.org/file.root",
        ranges: bool = True,
        fault: Callable[[int, int, bytes], bytes] | None = None,
    ) -> None:
        self.name, self.size, self.ranges = name, len(content), ranges
        self.transfer = Transfer()
        self.calls: list[list[tuple[int, int]]] = []
        self.closed = False
        self._content, self._fault, self._answers = content, fault, 0

    def read(self, offset: int, count: int) -> bytes:
        self.calls.append([(offset, count)])
        return self._answer(offset, count)

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        self.calls.append(list(ranges))
        return [self._answer(*place) for place in ranges]

    def body(self) -> Iterator[bytes]:
        yield self._content

    def close(self) -> None:
        self.closed = True

    def _answer(self, offset: int, count: int) -> bytes:
        data = self._content[offset : offset + count]
        if self._fault is not None:
            data = self._fault(self._answers, offset, data)
        self._answers += 1
        self.transfer.bytes += len(data)
        self.transfer.requests += 1
        return data
