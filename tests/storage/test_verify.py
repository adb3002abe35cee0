from __future__ import annotations

import os
import uuid
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from femtobarn.base.errors import UnreadableError
from femtobarn.data.storage import verify_file
from femtobarn.data.storage.verify import Verdict

from .sources import root_bytes

LABEL = uuid.UUID("a4484f1a-0ecd-11ea-953f-3b6eb8bcbeef")
WHOLE = root_bytes(5000, LABEL)


def verdict(folder: Path, content: bytes, published: bytes = WHOLE) -> Verdict:
    path = folder / "file.root"
    path.write_bytes(content)
    return verify_file(path, len(published), f"{zlib.adler32(published):08X}")


def test_the_published_file(tmp_path: Path) -> None:
    found = verdict(tmp_path, WHOLE)
    assert (found.state, found.right, found.size) == ("same", True, 5000)


def test_an_older_edition_is_a_good_file(tmp_path: Path) -> None:
    found = verdict(tmp_path, root_bytes(4000, LABEL))
    assert (found.state, found.right) == ("another edition", True)
    assert f"expected 5000 bytes with adler32:{zlib.adler32(WHOLE):08x}" in str(found)
    assert f"found 4000 with adler32:{found.adler32}" in str(found)


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (WHOLE[:-1], "truncated"),
        (WHOLE[:2000], "truncated"),
        (WHOLE[:30], "truncated"),
        (b"", "truncated"),
        (b"ro", "truncated"),
        (WHOLE[:-1] + b"x", "damaged"),
        (bytes(5000), "damaged"),
        (b"<html>busy</html>", "damaged"),
        (WHOLE + b"more", "damaged"),
    ],
)
def test_what_is_wrong(tmp_path: Path, content: bytes, state: str) -> None:
    found = verdict(tmp_path, content)
    assert (found.state, found.right) == (state, False)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.root")
    for name in ("absent.root", "pipe.root", "."):
        with pytest.raises(UnreadableError):
            verify_file(tmp_path / name, 1, "00000001")


@given(content=st.binary(max_size=200) | st.builds(lambda n: WHOLE[:n], st.integers(0, 5000)))
def test_nothing_but_the_published_bytes_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    found = verdict(tmp_path_factory.mktemp("any"), content)
    assert (found.state == "same") == (content == WHOLE)
    assert found.state != "another edition"  # none of these is a whole ROOT file of another size


@pytest.mark.realdata
def test_the_real_files_are_whole(realdata: Path) -> None:
    for path in sorted(realdata.glob("2025e-13tev-beta/**/*.root"))[:5]:
        assert verify_file(path, 1, "00000001").state == "another edition"
