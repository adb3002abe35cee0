from __future__ import annotations

import os
import struct
import uuid
import zlib
from pathlib import Path

import pytest
import uproot

from femtobarn.base.errors import NotRootError, UnreadableError, UsageError
from femtobarn.data.columns import open_tree
from femtobarn.data.storage import find_root_files, identify, local, read_header


def header(path: Path) -> object:
    with path.open("rb") as file:
        return read_header(file, str(path))


def test_the_header_gives_roots_own_identifier(small: Path) -> None:
    with small.open("rb") as file:
        found = read_header(file, "small")
    with uproot.open(small) as plain:
        assert found.uuid == str(plain.file.uuid)
        assert found.end == plain.file.fEND
    with open_tree(small) as tree:
        assert tree.uuid == found.uuid


@pytest.mark.realdata
def test_headers_of_the_real_files(realdata: Path) -> None:
    for path in sorted(realdata.rglob("*.root")):
        with path.open("rb") as file, uproot.open(path) as plain:
            assert read_header(file, path.name).uuid == str(plain.file.uuid)


def test_the_header_of_a_file_above_2_gb(tmp_path: Path) -> None:
    label = uuid.UUID("a4484f1a-0ecd-11ea-953f-3b6eb8bcbeef")
    path = tmp_path / "big.root"
    end = 5_000_000_000
    layout = ">4siiqqiiiBiqiH16s"
    head = struct.pack(layout, b"root", 1_062_400, 100, end, end, 60, 1, 60, 8, 101, end, 400, 1, label.bytes)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(end)  # sparse: takes no space
    with path.open("rb") as file:
        found = read_header(file, "big")
    assert (found.version, found.begin, found.end, found.uuid) == (62_400, 100, end, str(label))
    identity = identify(path)
    assert identity.size == end
    zeros = zlib.adler32(bytes(1024 * 1024))
    first = zlib.adler32(head + bytes(1024 * 1024 - len(head)))
    assert identity.identity == f"uuid:{label}:{first:08x}:{zeros:08x}"


def test_identity_is_of_the_content(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"wikipedia")
    two.write_bytes(b"wikipedia")
    assert identify(one) == identify(two)
    assert str(identify(one)) == f"9:adler32:{zlib.adler32(b'wikipedia'):08x}"
    two.write_bytes(b"Wikipedia")
    assert identify(two).identity == "adler32:11e60398"  # the published example of the checksum


def test_a_large_file_that_is_not_root_has_an_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "WHOLE_LIMIT", 100)
    path = tmp_path / "text.root"
    path.write_bytes(b"x" * 3_000_000)
    assert identify(path).identity.startswith("uuid:none:")
    with pytest.raises(NotRootError):
        header(path)


@pytest.mark.realdata
def test_checksum_is_the_portals(realdata: Path) -> None:
    (path,) = realdata.glob("2025e-13tev-beta/exactly4lep/*periodD*.root")
    assert str(identify(path)) == "2219662:adler32:35ffb644"


def test_what_cannot_be_identified(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="no such file"):
        identify(tmp_path / "absent.root")
    with pytest.raises(UnreadableError, match="folder"):
        identify(tmp_path)


def test_finding_files(tmp_path: Path) -> None:
    for name in ("b.root", "a/z.ROOT", "a/b/c.root", ".hidden.root", ".git/x.root", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "0again").symlink_to(tmp_path / "a", target_is_directory=True)
    (tmp_path / "broken.root").symlink_to(tmp_path / "nowhere.root")
    (tmp_path / "self.root").symlink_to(tmp_path / "self.root")
    (tmp_path / "folder.root").mkdir()
    found = [path.relative_to(tmp_path).as_posix() for path in find_root_files(tmp_path)]
    assert found == ["a/b/c.root", "a/z.ROOT", "b.root", "broken.root", "self.root"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look as another user")
def test_a_folder_that_may_not_be_read_is_not_silent(tmp_path: Path) -> None:
    for folder in [tmp_path, *list(tmp_path.parents)[:3]]:
        folder.chmod(0o755)
    (tmp_path / "secret").mkdir(mode=0o700)
    (tmp_path / "a.root").touch()
    os.seteuid(65534)
    try:
        found = find_root_files(tmp_path)
    finally:
        os.seteuid(0)
    assert found == [tmp_path / "a.root", tmp_path / "secret"]


def test_a_missing_folder_and_a_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        find_root_files(tmp_path / "absent")
    (tmp_path / "a.root").touch()
    with pytest.raises(UsageError, match="is a file"):
        find_root_files(tmp_path / "a.root")
