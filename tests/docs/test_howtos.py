"""The how-tos of executors: every command in them is run, with the real servers that they speak of."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from .blocks import ROOT, SERVED
from .test_snippets import demo_run as demo_run  # noqa: PLC0414 - a fixture
from .test_snippets import run_page

pytestmark = pytest.mark.services


@pytest.mark.parametrize("name", sorted(SERVED))
def test_howto(
    name: str,
    request: pytest.FixtureRequest,
    demo_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fixture = SERVED[name]
    server = request.getfixturevalue(fixture) if fixture else None
    if fixture == "broker":
        url = urlsplit(server.url)
        assert url.username
        assert url.password
        (tmp_path / "password").write_text(url.password)
        monkeypatch.setenv("FEMTOBARN_BROKER", f"amqp://127.0.0.1:{server.port}{url.path}")
        monkeypatch.setenv("FEMTOBARN_BROKER_USER", url.username)
        monkeypatch.setenv("FEMTOBARN_BROKER_PASSWORD_FILE", str(tmp_path / "password"))
        monkeypatch.setenv("FEMTOBARN_PREFIXES", str(demo_run.parent))
    elif fixture == "slurm":
        for variable, value in server.env.items():
            monkeypatch.setenv(variable, value)
    run_page(ROOT / "docs" / f"{name}.md", demo_run, tmp_path, monkeypatch)
