"""Columns as an Arrow file, and where in it their numbers are.

Columns of one number per entry are columns of the only record batch; lists with the same offsets are
the fields of one column ``lists0``, ``lists1``, ... of lists of structs, so that offsets are there once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from femtobarn.data.columncache.records import Codec, KeptColumn, KeptOffsets, Piece
from femtobarn.data.columns.interface import Column

NO_DIGEST = "0" * 16


def write_arrow(
    path: Path, columns: Mapping[str, Column], *, key: str, start: int, stop: int, codec: Codec
) -> Piece:
    """Write columns as an Arrow file, and return what it holds.

    Parameters
    ----------
    path
        the file to make
    columns
        of entries ``start`` to ``stop``, types as in `records.DTYPES`; lists begin at 0 and fill their content
    key
        of the tree

    Raises
    ------
    OSError
        if it cannot be written
    """
    import pyarrow as pa

    groups = _groups(columns)
    scalars = [name for name, column in columns.items() if column.offsets is None]
    fields = [_field(name, columns[name]) for name in scalars]
    arrays = [_array(columns[name]) for name in scalars]
    for number, (offsets, names) in enumerate(groups):
        inner = [_field(name, columns[name]) for name in names]
        values = pa.StructArray.from_arrays([_array(columns[name]) for name in names], fields=inner)
        kind = pa.large_list(pa.field("item", pa.struct(inner), nullable=False))
        fields.append(pa.field(f"lists{number}", kind, nullable=False))
        arrays.append(pa.LargeListArray.from_arrays(pa.array(offsets), values, type=kind))
    schema = pa.schema(fields, metadata={"start": str(start), "stop": str(stop)})
    options = pa.ipc.IpcWriteOptions(compression=None if codec == "none" else codec)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema, options=options) as writer:
        writer.write_batch(pa.record_batch(arrays, schema=schema))
    order = scalars + [name for _, names in groups for name in names]
    lists = {name: number for number, (_, names) in enumerate(groups) for name in names}
    places, size, whole = _places(path, codec)
    return Piece(
        key=key,
        start=start,
        stop=stop,
        codec=codec,
        size=size,
        digest=whole,
        offsets=tuple(
            KeptOffsets(position=next(places["offsets"]), digest=digest_of(offsets)) for offsets, _ in groups
        ),
        columns=tuple(
            KeptColumn(
                name=name,
                dtype=columns[name].content.dtype.name,
                position=next(places["content"]),
                count=len(columns[name].content),
                digest=digest_of(columns[name].content),
                lists=lists.get(name),
            )
            for name in order
        ),
    ).sealed()


def read_arrow(data: Any) -> tuple[list[NDArray[Any]], list[NDArray[np.int64]]]:
    """Return the numbers of all columns and the offsets of all lists of an Arrow file, in its order.

    Parameters
    ----------
    data
        the bytes of the file, as an object with the buffer protocol

    Raises
    ------
    ValueError, OSError
        if it is no such file
    """
    import pyarrow as pa

    batch = pa.ipc.open_file(pa.py_buffer(data)).get_batch(0)
    contents, offsets = [], []
    for array in batch.columns:
        if pa.types.is_large_list(array.type):
            offsets.append(array.offsets.to_numpy())
            contents += [values.to_numpy() for values in array.values.flatten()]
        else:
            contents.append(array.to_numpy())
    return contents, offsets


def digest_of(data: Any) -> str:
    """Return the XXH3 of the bytes of an array, or of a file's."""
    bytes_of: Any = data.view(np.uint8) if isinstance(data, np.ndarray) else data
    return xxhash.xxh3_64_hexdigest(bytes_of)


def _groups(columns: Mapping[str, Column]) -> list[tuple[NDArray[np.int64], list[str]]]:
    """Return each offsets object with the names of the lists that have it."""
    found: dict[int, tuple[NDArray[np.int64], list[str]]] = {}
    for name, column in columns.items():
        if column.offsets is not None:
            found.setdefault(id(column.offsets), (column.offsets, []))[1].append(name)
    return list(found.values())


def _field(name: str, column: Column) -> Any:
    import pyarrow as pa

    dtype = column.content.dtype
    kind = pa.uint8() if dtype == np.bool_ else pa.from_numpy_dtype(dtype)
    return pa.field(name, kind, nullable=False, metadata={"dtype": dtype.name})


def _array(column: Column) -> Any:
    import pyarrow as pa

    content = np.ascontiguousarray(column.content)
    return pa.array(content.view(np.uint8) if content.dtype == np.bool_ else content)


def _places(path: Path, codec: Codec) -> tuple[dict[str, Iterator[int]], int, str]:
    """Return the positions of offsets and contents in the order of the file, its size, and its digest."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as file:
        whole = file.read_buffer()
        size = whole.size
        if codec != "none":
            endless = {kind: iter(lambda: 0, 1) for kind in ("offsets", "content")}
            return endless, size, digest_of(whole)
        file.seek(0)
        batch = pa.ipc.open_file(file).get_batch(0)
        offsets: list[int] = []
        contents: list[int] = []
        for array in batch.columns:
            values = [array]
            if pa.types.is_large_list(array.type):
                offsets.append(array.buffers()[1].address - whole.address)
                values = array.values.flatten()
            # no bytes need no place
            contents += [one.buffers()[1].address - whole.address if len(one) else 0 for one in values]
        return {"offsets": iter(offsets), "content": iter(contents)}, size, NO_DIGEST
