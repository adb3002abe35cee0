"""Skims: the selected events of each file of a run, written from its partial results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from femtobarn.base.atomic import replacing
from femtobarn.base.canonical import digest
from femtobarn.base.errors import MergeError
from femtobarn.base.records import AnalysisSpec, FileFacts, Origin, UnseenFile
from femtobarn.data.columns import Column
from femtobarn.data.formats import FIELDS
from femtobarn.data.formats.skimmed import TREE, SkimFacts, branch_of, title_of
from femtobarn.data.storage.urls import safe_name
from femtobarn.running.results.merge import FileParts
from femtobarn.running.results.store import FolderStore

FOLDER = "skim"


class _Target(Protocol):
    """An open skim to which columns are appended."""

    def add(self, columns: Mapping[str, Column]) -> None: ...


def write_skims(
    spec: AnalysisSpec,
    parts: Sequence[FileParts],
    store: FolderStore,
    folder: Path,
    absent: Sequence[UnseenFile] = (),
) -> tuple[Path, ...]:
    """Write one skim for each file that was processed, also if none of its events passed.

    Parts are appended in the order of their entries, one in memory at a time.

    Parameters
    ----------
    folder
        made if needed; skims of files that are not among ``parts`` are removed
    absent
        files that were not read; each skim keeps those of its dataset or period

    Raises
    ------
    MergeError
        if a partial result is damaged
    """
    assert spec.skim is not None
    folder.mkdir(exist_ok=True)
    written: dict[str, Path] = {}
    for part in parts:
        if not part.headers:
            continue
        name = part.file.origin or part.file.name
        stem = safe_name(name.removesuffix(".root"))
        if stem.casefold() in written:  # names may differ in what files of some systems cannot
            stem = f"{stem}-{digest(name)[:8]}"
        path = folder / f"{stem}.skim.{spec.skim.to}"
        _write(spec, part, store, path, absent)
        written[stem.casefold()] = path
    for kind in ("root", "parquet"):
        for old in set(folder.glob(f"*.skim.{kind}")) - set(written.values()):
            old.unlink()
    return tuple(written.values())


def _write(
    spec: AnalysisSpec, part: FileParts, store: FolderStore, path: Path, absent: Sequence[UnseenFile]
) -> None:
    assert spec.skim is not None
    open_target = _root if spec.skim.to == "root" else _parquet
    columns = store.read(part.headers[0].task).columns
    if tuple(columns) == () and spec.skim.fields:
        msg = (
            f"The partial results of {part.file.name} hold no skim. Remove tasks/ of this run and run again."
        )
        raise MergeError(msg)
    with (
        replacing(path) as temporary,
        open_target(temporary, columns, title_of(facts_of(spec, part, absent))) as target,
    ):
        for header in part.headers:
            target.add(store.read(header.task).columns)


def facts_of(spec: AnalysisSpec, part: FileParts, absent: Sequence[UnseenFile] = ()) -> SkimFacts:
    """Return what the skim of a file says of itself."""
    assert spec.skim is not None
    assert part.facts is not None
    file, facts = part.file, part.facts
    step = f"{spec.name}/{spec.skim.selection} ({spec.identity[:12]})"
    own = [f for f in absent if (f.dataset, f.period) in {(file.dataset, file.period), (None, None)}]
    before = facts.origin
    if before is None:
        origin = Origin(
            name=file.name,
            size=file.size,
            identity=file.identity,
            uuid=facts.uuid,
            entries=facts.entries,
            processed=part.processed,
            unseen=tuple(own),
            steps=(step,),
        )
    else:
        unseen = {f.name: f for f in (*before.unseen, *own)}
        changes = {
            "processed": processed_of_origin(facts, part.processed),
            "unseen": tuple(unseen.values()),
            "steps": (*before.steps, step),
        }
        origin = before.model_copy(update=changes)
    return SkimFacts(
        release=spec.release,
        kind=file.kind,
        dataset=file.dataset,
        period=file.period,
        facts=facts.model_copy(update={"origin": origin}),
    )


def processed_of_origin(facts: FileFacts, processed: int) -> int:
    """Return how many events of the file that was skimmed stand behind ``processed`` events of its skim."""
    assert facts.origin is not None
    if not facts.entries or processed == facts.entries:
        return facts.origin.processed
    return round(facts.origin.processed * processed / facts.entries)


@contextmanager
def _root(path: Path, columns: Mapping[str, Column], title: str) -> Iterator[_Target]:
    import uproot

    with uproot.recreate(path) as file:
        yield _RootTarget(file.mktree(TREE, _branch_types(columns), title=title, counter_name=_counter))


def _branch_types(columns: Mapping[str, Column]) -> dict[str, Any]:
    types: dict[str, Any] = {}
    for name, column in columns.items():
        kind = column.content.dtype.name
        types[branch_of(name)] = kind if column.offsets is None else f"var * {kind}"
    return types


def _counter(branch: str) -> str:
    """Return the counter of a list: one for each collection."""
    own = next((f.collection for f in FIELDS.values() if branch_of(f.path) == branch), None)
    return f"n_{own or branch}"


class _RootTarget:
    def __init__(self, tree: Any) -> None:
        self._tree = tree

    def add(self, columns: Mapping[str, Column]) -> None:
        import awkward as ak

        arrays: dict[str, Any] = {}
        entries = 0
        for name, column in columns.items():
            entries = column.entries
            if column.offsets is None:
                arrays[branch_of(name)] = column.content
            else:
                offsets = ak.index.Index64(column.offsets)
                content = ak.contents.NumpyArray(column.content)
                arrays[branch_of(name)] = ak.Array(ak.contents.ListOffsetArray(offsets, content))
        if entries:
            self._tree.extend(arrays)


@contextmanager
def _parquet(path: Path, columns: Mapping[str, Column], title: str) -> Iterator[_Target]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = [pa.field(branch_of(name), _arrow(column).type) for name, column in columns.items()]
    schema = pa.schema(fields, metadata={"femtobarn": title})
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        yield _ParquetTarget(writer, schema)


def _arrow(column: Column) -> Any:
    import pyarrow as pa

    content = pa.array(column.content)
    if column.offsets is None:
        return content
    return pa.LargeListArray.from_arrays(pa.array(column.offsets.astype(np.int64)), content)


class _ParquetTarget:
    def __init__(self, writer: Any, schema: Any) -> None:
        self._writer, self._schema = writer, schema

    def add(self, columns: Mapping[str, Column]) -> None:
        import pyarrow as pa

        arrays = [_arrow(column) for column in columns.values()]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
