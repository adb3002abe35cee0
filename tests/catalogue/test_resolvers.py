"""Names, addresses and lists that stand for files."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from femtobarn.base.errors import (
    FemtobarnError,
    NothingToDoError,
    SettingsError,
    UnknownNameError,
    UsageError,
)
from femtobarn.data import catalogue
from femtobarn.data.catalogue import resolvers
from femtobarn.data.catalogue.resolvers import Remote, at_address, read_list, resolve, wanted

NEW = "2025e-13tev-beta"
DATA_D = "ODEO_FEB2025_v0_exactly4lep_data15_periodD.exactly4lep.root"
PATH = f"/eos/opendata/atlas/rucio/opendata/{DATA_D}"


def test_records() -> None:
    found = resolve("record:93924")
    assert found is not None
    assert [f.period for f in found[:2]] == ["data15_periodD", "data15_periodE"]
    assert (len(found), {f.release for f in found}, {f.kind for f in found}) == (16, {NEW}, {"data"})
    assert (found[0].name, found[0].size, found[0].adler32) == (DATA_D, 2219662, "35ffb644")
    assert found[0].url == f"root://eospublic.cern.ch/{PATH}"
    assert resolve("record: 93928") == tuple(resolvers.of_file(f) for f in catalogue.by_record(93928))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("record:80010", r"\(ATLAS DAOD_PHYSLITE.*femtobarn catalogue refresh record:80010"),
        ("record:123456", "femtobarn catalogue refresh record:123456"),
        ("record:15010", "refresh record:15010"),  # another format than the release's
        ("record:", "Expected the number of a portal record"),
        ("record:0", "Expected the number"),
        ("record:-1", "Expected the number"),
        ("record:../../x", "Expected the number"),
        ("record:١٢", "Expected the number"),
    ],
)
def test_records_that_are_not_known(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        resolve(text)


@pytest.mark.parametrize(
    "text",
    ["", "data", "data/x.root", "nothing:1", "C:/x", "record", "root://h//record:1", "https://h/x", ":1"],
)
def test_what_is_no_name_of_a_resolver(text: str) -> None:
    assert resolve(text) is None


@dataclass
class Point:
    """An entry point of another package."""

    load: Callable[[], Any]
    value: str = "other:thing"


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], Any]], None]:
    def register(function: Callable[[str], Any]) -> None:
        monkeypatch.setattr(resolvers, "_points", lambda: {"lake": Point(lambda: function)})

    return register


def test_resolvers_of_others(other: Callable[[Callable[[str], Any]], None]) -> None:
    asked: list[str] = []

    def found(rest: str) -> list[Any]:
        asked.append(rest)
        return [
            Remote("x.root", "root://h//x.root"),
            SimpleNamespace(name="y", url="https://h/y", size=3, more=1),
        ]

    other(found)
    assert resolve("lake:scope:name") == (
        Remote("x.root", "root://h//x.root"),
        Remote("y", "https://h/y", size=3),
    )
    assert asked == ["scope:name"]


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda rest: 1 / 0, r"'lake'.*other:thing.*failed on 'lake:x': ZeroDivisionError"),
        (lambda rest: None, "TypeError"),
        (lambda rest: [1], "expected files with name and url, but name"),
        (lambda rest: [SimpleNamespace(name="x")], "but url"),
        (lambda rest: [SimpleNamespace(name="x", url="y", size="x")], "but size"),
        (lambda rest: [SimpleNamespace(name="x", url="y", kind="toy")], "but kind"),
    ],
)
def test_resolvers_that_fail(
    function: Callable[[str], Any], said: str, other: Callable[[Callable[[str], Any]], None]
) -> None:
    other(function)
    with pytest.raises(SettingsError, match=said):
        resolve("lake:x")


def test_own_errors_of_resolvers_stay(other: Callable[[Callable[[str], Any]], None]) -> None:
    def unknown(rest: str) -> Any:
        raise UnknownNameError("dataset", rest, ["a"])

    other(unknown)
    with pytest.raises(UnknownNameError, match="'x' is not a known dataset"):
        resolve("lake:x")


@pytest.mark.parametrize(
    "url",
    [
        f"root://eospublic.cern.ch/{PATH}",
        f"root://eospublic.cern.ch:1094//{PATH}",
        f"https://opendata.cern.ch{PATH}",
        f"http://127.0.0.1:8000/{PATH}?token=1",
    ],
)
def test_published_addresses_and_mirrors_have_size_and_checksum(url: str) -> None:
    found = at_address(url)
    assert (found.url, found.name, found.size, found.adler32) == (url, DATA_D, 2219662, "35ffb644")
    assert (found.release, found.skim, found.period) == (NEW, "exactly4lep", "data15_periodD")


def test_a_name_alone_says_nothing_of_the_bytes() -> None:
    found = at_address(f"https://elsewhere.example/mine/{DATA_D}")
    assert (found.size, found.adler32) == (None, None)
    assert (found.release, found.skim, found.kind, found.period) == (
        NEW,
        "exactly4lep",
        "data",
        "data15_periodD",
    )
    assert at_address("https://h/a/b%20c.root?x=1") == Remote("b c.root", "https://h/a/b%20c.root?x=1")
    assert at_address("https://h/").name == "https://h/"
    assert at_address("https://[h/x.root").name == "x.root"


def test_what_an_analysis_wants() -> None:
    found = wanted(NEW, "exactly4lep", [700600, 345060, 1], ["data16_periodL", "data15_periodD", "never"])
    assert [f.dsid or f.period for f in found] == [700600, 345060, "data16_periodL", "data15_periodD"]
    assert all(f.size and f.adler32 and f.skim == "exactly4lep" for f in found)
    assert wanted(NEW, "exactly4lep", [700600, 700600], []) == found[:1]
    with pytest.raises(UnknownNameError, match="Did you mean 'exactly4lep'"):
        wanted(NEW, "exactly4leps", [], [])
    with pytest.raises(UsageError, match="femtobarn catalogue refresh 2016e-8tev"):
        wanted("2016e-8tev", "4lep", [], [])


def test_a_list(tmp_path: Path) -> None:
    path = tmp_path / "files.txt"
    lines = (
        "# mine",
        "",
        f"root://eospublic.cern.ch/{PATH}  # the first",
        "  sub/data_A.4lep.root ",
        "/abs/x#1.root",
        "file:///abs/y%20z.root",
        f"https://h/{DATA_D}",
    )
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    first, second, third, fourth, fifth = read_list(path)
    assert (first.size, first.adler32) == (2219662, "35ffb644")
    assert (second.url, second.size, second.release) == (
        str(tmp_path / "sub/data_A.4lep.root"),
        None,
        "2020e-13tev",
    )
    assert (third.name, third.url, fourth.url) == ("x#1.root", "/abs/x#1.root", "/abs/y z.root")
    assert (fifth.size, fifth.period) == (None, "data15_periodD")
    bare = [first.url, "sub/data_A.4lep.root", third.url, "file:///abs/y%20z.root", fifth.url]
    path.write_text(json.dumps(bare))
    assert read_list(path) == (first, second, third, fourth, fifth)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"root\x00\x00\xfe\xff" + bytes(range(256)), "is not text"),
        (b"a\0b", "number 1 is"),
        (b"[1, 2]", "number 1 is '1'"),
        (b'["a", null]', "number 2 is 'None'"),
        (b'["a", " "]', "number 2 is ' '"),
        (b'["a"', "expected a list of files in JSON"),
        (b"[" * 100_000, "expected a list of files in JSON"),
        (b"file:///x%00.root", "expected paths, or addresses"),
        (b"ftp://h/x.root", "expected paths, or addresses that begin with"),
        (b"https:/h/x.root\ngsiftp://h/x", "got 'gsiftp://h/x'"),
    ],
)
def test_lists_that_are_none(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "files.txt"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=said):
        read_list(path)


@pytest.mark.parametrize("content", ["", "\n\n", "# only\n  # comments\n", "[]", "\ufeff"])
def test_empty_lists(content: str, tmp_path: Path) -> None:
    path = tmp_path / "files.txt"
    path.write_text(content)
    with pytest.raises(NothingToDoError, match="it names none"):
        read_list(path)


def test_lists_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_list(tmp_path / "absent.txt")
    with pytest.raises(UsageError, match="directory"):
        read_list(tmp_path)
    path = tmp_path / "long.txt"
    path.write_text("x.root\n" * 100)
    monkeypatch.setattr(resolvers, "LARGEST_LIST", 10)
    with pytest.raises(UsageError, match="more than 10 bytes"):
        read_list(path)


def test_a_long_list(tmp_path: Path) -> None:
    path = tmp_path / "files.txt"
    path.write_text("".join(f"https://h/{number}.root\n" for number in range(50_000)))
    found = read_list(path)
    assert (len(found), found[-1].url) == (50_000, "https://h/49999.root")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_any_content_is_a_list_or_an_error_of_ours(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "any.txt"
    path.write_bytes(content)
    with suppress(FemtobarnError):
        found = read_list(path)
        assert found
        assert all(f.name and f.url for f in found)


@given(st.text(max_size=60))
def test_any_text_is_resolved_or_an_error_of_ours(text: str) -> None:
    try:
        assert resolve(f"record:{text}")
    except UsageError:
        assert text.strip() not in {str(r.record) for r in catalogue.records() if r.release == NEW} or not (
            catalogue.by_record(int(text))
        )
