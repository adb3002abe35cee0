"""The broker of compose.yaml: it starts with the reader's password only, and RabbitMQ takes its settings."""

from __future__ import annotations

import os
import secrets
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .composition import ROOT

if TYPE_CHECKING:
    from tests.servers.certificates import Certificates
    from tests.servers.rabbitmq import RabbitMQ

FOLDER = ROOT / "containers"


def start(folder: Path, password: str | None) -> subprocess.CompletedProcess[str]:
    """Run the script with an image's entry point that tells what it was given."""
    entry = folder / "docker-entrypoint.sh"
    entry.write_text('#!/bin/sh\necho "$* with $RABBITMQ_DEFAULT_PASS"\n')
    entry.chmod(0o755)
    file = folder / "password"
    if password is not None:
        file.write_text(password)
    return subprocess.run(
        ["/bin/sh", str(FOLDER / "start-broker.sh")],
        env={"PATH": f"{folder}:{os.environ['PATH']}", "BROKER_PASSWORD_FILE": str(file)},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_it_takes_the_password_of_the_secret(tmp_path: Path, end: str) -> None:
    password = secrets.token_urlsafe(32)
    done = start(tmp_path, password + end)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"rabbitmq-server with {password}\n"


@pytest.mark.parametrize("password", [None, "", "\n", "guest\n", "fifteen-letters"])
def test_it_does_not_start_without(tmp_path: Path, password: str | None) -> None:
    done = start(tmp_path, password)
    assert done.returncode != 0
    assert "rabbitmq-server" not in done.stdout
    assert "password" in done.stderr
    if password and password.strip():
        assert password.strip() not in done.stderr


def configured(rabbitmq: RabbitMQ, *texts: str) -> None:
    """Give a node that was not started yet more settings, which take the place of the same of its own."""
    path = rabbitmq.folder / "rabbitmq.conf"
    lines = {}
    for line in "\n".join([path.read_text(), *texts]).splitlines():
        if line.strip() and not line.startswith("#"):
            key, _, value = line.partition("=")
            lines[key.strip()] = value.strip()
    path.write_text("".join(f"{key} = {value}\n" for key, value in lines.items()))


@pytest.fixture
def fresh(certificates: Certificates) -> Iterator[RabbitMQ]:
    """A node of its own that is not started yet, with a free port for TLS."""
    from tests.servers.rabbitmq import RabbitMQ

    node = RabbitMQ(tls=certificates)
    try:
        yield node
    finally:
        node.remove()


@pytest.mark.services
def test_rabbitmq_takes_the_settings(fresh: RabbitMQ) -> None:
    configured(fresh, (FOLDER / "broker.conf").read_text())
    fresh.start()
    environment = fresh.ctl("environment")
    for setting in (
        "{max_message_size,134217728}",
        '{vm_memory_high_watermark,{absolute,"600MB"}}',
        '{disk_free_limit,"2GB"}',
    ):
        assert setting in environment.replace("\n", "").replace(" ", ""), setting
    assert "Server startup complete" in (fresh.log / "server.out").read_text()
    assert [path.name for path in fresh.log.glob("*.log") if path.stat().st_size] == []


@pytest.mark.services
def test_rabbitmq_takes_the_settings_for_other_machines(fresh: RabbitMQ, certificates: Certificates) -> None:
    assert fresh.tls_port is not None
    # what the node would have for TLS of itself
    own = fresh.folder / "rabbitmq.conf"
    own.write_text("".join(f"{line}\n" for line in own.read_text().splitlines() if "ssl" not in line))
    text = (FOLDER / "broker-tls.conf").read_text()
    assert "listeners.ssl.default = 5671\n" in text
    text = text.replace("= 5671\n", f"= 127.0.0.1:{fresh.tls_port}\n")
    for name, path in (("ca", certificates.ca), ("cert", certificates.cert), ("key", certificates.key)):
        assert f"/run/secrets/broker_{name}\n" in text
        text = text.replace(f"/run/secrets/broker_{name}", str(fresh.folder / path.name))
    configured(fresh, (FOLDER / "broker.conf").read_text(), text)
    fresh.start()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = certificates.client_context()
        context.minimum_version = context.maximum_version = version
        with (
            socket.create_connection(("127.0.0.1", fresh.tls_port), 10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as encrypted,
        ):
            assert (encrypted.version() or "").replace(".", "_") == version.name
    assert "{versions,['tlsv1.2','tlsv1.3']}" in fresh.ctl("environment").replace("\n", "").replace(" ", "")
