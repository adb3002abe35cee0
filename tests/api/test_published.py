"""A published file at another server: what comes is the published one, or an error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.storage.servers import Fault, FaultServer, always

import femtobarn as fb

NAME = "ODEO_FEB2025_v0_exactly4lep_data15_periodD.exactly4lep.root"
PLACE = f"/eos/opendata/atlas/rucio/opendata/{NAME}"  # as the portal has it

pytestmark = pytest.mark.realdata


@pytest.fixture
def content(realdata: Path) -> bytes:
    return (realdata / "2025e-13tev-beta/exactly4lep" / NAME).read_bytes()


@pytest.mark.parametrize("access", ["stream", "cache", "auto"])
def test_the_published_period_gives_the_published_numbers(
    access: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEMTOBARN_CACHE", str(tmp_path / "cache"))
    with FaultServer({PLACE: content}) as server:
        run = fb.run("hzz", server.url(PLACE), out=tmp_path / "out", access=access, workers=0)
    (row,) = run.info.inputs
    assert (row.size, row.identity) == (2219662, "adler32:35ffb644")
    assert row.events_processed == 3424
    values = run.histogram("m4l", selection="loose", process="data").values()
    assert int(np.sum(values)) == 214
    assert (tmp_path / "cache/files").exists() == (access != "stream")


@pytest.fixture
def flipping(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of that file at a server that flips a bit of every answer."""
    monkeypatch.setenv("FEMTOBARN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FEMTOBARN_ATTEMPTS", "2")
    monkeypatch.setenv("FEMTOBARN_TIMEOUT", "2")
    with FaultServer({PLACE: content}) as server:
        server.script(PLACE, always(Fault("flipped")))
        yield server.url(PLACE)


def test_the_cache_takes_no_other_bytes_for_it(flipping: str, tmp_path: Path) -> None:
    run = fb.run("hzz", flipping, out=tmp_path / "out", access="cache", workers=0)
    (line,) = run.ledger()
    assert line.status == "failed"
    assert "35ffb644" in line.reason
    assert run.info.events_processed == 0
    assert not list((tmp_path / "cache/files").iterdir())


def test_a_stream_of_wrong_bytes_gives_the_right_numbers_or_none(flipping: str, tmp_path: Path) -> None:
    run = fb.run("hzz", flipping, out=tmp_path / "out", access="stream", workers=0)
    (line,) = run.ledger()
    if line.status == "processed":  # no bit of what is read was wrong
        assert int(np.sum(run.histogram("m4l", selection="loose", process="data").values())) == 214
    else:
        assert "damaged" in line.reason or "changes bytes" in line.reason
        assert run.info.events_processed == 0
