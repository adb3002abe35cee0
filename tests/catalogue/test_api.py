"""Asking a server for JSON: waits, attempts, encodings, limits."""

from __future__ import annotations

import gzip
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from femtobarn.base.errors import CatalogueError, SettingsError
from femtobarn.data.catalogue import api as module
from femtobarn.data.catalogue.api import Api
from femtobarn.data.storage.network import Network

from .services import ALWAYS, Fault, Services

COUNT = "/datasets/count"


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def api(services: Services, waits: list[float]) -> Api:
    services.datasets["x"] = [{}]
    return Api(services.base, "SETTING", Network(timeout=2.0, attempts=4, backoff=1.0), waits.append)


def test_a_right_answer_is_asked_for_once(api: Api, services: Services, waits: list[float]) -> None:
    with api:
        assert api.get(COUNT, release_name="x") == {"count": 1}
    assert services.requests == ["/datasets/count?release_name=x"]
    assert waits == []


def test_the_server_says_how_long_to_wait(api: Api, services: Services, waits: list[float]) -> None:
    services.fail(COUNT, Fault(429, headers=(("Retry-After", "7"),)))
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    services.fail(COUNT, Fault(503, headers=(("Retry-After", later),)))
    services.fail(COUNT, Fault(503, headers=(("Retry-After", "soon"),)))
    with api:
        assert api.get(COUNT, release_name="x") == {"count": 1}
    assert waits[0] == 7
    assert 50 < waits[1] <= 60
    assert 4 <= waits[2] <= 6  # our own third wait
    assert len(services.requests) == 4


def test_too_long_a_wait_is_told_and_not_waited(api: Api, services: Services, waits: list[float]) -> None:
    services.fail(COUNT, Fault(429, headers=(("Retry-After", "100000"),)), ALWAYS)
    with api, pytest.raises(CatalogueError, match=r"too many requests .*asks to wait 100000 s.*SETTING"):
        api.get(COUNT)
    assert waits == []


def test_waits_grow_and_attempts_end(api: Api, services: Services, waits: list[float]) -> None:
    services.fail(COUNT, Fault(500), ALWAYS)
    with api, pytest.raises(CatalogueError, match="after 4 attempts"):
        api.get(COUNT)
    assert len(services.requests) == 4
    assert [1 <= waits[0] <= 1.5, 2 <= waits[1] <= 3, 4 <= waits[2] <= 6] == [True] * 3


@pytest.mark.parametrize(
    ("status", "said"),
    [(400, "HTTP 400"), (401, "HTTP 401"), (403, "HTTP 403"), (404, "knows none"), (410, "knows none")],
)
def test_what_will_not_change_is_asked_once(status: int, said: str, api: Api, services: Services) -> None:
    services.fail(COUNT, Fault(status), ALWAYS)
    with api, pytest.raises(CatalogueError, match=said):
        api.get(COUNT)
    assert len(services.requests) == 1


def test_a_server_that_is_silent_is_not_waited_for(services: Services) -> None:
    end = threading.Event()
    services.fail(COUNT, Fault(hold=end), ALWAYS)
    with Api(services.base, "SETTING", Network(timeout=0.2, attempts=2), lambda _: None) as api:  # noqa: SIM117
        with pytest.raises(CatalogueError, match=r"after 2 attempts: .*(silent|too long)"):
            api.get(COUNT)
    end.set()
    assert len(services.requests) == 2


def test_encoded_answers(api: Api, services: Services) -> None:
    packed = gzip.compress(b'{"count": 5}')
    coded = (("Content-Encoding", "gzip"),)
    services.fail(COUNT, Fault(body=packed, headers=coded))
    with api:
        assert api.get(COUNT) == {"count": 5}
        services.fail(COUNT, Fault(body=packed[:-12], headers=coded))
        with pytest.raises(CatalogueError, match="Expected JSON"):
            api.get(COUNT)
        services.fail(COUNT, Fault(body=b"no gzip", headers=coded), ALWAYS)
        with pytest.raises(CatalogueError, match="after 4 attempts"):
            api.get(COUNT)


def test_an_answer_without_end(api: Api, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 1000)
    bomb = gzip.compress(b" " * 10_000_000)
    services.fail(COUNT, Fault(body=bomb, headers=(("Content-Encoding", "gzip"),)), ALWAYS)
    with api, pytest.raises(CatalogueError, match="more than 1000 bytes"):
        api.get(COUNT)
    assert len(services.requests) == 1


def test_redirects_on_the_same_server(api: Api, services: Services) -> None:
    services.fail("/old", Fault(301, headers=(("Location", f"{COUNT}?release_name=x"),)))
    with api:
        assert api.get("/old") == {"count": 1}


def test_nothing_listens_there() -> None:
    waits: list[float] = []
    with Api("http://127.0.0.1:9", "SETTING", Network(timeout=1, attempts=2), waits.append) as api:  # noqa: SIM117
        with pytest.raises(CatalogueError, match=r"http://127.0.0.1:9/x, but got after 2 attempts"):
            api.get("/x")
    assert len(waits) == 1


@pytest.mark.parametrize(
    "base", ["", "opendata.cern.ch", "root://h/x", "ftp://h", "https://h/x?y=1", "https://h h/"]
)
def test_addresses_that_are_none(base: str) -> None:
    with pytest.raises(SettingsError, match="SETTING: "):
        Api(base, "SETTING", Network())


def test_no_secret_is_shown(services: Services) -> None:
    base = services.base.replace("//", "//user:secret@")
    with Api(base, "SETTING", Network(attempts=1)) as api, pytest.raises(CatalogueError) as error:
        api.get("/nothing")
    assert "secret" not in f"{api.shown} {error.value}"
