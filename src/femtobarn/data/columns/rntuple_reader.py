"""RNTuples read by uproot.

Fields are called as uproot calls them: subfields by their path (``muons.pt``), a name such as
``AnalysisMuonsAuxDyn:pt`` is one name. Source: ROOT's binary format specification of RNTuple 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from femtobarn.data.columns.baskets import CHECKSUM_SIZE, Page, has_checksum
from femtobarn.data.columns.boundary import boundary, damaged
from femtobarn.data.columns.branches import column_of
from femtobarn.data.columns.interface import BranchInfo, Column, Shape, Stored
from femtobarn.data.columns.library import Place
from femtobarn.data.columns.reader import Reader

_SETTINGS = {1: "zlib", 2: "lzma", 4: "lz4", 5: "zstd"}  # hundreds of ROOT's compression settings


class RNTupleReader(Reader):
    """An open RNTuple (see `TreeReader`); its fields are the branches."""

    def __init__(self, place: Place, directory: Any, tree: str) -> None:
        super().__init__(place, directory, tree)
        self._infos: Mapping[str, BranchInfo] | None = None
        with boundary(self.url, "reading the tree's description"):
            self._ntuple = directory[tree]
            self._preload()
            self._check_page_lists()
            self.title = str(directory.key(tree).title())
            self.entries = int(self._ntuple.num_entries)
            self.uuid = str(directory.file.uuid)
            fields = sorted(self._ntuple.itervalues(recursive=True), key=lambda field: int(field.field_id))
            self._fields = {str(field.path): field for field in fields}
            self._clusters = [
                (int(cluster.num_first_entry), int(cluster.num_entries))
                for cluster in self._ntuple.cluster_summaries
            ]
            self._pages = self._ntuple.page_link_list
        expected = 0
        for first, count in self._clusters:
            if first != expected:
                raise damaged(self.url, f"a cluster begins at entry {first}, expected {expected}")
            expected += count
        if expected != self.entries or len(self._pages) != len(self._clusters):
            raise damaged(self.url, f"clusters hold {expected} entries, expected {self.entries}")

    def branches(self) -> Mapping[str, BranchInfo]:
        """Return all fields by path."""
        if self._infos is None:
            with boundary(self.url, "reading the fields' description"):
                self._infos = MappingProxyType({name: _info(name, f) for name, f in self._fields.items()})
        return self._infos

    def boundaries(self) -> NDArray[np.int64]:
        """Return the entries at which clusters begin, and the number of entries at the end."""
        begins = sorted({first for first, count in self._clusters if count})
        return np.array([*begins, self.entries] if self.entries else [0], dtype=np.int64)

    def stored_bytes(self, branches: Sequence[str]) -> int:
        """Return the compressed bytes of the pages of ``branches``; a page of several counts once."""
        names = [self._info(name).name for name in dict.fromkeys(branches)]
        pages = {page.start: page.size for name in names for page in self._pieces(name, 0, self.entries)}
        return sum(pages.values())

    def stored(self, branch: str) -> Stored:
        """Return what the field's pages occupy, without those of subfields that have a name."""
        named = {int(field.field_id) for field in self._fields.values()}
        own = {int(self._fields[branch].field_id)}
        with boundary(self.url, "reading the pages' sizes"):
            for number, record in enumerate(self._ntuple.field_records):
                if int(record.parent_field_id) in own and number not in named:
                    own.add(number)
            pages = list(self._pages_of(branch, own, range(len(self._clusters))))
        return Stored(
            sum(page.size for page in pages),
            sum(page.length for page in pages),
            len(pages),
            self._compression(own, pages[0]) if pages else "",
            None,
        )

    def _compression(self, fields: set[int], page: Page) -> str:
        if page.size - (CHECKSUM_SIZE if page.checksum else 0) == page.length:
            return "none"
        columns = [column.idx for column in self._ntuple.column_records if int(column.field_id) in fields]
        for lists in self._pages:
            for number in columns:
                if number < len(lists) and not lists[number].suppressed:
                    return _SETTINGS.get(int(lists[number].compression_settings) // 100, "unknown")
        return ""

    def _preload(self) -> None:
        if self._streamed is None:
            return
        members = self._ntuple.member
        self._twice([(members(f"fSeek{part}"), members(f"fNBytes{part}")) for part in ("Header", "Footer")])
        links = [record.page_list_link.locator for record in self._ntuple.footer.cluster_group_records]
        self._twice([(link.offset, link.num_bytes) for link in links])

    def _check_page_lists(self) -> None:
        # the only part of the description whose checksum uproot does not compare
        for record in self._ntuple.footer.cluster_group_records:
            link = record.page_list_link
            chunk, _ = self._ntuple.read_locator(link.locator, link.env_uncomp_size)
            data = bytes(chunk.raw_data)
            if not has_checksum(data):
                raise damaged(self.url, "a list of pages has another checksum")

    def _twice(self, ranges: Sequence[tuple[Any, Any]]) -> None:
        if self._streamed is not None:
            places = [(int(start), int(size)) for start, size in ranges]
            for (start, _), data in zip(places, self._streamed.fetch_twice(places), strict=True):
                self._streamed.keep(start, data)

    def _pieces(self, name: str, start: int, stop: int) -> list[Page]:
        # as uproot does, which also reads the cluster that begins at ``stop``
        clusters = [
            number
            for number, (first, count) in enumerate(self._clusters)
            if first <= stop and start < first + count
        ]
        return list(self._pages_of(name, self._related(name), clusters))

    def _related(self, name: str) -> set[int]:
        """Return the numbers of the field, of those within it, and of those that it is within."""
        records = self._ntuple.field_records
        ids = {int(self._fields[name].field_id)}
        for number, record in enumerate(records):  # a field comes before those within it
            if int(record.parent_field_id) in ids:
                ids.add(number)
        number = int(self._fields[name].field_id)
        while (parent := int(records[number].parent_field_id)) != number:
            ids.add(parent)
            number = parent
        return ids | {int(s) for i in ids if (s := records[i].source_field_id) is not None}

    def _pages_of(self, name: str, ids: set[int], clusters: Sequence[int]) -> Iterator[Page]:
        columns = [column for column in self._ntuple.column_records if int(column.field_id) in ids]
        number = 0
        for cluster in clusters:
            lists = self._pages[cluster]
            for column in columns:
                if column.idx >= len(lists) or lists[column.idx].suppressed:
                    continue
                for page in lists[column.idx].pages:
                    extra = CHECKSUM_SIZE if page.has_checksum else 0
                    size = int(page.locator.num_bytes) + extra
                    length = -(-int(page.num_elements) * int(column.nbits) // 8)
                    yield Page(name, number, int(page.locator.offset), size, length, bool(page.has_checksum))
                    number += 1

    def _column(self, info: BranchInfo, start: int, stop: int) -> Column:
        return column_of(
            self._fields[info.name].array(entry_start=start, entry_stop=stop, library="ak"), info
        )


def _info(name: str, field: Any) -> BranchInfo:
    shape: Shape = "other"
    dtype = ""
    try:
        form, path = field.to_akform()
        array = ak.Array(form.length_zero_array())
        for part in path:
            array = array[part]
        shape, dtype = _shape(array.layout)
    except Exception:  # noqa: BLE001, S110 - whatever a type raises that the library does not know
        pass
    return BranchInfo(name, shape, dtype, str(field.typename))


def _shape(layout: Any) -> tuple[Shape, str]:
    if isinstance(layout, ak.contents.NumpyArray):
        return "scalar", layout.dtype.name
    if isinstance(layout, ak.contents.ListOffsetArray | ak.contents.RegularArray):
        if layout.parameter("__array__") == "string":
            return "string", "uint8"
        inner = layout.content
        if isinstance(inner, ak.contents.NumpyArray) and inner.parameter("__array__") is None:
            return "list", inner.dtype.name
    return "other", ""
