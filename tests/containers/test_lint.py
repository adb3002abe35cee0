"""Programs that others made to look at compose files find nothing in ours, and read it as our tests do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .composition import COMPOSE, ROOT, TLS, project, words

pytestmark = pytest.mark.services

ORDER = ("service-keys-order", "services-alphabetical-order", "top-level-properties-order")
"""Rules that would put the broker after the aggregator, and anchors after what refers to them."""

GIVEN = {
    "BROKER_PASSWORD_FILE": "./containers/secrets/broker_password",
    "DATA": "/some/data",
    "ANALYSIS": "zll",
    "WORKERS": "3",
}
TLS_GIVEN = {
    "BROKER_ADDRESS": "192.0.2.1",
    "BROKER_CA_FILE": "ca.pem",
    "BROKER_CERT_FILE": "cert.pem",
    "BROKER_KEY_FILE": "key.pem",
}


@pytest.fixture(scope="module")
def dclint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("npm") is None:
        pytest.skip("NO NPM: compose.yaml was NOT linted by dclint; install npm (apt-get install npm)")
    folder = tmp_path_factory.mktemp("dclint")
    done = subprocess.run(
        ["npm", "install", "--prefix", str(folder), "--no-save", "--ignore-scripts", "dclint@3.1.0"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        pytest.skip(f"NO DCLINT: compose.yaml was NOT linted: {done.stderr[-500:]}")
    return folder / "node_modules" / ".bin" / "dclint"


@pytest.fixture(scope="module")
def podman_compose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("podman-compose")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), "podman-compose==1.6.0"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        pytest.skip(f"NO PODMAN-COMPOSE: compose.yaml was NOT rendered by it: {done.stderr[-500:]}")
    return folder


def lint(dclint: Path, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(dclint), str(file), "--max-warnings=0", *(f"--disable-rule={rule}" for rule in ORDER)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def rendered(podman_compose: Path, given: dict[str, str], *files: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "podman_compose", *(f"--file={file}" for file in files), "config"],
        cwd=ROOT,
        env={**environment, **given, "PYTHONPATH": str(podman_compose)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("file", [COMPOSE, TLS], ids=lambda path: path.name)
def test_dclint_finds_nothing(dclint: Path, file: Path) -> None:
    done = lint(dclint, file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_dclint_would_find_a_misspelt_key(dclint: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(COMPOSE.read_text().replace("read_only:", "readonly:"))
    assert "invalid-schema" in lint(dclint, wrong).stdout


def test_podman_compose_reads_the_same(podman_compose: Path) -> None:
    given = {**GIVEN, **TLS_GIVEN}
    done = rendered(podman_compose, given, COMPOSE, TLS)
    assert done.returncode == 0, done.stderr
    theirs = yaml.safe_load(done.stdout)["services"]
    ours = project(given, COMPOSE, TLS)["services"]
    assert set(theirs) >= {"broker", "producer", "worker", "aggregator"}
    for name in theirs:
        assert words(theirs[name], "command") == words(ours[name], "command")
        assert theirs[name].get("environment", {}) == ours[name].get("environment", {})
        for key in ("read_only", "cap_drop", "security_opt", "mem_limit", "image", "ports"):
            assert theirs[name].get(key) == ours[name].get(key), f"{name}: {key}"


def test_podman_compose_does_not_start_without_a_password(podman_compose: Path) -> None:
    done = rendered(podman_compose, {}, COMPOSE)
    assert done.returncode != 0
    assert "docs/containers.md" in done.stderr
