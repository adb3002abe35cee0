"""Many processes and one cache: one fetch, whatever dies on the way; and every fault of a server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from femtobarn.base.errors import DataError
from femtobarn.data.storage import Cache, Network, RemoteFile, Route, Transfer, download

from .servers import Fault, FaultServer, Hold, Script, always, once
from .sources import bytes_of, inside, leftovers

BLOCK = 200_000
CONTENT = bytes_of(1_000_000)
IDENTITY = f"adler32:{zlib.adler32(CONTENT):08x}"
PATH = "/data/file.root"
HEAD = 40_000  # what opening a file may read in advance

CHILD = """
import sys
from femtobarn.data.storage import Cache, Network, RemoteFile, Route, Transfer, download
url, base, folder, size, identity, block = sys.argv[1:]
download.BLOCK = int(block)
transfer = Transfer()
file = RemoteFile(url, "file.root", int(size), identity)
route = Route((base,), Network(timeout=20.0))
with Cache(folder, limit_bytes=10**8).use(file, route, transfer=transfer) as path:
    print(len(path.read_bytes()), transfer.bytes)
"""


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer({PATH: CONTENT}) as made:
        yield made


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", limit_bytes=10**8)


def start(server: FaultServer, cache: Cache) -> subprocess.Popen[str]:
    arguments = [server.url(PATH), server.base, str(cache.folder), str(len(CONTENT)), IDENTITY, str(BLOCK)]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def result(process: subprocess.Popen[str]) -> tuple[int, int]:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    size, transferred = out.split()
    return int(size), int(transferred)


def spans(server: FaultServer, since: int = 0) -> list[tuple[int, int]]:
    """The ranges that were asked for, without those of opening."""
    found = [(r.start or 0, r.stop or 0) for r in server.log[since:]]
    return sorted(span for span in found if span[1] - span[0] > HEAD)


def test_six_processes_fetch_one_file_once(server: FaultServer, cache: Cache) -> None:
    found = [result(process) for process in [start(server, cache) for _ in range(6)]]
    assert [size for size, _ in found] == [len(CONTENT)] * 6
    assert sum(transferred > 0 for _, transferred in found) == 1
    assert spans(server) == [(n, n + BLOCK) for n in range(0, len(CONTENT), BLOCK)]
    assert len(CONTENT) <= server.sent <= len(CONTENT) + HEAD
    assert leftovers(cache) == []


def test_a_killed_fetch_is_resumed_by_the_next(server: FaultServer, cache: Cache) -> None:
    hold = Hold()
    server.script(PATH, lambda r: Fault("hold", hold=hold) if (r.start or 0) == 3 * BLOCK else None)
    first = start(server, cache)
    assert hold.reached.wait(60)
    second = start(server, cache)  # waits for the first, and takes over when that is dead
    first.send_signal(signal.SIGKILL)
    assert first.wait(60) == -signal.SIGKILL
    first.communicate()
    (part,) = cache.unfinished()
    assert part.done == 3 * BLOCK
    server.script(PATH, None)
    hold.release.set()
    size, transferred = result(second)
    assert (size, leftovers(cache)) == (len(CONTENT), [])
    assert 2 * BLOCK <= transferred <= 2 * BLOCK + HEAD
    assert [s for s, _ in spans(server)] == sorted([0, BLOCK, 2 * BLOCK, 3 * BLOCK, 3 * BLOCK, 4 * BLOCK])


def test_what_a_killed_fetch_left_can_be_cleared(server: FaultServer, cache: Cache) -> None:
    hold = Hold()
    server.script(PATH, lambda r: Fault("hold", hold=hold) if (r.start or 0) == 3 * BLOCK else None)
    process = start(server, cache)
    assert hold.reached.wait(60)
    assert cache.clear().in_use == 1
    process.kill()
    process.communicate()
    assert cache.clear(unfinished_only=True).bytes == 3 * BLOCK
    assert leftovers(cache) == []
    assert inside(cache.folder / "locks") == [".room"]


QUICK = Network(timeout=1.0, attempts=2, backoff=0.01, longest=3.0)
FAULTS: dict[str, Script] = {
    "503 once": once(Fault("status")),
    "503 always": always(Fault("status"), since=2),
    "429 with Retry-After": once(Fault("status", status=429, headers=(("Retry-After", "0"),))),
    "reset once": once(Fault("reset")),
    "reset always": always(Fault("reset"), since=3),
    "truncated once": once(Fault("truncated")),
    "truncated always": always(Fault("truncated"), since=3),
    "short once": once(Fault("short")),
    "short always": always(Fault("short"), since=2),
    "flipped once": once(Fault("flipped")),
    "flipped always": always(Fault("flipped"), since=2),
    "zeroed once": once(Fault("zeroed")),
    "zeroed always": always(Fault("zeroed"), since=2),
    "ranges ignored": always(Fault("whole")),
    "ranges ignored later": always(Fault("whole"), since=3),
    "slow": once(Fault("slow")),
    "hang once": once(Fault("hang")),
    "dropped at the start": once(Fault("dropped"), at=1),
    "dropped always": always(Fault("dropped")),
    "404": always(Fault("status", status=404)),
    "403": always(Fault("status", status=403)),
    "redirect loop": always(Fault("redirect", target=PATH)),
    "redirect inside": always(Fault("redirect", target="http://169.254.1.1/data/file.root")),
    "wrong Content-Range": always(Fault("wrong range"), since=2),
    "resized": always(Fault("resized")),
    "resized later": always(Fault("resized"), since=3),
    "encoded": always(Fault("encoded")),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fetch_is_right_or_an_error_whatever_the_server_does(
    server: FaultServer, cache: Cache, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(download, "BLOCK", BLOCK)
    server.script(PATH, FAULTS[name])
    file = RemoteFile(server.url(PATH), "file.root", len(CONTENT), IDENTITY)
    route, transfer = Route((server.base + "/data",), QUICK), Transfer()
    failed = ""
    try:
        path = cache.fetch(file, route, transfer=transfer)
    except DataError as error:
        failed = str(error)
        assert cache.entries() == ()
        assert all(part.done > 0 for part in cache.unfinished())
        assert len(leftovers(cache)) in {0, 2}
    else:
        assert path.read_bytes() == CONTENT
        assert leftovers(cache) == []
    passing = name.endswith(("once", "start", "Retry-After")) or name in {"slow", "ranges ignored"}
    assert bool(failed) == (not passing), failed
    server.script(PATH, None)
    done = sum(part.done for part in cache.unfinished())
    before = len(server.log)
    assert cache.fetch(file, route).read_bytes() == CONTENT
    if failed:
        assert min(start for start, stop in spans(server, before)) == done  # nothing is asked for twice
    assert leftovers(cache) == []


BUSY = """
import random, sys
import pytest
from femtobarn.base.errors import TransientDataError, UnwritableError
from femtobarn.data.storage import Cache
from tests.storage.sources import ROUTE, bytes_of, serve, wanted

folder, seed = sys.argv[1:]
draw = random.Random(int(seed))
servers, cache = serve(pytest.MonkeyPatch(), block=100), Cache(folder, limit_bytes=1000)
contents = {f"https://one.example/data/{n}": bytes_of(100 * n, seed=n) for n in range(1, 7)}
used = 0
for url, content in contents.items():
    servers.put(url, content)
for _ in range(60):
    url, content = draw.choice(list(contents.items()))
    try:
        with cache.use(wanted(content, url, url[-1]), ROUTE) as path:
            assert path.read_bytes() == content
            used += 1
            if draw.random() < 0.2:
                cache.clear(unfinished_only=draw.random() < 0.5)
            assert path.read_bytes() == content
    except (TransientDataError, UnwritableError):
        pass
print(used, 0)
"""


def test_processes_in_each_others_way_get_right_files(cache: Cache) -> None:
    root = Path(__file__).parents[2]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", BUSY, str(cache.folder), str(seed)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        for seed in range(3)
    ]
    used = [result(process)[0] for process in started]
    assert min(used) > 20
    assert leftovers(cache) == []
    kept = cache.entries()
    assert sum(entry.info.size for entry in kept) <= 1000
    assert all(cache.verify(entry) for entry in kept)
