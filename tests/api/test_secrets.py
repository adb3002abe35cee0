"""User names, passwords and queries of addresses are used to ask, and stored nowhere."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.storage.servers import FaultServer

import femtobarn as fb
from femtobarn.cli.main import main

SECRETS = (b"HUNTER2", b"T0KEN", b"bob:")


def leaks(folder: Path) -> list[str]:
    return [str(p) for p in folder.rglob("*") if p.is_file() and any(s in p.read_bytes() for s in SECRETS)]


@pytest.fixture
def server(demo_folder: Path):
    names = ("data15_periodD", "data15_periodE")
    files = {f"/{p.name}": p.read_bytes() for p in demo_folder.iterdir() if any(n in p.name for n in names)}
    with FaultServer(files) as made:
        yield made


def secret(server: FaultServer, path: str) -> str:
    return f"http://bob:HUNTER2@127.0.0.1:{server.port}{path}?token=T0KEN"


@pytest.mark.parametrize("access", ["stream", "cache"])
def test_no_file_of_a_run_holds_them(
    access: str, server: FaultServer, tmp_path: Path, own_cache: Path
) -> None:
    given = [secret(server, path) for path in sorted(server.files)] + [secret(server, "/absent.root")]
    run = fb.run("hzz", given, out=tmp_path / "out", access=access, workers=2, max_files=1)
    assert run.info.events_processed > 0
    assert leaks(tmp_path) == leaks(own_cache) == []


@pytest.mark.parametrize("form", ["--data={}", "--data"])
def test_the_recorded_command_holds_none(
    form: str, server: FaultServer, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    url = secret(server, min(server.files))
    data = [form.format(url)] if "{" in form else [form, url]
    words = ["run", "hzz", *data, "--out", str(tmp_path / "out"), "--workers", "0"]
    monkeypatch.setattr(sys, "argv", ["femtobarn", *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    assert leaks(tmp_path) == leaks(own_cache) == []
    assert not any(s.decode() in "".join(capsys.readouterr()) for s in SECRETS)
