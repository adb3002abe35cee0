"""The image holds what it should and nothing else, by what Dockerfile and lock files say."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from .composition import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(name: str) -> set[tuple[str, str]]:
    """Names and versions of a lock file; a name may have one for each version of Python."""
    return set(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))


def program(name: str) -> str:
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"NO {name.upper()}: the Dockerfile was NOT linted; make test installs it")
    return found


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run(
        [program("hadolint"), "--no-color", "--failure-threshold", "style", str(ROOT / "Dockerfile")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_both_stages_have_one_exact_base() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", bases[0])
    assert f'base.name="docker.io/library/{bases[0]}"' in DOCKERFILE


def test_the_last_stage_only_takes_over_what_was_built() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert not re.search(r"pip|apt-get|curl|wget", last)
    assert re.findall(r"^COPY .*", last, re.MULTILINE) == ["COPY --from=build /opt/femtobarn /opt/femtobarn"]
    assert last.index("USER 10001:10001") < last.index('ENTRYPOINT ["femtobarn"]')
    assert f"ARG VERSION={PROJECT['project']['version']}\n" in last
    licence = PROJECT["project"]["license"]
    assert f'org.opencontainers.image.licenses="{licence}"' in last


def test_everything_that_is_copied_comes_through_the_ignore_file() -> None:
    let_in = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = {
        word
        for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
        for word in line.split()
    }
    assert copied == let_in
    assert [name for name in let_in if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("name", ["containers/build.lock", "containers/requirements.lock"])
def test_locks_have_digests_and_agree_with_those_of_developers(name: str) -> None:
    text, found = (ROOT / name).read_text(), pins(name)
    assert found
    assert len(re.findall(r"^[\w.-]+==.* \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)) == len(
        found
    )
    assert "://" not in text
    assert found - pins("requirements.lock") == set(), "run make lock"


def test_the_image_has_what_femtobarn_and_its_extras_need() -> None:
    found = {name for name, _ in pins("containers/requirements.lock")}
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [*PROJECT["project"]["dependencies"], *extras["metrics"], *extras["rabbitmq"], *extras["xrootd"]]
    names = {re.split(r"[<>=!~ ;\[]", line)[0].lower() for line in wanted}
    assert names - found == set()
    assert not {"pytest", "dask", "distributed", "setuptools", "pip"} & found


def test_a_wheel_has_every_file_of_the_package(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(
        ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", "made", "."],
        cwd=tmp_path,
        check=True,
        timeout=300,
    )  # fmt: skip
    (wheel,) = (tmp_path / "made").glob("femtobarn-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("femtobarn/")}
    package = tmp_path / "src"
    there = {
        path.relative_to(package).as_posix() for path in (package / "femtobarn").rglob("*") if path.is_file()
    }
    assert there - packed == set()
