"""The needed branches of a ROOT file as flat arrays: one narrow interface.

`open_tree` gives a `TreeReader`; its ``read`` takes branch names and an entry range and returns a
`Column` per branch. `describe` tells what a file is made of. Whatever fills them (here uproot) stays
behind this interface, and so does whether the file is here or far away.
"""

from __future__ import annotations

from femtobarn.data.columns.describe import FileDescription, describe
from femtobarn.data.columns.interface import BranchInfo, Column, Shape, TreeReader
from femtobarn.data.columns.open import list_trees, open_tree

__all__ = [
    "BranchInfo",
    "Column",
    "FileDescription",
    "Shape",
    "TreeReader",
    "describe",
    "list_trees",
    "open_tree",
]
