"""What differs between two tables of the same release or record."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from femtobarn.data.catalogue.model import CatalogueFile, Dataset

NUMBERS = ("cross_section_pb", "sum_of_weights", "n_events")
"""What yields are computed from."""

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that is in both tables, and not the same."""

    old: CatalogueFile
    new: CatalogueFile


@dataclass(frozen=True, slots=True)
class NumberChange:
    """A number of a dataset that is not what it was; None: not published."""

    dsid: int
    skims: tuple[str, ...]
    what: str
    old: float | None
    new: float | None


@dataclass(frozen=True, slots=True)
class Changes:
    """All differences between two tables.

    Parameters
    ----------
    added, removed
        files that only the new, or only the old table has
    changed
        files of another size or checksum
    moved
        the same files at another address
    datasets_added, datasets_removed
        ids of datasets that only one of them has
    numbers
        numbers of datasets that differ
    """

    added: tuple[CatalogueFile, ...]
    removed: tuple[CatalogueFile, ...]
    changed: tuple[FileChange, ...]
    moved: tuple[FileChange, ...]
    datasets_added: tuple[int, ...]
    datasets_removed: tuple[int, ...]
    numbers: tuple[NumberChange, ...]

    def __bool__(self) -> bool:
        """Return whether anything differs."""
        return any(
            (
                self.added,
                self.removed,
                self.changed,
                self.moved,
                self.datasets_added,
                self.datasets_removed,
                self.numbers,
            )
        )


def same(old: float | None, new: float | None) -> bool:
    """Return whether two numbers are equal but for the rounding of a product."""
    if old is None or new is None:
        return old is new
    return math.isclose(old, new, rel_tol=1e-12)


def compare(
    old: tuple[Iterable[CatalogueFile], Iterable[Dataset]],
    new: tuple[Iterable[CatalogueFile], Iterable[Dataset]],
) -> Changes:
    """Return what differs between the files and datasets of two tables.

    Files are the same by skim and name, rows of datasets by id and the skims they hold for.
    """
    files_before = {(f.skim, f.name): f for f in old[0]}
    files_now = {(f.skim, f.name): f for f in new[0]}
    both = [FileChange(files_before[key], file) for key, file in files_now.items() if key in files_before]
    rows_before = {(d.dsid, d.valid_for_variant): d for d in old[1]}
    rows_now = {(d.dsid, d.valid_for_variant): d for d in new[1]}
    ids_before, ids_now = {d for d, _ in rows_before}, {d for d, _ in rows_now}
    return Changes(
        added=tuple(file for key, file in files_now.items() if key not in files_before),
        removed=tuple(file for key, file in files_before.items() if key not in files_now),
        changed=tuple(c for c in both if not _equal(c)),
        moved=tuple(c for c in both if _equal(c) and c.old.url != c.new.url),
        datasets_added=tuple(sorted(ids_now - ids_before)),
        datasets_removed=tuple(sorted(ids_before - ids_now)),
        numbers=tuple(
            NumberChange(row.dsid, row.valid_for_variant, what, before, now)
            for key, row in rows_now.items()
            if key in rows_before
            for what in NUMBERS
            if not same(before := getattr(rows_before[key], what), now := getattr(row, what))
        ),
    )


def described(changes: Changes, most: int = MOST_SHOWN) -> tuple[str, ...]:
    """Return lines that tell what differs; at most ``most`` of each kind, and how many there are."""
    if not changes:
        return ("nothing changed",)
    kinds: tuple[tuple[str, Sequence[str]], ...] = (
        ("added", [f.name for f in changes.added]),
        ("removed", [f.name for f in changes.removed]),
        (
            "with another size or checksum",
            [
                f"{c.new.name}: {c.old.size} bytes, {c.old.adler32} -> {c.new.size} bytes, {c.new.adler32}"
                for c in changes.changed
            ],
        ),
        ("at another address", [f"{c.new.name}: {c.old.url} -> {c.new.url}" for c in changes.moved]),
    )
    lines = [line for what, items in kinds for line in _counted(f"files {what}", items, most)]
    lines += _counted("datasets added", list(map(str, changes.datasets_added)), most)
    lines += _counted("datasets removed", list(map(str, changes.datasets_removed)), most)
    numbers = [
        f"{n.dsid} ({', '.join(n.skims)}) {n.what}: {_number(n.old)} -> {_number(n.new)}"
        for n in changes.numbers
    ]
    return (*lines, *_counted("numbers of datasets changed: yields will differ", numbers, most))


def _counted(title: str, items: Sequence[str], most: int) -> list[str]:
    if not items:
        return []
    more = [f"  ... and {len(items) - most} more"] if len(items) > most else []
    return [f"{title} ({len(items)}):", *(f"  {item}" for item in items[:most]), *more]


def _number(value: float | None) -> str:
    return "not published" if value is None else f"{value:.10g}"


def _equal(change: FileChange) -> bool:
    return (change.old.size, change.old.adler32) == (change.new.size, change.new.adler32)
