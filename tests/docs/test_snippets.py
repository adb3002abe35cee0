"""Every Python snippet and every command in README and docs is run, page by page, in their order."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from femtobarn.base.errors import FemtobarnError

from .blocks import PAGES, ROOT, SERVED, Block, blocks, words

NOT_RUN = {
    "make demo": "makes an environment from a package index; what it leaves is there, with fewer events",
    ". .venv/bin/activate": "the tests run in an environment already",
}
REAL = "open-data/"  # how pages call the folder of real files, which may not be there
SHOWN_ONLY = {"toml", "yaml", "text", "{toctree}"}


def test_the_blocks_of_all_pages_are_of_known_kinds() -> None:
    kinds = {block.kind for page in PAGES for block in blocks(page)}
    assert kinds <= SHOWN_ONLY | {"python", "console"}, "another kind would not be run by any test"


def test_what_is_not_run_is_still_written_somewhere() -> None:
    written = {c for page in PAGES for b in blocks(page) if b.kind == "console" for c, _ in b.commands()}
    assert set(NOT_RUN) <= written


@pytest.fixture(scope="session")
def demo_run(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make demo` leaves: data, and a run of hzz."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "data").symlink_to(demo_folder)
    _command("femtobarn run hzz --data data --out run", 0, None, "make demo", folder)
    return folder


@pytest.mark.parametrize(
    "page", [p for p in PAGES if blocks(p) and p.stem not in SERVED], ids=lambda p: p.stem
)
def test_page(page: Path, demo_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_page(page, demo_run, tmp_path, monkeypatch)


def run_page(page: Path, demo_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run everything that ``page`` shows, in its order, in a folder that has what `make demo` leaves."""
    shutil.copytree(demo_run, tmp_path / "demo", symlinks=True)
    real = os.environ.get("FEMTOBARN_REALDATA") or str(ROOT.parent / "shared" / "data")
    if Path(real).is_dir():
        (tmp_path / "open-data").symlink_to(real)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    modules = set(sys.modules)
    names: dict[str, Any] = {"__name__": "__main__"}
    behind: list[subprocess.Popen[bytes]] = []
    try:
        for block in blocks(page):
            if block.file_name is not None:
                Path(block.file_name).write_text(block.body, encoding="utf-8")
            elif block.kind == "python":
                _python(block, names)
            elif block.kind == "console":
                _console(block, behind)
    finally:
        _end(behind)
        for name in set(sys.modules) - modules:
            if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(
                sys.modules[name].__file__
            ):
                del sys.modules[name]


def _python(block: Block, names: dict[str, Any]) -> None:
    # a real file, so that inspect finds the source of functions, as it does in a user's file
    file = Path(f"{block.page.stem}_{block.line}.py").resolve()
    file.write_text(block.body, encoding="utf-8")
    names["__file__"] = str(file)
    printed = io.StringIO()
    raised: Exception | None = None
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(block.body, str(file), "exec"), names)
    except FemtobarnError as error:
        raised = error
        if block.raises is None:
            pytest.fail(f"{block.place}: {error}\n{traceback.format_exc()}")
    if block.raises is not None:
        assert type(raised).__name__ == block.raises, (
            f"{block.place}: expected {block.raises}, got {raised!r}"
        )
    if block.expected is not None:
        said = printed.getvalue() if raised is None else str(raised)
        assert words(said) == words(block.expected), block.place


def _console(block: Block, behind: list[subprocess.Popen[bytes]]) -> None:
    last = [command for command, _ in block.commands()][-1]
    for command, code in block.commands():
        if command in NOT_RUN or (REAL in command and not Path("open-data").is_dir()):
            continue
        if command.endswith(" &"):
            behind.append(_begin(command.removesuffix(" &")))
            continue
        _command(command, code, block.expected if command == last else None, block.place)


def _begin(command: str) -> subprocess.Popen[bytes]:
    """Start a command that the page leaves running while it goes on."""
    with Path("behind.log").open("ab") as log:
        return subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _end(behind: list[subprocess.Popen[bytes]]) -> None:
    """End what a page left running; it must not have died of itself."""
    codes = [process.poll() for process in behind]
    for process in behind:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert all(code in {None, 0} for code in codes), Path("behind.log").read_text()


def _environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "FEMTOBARN_WORKERS": "2", "PYTHONDONTWRITEBYTECODE": "1"}


def _command(command: str, code: int, expected: str | None, place: str, folder: Path | None = None) -> None:
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == code, f"{place}: {command}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr, f"{place}: {command}\n{done.stderr}"
    if expected is not None and expected.startswith("error:"):
        assert words(done.stderr) == words(expected), f"{place}: {command}"
