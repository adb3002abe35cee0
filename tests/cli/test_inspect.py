"""``femtobarn inspect``: what is printed, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from tests.storage.servers import FaultServer

from femtobarn.cli import main
from femtobarn.data.formats.userfile import load_format

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(["inspect", *map(str, words)])
        out, err = capsys.readouterr()
        return (end.value.code if isinstance(end.value.code, int) else 0), out, err

    return call


@pytest.fixture(scope="module")
def ntuple(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ntuple") / "mine.root"
    lists = ak.Array([[25_000.0, 12_000.0]] * 50)
    columns = {
        "Lep_pt": lists,
        "Lep_eta": lists,
        "Lep_phi": lists,
        "RunNumber": np.ones(50, dtype=np.int32),
        "something": np.zeros(50),
    }
    types = {k: "var * float64" if v is lists else v.dtype for k, v in columns.items()}
    with uproot.recreate(path) as file:
        file.mktree("nominal", types).extend(columns)
        file.mktree("more", {"something": np.int32}).extend({"something": np.zeros(3, dtype=np.int32)})
        file["h"] = np.histogram(np.arange(10.0))
    return path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "file.root"
    columns = {"a\x1b[31mb": np.zeros(2), "c\x9b2J": np.zeros(2), "[red]d[/red]\r": np.zeros(2)}
    with uproot.recreate(path) as file:
        file.mktree("t\x07\x1b]0;x\x07", dict.fromkeys(columns, np.float64), title="\x1b[2J").extend(columns)
    return path


def test_the_whole(run: Run, ntuple: Path) -> None:
    code, text, error = run(ntuple)
    lines = [line.rstrip() for line in text.splitlines()]
    assert (code, error, lines[0]) == (0, "", "mine.root")
    assert lines == text.splitlines()  # no spaces at ends
    assert "  h  TH1D" in lines
    assert "tree nominal" in lines
    assert "tree more" in lines
    assert "  format         not known" in lines
    assert any(line.split()[:3] == ["Lep_pt", "double[]", "float64[]"] for line in lines)
    assert "  size           " in text


def test_some_branches(run: Run, ntuple: Path) -> None:
    code, text, _ = run(ntuple, "--branches", "Lep_p*")
    names = [line.split()[0] for line in text.splitlines()]
    assert (code, names) == (0, ["tree", "branch", "Lep_pt", "Lep_phi"])
    code, text, _ = run(ntuple, "--branches", "something")
    assert text.count("something") == 2
    code, text, error = run(ntuple, "--branches", "lep_pt")
    assert (code, text) == (2, "")
    assert "Did you mean 'Lep_pt'?" in error


def test_json(run: Run, ntuple: Path) -> None:
    code, text, _ = run(ntuple, "--json")
    found = json.loads(text)
    assert code == 0
    assert (found["name"], found["format"], found["size"]) == ("mine.root", None, ntuple.stat().st_size)
    assert [tree["name"] for tree in found["trees"]] == ["nominal", "more"]
    assert [key["name"] for key in found["objects"]] == ["h"]
    _, text, _ = run(ntuple, "--json", "--branches", "*_eta")
    (tree,) = json.loads(text)["trees"]
    assert [branch["name"] for branch in tree["branches"] if branch["shape"] == "list"] == ["Lep_eta"]


def test_hostile_names_do_nothing_to_the_terminal(run: Run, hostile: Path, tmp_path: Path) -> None:
    for words in ([], ["--all"], ["--json"], ["--branches", "*"], ["--draft", tmp_path / "d.toml"]):
        code, text, error = run(hostile, *words)
        assert (code, error) == (0, "")
        assert all(c.isprintable() or c == "\n" for c in text)
        assert "[red]d[/red]" in text or "--draft" in words
    _, text, error = run(hostile, "--branches", "\x1b[31m")
    assert all(c.isprintable() or c == "\n" for c in text + error)


def test_a_draft(run: Run, ntuple: Path, tmp_path: Path) -> None:
    place = tmp_path / "my.toml"
    code, text, _ = run(ntuple, "--draft", place)
    assert code == 0
    fmt = load_format(place)
    assert (fmt.release, fmt.tree, fmt.fields["lep.pt"].unit) == ("my", "nominal", "MeV")
    assert f"{len(fmt.fields)} fields" in text
    assert f"--format {place}" in text
    assert "lep.e needs a branch" in text
    assert "muon: pt eta phi e" in text
    before = place.read_bytes()
    code, _, error = run(ntuple, "--draft", place)
    assert (code, place.read_bytes()) == (2, before)
    assert "a draft replaces no file" in error
    assert [path.name for path in tmp_path.iterdir()] == ["my.toml"]


@pytest.mark.parametrize("name", ["2020e-13tev.toml", "my ntuple.toml", "é.toml", "_x.toml"])
def test_a_draft_has_a_name_that_can_be_used(run: Run, ntuple: Path, tmp_path: Path, name: str) -> None:
    assert run(ntuple, "--draft", tmp_path / name)[0] == 0
    assert load_format(tmp_path / name).release == "my-ntuple"


def test_nowhere_to_write_a_draft(run: Run, ntuple: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, error = run(ntuple, "--draft", tmp_path / "file" / "d.toml")
    assert (code, "Expected to write" in error) == (2, True)
    code, _, error = run(ntuple, "--draft", tmp_path / "d.toml", "--json")
    assert (code, "--draft and --json" in error, (tmp_path / "d.toml").exists()) == (2, True, False)


def test_no_draft_without_trees(run: Run, tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "h.root") as file:
        file["h"] = np.histogram(np.arange(10.0))
    code, _, error = run(tmp_path / "h.root", "--draft", tmp_path / "d.toml")
    assert (code, "at least one tree" in error, (tmp_path / "d.toml").exists()) == (1, True, False)


def test_faults_are_one_paragraph(run: Run, ntuple: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.root"
    part.write_bytes(ntuple.read_bytes()[:9000])
    text_file = tmp_path / "text.root"
    text_file.write_text("no root file")
    for path, expected, words in (
        (part, 1, "truncated ROOT file"),
        (text_file, 1, "expected a ROOT file"),
        (tmp_path, 1, str(tmp_path)),
        (tmp_path / "absent.root", 2, "does not exist"),
    ):
        code, text, error = run(path)
        assert (code, text) == (expected, "")
        assert words in error
        assert len(error.strip().splitlines()) == 1
        assert "Traceback" not in error


@pytest.fixture
def server(ntuple: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FaultServer]:
    monkeypatch.setenv("FEMTOBARN_CACHE", str(tmp_path / "cache"))
    for name in ("HTTP_PROXY", "http_proxy", "FEMTOBARN_SHARED_CACHE"):
        monkeypatch.delenv(name, raising=False)
    with FaultServer({"/data/mine.root": ntuple.read_bytes()}) as made:
        yield made


@pytest.mark.parametrize("small", ["1", "1000000"])
def test_an_address(
    run: Run, server: FaultServer, ntuple: Path, monkeypatch: pytest.MonkeyPatch, small: str
) -> None:
    monkeypatch.setenv("FEMTOBARN_CACHE_SMALL", small)
    address = server.url("/data/mine.root")
    code, text, error = run(f"{address}?token=secret", "--json")
    assert (code, error) == (0, "")
    found, here = json.loads(text), json.loads(run(ntuple, "--json")[1])
    assert found.pop("place") == address
    assert here.pop("place") == str(ntuple)
    assert found == here
    code, text, error = run(server.url("/data/absent.root"))
    assert (code, text) == (1, "")
    assert "absent.root" in error


@pytest.mark.realdata
def test_a_real_file(run: Run, realdata: Path) -> None:
    code, text, _ = run(realdata / "2020e-13tev/4lep/mc_361106.Zee.4lep.root")
    words = " ".join(text.split())
    assert code == 0
    assert "format 2020e-13tev, by what is in it" in words
    assert "its name says 2020e-13tev, skim 4lep, simulation, dataset 361106" in words
    assert (
        "898; simulation; dataset 361106 (Zee); cross-section 1950.53 pb; sum of weights 1.502775869e+11"
        in words
    )
    assert "catalogue another edition: expected 299577 bytes" in words
    assert "lep pt eta phi e type charge" in words
    assert "... and 41 more: --all lists them" in words
    assert "lep_pt std::vector<float> float32[]" in words
    _, text, _ = run(realdata / "2020e-13tev/4lep/mc_361106.Zee.4lep.root", "--all")
    assert "more: --all" not in text
    assert len([line for line in text.splitlines() if " float32[] " in line]) == 39
