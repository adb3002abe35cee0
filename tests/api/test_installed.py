"""Versions and registrations are what the installation says."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest

from femtobarn.base import installed


@pytest.fixture(autouse=True)
def _afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is remembered, before or after."""
    for name in ("version", "registered", "_versions"):
        monkeypatch.setattr(installed, name, getattr(installed, name).__wrapped__)


@pytest.mark.parametrize(
    "name",
    ["femtobarn", "numpy", "awkward", "boost-histogram", "boost_histogram", "numba", "typing_extensions"],
)
def test_versions_are_those_of_the_metadata(name: str) -> None:
    assert installed.version(name) == metadata.version(name)


def test_a_package_that_is_not_there() -> None:
    assert installed.version("no-such-package") == "not installed"


def test_of_two_that_are_there_the_one_that_is_imported_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, version in (("a", "1.5"), ("b", "2.0")):
        place = tmp_path / folder / f"some_thing-{version}.dist-info"
        place.mkdir(parents=True)
        (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: some-thing\nVersion: {version}\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "a")])
    assert installed.version("Some.Thing") == "1.5"
    monkeypatch.setattr(sys, "path", [str(tmp_path / "b"), *sys.path])
    assert installed.version("some-thing") == "2.0"


def test_what_is_registered() -> None:
    found = installed.registered("femtobarn.analyses")
    assert found["hzz"] == "femtobarn.physics.analyses.hzz"
    assert installed.registered("femtobarn.no_such_group") == {}
