"""A scan where an analysis may stand: found, planned, run by a configuration, repeated; and what it refuses."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.running.toys import DATA_RUN, RELEASE

import femtobarn as fb
from femtobarn.api import runs
from femtobarn.api.scans import files_of, only
from femtobarn.api.targets import wanted_files
from femtobarn.base.errors import NothingToDoError, SettingsError, TypesError, UsageError
from femtobarn.cli.main import main
from femtobarn.data import catalogue
from femtobarn.data.formats.userfile import hand_in
from femtobarn.physics.analyses import find_analysis
from femtobarn.physics.spectra import places
from femtobarn.physics.spectra.config import InputsConfig
from femtobarn.physics.spectra.scan import Scan, load_scan

from .events import write_config, write_events


def command(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(w) for w in words])
    return int(ended.value.code or 0)


def scan(folder: Path, **changes: Any) -> Scan:
    return load_scan(write_config(folder / "scan.yaml", **changes))


def test_a_configuration_is_found_like_an_analysis(tmp_path: Path) -> None:
    path = write_config(tmp_path / "scan.yaml")
    for name in (path, str(path)):
        found = find_analysis(name)
        assert isinstance(found, Scan)
        assert (found.name, found.releases, found.inputs, found.options) == ("toyscan", (RELEASE,), {}, {})
        assert found.title == "Mass spectra: toyscan"
    short = path.rename(tmp_path / "Other one.YML")
    assert isinstance(find_analysis(short), Scan)
    assert runs.find(found) is found
    with pytest.raises(TypesError, match="a Python or YAML file or an Analysis, not int"):
        runs.find(5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("file", "name"),
    [("my scan.yaml", "my-scan"), ("...yaml", "scan"), ("ä.b.yml", "b"), ("x" * 120 + ".yaml", "x" * 100)],
)
def test_without_a_name_that_of_the_file_is_taken(tmp_path: Path, file: str, name: str) -> None:
    path = tmp_path / file
    path.write_text(f"release: {RELEASE}\nobjects: {{jet: {{}}}}\ntitle: Jets")
    found = load_scan(path)
    assert (found.name, found.title) == (name, "Jets")
    assert found.freeze().name == name


def test_a_scan_is_frozen_for_its_release_and_mode(tmp_path: Path) -> None:
    found = scan(tmp_path)
    spec = found.freeze()
    assert spec == found.freeze(release=RELEASE, mode="physics", options={})
    assert (spec.spectra, spec.release, spec.inputs.skim) == (found.record, RELEASE, None)
    with pytest.raises(SettingsError, match="is of release 2025e-13tev-beta, not 2020e-13tev"):
        found.freeze(release="2020e-13tev")
    with pytest.raises(SettingsError, match=r"has no mode 'notebook' .* Leave --mode out"):
        found.freeze(mode="notebook")
    with pytest.raises(SettingsError, match="has no options, but got width"):
        found.freeze(options={"width": 5})


def test_only_what_is_filled_is_the_identity(tmp_path: Path) -> None:
    first = scan(tmp_path).freeze().identity
    assert scan(tmp_path, name="other", output={"gallery": False}).freeze().identity == first
    assert scan(tmp_path, width=5).freeze().identity != first


def test_places_are_beside_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [
        "a.root",
        "../b",
        "/c/*.root",
        "https://host.example/d.root",
        "root://host.example//e",
        "record:15005",
    ]
    found = scan(tmp_path, inputs={"files": files, "records": [93910], "kind": "mc"})
    assert found.data == (
        str(tmp_path / "a.root"), str(tmp_path.parent / "b"), "/c/*.root", *files[3:], "record:93910",
    )  # fmt: skip
    assert found.kind == "mc"
    monkeypatch.setenv("HOME", "/home/me")
    assert scan(tmp_path, inputs={"files": ["~/x"]}).data == ("/home/me/x",)


def test_all_records_of_a_release() -> None:
    assert places.of_release("2024r-pp", "data", None) == ("record:80000", "record:80001")
    assert places.of_release("2024r-pp", "mc", None) == tuple(f"record:{n}" for n in range(80010, 80019))
    assert places.of_release("2016e-8tev", "data", None) == ("record:390", "record:391")
    assert len(places.of_release("2016e-8tev", None, None)) == 44
    assert places.of_release("2025e-13tev-beta", "data", "4lep") == ("record:93918",)
    assert places.of_release("2025e-13tev-beta", None, "4lep") == ("record:93918", "record:93932")
    with pytest.raises(
        UsageError, match=r"in several preselections. Choose one with inputs.skim \(1largeRjet1lep"
    ):
        places.of_release("2020e-13tev", None, None)
    with pytest.raises(UsageError, match="the catalogue has no files of data of release cms-nanoaod"):
        places.of_release("cms-nanoaod", "data", None)


def test_what_a_record_holds_is_what_its_files_are() -> None:
    """Where the catalogue has the files of a record, its title says the same."""
    for release in ("2020e-13tev", "2025e-13tev-beta"):
        kinds: dict[int, set[str]] = {}
        for skim in catalogue.release(release).skims:
            for file in catalogue.release(release).files(skim):
                kinds.setdefault(file.record, set()).add(str(file.kind))
        said = {r.record: places.kind_of(r) for r in catalogue.records() if r.release == release}
        assert kinds
        assert all(
            said[number] in {None, *(found if len(found) == 1 else ())} for number, found in kinds.items()
        )
    research = [r for r in catalogue.records() if r.release == "2024r-pp"]
    assert {r.record for r in research if places.kind_of(r) is None} == {80020}
    assert sum(r.files or 0 for r in research if r.record != 80020) == 70611


def test_records_of_a_release_that_the_catalogue_has_not_may_be_named() -> None:
    places.check(InputsConfig(records=(30529,)), "cms-nanoaod")
    with pytest.raises(SettingsError, match="got 15005, which is one of 2020e-13tev"):
        places.check(InputsConfig(records=(15005,)), "cms-nanoaod")


def test_settings_of_the_run(tmp_path: Path) -> None:
    path = write_config(
        tmp_path / "scan.yaml",
        run={
            "workers": 3,
            "executor": "batch",
            "executor_options": {"jobs": 5, "memory": "2GB"},
            "strict": True,
        },
        output={"figures": False},
    )
    found = load_scan(path)
    assert found.settings == {
        "workers": 3, "executor": "batch", "executor_options": (("jobs", "5"), ("memory", "2GB")), "strict": True,
        "figures": False,
    }  # fmt: skip
    plain = runs.settings_of({}, found)
    assert (plain.workers, plain.executor, plain.strict, plain.figures) == (3, "batch", True, False)
    told = runs.settings_of({"workers": 1, "strict": False, "executor_options": ()}, found)
    assert (told.workers, told.strict, told.executor_options) == (1, False, plain.executor_options)
    other = runs.settings_of({"executor": "local"}, found)
    assert (other.executor, other.executor_options) == ("local", ())


def test_the_configuration_says_what_is_read(folder: Path, tmp_path: Path) -> None:
    path = write_config(
        tmp_path / "scan.yaml",
        inputs={"files": [str(folder)], "kind": "data"},
        run={"max_files": 2, "part_bytes": 12345},
    )
    planned = runs.plan(path)
    assert {f.kind for f in planned.files} == {"data"}
    assert len(planned.files) == 2
    assert [p.name for p in runs.prepare(path).spec.inputs.processes] == ["data"]
    reasons = {f.name: f.reason for f in runs.prepare(path).inputs.skipped}
    assert len(reasons) == 2
    assert set(reasons.values()) == {"it holds mc, the scan reads data"}
    simulated = runs.prepare(write_config(path, inputs={"files": [str(folder)], "kind": "mc"}))
    assert {f.kind for f in simulated.inputs.files} == {"mc"}
    both = runs.prepare(write_config(path), folder)
    assert [f.kind for f in both.inputs.files] == ["data"] * 3 + ["mc"] * 2
    assert only(both.inputs, None) is both.inputs


def test_what_files_hold_that_do_not_say_it(tmp_path: Path) -> None:
    file = write_events(tmp_path / "unnamed.root", 20, channel=DATA_RUN)
    config = write_config(tmp_path / "scan.yaml", inputs={"files": ["unnamed.root"], "kind": "data"})
    assert [f.kind for f in runs.prepare(config).inputs.files] == ["data"]
    assert [f.name for f in runs.prepare(config, file).inputs.files] == ["unnamed.root"]


def test_a_run_can_be_repeated(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_config(
        tmp_path / "my scan.yaml", inputs={"files": [str(folder)], "kind": "data"}, run={"max_files": 1},
        combinations={"most_total": 2}, output={"figures": False, "gallery": False},
    )  # fmt: skip
    ready = runs.prepare(path)
    repeated = runs.repeat(path, None, ready, tmp_path / "out")
    assert repeated == runs.repeat(load_scan(path), None, ready, tmp_path / "out")
    words = shlex.split(repeated)
    assert words[:3] == ["femtobarn", "run", str(path)]
    assert "--data" not in words
    assert {"--max-files", "--no-figures"} <= set(words)
    assert command(*words[1:], "--workers", 0) == 0
    first = fb.load(tmp_path / "out")
    assert first.info.events_processed > 0
    again = fb.run(path, workers=0, out=tmp_path / "again")
    assert again.spec.identity == first.spec.identity
    capsys.readouterr()


def test_words_of_the_command_line_go_first(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_config(
        tmp_path / "scan.yaml", inputs={"files": [str(folder)]}, run={"access": "stream", "max_files": 1}
    )
    assert command("plan", path) == 0
    few = capsys.readouterr().out
    assert command("plan", path, "--max-files", 2) == 0
    more = capsys.readouterr().out
    assert ("3 files," in few, "4 files," in more) == (True, True)
    assert command("run", path, "--out", str(tmp_path / "out"), "--mode", "notebook") == 2
    assert "has no mode 'notebook'" in capsys.readouterr().err


def test_what_a_scan_cannot_do(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, file = write_config(tmp_path / "scan.yaml"), next(folder.glob("*.root"))
    with pytest.raises(UsageError, match="A scan of mass spectra has no cuts to explain, but toyscan is one"):
        fb.explain(path, file, 1)
    with pytest.raises(SettingsError, match="writes no events, but a skim was asked of toyscan"):
        fb.skim(path, "final states", folder, out=tmp_path / "skim")
    with pytest.raises(UsageError, match=r"in several preselections\. Choose one with inputs\.skim"):
        runs.prepare(path)
    assert command("explain", path, str(file), "--entry", "1") == 2
    assert "no cuts to explain" in capsys.readouterr().err
    empty = write_config(path, inputs={"files": ["."]})
    with pytest.raises(NothingToDoError, match="Expected ROOT files"):
        runs.prepare(empty)


def test_of_a_record_that_holds_both_one_kind_is_asked_for(tmp_path: Path) -> None:
    config = {"release": "2020e-13tev", "objects": {"jet": {}}}
    data = load_scan(write_config(tmp_path / "a.yaml", **config, inputs={"skim": "4lep", "kind": "data"}))
    assert [f.period for f in files_of(data)] == ["data_A", "data_B", "data_C", "data_D"]
    simulated = load_scan(
        write_config(tmp_path / "b.yaml", **config, inputs={"records": [15005], "kind": "mc"})
    )
    assert {f.kind for f in files_of(simulated)} == {"mc"}
    both = load_scan(write_config(tmp_path / "c.yaml", **config, inputs={"records": [15005]}))
    assert len(files_of(both)) == len(files_of(simulated)) + 4
    photons = {"records": [93911], "kind": "data"}
    with pytest.raises(SettingsError, match="expected a record of data, got 93911, which holds mc"):
        load_scan(write_config(tmp_path / "d.yaml", inputs=photons))


def test_nothing_of_an_address_is_told_that_is_secret(folder: Path, tmp_path: Path) -> None:
    ready = runs.prepare(write_config(tmp_path / "scan.yaml"), folder)
    files = tuple(
        f.model_copy(update={"url": f"https://me:secret@host/{f.name}?key=secret"})
        for f in ready.inputs.files
    )
    kept = only(replace(ready.inputs, files=files), "data")
    assert len(kept.skipped) == 2
    assert "secret" not in str(kept.skipped)


def test_the_files_of_a_scan_can_be_fetched(folder: Path, tmp_path: Path) -> None:
    path = write_config(tmp_path / "scan.yaml", inputs={"files": [str(folder)]})
    assert {Path(w.url).name for w in wanted_files([str(path)])} == {f.name for f in folder.iterdir()}
    lep = write_config(path, inputs={"skim": "4lep", "kind": "data"})
    assert len(wanted_files([str(lep)])) == 16


def test_a_scan_of_ones_own_format(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text("""
release = "mine"
tree = "analysis"
tell_tales = ["jet_pt"]
[fields]
jet.pt = { branch = "jet_pt", unit = "GeV" }
jet.eta = { branch = "jet_eta" }
jet.phi = { branch = "jet_phi", unit = "rad" }
jet.e = { branch = "jet_e", unit = "GeV" }
""")
    path = tmp_path / "scan.yaml"
    path.write_text("release: mine\nobjects: {jet: {}}\nweight: []\ninputs: {kind: data}\n")
    file = write_events(tmp_path / "some.root", 30)
    planned = runs.plan(path, file, format=own)
    assert planned.branches == ("jet_pt", "jet_eta", "jet_phi", "jet_e") or set(planned.branches) == {
        "jet_pt", "jet_eta", "jet_phi", "jet_e",
    }  # fmt: skip
    hand_in(own)
    assert load_scan(path).freeze().release == "mine"
