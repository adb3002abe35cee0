"""Branches of a TTree: what they hold, where their baskets are, and their values as columns."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import awkward as ak
import numpy as np
from uproot.interpretation.jagged import AsJagged
from uproot.interpretation.numerical import AsDtype
from uproot.interpretation.strings import AsStrings

from femtobarn.data.columns.baskets import Basket
from femtobarn.data.columns.interface import BranchInfo, Column, Shape


def info_of(name: str, branch: Any) -> BranchInfo:
    """Return what ``branch`` of uproot holds."""
    interpretation = branch.interpretation
    shape: Shape = "other"
    dtype = ""
    if isinstance(interpretation, AsStrings):
        shape, dtype = "string", "uint8"
    else:
        inner = interpretation.content if isinstance(interpretation, AsJagged) else interpretation
        # exactly this class: its relatives pack numbers in ways that are not needed here
        numeric = type(inner) is AsDtype and inner.to_dtype.names is None
        if numeric and inner.to_dtype.base.kind in "biuf":
            rank = len(inner.to_dtype.shape) + (1 if isinstance(interpretation, AsJagged) else 0)
            if rank <= 1:
                shape = "list" if rank else "scalar"
                dtype = inner.to_dtype.base.newbyteorder("=").name
    return BranchInfo(name, shape, dtype, str(branch.typename))


def baskets_of(name: str, branch: Any, start: int, stop: int) -> list[Basket]:
    """Return the baskets of their own that hold entries ``start`` to ``stop`` (excluded).

    Raises
    ------
    ValueError
        if the description of the baskets makes no sense
    """
    edges = [int(entry) for entry in branch.entry_offsets]
    if edges[0] != 0 or any(first > last for first, last in pairwise(edges)):
        msg = "entries of baskets do not ascend"
        raise ValueError(msg)
    normal = int(branch.num_baskets) - len(branch.embedded_baskets)
    places, sizes = branch.member("fBasketSeek"), branch.member("fBasketBytes")
    found = [
        Basket(name, number, int(places[number]), int(sizes[number]), last - first)
        for number, (first, last) in enumerate(pairwise(edges[: normal + 1]))
        if start < last and first < stop
    ]
    # two baskets in one place would let uproot wait for ever
    if len({basket.start for basket in found}) != len(found):
        msg = "two baskets are in one place"
        raise ValueError(msg)
    return found


def read_column(branch: Any, info: BranchInfo, start: int, stop: int) -> Column:
    """Return the values of ``branch`` of uproot for entries ``start`` to ``stop`` (excluded)."""
    if isinstance(branch.interpretation, AsDtype):
        values = branch.array(entry_start=start, entry_stop=stop, library="np")
        content = np.ascontiguousarray(values, dtype=info.dtype)
        if info.shape == "scalar":
            return Column(content)
        counts = content.shape[1]
        return Column(content.reshape(-1), np.arange(len(content) + 1, dtype=np.int64) * counts)
    return column_of(branch.array(entry_start=start, entry_stop=stop, library="ak"), info)


def column_of(array: ak.Array, info: BranchInfo) -> Column:
    """Return an array of numbers, lists of numbers or strings as a column."""
    dtype = np.dtype(info.dtype)
    if info.shape == "scalar":
        return Column(np.ascontiguousarray(ak.to_numpy(array), dtype=dtype))
    layout = array.layout.to_ListOffsetArray64(True)
    offsets = np.asarray(layout.offsets.data, dtype=np.int64)
    content = np.asarray(ak.to_numpy(layout.content), dtype=dtype)[: offsets[-1]]
    return Column(np.ascontiguousarray(content), offsets)


def embedded_bytes(branch: Any) -> int:
    """Return the uncompressed bytes of the baskets that lie within the tree's own record."""
    total = 0
    for basket in branch.embedded_baskets:
        offsets = basket.byte_offsets
        total += int(basket.data.nbytes) + (0 if offsets is None else int(offsets.nbytes))
    return total
