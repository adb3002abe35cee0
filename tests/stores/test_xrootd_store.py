"""The real XRootD server as a store: by http, by root://, by way of a redirector, and killed in between."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.storage.servers_xrootd import XRootDServer

from femtobarn.base.errors import StoreError
from femtobarn.base.records import AnalysisSpec, Settings
from femtobarn.data.storage import attempts
from femtobarn.running.engine.fetching import fetch_present
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.run import exit_code, run
from femtobarn.running.executors.local import LocalExecutor
from femtobarn.running.results.remotestore import RemoteStore
from femtobarn.running.results.store import FolderStore

from .conftest import PART_BYTES
from .test_runs import Elsewhere, same

pytestmark = pytest.mark.services

NAME = "ab" + "0" * 62
BIG = bytes(range(256)) * 80_000  # 20 MB


@pytest.fixture(scope="module")
def xrootd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[XRootDServer]:
    pytest.importorskip("XRootD", reason="NO XROOTD CLIENT: root:// stores were NOT tried")
    with XRootDServer(tmp_path_factory.mktemp("xrootd")) as running:
        yield running


def address(server: XRootDServer, protocol: str, name: str) -> str:
    return server.root(name) if protocol == "root" else server.http(name)


@pytest.mark.parametrize("protocol", ["http", "root"])
def test_what_was_put_is_there(xrootd: XRootDServer, protocol: str) -> None:
    store = RemoteStore(address(xrootd, protocol, f"put-{protocol}"))
    names = frozenset(f"ab{i:062}" for i in range(20))
    assert store.get(NAME) is None
    assert store.among(names) == frozenset()
    for data in (b"first", BIG, b""):
        store.put(NAME, data)
        assert store.get(NAME) == data
    assert store.among(names) == {NAME}
    assert (xrootd.files / f"put-{protocol}" / "ab" / NAME).read_bytes() == b""


@pytest.mark.parametrize("protocol", ["http", "root"])
def test_by_way_of_a_redirector(
    xrootd: XRootDServer, protocol: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "_pause", lambda *_: 0.0)
    port = xrootd.port if protocol == "root" else xrootd.http_port
    extra = f"xrootd.redirect 127.0.0.1:{port} /data\n"
    with XRootDServer(tmp_path / "front", extra=extra) as front:
        url = address(front, protocol, f"led-{protocol}")
        with pytest.raises(StoreError, match="private address"):
            RemoteStore(url).put(NAME, BIG)
        monkeypatch.setenv("FEMTOBARN_PREFIXES", address(xrootd, protocol, ""))
        store = RemoteStore(url)
        store.put(NAME, BIG)
        assert store.get(NAME) == BIG
        assert (xrootd.files / f"led-{protocol}" / "ab" / NAME).read_bytes() == BIG


@pytest.mark.parametrize("protocol", ["http", "root"])
def test_a_server_that_is_killed_and_comes_back_has_the_whole_of_it(
    protocol: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("XRootD", reason="NO XROOTD CLIENT: root:// stores were NOT tried")
    monkeypatch.setenv("FEMTOBARN_TIMEOUT", "2")
    monkeypatch.setattr(attempts, "_pause", lambda *_: 0.5)
    with XRootDServer(tmp_path / "data") as server:
        store = RemoteStore(address(server, protocol, "s"))
        store.put(NAME, b"before")
        server.pause()
        putting = threading.Thread(target=store.put, args=(NAME, BIG))
        putting.start()  # it finds a server that takes the connection and says nothing
        server.kill()
        server.start()
        putting.join(120)
        assert not putting.is_alive()
        assert store.get(NAME) == BIG


@pytest.mark.parametrize("protocol", ["http", "root"])
def test_a_run_leaves_its_results_there_and_another_machine_takes_them(
    xrootd: XRootDServer,
    protocol: str,
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Callable[..., Settings],
    tmp_path: Path,
) -> None:
    url = address(xrootd, protocol, f"run-{protocol}")
    wanted = settings(part_bytes=PART_BYTES, store=url)
    run(spec, inputs, settings(part_bytes=PART_BYTES), tmp_path / "local", runner=LocalExecutor(0))
    done = run(spec, inputs, wanted, tmp_path / "one", runner=Elsewhere(url))
    assert exit_code(done.info) == 0
    assert same(tmp_path / "one", tmp_path / "local")
    ids = list(FolderStore(tmp_path / "one" / "tasks").tasks())
    broken = xrootd.files / f"run-{protocol}" / ids[0][:2] / ids[0]
    broken.write_bytes(broken.read_bytes()[:1000])  # as a PUT that was broken off leaves it
    assert fetch_present(FolderStore(tmp_path / "two"), url, ids) == set(ids[1:])


def test_a_write_that_breaks_off_takes_the_place_of_nothing(
    xrootd: XRootDServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from femtobarn.data.storage import objects_xrootd
    from femtobarn.data.storage.failures import elsewhere

    store = RemoteStore(xrootd.root("whole"))
    store.put(NAME, BIG)
    good, calls = objects_xrootd._good, []

    def breaks(answer: tuple[object, object]) -> object:
        calls.append(answer)
        if len(calls) > 2:  # opened, and one piece of three written
            msg = "broken off here"
            raise elsewhere(msg)
        return good(answer)

    with monkeypatch.context() as patch:
        patch.setattr(objects_xrootd, "_good", breaks)
        with pytest.raises(StoreError, match="broken off"):
            store.put(NAME, BIG[::-1])
    assert store.get(NAME) == BIG
    store.put(NAME, BIG[:1000])
    assert store.get(NAME) == BIG[:1000], "another size takes its place"
    store.put(NAME, BIG[:1000])
    assert store.get(NAME) == BIG[:1000]
