"""Single values of a scan as Parquet files: one for each final state, by spectrum within it.

``values/kind=data/final_state=2e_0m_1j_0g_0t_0b/part-0.parquet`` has the columns ``combination``,
``process``, ``mass`` (GeV) and ``weight`` (1 for data), sorted by the name of the combination and then in the
order of the plan. A reader that asks for one combination reads its groups of rows only. One file for each
combination would be a million files; one for all would hide what belongs together. All final states are
kept: which have enough events is known at the end, and may be changed later.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.atomic import TEMPORARY, replacing
from femtobarn.base.errors import RunDirectoryError, SettingsError
from femtobarn.base.records import InputFile, Kind
from femtobarn.base.spectra import SpectraRecord
from femtobarn.physics.spectra import states
from femtobarn.physics.spectra.combinations import Combination, combinations
from femtobarn.physics.spectra.sums import SpectraSums, Sums
from femtobarn.running.results import files
from femtobarn.running.results.spectra.reader import Group
from femtobarn.running.results.spectra.spool import Block, Spool

VALUES = "values"
"""The folder of the files."""

ROWS = 1 << 18
"""How many rows a group of them has at most."""


@contextmanager
def values_of(
    record: SpectraRecord | None, folder: Path
) -> Iterator[Callable[[InputFile, SpectraSums], None] | None]:
    """Give what takes the single values of each file, in the order of the plan; None if none are kept.

    When the block ends they are in ``folder``, all of them; if it fails, what was there before is.
    Memory does not grow with their number; meanwhile they are on disk twice.
    """
    if record is None:
        yield None
        return
    _remove_temporaries(folder)
    if not record.values:
        shutil.rmtree(folder / VALUES, ignore_errors=True)
        yield None
        return
    folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=folder, prefix=f".{VALUES}.", suffix=TEMPORARY))
    spools: dict[Kind, Spool] = {}
    processes: dict[str, int] = {}

    def take(file: InputFile, sums: SpectraSums) -> None:
        if file.kind not in spools:
            (work / file.kind).mkdir()
            spools[file.kind] = Spool(work / file.kind)
        spools[file.kind].add(processes.setdefault(file.process, len(processes)), sums)

    try:
        yield take
        made = work / VALUES
        made.mkdir(mode=0o755)
        for kind, spool in spools.items():
            _write(made / f"kind={kind}", record, spool, tuple(processes))
        shutil.rmtree(folder / VALUES, ignore_errors=True)
        made.rename(folder / VALUES)
    finally:
        for spool in spools.values():
            spool.close()
        shutil.rmtree(work, ignore_errors=True)


def read_values(folder: Path, group: Group, state: int, combination: Combination) -> tuple[Sums, Sums]:
    """Return the values of one spectrum and what they weigh, both (n,), in the order of the plan.

    Parameters
    ----------
    folder
        of the scan in its run directory
    group
        of which processes; weights are scaled as those of the group are
    state
        code of the final state
    combination
        which, and of which quantity

    Raises
    ------
    SettingsError
        if no values were kept
    RunDirectoryError
        if they cannot be read
    """
    return next(
        ((v, w) for _, v, w in state_values(folder, group, state, [combination.name])),
        (np.empty(0), np.empty(0)),
    )


def state_values(
    folder: Path, group: Group, state: int, only: Sequence[str] | None = None
) -> Iterator[tuple[str, Sums, Sums]]:
    """Give the name of each combination of a final state with its values and weights, one at a time.

    Parameters and errors are those of `read_values`; ``only`` are the names of the wanted combinations.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    check(folder)
    path = folder / VALUES / f"kind={group.kind}" / f"final_state={states.name(state)}" / "part-0.parquet"
    if not path.is_file():
        return
    held: list[tuple[Sums, Sums]] = []
    name = ""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as source:
            _check_layout(source)
            for i in _row_groups(source, only):
                for found, *arrays in _spectra_of(source.read_row_group(i), group):
                    if held and found != name:
                        yield name, *_joined(held)
                        held = []
                    name = found
                    if only is None or name in only:
                        held.append((arrays[0], arrays[1]))
    except (*files.DAMAGE, pa.ArrowException, TypeError) as error:
        msg = f"Expected the single values of a scan in {path}, but they cannot be read ({type(error).__name__}). Run the scan again: finished tasks are not repeated."
        raise RunDirectoryError(msg) from error
    if held:
        yield name, *_joined(held)


def check(folder: Path) -> None:
    """Raise SettingsError if no single values were kept."""
    if not (folder / VALUES).is_dir():
        msg = f"Expected the single values of a scan in {folder / VALUES}, but none were kept. Set values: true and run the scan again."
        raise SettingsError(msg)


def _remove_temporaries(folder: Path) -> None:
    for left in folder.glob(f".{VALUES}.*{TEMPORARY}"):
        shutil.rmtree(left, ignore_errors=True)


def _joined(parts: list[tuple[Sums, Sums]]) -> tuple[Sums, Sums]:
    return np.concatenate([v for v, _ in parts]), np.concatenate([w for _, w in parts])


def _schema() -> Any:
    import pyarrow as pa

    words = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [("combination", words), ("process", words), ("mass", pa.float64()), ("weight", pa.float64())]
    )


def _check_layout(source: Any) -> None:
    """Raise ValueError for columns and numbers of rows that this package does not write: they have no checksum."""
    about = source.metadata
    rows = sum(about.row_group(i).num_rows for i in range(about.num_row_groups))
    if rows != about.num_rows or not source.schema_arrow.equals(_schema()):
        msg = "columns or numbers of rows"
        raise ValueError(msg)


def _row_groups(source: Any, only: Sequence[str] | None) -> Iterator[int]:
    """Give the groups of rows that may hold one of the wanted combinations."""
    for i in range(source.metadata.num_row_groups):
        if only is None:
            yield i
            continue
        limits = source.metadata.row_group(i).column(0).statistics
        if limits is None or any(limits.min <= name <= limits.max for name in only):
            yield i


def _spectra_of(table: Any, group: Group) -> Iterator[tuple[str, Sums, Sums]]:
    """Give each combination of some rows, with its values and their scaled weights."""
    factors = dict(zip(group.processes, group.factors, strict=True))
    names, places = _dictionary(table, "combination")
    known, processes = _dictionary(table, "process")
    by = np.array([factors.get(name, np.nan) for name in known])[processes]
    values, weights = (table.column(name).to_numpy() for name in ("mass", "weight"))
    limits = [*np.flatnonzero(np.diff(places, prepend=-1)).tolist(), len(places)]
    for first, last in pairwise(limits):
        own = np.flatnonzero(~np.isnan(by[first:last])) + first
        if len(own):
            yield names[places[first]], values[own], weights[own] * by[own]


def _dictionary(table: Any, name: str) -> tuple[list[str], NDArray[np.intp]]:
    column = table.column(name).dictionary_encode().combine_chunks()
    return column.dictionary.to_pylist(), column.indices.to_numpy().astype(np.intp)


def _write(folder: Path, record: SpectraRecord, spool: Spool, processes: Sequence[str]) -> None:
    import pyarrow.parquet as pq

    names = [c.name for c in combinations(record)]
    ranks = np.empty(len(names), np.intp)
    ranks[np.argsort(np.array(names))] = np.arange(len(names))
    schema = _schema()
    for state in spool.states():
        path = folder / f"final_state={states.name(state)}" / "part-0.parquet"
        with (
            replacing(path) as temporary,
            pq.ParquetWriter(
                temporary,
                schema,
                compression="zstd",
                use_dictionary=["combination", "process", "weight"],
                column_encoding={"mass": "BYTE_STREAM_SPLIT"},
                write_page_checksum=True,
            ) as writer,
        ):
            for block in spool.blocks(state, ranks, ROWS):
                writer.write_table(_table(block, names, processes, schema), row_group_size=ROWS)


def _table(block: Block, names: Sequence[str], processes: Sequence[str], schema: Any) -> Any:
    import pyarrow as pa

    def words(places: NDArray[np.intp], known: Sequence[str]) -> Any:
        there, index = np.unique(places, return_inverse=True)
        indices = np.repeat(index.astype(np.int32), block.lengths)
        return pa.DictionaryArray.from_arrays(pa.array(indices), pa.array([known[i] for i in there]))

    arrays = [
        words(block.combinations, names),
        words(block.processes, processes),
        pa.array(block.values),
        pa.array(block.weights),
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
