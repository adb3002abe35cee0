"""What is kept of one tree: facts and pieces, each whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from femtobarn.base.atomic import TEMPORARY
from femtobarn.base.canonical import digest
from femtobarn.base.errors import FemtobarnError
from femtobarn.data.columncache import room
from femtobarn.data.columncache.arrowfile import write_arrow
from femtobarn.data.columncache.cover import sharing
from femtobarn.data.columncache.pieces import DamagedPieceError, OpenPiece
from femtobarn.data.columncache.records import (
    DTYPES,
    PIECE_NAME,
    Codec,
    Facts,
    Piece,
    S,
    StoredBytes,
    parsed,
    piece_name,
)
from femtobarn.data.columns.interface import Column

_RECORD_LIMIT = 64 * 1024 * 1024
_FACTS = "tree"


class TreeStore:
    """The pieces of one tree.

    What is damaged or of another tree is not there; it is replaced when it is read from ROOT again.
    What cannot be written is not kept, and then nothing more is tried.

    Parameters
    ----------
    top
        folder of the cache, private to the user
    key
        of the tree
    limit
        bytes that the cache may hold
    codec
        how new pieces are compressed
    """

    def __init__(self, top: Path, key: str, *, limit: int, codec: Codec) -> None:
        self.key = key
        self._top, self._folder = top, top / key
        self._limit, self._codec = limit, codec
        self._pieces: dict[str, Piece | None] = {}
        self._names: tuple[tuple[int, int, str], ...] | None = None
        self._writes = True

    # --- reading ------------------------------------------------------------------------------------

    def facts(self) -> Facts | None:
        """Return what is known of the tree."""
        found = self._record(Facts, _FACTS)
        if found is not None:
            self._touch(_FACTS)
        return found

    def stored(self, branches: Sequence[str]) -> int | None:
        """Return the bytes that branches occupy together, if they were asked for together before."""
        names = tuple(sorted(set(branches)))
        found = self._record(StoredBytes, _stored_name(names))
        return found.bytes if found is not None and found.branches == names else None

    def pieces(self, start: int, stop: int) -> list[tuple[str, Piece]]:
        """Return the pieces that hold any of the entries ``start`` to ``stop``, with their names."""
        if self._names is None:
            self._names = self._listed()
        found = []
        for first, last, name in self._names:
            if first < stop and start < last:
                if name not in self._pieces:
                    self._pieces[name] = self._piece(name, first, last)
                piece = self._pieces[name]
                if piece is not None:
                    found.append((name, piece))
        return found

    def open(self, name: str, piece: Piece) -> OpenPiece | None:
        """Return a piece for reading; None, and it is forgotten, if that is not what was written."""
        try:
            found = OpenPiece(self._folder / f"{name}.arrow", piece)
        except (OSError, DamagedPieceError):
            self.forget(name)
            return None
        self._touch(name)
        return found

    def forget(self, name: str) -> None:
        """Take no notice of a piece any more."""
        self._pieces[name] = None

    # --- writing ------------------------------------------------------------------------------------

    def keep_facts(self, facts: Facts) -> None:
        """Keep what is known of the tree."""
        self._try(lambda: self._write_record(_FACTS, facts))

    def keep_stored(self, branches: Sequence[str], count: int) -> None:
        """Keep the bytes that branches occupy together."""
        names = tuple(sorted(set(branches)))
        record = StoredBytes(key=self.key, branches=names, bytes=count).sealed()
        self._try(lambda: self._write_record(_stored_name(names), record))

    def keep(self, columns: Mapping[str, Column], start: int, stop: int) -> None:
        """Keep what was read for entries ``start`` to ``stop``; other types than `DTYPES` are left out."""
        fit = {name: column for name, column in columns.items() if column.content.dtype.name in DTYPES}
        if fit:
            self._try(lambda: self._write_piece(sharing(_plain(fit)), start, stop))

    def drop(self) -> None:
        """Remove all that is kept of the tree."""
        for kept in room.of_tree(self._folder):
            room.remove(kept)
        self._pieces, self._names = {}, ()

    # --- inside -------------------------------------------------------------------------------------

    def _listed(self) -> tuple[tuple[int, int, str], ...]:
        try:
            names = os.listdir(self._folder)  # noqa: PTH208 - names are enough
        except OSError:
            return ()
        found = []
        for name in names:
            stem, _, ending = name.rpartition(".")
            match = PIECE_NAME.fullmatch(stem)
            if ending == "json" and match is not None:
                found.append((int(match[1]), int(match[2]), stem))
        return tuple(sorted(found))

    def _piece(self, name: str, first: int, last: int) -> Piece | None:
        found = self._record(Piece, name)
        return found if found is not None and (found.start, found.stop) == (first, last) else None

    def _record(self, kind: type[S], name: str) -> S | None:
        try:
            handle = os.open(
                self._folder / f"{name}.json", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            )
            with os.fdopen(handle, "rb") as file:
                text = file.read(_RECORD_LIMIT)
        except OSError:
            return None
        return parsed(kind, text, self.key)

    def _touch(self, name: str) -> None:
        with suppress(OSError):
            os.utime(self._folder / f"{name}.json")

    def _try(self, write: Callable[[], bool]) -> None:
        """Write, unless that failed before: a run needs no cache, and a full disk stays full."""
        if not self._writes:
            return
        import pyarrow as pa

        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._writes = write()
        except FileNotFoundError:
            pass  # evicted while it was written; the next may fare better
        except (OSError, pa.ArrowException, FemtobarnError):
            self._writes = False

    def _write_piece(self, columns: Mapping[str, Column], start: int, stop: int) -> bool:
        name = piece_name(tuple(columns), start, stop)
        with self._temporary(name) as content, self._temporary(name) as record:
            piece = write_arrow(content, columns, key=self.key, start=start, stop=stop, codec=self._codec)
            record.write_text(piece.model_dump_json(), encoding="utf-8")
            # the record last: an Arrow file without it is nothing
            moves = [(content, self._folder / f"{name}.arrow"), (record, self._folder / f"{name}.json")]
            done = room.place(self._top, moves, self._limit)
        self._pieces.pop(name, None)
        self._names = None  # so that this reader finds it too
        return done

    def _write_record(self, name: str, record: Facts | StoredBytes) -> bool:
        with self._temporary(name) as temporary:
            temporary.write_text(record.model_dump_json(), encoding="utf-8")
            return room.place(self._top, [(temporary, self._folder / f"{name}.json")], self._limit)

    @contextmanager
    def _temporary(self, name: str) -> Iterator[Path]:
        # not brought to the disk before its name is: checksums tell what a crash has left
        handle, path = tempfile.mkstemp(dir=self._folder, prefix=f".{name}.", suffix=TEMPORARY)
        os.close(handle)
        try:
            yield Path(path)
        finally:
            Path(path).unlink(missing_ok=True)


def _stored_name(branches: tuple[str, ...]) -> str:
    return f"stored-{digest(branches)[:16]}"


def _plain(columns: Mapping[str, Column]) -> dict[str, Column]:
    """Return columns without gaps in memory, whose lists begin at 0 and fill their content."""
    found = {}
    for name, column in columns.items():
        content, offsets = column.content, column.offsets
        if offsets is not None and (offsets[0] != 0 or offsets[-1] != len(content)):
            begin, end = int(offsets[0]), int(offsets[-1])
            content, offsets = content[begin:end], offsets - begin
        found[name] = Column(np.ascontiguousarray(content), offsets)
    return found
