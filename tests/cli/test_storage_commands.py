"""``get``, ``verify``, ``cache``, ``doctor``: files on this machine, from the command line."""

from __future__ import annotations

import json
import re
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from tests.storage.sources import Servers, bytes_of, root_bytes, serve

from femtobarn.api import doctor as looks
from femtobarn.api import storage as api
from femtobarn.api.storage import Wanted
from femtobarn.base.errors import NothingToDoError, SettingsError, UnavailableError, UnwritableError
from femtobarn.cli import storage
from femtobarn.data.catalogue import release
from femtobarn.data.storage import Cache

BASE = "https://one.example/data/"
LABEL = uuid.UUID("a4484f1a-0ecd-11ea-953f-3b6eb8bcbeef")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def servers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Servers:
    monkeypatch.setenv("FEMTOBARN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FEMTOBARN_CACHE_BYTES", "10000")
    for name in ("FEMTOBARN_SHARED_CACHE", "FEMTOBARN_CA_FILE", "HTTPS_PROXY", "HTTP_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    return serve(monkeypatch)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Call a command as the command line does, and return exit code, output and errors."""

    def call(command: Callable[..., None], *args: object, **options: object) -> tuple[int, str, str]:
        code = 0
        try:
            command(*args, **options)
        except typer.Exit as end:
            code = end.exit_code
        out, err = capsys.readouterr()
        return code, out, err

    return call


def put(servers: Servers, name: str, size: int = 3000, *, known: bool = True, **more: object) -> Wanted:
    content = bytes_of(size, seed=len(name)) if known else root_bytes(size, LABEL)
    servers.put(BASE + name, content, **more)
    if not known:
        return Wanted(name, BASE + name)
    return Wanted(name, BASE + name, size, f"{zlib.adler32(content):08X}")


def gone(start: int, block: bytes) -> bytes:
    msg = "expected an answer, but the server is gone"
    raise UnavailableError(msg)


def held() -> list[str]:
    return sorted(entry.info.name for entry in Cache.from_environment().entries())


# --- get --------------------------------------------------------------------------------------------


def test_get_into_the_cache(run: Run, servers: Servers) -> None:
    wanted = [put(servers, "a.root"), put(servers, "bb.root"), put(servers, "ccc.root", known=False)]
    code, out, _ = run(storage.get_files, wanted, to=None, dry_run=False)
    assert (code, held()) == (0, ["a.root", "bb.root", "ccc.root"])
    assert out.splitlines() == ["3 files, 6.0 kB and 1 of unknown size", "3 of 3 files are in the cache"]
    servers.reads.clear()
    _, out, _ = run(storage.get_files, wanted[:2], to=None, dry_run=False)
    assert out.splitlines()[0] == "2 files, 6.0 kB; 2 of them (6.0 kB) are here"
    assert servers.reads == []


def test_get_into_a_folder(run: Run, servers: Servers, tmp_path: Path) -> None:
    wanted = [put(servers, "a.root"), put(servers, "ccc.root", known=False)]
    code, out, _ = run(storage.get_files, wanted, to=tmp_path / "out", dry_run=False)
    assert (code, held()) == (0, [])
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.root", "ccc.root"]
    assert f"2 of 2 files are in {tmp_path / 'out'}" in out


def test_a_dry_run_asks_nothing(run: Run, servers: Servers) -> None:
    wanted = [put(servers, "a.root"), Wanted("b", "https://ann:secret@one.example/data/b?token=secret")]
    code, out, _ = run(storage.get_files, wanted, to=None, dry_run=True)
    assert (code, servers.opened, held()) == (0, [], [])
    assert out.splitlines()[1:] == [f"3000  {BASE}a.root", f"?  {BASE}b"]
    _, out, _ = run(storage.get_files, wanted, to=None, dry_run=True, as_json=True)
    found = json.loads(out)
    assert (found["files"], found["bytes"], found["unknown"]) == (2, 3000, 1)
    assert "secret" not in out


def test_a_failure_ends_no_other_file(run: Run, servers: Servers) -> None:
    wanted = [put(servers, "a.root"), put(servers, "bb.root", answer=gone), Wanted("c", BASE + "absent")]
    code, out, err = run(storage.get_files, wanted, to=None, dry_run=False)
    assert (code, held()) == (3, ["a.root"])
    assert "1 of 3 files are in the cache" in out
    assert re.findall(r"error: (\S+):", err) == ["bb.root", "c"]
    _, out, _ = run(storage.get_files, wanted, to=None, dry_run=False, as_json=True)
    assert [(row["name"], bool(row["path"]), bool(row["reason"])) for row in json.loads(out)] == [
        ("a.root", True, False),
        ("bb.root", False, True),
        ("c", False, True),
    ]


def test_local_files_are_here_already(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.root").write_bytes(b"x")
    wanted = [Wanted("a.root", str(tmp_path / "a.root")), Wanted("b.root", str(tmp_path / "b.root"))]
    code, _, err = run(storage.get_files, wanted, to=None, dry_run=False)
    assert (code, err.count("error"), "b.root" in err) == (3, 1, True)


def test_what_the_cache_cannot_hold_is_refused_before_it_starts(
    run: Run, servers: Servers, tmp_path: Path
) -> None:
    wanted = [put(servers, "a" * n + ".root") for n in range(1, 5)]
    for dry_run in (True, False):
        with pytest.raises(UnwritableError, match="--to DIR"):
            run(storage.get_files, wanted, to=None, dry_run=dry_run)
    assert servers.opened == []
    assert run(storage.get_files, wanted, to=tmp_path / "out", dry_run=False)[0] == 0


def test_files_of_unknown_size_that_push_each_other_out(run: Run, servers: Servers) -> None:
    wanted = [Wanted(f"{n}.root", f"{BASE}{n}.root") for n in range(4)]
    for number, file in enumerate(wanted):
        servers.put(file.url, root_bytes(3000, uuid.UUID(int=number)))
    code, out, err = run(storage.get_files, wanted, to=None, dry_run=False)
    assert (code, len(held())) == (3, 3)
    assert "3 of 4 files are in the cache" in out
    assert "it had to go for the others" in err


def test_get_nothing() -> None:
    with pytest.raises(NothingToDoError, match="there are none"):
        list(api.get([]))


def test_who_stops_listening_ends_the_fetches(servers: Servers) -> None:
    wanted = [put(servers, "a" * n + ".root") for n in range(1, 9)]
    for first in api.get(wanted, threads=1):
        assert first.path is not None
        break
    assert len(held()) < 8
    assert len(list(api.get(wanted[:3]))) == 3


# --- verify -----------------------------------------------------------------------------------------


def real_name() -> tuple[str, int]:
    file = release("2025e-13tev-beta").files("exactly4lep")[0]
    return file.name, file.size


def test_verify_a_folder(run: Run, tmp_path: Path) -> None:
    name, size = real_name()
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / name).write_bytes(root_bytes(5000, LABEL))
    code, out, _ = run(storage.verify, [folder])
    assert (code, "another edition: expected" in out, f"{size} bytes" in out) == (0, True, True)
    assert "1 file: 1 another edition" in out
    (folder / name).write_bytes(root_bytes(5000, LABEL)[:-1])
    (folder / "mine.root").write_bytes(root_bytes(5000, LABEL))
    (folder / "page.root").write_bytes(b"<html>")
    code, out, _ = run(storage.verify, [folder], as_json=True)
    states = {Path(row["path"]).name: row["state"] for row in json.loads(out)}
    assert code == 3
    assert states == {name: "truncated", "mine.root": "not in the catalogue", "page.root": "damaged"}


def test_verify_one_file_by_its_name_alone(run: Run, tmp_path: Path) -> None:
    name, size = real_name()
    (tmp_path / name).write_bytes(bytes(size))
    code, out, _ = run(storage.verify, [tmp_path / name])
    assert (code, "damaged: expected" in out) == (3, True)
    code, out, _ = run(storage.verify, [tmp_path / "absent.root"])
    assert (code, "unreadable: " in out, "no such file" in out) == (3, True, True)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingToDoError):
        run(storage.verify, [tmp_path / "empty"])


def test_verify_the_cache(run: Run, servers: Servers) -> None:
    assert run(storage.verify)[:2] == (0, "the cache holds no files\n")
    run(storage.get_files, [put(servers, "a.root"), put(servers, "bb.root")], to=None, dry_run=False)
    assert run(storage.verify)[:2] == (0, "2 files: 2 same\n")
    path = Cache.from_environment().entries()[0].path
    path.chmod(0o600)
    path.write_bytes(bytes(3000))
    code, out, _ = run(storage.verify)
    assert (code, f"{path}: damaged: " in out) == (3, True)


@pytest.mark.realdata
def test_verify_the_real_files(run: Run, realdata: Path) -> None:
    code, out, _ = run(storage.verify, [realdata / "2025e-13tev-beta" / "exactly4lep"])
    assert code == 0, out
    assert re.fullmatch(r"\d+ files?: \d+ same\n", out)


# --- cache ------------------------------------------------------------------------------------------


def test_cache_ls_and_clear(run: Run, servers: Servers, tmp_path: Path) -> None:
    empty = f"0 files, 0 bytes of at most 10.0 kB, in {tmp_path / 'cache'}\n"
    assert run(storage.cache_ls)[:2] == (0, empty)
    assert run(storage.cache_clear)[:2] == (0, "removed 0 files, 0 bytes\n")

    def breaks(start: int, block: bytes) -> bytes:
        return block if start == 0 else gone(start, block)

    wanted = [put(servers, "a.root"), put(servers, "bb.root", answer=breaks)]
    run(storage.get_files, wanted, to=None, dry_run=False)
    code, out, _ = run(storage.cache_ls)
    assert (code, "just now" in out) == (0, True)
    assert "unfinished: bb.root, 1.0 kB of 3.0 kB" in out
    assert "1 file, 4.0 kB of at most 10.0 kB" in out
    found = json.loads(run(storage.cache_ls, as_json=True)[1])
    assert (found["limit"], found["bytes"], found["entries"][0]["name"]) == (10_000, 4000, "a.root")
    assert found["unfinished"] == [
        {"name": "bb.root", "url": BASE + "bb.root", "size": 3000, "done": 1000, "active": False}
    ]
    assert run(storage.cache_clear, older_than=1.0)[1] == "removed 0 files, 0 bytes\n"
    assert run(storage.cache_clear, unfinished=True)[1] == "removed 1 file, 1.0 kB\n"
    assert json.loads(run(storage.cache_clear, as_json=True)[1]) == {"files": 1, "bytes": 3000, "in_use": 0}
    assert run(storage.cache_ls)[1] == empty


@pytest.mark.parametrize("days", [-1.0, float("nan"), float("inf")])
def test_cache_clear_takes_days(run: Run, days: float) -> None:
    with pytest.raises(SettingsError, match="number of days"):
        run(storage.cache_clear, older_than=days)


# --- doctor -----------------------------------------------------------------------------------------


def test_doctor_without_network(run: Run, servers: Servers, tmp_path: Path) -> None:
    code, out, _ = run(storage.doctor, network=False)
    assert code == 0
    for words in (
        "version: numpy",
        "codec: lz4",
        "codec: zstd",
        "codec: lzma",
        "codec: zlib",
        "extra: xrootd",
    ):
        assert words in out
    assert str(tmp_path / "cache") in out
    assert servers.opened == []
    rows = json.loads(run(storage.doctor, network=False, as_json=True)[1])
    assert {row["state"] for row in rows} <= {"good", "note"}


def test_doctor_says_what_is_broken(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").mkdir(mode=0o700)
    (tmp_path / "cache").chmod(0o777)
    monkeypatch.setenv("FEMTOBARN_SHARED_CACHE", str(tmp_path / "absent"))
    monkeypatch.setenv("HTTPS_PROXY", "http://ann:secret@proxy.example:3128")
    code, out, _ = run(storage.doctor, network=False)
    assert (code, "BAD" in out, "secret" in out) == (3, True, False)
    rows = {(c.topic, c.name): c for c in looks.doctor(network=False)}
    assert "writable by others" in rows["cache", ""].words
    assert (rows["shared cache", ""].state, rows["cache", ""].state) == ("note", "bad")
    assert rows["network", "proxy"].words == "https: http://proxy.example:3128"


def test_doctor_tells_of_servers_in_words(
    run: Run, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEMTOBARN_METADATA_API", "http://127.0.0.1:9")
    monkeypatch.setenv("FEMTOBARN_PORTAL_API", "http://127.0.0.1:9/api")
    rows = json.loads(run(storage.doctor, network=True, as_json=True)[1])
    found = {row["name"]: row for row in rows if row["topic"] == "network"}
    assert {"root://eospublic.cern.ch", "https://opendata.cern.ch"} <= set(found)
    assert "no such file" in found["https://opendata.cern.ch"]["words"]
    assert found["http://127.0.0.1:9"]["state"] == "note"
    for address in servers.opened:
        servers.put(address, root_bytes(3000, LABEL))
    rows = looks.doctor()
    assert {c.name for c in rows if c.words.startswith("gives data")} == {
        "root://eospublic.cern.ch",
        "https://opendata.cern.ch",
    }
