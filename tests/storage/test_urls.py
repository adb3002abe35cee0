from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from femtobarn.base.errors import AddressError
from femtobarn.data.storage.guard import is_loopback, is_private
from femtobarn.data.storage.network import Network
from femtobarn.data.storage.urls import alternatives, is_remote, parse, permitted, safe_name, shown

EOS = "root://eospublic.cern.ch//eos/opendata/atlas/f.root"
WEB = "https://opendata.cern.ch/eos/opendata/atlas/f.root"


@pytest.mark.parametrize(
    ("url", "remote"),
    [
        ("https://h/a", True),
        ("HTTP://h/a", True),
        ("root://h//a", True),
        ("roots://h//a", True),
        ("file:///a", False),
        ("/a/b", False),
        ("b.root", False),
        ("ftp://h/a", False),
        ("", False),
        ("a/https://h", False),
    ],
)
def test_what_is_remote(url: str, remote: bool) -> None:
    assert is_remote(url) is remote


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("https://me:secret@h:8443/a/b?token=x#y", "https://h:8443/a/b"),
        ("root://me@h//a?authz=x", "root://h//a"),
        ("https://me:sec/ret@h/a", "https://..."),
        ("https://me:se?cret@h/a", "https://..."),
        ("https://me:1/secret@h/a", "https://..."),
        ("https://h/file@version.root", "https://h/file@version.root"),
        ("https://h?x@y", "https://h"),
        ("https://h/a\r\nLocation: x", "https://h/a??Location: x"),
        ("/data/what?is#this.root", "/data/what?is#this.root"),
        ("https://[::1]:80/a", "https://[::1]:80/a"),
    ],
)
def test_what_is_shown_of_an_address(url: str, seen: str) -> None:
    assert shown(url) == seen


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_no_password_is_shown(password: str) -> None:
    hidden = f"{password}Zq9xW"
    assert "Zq9xW" not in shown(f"https://me:{quote(hidden, safe='')}@h/a?key={hidden}")
    assert "Zq9xW" not in shown(f"https://me:{hidden}@h/a")


@pytest.mark.parametrize(
    "url",
    [
        "https:///a",
        "https://h:99999/a",
        "https://h:0/a",
        "https://h:x/a",
        "https://h/a b",
        "https://h/a\tb",
        "https://h/a\nb",
        "https://h\\@evil/a",
        "https://good@evil@h/a",
        "https://hé/a",
        "https://h/a/../b",
        "https://h/a/%2e%2e/b",
        "https://h/a/.%2E/b",
        "https://h/a/%252e%252e/b",
        "https://h/a/..%2fb",
        "https://h/a/%2e%2e%5cb",
        "https://h/a/..;x/b",
        "https://h/..",
        "root://h//a/../b",
        "ftp://h/a",
        "javascript://h/a",
        "/a/b",
        "",
    ],
)
def test_unclear_addresses_are_refused(url: str) -> None:
    with pytest.raises(AddressError, match="expected"):
        parse(url)


def test_parts_of_an_address() -> None:
    address = parse("HTTPS://me:pw@Host.Example:8443/a/b?x=1#frag")
    assert address.origin == ("https", "host.example", 8443)
    assert (address.user, address.target) == ("me:pw", "/a/b?x=1")
    assert address.place == "https://host.example:8443/a/b"
    assert parse("root://h//eos/a").target == "//eos/a"
    assert parse("https://h").target == "/"


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        ("https://h/a", "https://h/a"),
        ("https://h/a/b", "https://h/a"),
        ("https://h/a/b", "https://h/a/"),
        ("https://H:443/a/b", "HTTPS://h/a"),
        ("https://h/a/b?x=../..", "https://h/a"),
        ("https://me:pw@h/a/b", "https://h/a"),
        ("https://h/%61/b", "https://h/a"),
        ("https://h/a/b", "https://h"),
        ("https://h/a/b", "https://h/"),
        ("root://h:1094//eos/a", "root://h//eos"),
        ("root://h//eos/a", "root://h//"),
        ("http://127.0.0.1:81/a", "http://127.0.0.1:81"),
    ],
)
def test_addresses_below_a_prefix(url: str, prefix: str) -> None:
    permitted(url, ("https://elsewhere/", "/data", prefix))


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        ("https://h/ab", "https://h/a"),
        ("https://h.evil/a", "https://h/a"),
        ("https://evil/https://h/a", "https://h/a"),
        ("https://h@evil/a", "https://h/a"),
        ("https://evil?https://h/a", "https://h/a"),
        ("https://evil#@h/a", "https://h/a"),
        ("https://h:444/a", "https://h/a"),
        ("http://h/a", "https://h/a"),
        ("https://h/A", "https://h/a"),
        ("https://h/a%2fb", "https://h/a/b"),
        ("https://h/", "https://h/a"),
        ("https://h./a", "https://h/a"),
        ("root://h//eosx/a", "root://h//eos"),
        ("root://h//%65os/a", "root://h//eos"),
        ("root://h/eos/a", "root://h//eos"),
        ("https://h/a", "/data"),
        ("https://h/a", ""),
        ("file:///etc/passwd", "https://h"),
        ("ftp://h/a", "ftp://h/a"),
        ("gopher://h/a", "/"),
        ("", "/"),
        ("/a\x00b", "/"),
        ("file://otherhost/data/x", "/data"),
    ],
)
def test_addresses_outside_of_a_prefix(url: str, prefix: str) -> None:
    with pytest.raises(AddressError):
        permitted(url, (prefix,))


def test_without_prefixes_nothing_is_permitted() -> None:
    for url in ("https://h/a", "/a", "a.root"):
        with pytest.raises(AddressError, match="FEMTOBARN_PREFIXES"):
            permitted(url, ())


def test_folders_and_their_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, other = tmp_path / "data", tmp_path / "other"
    (data / "sub").mkdir(parents=True)
    other.mkdir()
    (data / "f.root").touch()
    (other / "secret").touch()
    (data / "out").symlink_to(other)
    (data / "loop").symlink_to(data / "loop")
    (tmp_path / "in").symlink_to(data)
    (data / "linked.root").symlink_to(other / "secret")
    allowed = (str(data),)
    monkeypatch.chdir(data)
    for good in (
        data / "f.root",
        data / "absent.root",
        tmp_path / "in" / "f.root",
        data / "sub" / ".." / "f.root",
        Path("f.root"),
        data / "linked.root",  # a link to a file was put there by who owns the folder
    ):
        permitted(good, allowed)
        permitted(f"file://{good.absolute()}", allowed)
    for bad in (
        data / "out" / "secret",
        data / ".." / "other" / "secret",
        data / "sub" / ".." / ".." / "other" / "secret",
        data / "..",
        tmp_path / "database",
        Path("../other/secret"),
        "file://" + quote(str(data)) + "/%2e%2e/other/secret",
        data / "loop" / "x",
    ):
        with pytest.raises(AddressError):
            permitted(bad, allowed)


_name = st.text(st.sampled_from("ab.%2ef/\\;@:?#"), max_size=12)


@given(_name, st.sampled_from(["https", "root"]))
def test_what_is_permitted_stays_below(tail: str, scheme: str) -> None:
    """Whatever follows a prefix without its slash: permitted only if it is truly below."""
    prefix = f"{scheme}://h//x/ok"
    try:
        permitted(prefix + tail, (prefix,))
    except AddressError:
        return
    address = parse(prefix + tail)
    assert address.host == "h"
    assert ".." not in [part.partition(";")[0] for part in address.segments]
    assert os.path.normpath("/".join(address.segments)).startswith(("/x/ok", "x/ok"))


@given(st.text(max_size=300))
def test_a_safe_name_is_one_component(text: str) -> None:
    name = safe_name(text)
    assert 0 < len(name.encode()) <= 180
    assert name == Path(name).name
    assert not name.startswith((".", "-"))
    assert name.isascii()
    assert name.isprintable()
    assert " " not in name
    assert safe_name(name) == name
    assert (name == text) or (safe_name(text + "x") != name)


@pytest.mark.parametrize(
    "text", ["", ".", "..", "/", "a/b", "../a", "\x00", "a\nb", "~", "é", ".hidden", "-rf"]
)
def test_hostile_names_are_changed(text: str) -> None:
    name = safe_name(text)
    assert name != text
    assert (Path("/store") / name).parent == Path("/store")


def test_names_keep_their_ending() -> None:
    assert safe_name("mc_345060.ggH125_ZZ4lep.4lep.root") == "mc_345060.ggH125_ZZ4lep.4lep.root"
    assert safe_name("a b.root").endswith(".root")
    assert safe_name("x" * 400 + ".root").endswith(".root")
    assert safe_name("a/b.root") != safe_name("a_b.root")


def test_where_else_a_file_is() -> None:
    plain = Network()
    assert alternatives(EOS, plain) == (EOS, WEB)
    assert alternatives(WEB, plain) == (WEB, EOS)
    assert alternatives(EOS.replace("//eos/", ":1094//eos/", 1).replace("ch:", "ch:"), plain)[1:] == (WEB,)
    assert alternatives(WEB.replace("https", "http"), plain)[1:] == (WEB, EOS)
    assert alternatives("https://h/eos/f", plain) == ("https://h/eos/f",)
    assert alternatives(EOS + "?authz=secret", plain)[1] == WEB  # a login of one place is not for the others


def test_mirrors_of_this_machine() -> None:
    near = Network(mirrors=(("root://eospublic.cern.ch//eos/opendata", "http://near:8080/od/"),))
    assert alternatives(EOS, near) == (EOS, "http://near:8080/od/atlas/f.root", WEB)
    assert alternatives("root://eospublic.cern.ch//eos/opendatax/f", near)[1:] == (
        "https://opendata.cern.ch/eos/opendatax/f",
    )
    replaced = Network(mirrors=(("root://eospublic.cern.ch//eos", "https://other/eos"),))
    assert alternatives(EOS, replaced) == (EOS, "https://other/eos/opendata/atlas/f.root")
    whole = Network(mirrors=(("root://h//", "https://m"),))
    assert alternatives("root://h//a/b", whole) == ("root://h//a/b", "https://m/a/b")


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("172.16.0.1", True),
        ("192.168.1.1", True),
        ("169.254.169.254", True),
        ("100.64.0.1", True),
        ("0.0.0.0", True),
        ("224.0.0.1", True),
        ("255.255.255.255", True),
        ("::1", True),
        ("::", True),
        ("fe80::1%eth0", True),
        ("fd00::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", True),
        ("64:ff9b::7f00:1", True),
        ("2002:7f00:1::1", True),
        ("ff02::1", True),
        ("not an address", True),
        ("188.184.100.1", False),
        ("2001:1458:201::1", False),
        ("::ffff:188.184.100.1", False),
        ("64:ff9b::bcb8:6401", False),
    ],
)
def test_private_addresses(address: str, private: bool) -> None:
    assert is_private(address) is private


def test_names_of_this_machine() -> None:
    assert all(is_loopback(host) for host in ("localhost", "LOCALHOST.", "a.localhost", "127.9.9.9", "[::1]"))
    assert not any(is_loopback(host) for host in ("localhost.evil", "h", "10.0.0.1", ""))
