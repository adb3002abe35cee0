"""Tables in the cache: whole or not there, and nothing damaged is used."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from femtobarn.base.errors import CatalogueError
from femtobarn.data import catalogue
from femtobarn.data.catalogue import bundled, inuse, stored
from femtobarn.data.catalogue import refresh as module
from femtobarn.data.catalogue.refresh import refresh
from femtobarn.data.catalogue.stored import Stored
from femtobarn.data.storage.network import Network

from .services import Services, entry

OLD = "2020e-13tev"
URL = "root://eospublic.cern.ch//eos/opendata/x.root"


def table(name: str = OLD, fetched: str = "2026-01-02T03:04:05+00:00") -> Stored:
    return Stored(name, fetched, ("test",), bundled.files(OLD)[:50], bundled.datasets(OLD)[:5])


def test_a_table_comes_back_as_it_was() -> None:
    stored.write(table())
    assert stored.read(OLD) == table()
    assert stored.names() == (OLD,)
    assert len(catalogue.release(OLD).datasets) == 5
    status = inuse.status()[0]
    assert (status.origin, status.since, status.files, status.ignored) == (
        "refreshed",
        table().fetched,
        50,
        None,
    )


def rewritten(path: Path, **changed: object) -> None:
    """Change the table and make its digest right again."""
    body = json.loads(gzip.decompress(path.read_bytes()).split(b"\n", 1)[1]) | changed
    raw = json.dumps(body).encode()
    head = {"format": stored.FORMAT, "name": OLD, "sha256": hashlib.sha256(raw).hexdigest()}
    path.write_bytes(gzip.compress(json.dumps(head).encode() + b"\n" + raw))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda p: p.write_bytes(b""), "expected a table of"),
        (lambda p: p.write_bytes(b"no gzip at all"), "Not a gzipped file"),
        (lambda p: p.write_bytes(p.read_bytes()[:-500]), "ended before|end-of-stream"),
        (lambda p: p.write_bytes(p.read_bytes() + b"\n"), "Not a gzipped file"),
        (lambda p: p.write_bytes(gzip.compress(b"{}\n{}")), "expected a table of"),
        (lambda p: p.write_bytes(gzip.compress(b"[]")), "expected a table of"),
        (lambda p: stored.write(table("2025e-13tev-beta")).replace(p), "expected a table of"),
        (lambda p: rewritten(p, files=[{"name": 1}]), "files.0"),
        (lambda p: rewritten(p, fetched=5), "fetched: "),
        (lambda p: p.chmod(0o666), "others may write it"),
        (lambda p: p.parent.chmod(0o777), "others may write it"),
    ],
)
def test_a_damaged_table_is_not_used_and_the_reason_is_told(
    damage: object, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = stored.write(table())
    assert callable(damage)
    damage(path)
    assert len(catalogue.release(OLD).datasets) == 217
    status = inuse.status()[0]
    assert status.origin == "bundled"
    assert status.ignored is not None
    assert status.files == 1149
    assert any(part in status.ignored for part in reason.split("|")), status.ignored
    assert "femtobarn catalogue refresh 2020e-13tev" in caplog.text
    assert len(caplog.records) == 1  # told once
    assert inuse.forget(OLD)
    assert inuse.status()[0].ignored is None


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".x", "record:0", "record:1/2", "x\n", "a" * 100])
def test_names_that_could_lead_elsewhere(name: str) -> None:
    for call in (stored.read, stored.forget, stored.path_of_table):
        with pytest.raises(CatalogueError, match="Expected the name of a release"):
            call(name)


def test_strange_files_in_the_folder_are_not_looked_at() -> None:
    stored.write(table())
    for name in ("..json.gz", "x y.json.gz", "record-0.json.gz", "notes.txt"):
        (stored.folder() / name).write_text("x")
    assert stored.names() == (OLD,)
    assert len(inuse.status()) == len(catalogue.releases())


def test_killed_while_writing(services: Services, network: Network) -> None:
    stored.write(table("record:9"))
    script = (
        "import os, time\n"
        "from femtobarn.base import atomic\n"
        "from femtobarn.data.catalogue import stored\n"
        "atomic.os.fsync = lambda handle: (print('writing', flush=True), time.sleep(600))\n"
        "stored.write(stored.Stored('record:9', '2030-01-01', (), (), ()))\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"writing\n"
        os.kill(child.pid, signal.SIGKILL)
    assert stored.read("record:9") == table("record:9")
    assert any(p.name.endswith(".tmp") for p in stored.folder().iterdir())
    services.offer(9, [entry(URL)])
    refresh("record:9", network=network, accept_fewer=True)
    assert sorted(p.name for p in stored.folder().iterdir()) == ["lock", "record-9.json.gz"]


def test_many_refresh_at_once(services: Services, network: Network) -> None:
    services.offer(9, [entry(URL)])
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: refresh("record:9", network=network), range(8)))
    assert sum(bool(d.changes) for d in done) == 1  # each is compared with the one before it
    assert stored.read("record:9") in [d.table for d in done]


def test_a_lock_that_is_never_released(
    services: Services, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.offer(9, [entry(URL)])
    refresh("record:9", network=network)
    monkeypatch.setattr(module, "LOCK_SECONDS", -1.0)
    with (stored.folder() / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(CatalogueError, match="Expected another refresh to end"):
            refresh("record:9", network=network)
