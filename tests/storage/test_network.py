"""Settings, proxies, and the number of requests at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from femtobarn.base import settings
from femtobarn.base.errors import AddressError, SettingsError, UnavailableError
from femtobarn.data.storage.failures import TransportError, of_error, of_xrootd
from femtobarn.data.storage.network import Network, proxy_for, tls_context
from femtobarn.data.storage.remote import open_source
from femtobarn.data.storage.slots import slot

from .servers import Fault, FaultServer, always, certificate, free_port
from .servers_proxy import ProxyServer

DATA = bytes(range(256)) * 400
LIMITS = Network(timeout=2.0, attempts=2, backoff=0.01, longest=10.0)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = [name for name in os.environ if name.startswith("FEMTOBARN_")]
    for name in [*ours, "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_settings_without_an_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    network = Network.from_environment()
    assert (network.timeout, network.attempts, network.connections) == (30.0, 4, 8)
    assert (network.ca_file, network.mirrors) == (None, ())
    assert network.slots == tmp_path / "femtobarn" / "slots"
    assert settings.cache_folder() == tmp_path / "femtobarn"
    assert settings.cache_limit() == 50_000_000_000
    assert settings.cache_small() == 268_435_456
    assert settings.cache_largest() == 5_000_000_000
    assert settings.shared_caches() == settings.prefixes() == ()
    assert settings.metadata_api().startswith("https://")
    assert settings.portal_api().startswith("https://")


def test_settings_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificates = tmp_path / "ca.pem"
    certificates.touch()
    for name, value in {
        "TIMEOUT": "2.5",
        "ATTEMPTS": "7",
        "CONNECTIONS": "3",
        "CA_FILE": str(certificates),
        "MIRRORS": "root://a//x=https://b/x, https://b/x=root://a//x,",
        "CACHE": str(tmp_path / "c"),
        "CACHE_BYTES": "10",
        "SHARED_CACHE": f"/one{os.pathsep}/two{os.pathsep}",
        "PREFIXES": "/data, https://h/a ,",
        "METADATA_API": "http://127.0.0.1:1/api/",
        "PORTAL_API": "http://127.0.0.1:2/",
    }.items():
        monkeypatch.setenv(f"FEMTOBARN_{name}", value)
    network = Network.from_environment()
    assert (network.timeout, network.attempts, network.connections) == (2.5, 7, 3)
    assert network.ca_file == certificates
    assert network.mirrors == (("root://a//x", "https://b/x"), ("https://b/x", "root://a//x"))
    assert network.slots == tmp_path / "c" / "slots"
    assert settings.cache_limit() == 10
    assert settings.shared_caches() == (Path("/one"), Path("/two"))
    assert settings.prefixes() == ("/data", "https://h/a")
    assert settings.metadata_api() == "http://127.0.0.1:1/api"
    assert settings.portal_api() == "http://127.0.0.1:2"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIMEOUT", "0"),
        ("TIMEOUT", "-1"),
        ("TIMEOUT", "nan"),
        ("TIMEOUT", "inf"),
        ("TIMEOUT", "soon"),
        ("ATTEMPTS", "0"),
        ("CONNECTIONS", "many"),
        ("CA_FILE", "/nowhere/ca.pem"),
        ("MIRRORS", "root://a//x"),
        ("MIRRORS", "a=b"),
        ("MIRRORS", "root://a//x="),
    ],
)
def test_settings_without_sense(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"FEMTOBARN_{name}", value)
    with pytest.raises(SettingsError, match=f"FEMTOBARN_{name}"):
        Network.from_environment()


def test_certificates_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("these are no certificates")
    with pytest.raises(SettingsError, match="PEM"):
        tls_context(path)


def test_which_proxy_is_for_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxy_for("https", "data.example") is None
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")
    assert proxy_for("https", "data.example") == "http://proxy.example:3128"
    assert proxy_for("http", "data.example") is None
    assert proxy_for("https", "x.inside.example") is None
    assert proxy_for("https", "localhost") is proxy_for("https", "127.0.0.1") is None
    monkeypatch.setenv("HTTPS_PROXY", "socks5://proxy.example")
    with pytest.raises(SettingsError, match="HTTPS_PROXY"):
        proxy_for("https", "data.example")


def test_reading_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer({"/f": DATA}) as server, ProxyServer(server.port) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://me:pass%20word@127.0.0.1:{proxy.port}")
        with open_source(
            "http://data.example/f", size=None, prefixes=("http://data.example",), network=LIMITS
        ) as source:
            assert source.read(50_000, 50_000) == DATA[50_000:100_000]
        assert proxy.log == ["GET http://data.example/f HTTP/1.1"] * 2
        assert proxy.logins[0].split()[-1] == "bWU6cGFzcyB3b3Jk"
        assert server.log[0].headers["host"] == "data.example"


def test_behind_a_proxy_no_redirect_leads_to_a_host_that_only_the_proxy_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with FaultServer({"/f": DATA, "/inside": DATA}) as server, ProxyServer(server.port) as proxy:
        server.script("/f", always(Fault("redirect", target="http://intranet.invalid/inside")))
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        url = "http://data.example/f"
        with pytest.raises(AddressError, match=r"intranet\.invalid, whose address is not known here"):
            open_source(url, size=None, prefixes=(url,), network=Network(attempts=1, timeout=2.0))
        assert not any("intranet" in line for line in proxy.log)


def test_reading_encrypted_through_a_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files = certificate(tmp_path)
    trusting = replace(LIMITS, ca_file=files[0])
    with FaultServer({"/f": DATA}, tls=files) as server, ProxyServer(server.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        url = "https://data.example/f"
        with open_source(url, size=None, prefixes=(url,), network=trusting) as source:
            assert source.read(50_000, 50_000) == DATA[50_000:100_000]
        assert {line.rpartition(" ")[0] for line in proxy.log} == {"CONNECT data.example:443"}
        other = "https://other.example/f"  # the certificate is not for it
        with pytest.raises(UnavailableError, match=r"1 attempt.*not trusted.*other\.example"):
            open_source(other, size=None, prefixes=(other,), network=trusting)


def test_a_proxy_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    url = "http://data.example/f"
    with pytest.raises(UnavailableError, match=r"2 attempts.*the proxy: nothing answers"):
        open_source(url, size=None, prefixes=(url,), network=LIMITS)


def test_places_are_private_and_free_again(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "slots"
    for _ in range(5):
        with (
            slot("h", folder=folder, most=2, until=soon(1)),
            slot("h", folder=folder, most=2, until=soon(1)),
            slot("other", folder=folder, most=1, until=soon(1)),
        ):
            with (
                pytest.raises(TransportError, match="all 2 connections to h") as caught,
                slot("h", folder=folder, most=2, until=soon(0.05)),
            ):
                pass
            assert caught.value.failure.kind == "transient"
    for place in (folder.parent, folder, folder / "h"):
        assert place.stat().st_mode & 0o777 == 0o700


def test_a_place_comes_free_for_who_waits(tmp_path: Path) -> None:
    inside = threading.Event()
    with slot("h", folder=tmp_path, most=1, until=soon(1)):
        thread = threading.Thread(target=lambda: _enter(tmp_path, inside))
        thread.start()
        assert not inside.wait(0.1)
    assert inside.wait(5)
    thread.join()


def _enter(folder: Path, inside: threading.Event) -> None:
    with slot("h", folder=folder, most=1, until=soon(5)):
        inside.set()


@pytest.fixture
def held(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the only place."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom femtobarn.data.storage.slots import slot\n"
        "with slot('h', folder=Path(sys.argv[1]), most=1, until=time.monotonic() + 9):\n"
        "    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_processes_share_the_places_and_the_dead_hold_none(
    tmp_path: Path, held: subprocess.Popen[str]
) -> None:
    with pytest.raises(TransportError), slot("h", folder=tmp_path, most=1, until=soon(0.1)):
        pass
    held.send_signal(signal.SIGKILL)
    with slot("h", folder=tmp_path, most=1, until=soon(5)):
        pass


@pytest.mark.parametrize("kind", ["file", "open to others", "link", "none"])
def test_without_a_folder_this_process_still_counts(tmp_path: Path, kind: str) -> None:
    folder: Path | None = tmp_path / "slots"
    assert folder is not None
    if kind == "file":
        folder.touch()
    elif kind == "open to others":
        (folder / "h").mkdir(parents=True)
        (folder / "h").chmod(0o777)
    elif kind == "link":
        folder.mkdir()
        (tmp_path / "elsewhere").mkdir()
        (folder / "h").symlink_to(tmp_path / "elsewhere")
    else:
        folder = None
    with slot("h", folder=folder, most=1, until=soon(1)):
        with pytest.raises(TransportError), slot("h", folder=folder, most=1, until=soon(0.05)):
            pass
        if kind == "link":
            assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize(
    ("code", "number", "kind", "cause"),
    [
        (400, 3011, "permanent", "absent"),
        (400, 3016, "permanent", "absent"),
        (400, 3010, "permanent", "denied"),
        (400, 3030, "permanent", "denied"),
        (400, 3007, "transient", "other"),
        (400, 3024, "transient", "other"),
        (206, 0, "transient", "other"),
        (108, 0, "transient", "other"),
        (110, 0, "address", "other"),
        (306, 0, "address", "other"),
        (4711, 0, "transient", "other"),
    ],
)
def test_what_the_xrootd_client_says(code: int, number: int, kind: str, cause: str) -> None:
    failure = of_xrootd(code, number, "[ERROR] told\nby a server \x1b[31m" + "x" * 500)
    assert (failure.kind, failure.cause) == (kind, cause)
    assert failure.words.isprintable()
    assert len(failure.words) < 250


def test_an_error_that_nobody_foresaw() -> None:
    failure = of_error(OSError("strange\nthing " + "x" * 500))
    assert failure.kind == "transient"
    assert "strange thing" in failure.words
    assert len(failure.words) < 250


def soon(seconds: float) -> float:
    return time.monotonic() + seconds
