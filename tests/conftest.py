"""What all tests share."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from femtobarn.data.formats import registry

pytest_plugins = ["tests.servers.fixtures"]


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty cache: what this machine has fetched or refreshed decides no test."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("FEMTOBARN_CACHE", str(folder))
        for name in [
            n
            for n in os.environ
            if n.startswith("FEMTOBARN_") and n not in {"FEMTOBARN_CACHE", "FEMTOBARN_REALDATA"}
        ]:
            patch.delenv(name)
        # the XRootD client takes its limits when it is loaded, so that the first test that needs it decides
        for name in ("CONNECTIONWINDOW", "REQUESTTIMEOUT", "STREAMTIMEOUT"):
            patch.setenv(f"XRD_{name}", "2")
        yield folder


@pytest.fixture(scope="session", autouse=True)
def _interrupts() -> None:
    """Processes that tests start take Ctrl-C, also where the tests were started in the background."""
    if (
        signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        and threading.current_thread() is threading.main_thread()
    ):
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_format_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A format that one test hands in is unknown to the next."""
    monkeypatch.setattr(registry, "_handed_in", {})
    monkeypatch.setattr(registry, "_texts", {})


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real open data beside the checkout, or skip."""
    named = os.environ.get("FEMTOBARN_REALDATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real open data in {folder} (set FEMTOBARN_REALDATA to its folder)")
    return folder


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 40 demo files with few events; never changed by a test."""
    from femtobarn.simulate import write_demo_data

    folder = tmp_path_factory.mktemp("demo")
    write_demo_data(folder, events_data=300, events_mc=300)
    return folder
