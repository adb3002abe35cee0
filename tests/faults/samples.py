"""Five files of an analysis, and what they give when they are read here."""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from femtobarn.data.catalogue.resolvers import Remote
from femtobarn.simulate.demo import data_file_name, data_table, mc_file_name, mc_table
from femtobarn.simulate.processes import PERIODS, scaled_datasets
from femtobarn.simulate.writer import write_root

from .driver import Given, Run, perform

TRUTH = ("histograms.npz", "histograms.json", "cutflow.csv", "yields.csv")
FAULTY = 700600
"""The dataset whose file meets the faults."""

LARGE = 40_000
"""Events that make the faulty file one of two blocks when it is fetched."""

_SEED = 3
_EVENTS_DATA, _EVENTS = 400, 600


@dataclass(frozen=True)
class Samples:
    """Files by name, with and without the faulty one, and the results of local runs."""

    folder: Path
    names: tuple[str, ...]
    faulty: str
    other_edition: bytes
    truth: Path
    without: Path
    chunk: int

    def content(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    @property
    def healthy(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name != self.faulty)


def make_samples(folder: Path, *, events: int = 3000, baskets: int = 3) -> Samples:
    """Write the files below ``folder``, the faulty one with ``events`` events, and run over them."""
    data = folder / "data"
    data.mkdir(parents=True)
    datasets = {one.dsid: one for one in scaled_datasets(float(_EVENTS_DATA) * len(PERIODS))}
    for period in PERIODS[:2]:
        write_root(data / data_file_name(period), data_table(_SEED, period, datasets.values()))
    for dsid in (410470, FAULTY, 345060):
        count = events if dsid == FAULTY else _EVENTS
        table = mc_table(_SEED, datasets[dsid], count)
        write_root(data / mc_file_name(datasets[dsid]), table, chunks=baskets)
    faulty = mc_file_name(datasets[FAULTY])
    other = folder / "other.root"
    write_root(other, mc_table(_SEED + 1, datasets[FAULTY], events + 1), chunks=baskets)
    names = tuple(sorted(path.name for path in data.iterdir()))
    truth, without, chunk = folder / "truth", folder / "without", max(1000, events // 4)
    samples = Samples(data, names, faulty, other.read_bytes(), truth, without, chunk)
    local = [Given(name, str(data / name)) for name in names]
    assert perform(Run(tuple(local), truth, chunk=chunk)) == 0
    rest = [one for one in local if one.name != faulty]
    assert perform(Run(tuple(rest), without, chunk=chunk)) == 0
    for out in (truth, without):
        shutil.rmtree(out / "tasks")
    assert json.loads((truth / "run.json").read_text())["complete"] is True
    return samples


def remote(name: str, url: str, content: bytes) -> Remote:
    """The file as the catalogue would tell of it."""
    return Remote(name=name, url=url, size=len(content), adler32=f"{zlib.adler32(content):08x}")


def same_bytes(out: Path, truth: Path, names: tuple[str, ...] = TRUTH) -> list[str]:
    """The files of two run directories that are not the same, byte by byte."""
    return [name for name in names if (out / name).read_bytes() != (truth / name).read_bytes()]


def only_empty_rows_more(out: Path, without: Path) -> bool:
    """Whether ``out`` is ``without``, besides keys of the faulty file whose sums are all zero."""
    if same_bytes(out, without, ("cutflow.csv", "yields.csv")):
        return False
    with np.load(out / "histograms.npz") as mine, np.load(without / "histograms.npz") as other:
        if set(mine.files) != set(other.files):
            return False
        names = [name for name in mine.files if not name.endswith("/keys") and name != "variations"]
        if not all(_same_rows(mine, other, name) for name in names):
            return False
        same_variations = mine["variations"].tolist() == other["variations"].tolist()
    found, expected = (json.loads((run / "histograms.json").read_text()) for run in (out, without))
    more = [found.pop(key) for key in set(found) - set(expected)]
    return same_variations and found == expected and not any(_numbers(one["storage"]) for one in more)


def _same_rows(mine: Mapping[str, Any], other: Mapping[str, Any], name: str) -> bool:
    rows = dict(zip(mine[f"{name}/keys"].tolist(), mine[name], strict=True))
    for key, row in zip(other[f"{name}/keys"].tolist(), other[name], strict=True):
        if key not in rows or rows.pop(key).tobytes() != row.tobytes():
            return False
    return all(str(FAULTY) in key and not row.any() for key, row in rows.items())


def _numbers(stored: object) -> bool:
    """Whether there is a number other than zero in something from JSON."""
    if isinstance(stored, dict):
        return any(_numbers(one) for one in stored.values())
    if isinstance(stored, list):
        return any(_numbers(one) for one in stored)
    return isinstance(stored, int | float) and stored != 0
