"""Results by PUT: whole or not at all, where they may go, and with whose token."""

from __future__ import annotations

import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.storage.servers import certificate

from femtobarn.base.errors import AddressError, SettingsError, StoreError
from femtobarn.data.storage import connections
from femtobarn.running.results.remotestore import RemoteStore, check_store, sink_of
from femtobarn.running.results.store import FolderStore

from .server import StoreServer

NAME = "ab" + "0" * 30
DATA = bytes(range(256)) * 5000
PLACE = f"/data/store/ab/{NAME}"


def store(server: StoreServer) -> RemoteStore:
    return RemoteStore(server.url("/data/store"))


def test_what_was_put_is_there(server: StoreServer) -> None:
    place = store(server)
    assert place.get(NAME) is None
    place.put(NAME, DATA)
    assert server.files == {PLACE: DATA}
    assert place.get(NAME) == DATA
    place.put(NAME, b"other")
    assert place.get(NAME) == b"other"
    place.put(NAME, b"")
    assert place.get(NAME) == b""


def test_a_list_tells_which_are_worth_asking_for(server: StoreServer) -> None:
    names = [f"ab{i:030}" for i in range(20)]
    place = store(server)
    assert place.among(frozenset(names)) == frozenset()
    for name in names[:3]:
        place.put(name, b"x")
    assert place.among(frozenset(names)) == frozenset(names[:3])
    asked = len(server.log)
    assert place.among(frozenset(names[:2])) == frozenset(names[:2])
    assert len(server.log) == asked  # so few are not worth a list
    server.lists = False
    assert place.among(frozenset(names)) == frozenset(names)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a/b", "x" * 200, "short", "a?b=cdefghij"])
def test_names_are_ids_of_tasks(server: StoreServer, name: str) -> None:
    with pytest.raises(StoreError, match="Expected the id of a task"):
        store(server).put(name, DATA)
    with pytest.raises(StoreError, match="Expected the id of a task"):
        store(server).get(name)
    assert server.log == []


@pytest.mark.parametrize("status", [409, 404, 403, 500])
def test_folders_are_made_where_the_server_wants_them(status: int) -> None:
    """409 is what the standard says; nginx says 500."""
    with StoreServer(folders=status) as server:
        place = store(server)
        names = [f"{i:02x}{i:030}" for i in range(16)]
        with ThreadPoolExecutor(8) as pool:  # several workers find no folder
            list(pool.map(lambda name: place.put(name, DATA), names))
        assert sorted(server.files) == [f"/data/store/{name[:2]}/{name}" for name in names]
        assert {"/data/", "/data/store/", "/data/store/00/"} <= (server.folders or set())
        before = server.methods().count("MKCOL")
        place.put(names[0], b"again")
        assert server.methods().count("MKCOL") == before


@pytest.mark.parametrize("fault", [503, 500, 429, "reset", "half"])
def test_a_failure_that_passes_is_asked_again(server: StoreServer, fault: int | str) -> None:
    server.script = lambda r: fault if r.method == "PUT" and r.number <= 2 else None
    store(server).put(NAME, DATA)
    assert server.files == {PLACE: DATA}
    assert server.methods().count("PUT") == 3


@pytest.mark.parametrize("fault", [503, "reset", "half"])
def test_a_result_that_comes_badly_is_asked_for_again(server: StoreServer, fault: int | str) -> None:
    store(server).put(NAME, DATA)
    server.script = lambda r: fault if r.method == "GET" and r.number <= 2 else None
    assert store(server).get(NAME) == DATA


def test_a_server_that_loses_bytes_is_told_by_name(server: StoreServer) -> None:
    server.script = lambda r: "half" if r.method == "PUT" else None
    with pytest.raises(
        StoreError, match=rf"{server.base}/data/store to take a result, but \(8 attempts\)"
    ) as e:
        store(server).put(NAME, DATA)
    assert f"has {len(DATA) // 2} of {len(DATA)} bytes of it" in str(e.value)


def test_a_server_without_head_is_read_back() -> None:
    with StoreServer(heads=False) as server:
        store(server).put(NAME, DATA)
        assert server.methods() == ["PUT", "HEAD", "GET"]
        server.script = lambda r: "half" if r.method == "PUT" and r.number == 2 else None
        store(server).put(NAME, DATA)
        assert server.methods().count("PUT") == 3


@pytest.mark.parametrize(("status", "attempts"), [(403, 2), (401, 1)])
def test_what_is_not_permitted_is_told_at_once(server: StoreServer, status: int, attempts: int) -> None:
    server.script = lambda r: status if r.method == "PUT" else None
    with pytest.raises(StoreError, match=r"1 attempt\): permission denied.*FEMTOBARN_STORE_TOKEN_FILE"):
        store(server).put(NAME, DATA)
    assert server.methods().count("PUT") == attempts  # 403 may mean that the folder is missing


def test_no_server_and_one_that_says_nothing(
    server: StoreServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FEMTOBARN_TIMEOUT", "0.2")
    monkeypatch.setenv("FEMTOBARN_ATTEMPTS", "1")
    monkeypatch.setattr(connections, "_ANSWER", 0.05)
    server.script = lambda _: "hang"
    with pytest.raises(StoreError, match=r"2 attempts\): the server was silent for too long"):
        store(server).get(NAME)
    with pytest.raises(StoreError, match="the server was silent for too long"):
        store(server).put(NAME, DATA)
    gone = store(server)
    server.stop()
    with pytest.raises(StoreError, match="connection refused"):
        gone.put(NAME, DATA)


def test_an_answer_in_another_encoding_is_refused(server: StoreServer) -> None:
    store(server).put(NAME, DATA)
    server.script = lambda _: "gzip"
    with pytest.raises(StoreError, match="does not send the whole of it as it is"):
        store(server).get(NAME)


def test_a_server_that_never_asks_for_content_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_ANSWER", 0.05)
    with StoreServer(expects=False) as server:
        store(server).put(NAME, DATA)
        assert server.files == {PLACE: DATA}


def test_sent_on_to_the_server_that_holds_the_data(
    server: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with StoreServer() as data:
        server.script = lambda r: data.url(r.path + "?once=1") if r.method in {"PUT", "GET"} else None
        data.script = lambda r: None if "?once=1" in r.path or r.method != "PUT" else 403
        with pytest.raises(StoreError, match=r"private address \(127\.0\.0\.1\).*FEMTOBARN_PREFIXES"):
            store(server).put(NAME, DATA)
        assert data.log == []
        monkeypatch.setenv("FEMTOBARN_PREFIXES", data.base)
        place = store(server)
        place.put(NAME, DATA)
        assert data.files == {PLACE + "?once=1": DATA}
        assert server.received == 0  # it was asked before the content was sent
        assert place.get(NAME) == DATA


def test_a_put_is_never_sent_on_without_encryption_beyond_this_machine(
    server: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script = lambda r: f"http://8.8.8.8{r.path}"
    with pytest.raises(StoreError, match=r"sends us on to 8\.8\.8\.8.*FEMTOBARN_PLAIN_HOSTS"):
        store(server).put(NAME, DATA)
    server.script = lambda r: 303 if r.method == "PUT" else None
    with pytest.raises(StoreError, match="HTTP 303"):
        store(server).put(NAME, DATA)


def test_the_token_goes_to_the_store_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    held = tmp_path / "token"
    held.write_text("abc.DEF-1==\n")
    monkeypatch.setenv("FEMTOBARN_STORE_TOKEN_FILE", str(held))
    with StoreServer(token="abc.DEF-1==") as server, StoreServer() as data:
        place = store(server)
        place.put(NAME, DATA)
        held.write_text("renewed")
        with pytest.raises(StoreError, match="permission denied") as e:
            place.put(NAME, DATA)
        assert "renewed" not in str(e.value)
        server.token = "renewed"
        place.put(NAME, DATA)
        monkeypatch.setenv("FEMTOBARN_PREFIXES", data.base)
        server.script = lambda r: data.url(r.path) if r.method == "PUT" else None
        server.token = ""
        store(server).put(NAME, b"elsewhere")
        assert data.methods() == ["PUT", "HEAD"]
        assert not any("authorization" in request.headers for request in data.log)


def test_encrypted_with_a_certificate_to_trust(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    monkeypatch.setenv("FEMTOBARN_STORE_TOKEN", "secret")
    with StoreServer(tls=tls, token="secret") as server, StoreServer() as plain:
        with pytest.raises(StoreError, match="certificate"):
            store(server).put(NAME, DATA)
        assert server.log == []  # it was not told anything
        monkeypatch.setenv("FEMTOBARN_CA_FILE", str(cert))
        place = store(server)
        place.put(NAME, DATA)
        assert place.get(NAME) == DATA
        assert place.among(frozenset(f"ab{i:030}" for i in range(20))) == {NAME}
        monkeypatch.setenv("FEMTOBARN_PREFIXES", plain.base)
        server.script = lambda r: plain.url(r.path) if r.method == "PUT" else None
        server.token = ""
        with pytest.raises(StoreError, match="sends us on to http://, which is not followed"):
            store(server).put(NAME, DATA)
        assert plain.log == []


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "ümlaut"])
def test_what_is_no_token_is_refused(
    server: StoreServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, token: str
) -> None:
    held = tmp_path / "token"
    held.write_text(token)
    monkeypatch.setenv("FEMTOBARN_STORE_TOKEN_FILE", str(held))
    with pytest.raises(SettingsError, match="FEMTOBARN_STORE_TOKEN_FILE") as e:
        store(server).put(NAME, DATA)
    assert not token or token not in str(e.value)
    held.unlink()
    with pytest.raises(SettingsError, match="cannot be read"):
        store(server).put(NAME, DATA)
    assert server.log == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://store.example/x", "expected https://.*FEMTOBARN_PLAIN_HOSTS"),
        ("root://store.example//x", "expected roots://.*FEMTOBARN_PLAIN_HOSTS"),
        ("https://user:secret@store.example/x", "must not hold a user"),
        ("https://store.example/x?authz=secret", "must not hold a user, a password or a query"),
        ("https://store.example/x/../y", "without '..'"),
        ("s3://bucket/x", "must be a folder or an address"),
        ("results", "whole path"),
        ("./results", "whole path"),
    ],
)
def test_places_that_cannot_be_a_store(url: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as e:
        check_store(url)
    assert "secret" not in str(e.value)


def test_places_that_can(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in (
        "https://store.example/x",
        "roots://store.example//x",
        "http://127.0.0.1:8000/x",
        "/shared/x",
    ):
        check_store(url)
    monkeypatch.setenv("FEMTOBARN_PLAIN_HOSTS", "other, Store.Example")
    check_store("http://store.example/x")
    check_store("root://STORE.example//x")


def test_workers_write_only_where_they_may(server: StoreServer, tmp_path: Path) -> None:
    allowed = (server.url("/data"), str(tmp_path / "shared"))
    assert isinstance(sink_of(server.url("/data/store"), allowed=allowed), RemoteStore)
    assert isinstance(sink_of(str(tmp_path / "shared" / "x"), allowed=allowed), FolderStore)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "out").symlink_to(tmp_path / "secret")
    for place in (
        server.url("/dataset"),
        server.url("/"),
        "https://other.example/data",
        str(tmp_path / "other"),
        str(tmp_path / "shared" / "out"),
        str(tmp_path / "shared" / ".." / "other"),
    ):
        with pytest.raises(AddressError, match="where results may be written"):
            sink_of(place, allowed=allowed)
