"""The needed branches of a ROOT file as flat arrays: one narrow interface.

`open_tree` gives a `TreeReader`; its ``read`` takes branch names and an entry range and returns a
`Column` per branch. Whatever fills them (here uproot) stays behind this interface.
"""

from __future__ import annotations

from femtobarn.data.columns.interface import BranchInfo, Column, Shape, TreeReader
from femtobarn.data.columns.open import list_trees, open_tree

__all__ = ["BranchInfo", "Column", "Shape", "TreeReader", "list_trees", "open_tree"]
