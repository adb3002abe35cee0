"""Compiled code that is kept: loaded by the next process, trusted only from the user's own folder."""

from __future__ import annotations

import ctypes
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from femtobarn.base import objectcode, private
from femtobarn.base.errors import RunError
from femtobarn.base.objectcode import compiled

SQUARE = """
define i64 @square(i64 %x) {
  %y = mul i64 %x, %x
  ret i64 %y
}
"""
SINH = """
declare double @sinh(double)
declare double @own(double)
define double @f(double %x) {
  %y = call double @sinh(double %x)
  %z = call double @own(double %y)
  ret double %z
}
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FEMTOBARN_CACHE", str(tmp_path))
    monkeypatch.setattr(objectcode, "_loaded", {})
    return tmp_path


class Builder:
    def __init__(self, text: str) -> None:
        self.text, self.calls = text, 0

    def __call__(self) -> str:
        self.calls += 1
        return self.text


def square(builder: Builder, key: str = "square") -> int:
    address = compiled(key, builder, ["square"])["square"]
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(address)(12)


def names(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "kind").iterdir())


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do as if this were a new process."""
    monkeypatch.setattr(objectcode, "_loaded", {})


def test_code_is_built_once(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    builder = Builder(SQUARE)
    assert square(builder) == 144
    assert square(builder) == 144
    forget(monkeypatch)
    assert square(builder) == 144
    assert builder.calls == 1
    assert square(builder, "another key") == 144
    assert builder.calls == 2
    assert (cache / "code").stat().st_mode & 0o777 == 0o700
    assert len(list((cache / "code").iterdir())) == 2


@pytest.mark.parametrize(
    ("what", "other"),
    [("version", lambda _name: "0"), ("_processor", lambda: ("generic", ""))],
    ids=["version", "processor"],
)
def test_another_processor_or_version_is_another_code(
    monkeypatch: pytest.MonkeyPatch, what: str, other: Callable[..., object]
) -> None:
    builder = Builder(SQUARE)
    assert square(builder) == 144
    monkeypatch.setattr(objectcode, what, other)
    assert square(builder) == 144
    assert builder.calls == 2


@pytest.mark.parametrize("kept", [0, 10, 60, -1])
def test_a_damaged_file_is_built_again(monkeypatch: pytest.MonkeyPatch, cache: Path, kept: int) -> None:
    builder = Builder(SQUARE)
    square(builder)
    (path,) = (cache / "code").iterdir()
    path.write_bytes(path.read_bytes()[:kept])
    for calls in (2, 2):
        forget(monkeypatch)
        assert square(builder) == 144
        assert builder.calls == calls


def test_a_folder_that_is_open_to_others_is_not_used(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    (cache / "code").mkdir(mode=0o755)
    (cache / "code").chmod(0o755)
    builder = Builder(SQUARE)
    for calls in (1, 2):
        forget(monkeypatch)
        assert square(builder) == 144
        assert builder.calls == calls
    assert list((cache / "code").iterdir()) == []


def test_a_link_in_the_place_of_the_folder_or_a_file(
    monkeypatch: pytest.MonkeyPatch, cache: Path, tmp_path: Path
) -> None:
    builder = Builder(SQUARE)
    square(builder)
    (path,) = (cache / "code").iterdir()
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    forget(monkeypatch)
    assert square(builder) == 144
    assert builder.calls == 2
    (cache / "code").rename(tmp_path / "folder")
    (cache / "code").symlink_to(tmp_path / "folder")
    assert private.load("code", path.name) is None


def test_a_folder_of_another_user_is_not_used(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    private.keep("kind", "name", b"content", most=5)
    assert private.load("kind", "name") == b"content"
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert private.load("kind", "name") is None


def test_a_file_of_another_user_is_not_used(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    private.keep("kind", "name", b"content", most=5)
    assert private.load("kind", "name") == b"content"
    real = os.fstat

    def others(handle: int) -> os.stat_result:
        found = list(real(handle))
        found[stat.ST_UID] += 1
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", others)  # the folder is looked at in another way
    assert private.load("kind", "name") is None


def test_the_oldest_files_go(cache: Path) -> None:
    for number in range(6):
        private.keep("kind", str(number), b"", most=4)
        os.utime(cache / "kind" / str(number), ns=(number, number))
    assert names(cache) == ["2", "3", "4", "5"]


def test_what_is_used_stays(cache: Path) -> None:
    for number in range(4):
        private.keep("kind", str(number), b"", most=4)
        os.utime(cache / "kind" / str(number), ns=(number, number))
    assert private.load("kind", "0") == b""
    private.keep("kind", "4", b"", most=4)
    assert names(cache) == ["0", "3", "4"], "room is made for a tenth"


def test_the_folder_is_not_listed_for_each_file(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    for name in ("scandir", "listdir"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda path, real=real: (looked.append(path), real(path))[1])
    for number in range(330):
        private.keep("kind", f"{number:03d}", b"", most=200)
        os.utime(cache / "kind" / f"{number:03d}", ns=(number, number))
    assert 1 <= len(looked) <= 330 // 10 + 1
    kept = names(cache)
    assert 180 <= len(kept) <= 210
    assert kept == [f"{number:03d}" for number in range(330 - len(kept), 330)]


def test_what_killed_writers_left_goes(cache: Path) -> None:
    private.keep("kind", "first", b"", most=4)
    old, new = cache / "kind" / ".old", cache / "kind" / ".new"
    old.touch()
    new.touch()
    os.utime(old, ns=(0, 0))
    private.keep("kind", "second", b"", most=4)
    assert names(cache) == [".new", "first", "second"]


def test_no_cache_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FEMTOBARN_CACHE", str(tmp_path / "file" / "cache"))
    assert square(Builder(SQUARE)) == 144


def test_functions_from_outside(cache: Path) -> None:
    own = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(lambda x: x + 1)
    address = ctypes.cast(own, ctypes.c_void_p).value
    assert address is not None
    found = compiled("sinh", Builder(SINH), ["f"], {"own": address})["f"]
    assert ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(found)(0.0) == 1.0


@pytest.mark.parametrize(
    ("text", "functions", "message"),
    [
        ("rubbish", ["f"], "valid LLVM IR"),
        (SQUARE, ["cube"], "lacks cube"),
        (
            "declare void @nowhere_at_all()\ndefine void @f() {\n call void @nowhere_at_all()\n ret void\n}",
            ["f"],
            "nowhere_at_all",
        ),
    ],
)
def test_code_that_cannot_be_used(text: str, functions: list[str], message: str) -> None:
    with pytest.raises(RunError, match=message):
        compiled(message, Builder(text), functions)


def test_many_threads_get_one_code() -> None:
    builder = Builder(SQUARE)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: compiled("square", builder, ["square"])["square"], range(50)))
    assert len(set(found)) == 1
    assert builder.calls == 1


def test_importing_loads_no_compiler() -> None:
    code = "import sys, femtobarn.base.objectcode, femtobarn.data.columns.fast.native; print({'numba', 'llvmlite'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
