"""Which branch of an open tree holds a field, and what a file lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from femtobarn.base.errors import (
    BranchMissingError,
    BranchTypeError,
    FormatError,
    UnknownNameError,
    suggestion,
)
from femtobarn.data.columns.interface import BranchInfo, TreeReader
from femtobarn.data.formats.model import FIELDS
from femtobarn.data.formats.registry import format_of, formats

if TYPE_CHECKING:
    from femtobarn.data.formats.spec import FieldSource, Format


class Resolver:
    """Finds and checks the branches of one file; each field once.

    Parameters
    ----------
    tree
        the open tree
    fmt
        the format of its release
    """

    def __init__(self, tree: TreeReader, fmt: Format) -> None:
        self._tree, self._format = tree, fmt
        self._branches: dict[str, str | None] = {}
        self._lacking: dict[str, bool] = {}

    def lacks(self, collection: str | None) -> bool:
        """Tell whether the file lacks a collection as a whole, which its format allows."""
        if collection is None or collection not in self._format.may_lack:
            return False
        if collection not in self._lacking:
            names = {
                b
                for p, s in self._format.fields.items()
                if FIELDS[p].collection == collection
                for b in s.branches
            }
            names |= {self._format.counters.get(collection, "")}
            self._lacking[collection] = names.isdisjoint(self._tree.branches())
        return self._lacking[collection]

    def needs(self, path: str) -> tuple[str, ...]:
        """Return the fields of the files that a field is made of.

        Raises
        ------
        UnknownNameError, FormatError
            if the event model, or the release, has no such field
        """
        if path not in FIELDS:
            raise UnknownNameError("field of the event model", path, FIELDS)
        if not self._format.offers(path):
            release = self._format.release
            having = [n for n in formats() if n != release and format_of(n).offers(path)]
            others = f"It exists in {', '.join(having)}." if having else "No known release has it."
            near = suggestion(path, self._format.paths)
            msg = f"{self._tree.url}: release {release} has no field {path}. {others} {near}"
            raise FormatError(msg)
        return self._format.needs(path)

    def branch(self, path: str) -> str | None:
        """Return the branch of a field that is in the files; None if a value is taken in its place.

        That is the case if the file lacks the field's collection, or the branch of a field with ``fill``.

        Raises
        ------
        BranchMissingError, BranchTypeError
            if the file lacks the branch, or it holds something else
        """
        if path not in self._branches:
            self._branches[path] = self._find(path)
        return self._branches[path]

    def _find(self, path: str) -> str | None:
        source = self._format.fields[path]
        if self.lacks(FIELDS[path].collection):
            return None
        infos = self._tree.branches()
        name = next((n for n in source.branches if n in infos), None)
        if name is None and source.fill is not None:
            return None
        if name is None:
            wanted = " or ".join(repr(n) for n in source.branches)
            msg = (
                f"{self._tree.url}: expected branch {wanted} for {path} ({self._format.release}), but tree "
                f"{self._tree.tree!r} has none. {suggestion(source.branches[0], infos)}"
            )
            raise BranchMissingError(msg)
        info = infos[name]
        if info.shape != _shape_in_file(source) or info.dtype not in source.kinds:
            raise BranchTypeError(self._wrong_type(path, source, info))
        return name

    def _wrong_type(self, path: str, source: FieldSource, info: BranchInfo) -> str:
        wanted = f"a {_shape_in_file(source)} of {' or '.join(source.kinds)}"
        found = f"{info.shape} of {info.dtype}" if info.dtype else "something unreadable"
        same = [
            other.path
            for other in self._format.fields.values()
            if other.path != path and info.name in other.branches and info.dtype in other.kinds
        ]
        advice = f"Use {same[0]}, which reads it." if same else "Check that the file is of this release."
        return (
            f"{self._tree.url}: expected branch {info.name!r} for {path} to hold {wanted}, "
            f"but it holds {info.typename} ({found}). {advice}"
        )


def _shape_in_file(source: FieldSource) -> str:
    if FIELDS[source.path].kind == "string":
        return "string"
    return "list" if source.first else source.shape
