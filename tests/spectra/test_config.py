"""The configuration of a scan: what it may say, what it becomes, and what is said of what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from femtobarn.base.errors import SettingsError, UsageError
from femtobarn.base.records import Settings
from femtobarn.base.spectra import (
    CombinationsRecord,
    IsolationRecord,
    ObjectRecord,
    OutputRecord,
    OverlapRecord,
    ProcessingRecord,
    SpectraRecord,
    StatesRecord,
    TagRecord,
    WindowRecord,
)
from femtobarn.physics.spectra.config import (
    CombinationsConfig,
    IsolationConfig,
    ObjectConfig,
    OutputConfig,
    ProcessingConfig,
    RunConfig,
    ScanConfig,
    WindowConfig,
)
from femtobarn.physics.spectra.convert import record_of
from femtobarn.physics.spectra.faults import checked
from femtobarn.physics.spectra.presets import KINDS, WINDOWS
from femtobarn.physics.spectra.scan import load_scan, scan_of, text_of
from femtobarn.physics.spectra.yamltext import MOST_BYTES, parse

BASE = "release: 2020e-13tev\nobjects: {electron: {}, muon: {}, jet: {}, photon: {}}\n"


def config(text: str) -> ScanConfig:
    return checked(ScanConfig, parse(text, "scan.yaml"), "scan.yaml")


def record(text: str) -> SpectraRecord:
    return scan_of(config(text), Path("scan.yaml")).record


def fault(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        record(text)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_defaults_are_those_of_the_records() -> None:
    found = record(BASE)
    assert found.objects == tuple(
        ObjectRecord(letter=KINDS[k], collection=k) for k in ("electron", "muon", "jet", "photon")
    )
    assert (found.states, found.tag, found.met, found.width, found.weight) == (
        StatesRecord(), None, "file", 10.0, ("mc.generator",),
    )  # fmt: skip
    assert found.combinations == CombinationsRecord(letters=("e", "m", "j", "g"))
    assert found.processing == ProcessingRecord(windows=tuple(WINDOWS.values()))
    assert found.output == OutputRecord()
    assert not found.values
    assert {(s.remove, s.near) for s in found.overlap} >= {("j", "e"), ("e", "j"), ("g", "e")}
    assert all({s.remove, s.near} <= set("emjg") for s in found.overlap)


def test_compatible_changes_what_the_page_says() -> None:
    found = record(BASE + "mode: compatible")
    assert found.combinations.exact_leading
    assert found.overlap == ()
    assert found.processing == ProcessingRecord(mode="compatible")
    assert found.values
    own = record(
        BASE
        + "mode: compatible\noverlap_removal: true\ncombinations: {applicability: leading}\n"
        + "post_processing: {mode: none}"
    )
    assert own == record(BASE + "post_processing: {mode: none}")


def test_every_key_of_the_record_can_be_said() -> None:
    found = record("""
release: 2024r-pp
objects:
  electron:
    pt_min: 7
    eta_max: 2.47
    crack: [1.37, 1.52]
    identification: medium_id
    isolation: {track: 0.15, calorimeter: 0.2}
    least: 1
    most: 3
  jet: {pt_min: 2.5e1}
  tau: {collection: tau_muon_removed}
b_tag: {tagger: dl1d, working_point: 77, least: 1, most: 2}
overlap_removal: [{remove: jet, near: electron, delta_r: 0.2}, {remove: tau, near: jet, delta_r: 0.4, sliding: 10}]
final_states: {least_kinds: 2, most_kinds: 3, least_count: 1, most_count: 4, min_events: 50}
combinations: {kinds: [b_jet, electron], least_kinds: 2, most_kinds: 2, least_count: 1, most_count: 2, most_total: 3, subleading: 2, applicability: exact_leading}
quantities: [mass, met, os]
met: objects
width: 2.5
weight: [mc.generator, mc.pileup]
values: true
post_processing: {windows: [J/psi, Upsilon(2S), {name: X, centre: 750, half_width: 20, particles: [eb, b]}], keep: both}
output: {layout: directories, files: process, scale: luminosity, storage: TH1D, maximum: 5000, axis: filled, figures: false, gallery: false}
""")
    assert found == SpectraRecord(
        objects=(
            ObjectRecord(
                letter="e", collection="electron", pt_min=7, eta_max=2.47, crack=(1.37, 1.52), identification="medium_id",
                isolation=IsolationRecord(track=0.15, calorimeter=0.2), least=1, most=3,
            ),
            ObjectRecord(letter="j", collection="jet", pt_min=25),
            ObjectRecord(letter="t", collection="tau_muon_removed"),
        ),
        tag=TagRecord(discriminant="dl1d", threshold=2.51, charm_fraction=0.018, least=1, most=2),
        overlap=(
            OverlapRecord(remove="j", near="e", delta_r=0.2),
            OverlapRecord(remove="t", near="j", delta_r=0.4, sliding=10),
        ),
        states=StatesRecord(least_kinds=2, most_kinds=3, least_count=1, most_count=4),
        combinations=CombinationsRecord(
            letters=("b", "e"), least_kinds=2, most_kinds=2, most_count=2, most_total=3, subleading=2, exact_leading=True
        ),
        quantities=("mass", "met", "os"),
        met="objects",
        width=2.5,
        weight=("mc.generator", "mc.pileup"),
        values=True,
        least_events=50,
        processing=ProcessingRecord(
            windows=(
                WINDOWS["Jpsi"], WINDOWS["Upsilon2S"],
                WindowRecord(name="X", centre=750, half_width=20, particles=("eb", "b")),
            ),
            keep="both",
        ),
        output=OutputRecord(
            layout="directories", files="process", scale="luminosity", storage="TH1D", maximum=5000, axis="filled",
            figures=False, gallery=False,
        ),
    )  # fmt: skip
    compatible = record(
        BASE + "post_processing: {mode: compatible, width: 20, cutoff: 8000}\noutput: {outliers: true}"
    )
    assert compatible.processing == ProcessingRecord(mode="compatible", width=20, cutoff=8000)
    assert compatible.values
    assert compatible.output.outliers


@pytest.mark.parametrize(
    ("ours", "theirs", "also"),
    [
        (ObjectConfig, ObjectRecord, {"letter"}),
        (IsolationConfig, IsolationRecord, set()),
        (CombinationsConfig, CombinationsRecord, {"letters", "exact_leading"}),
        (ProcessingConfig, ProcessingRecord, set()),
        (WindowConfig, WindowRecord, set()),
        (OutputConfig, OutputRecord, set()),
        (RunConfig, Settings, {"figures"}),
        (ScanConfig, SpectraRecord, {"tag", "overlap", "states", "least_events", "processing"}),
    ],
)
def test_nothing_of_a_record_is_out_of_reach(ours: Any, theirs: Any, also: set[str]) -> None:
    assert set(theirs.model_fields) - also <= set(ours.model_fields)


def test_b_jets_by_tagger_or_by_field() -> None:
    cms = "release: cms-nanoaod\nobjects: {jet: {}}\n"
    medium = record(cms + "b_tag: {tagger: deepflav, working_point: medium}").tag
    assert medium == TagRecord(discriminant="jet.btag_deepflav", threshold=0.2489)
    assert record(cms + "b_tag: {field: btag_pnet, threshold: 0.3}").tag == TagRecord(
        discriminant="jet.btag_pnet", threshold=0.3
    )
    lite = record(
        "release: 2024r-pp\nobjects: {jet: {}}\nb_tag: {tagger: dl1d, threshold: 3, charm_fraction: 0.1}"
    )
    assert lite.tag == TagRecord(discriminant="dl1d", threshold=3, charm_fraction=0.1)
    assert lite.combinations.letters == ("j", "b")


def test_overlap_is_removed_among_kinds_of_the_scan_only() -> None:
    assert record("release: 2020e-13tev\nobjects: {jet: {}}").overlap == ()
    assert record(BASE + "overlap_removal: false").overlap == ()
    assert record(BASE + "overlap_removal: []").overlap == ()
    two = record(
        "release: 2020e-13tev\nobjects: {jet: {}, electron: {}}\nb_tag: {field: mv2c10, threshold: 0.8}"
    )
    assert two.overlap == (
        OverlapRecord(remove="j", near="e", delta_r=0.2),
        OverlapRecord(remove="e", near="j", delta_r=0.4),
    )


@pytest.mark.parametrize(
    ("width", "maximum"), [("10", 14000), ("3", 14001), ("0.7", 14000), ("20000", 20000)]
)
def test_histograms_end_at_a_multiple_of_the_width(width: str, maximum: float) -> None:
    found = record(BASE + f"width: {width}")
    assert found.output.maximum == pytest.approx(maximum)
    assert found.output.maximum / found.width == pytest.approx(
        round(found.output.maximum / found.width), abs=1e-9
    )


def test_keys_without_a_value_are_left_out() -> None:
    assert record(BASE + "output:\nrun:\nwidth:\nb_tag: null\n".replace("b_tag: null\n", "")) == record(BASE)
    for section in ("b_tag", "objects.tau"):
        key = section.rpartition(".")[2]
        text = BASE + "b_tag:\n" if section == "b_tag" else BASE.replace("}, photon", "}, tau: , photon")
        assert f"{section}: expected a mapping of keys to values, got nothing. Write {{}}" in fault(text)
        assert f"leave {key} out" in fault(text)


FAULTS = {
    "objects: {elektron: {}}": "objects.elektron: there is no such key; expected one of electron, muon, jet, photon, tau. Did you mean 'electron'?",
    "objects: {}": "objects: expected at least one kind of objects, got none",
    "objects: 5": "objects: expected a mapping of keys to values",
    "objects: {electron: {ptmin: 5}}": "objects.electron.ptmin: there is no such key; expected one of collection, pt_min",
    "objects: {electron: {pt_min: -1}}": "objects.electron.pt_min: expected a value greater than or equal to 0, got -1",
    "objects: {electron: {pt_min: .nan}}": "objects.electron.pt_min: expected a finite number, got NaN",
    "objects: {electron: {pt_min: true}}": "objects.electron.pt_min: expected a number, got true",
    "objects: {electron: {pt_min: '5'}}": "objects.electron.pt_min: expected a number, got '5'",
    "objects: {electron: {collection: muon}}": "objects.electron.collection: expected a collection of electron objects that 2020e-13tev has, got 'muon'",
    "objects: {electron: {identification: medium_id}}": "objects.electron.identification: expected a decision of electron in 2020e-13tev, got 'medium_id'",
    "objects: {electron: {isolation: {relative: 0.1}}}": "objects.electron.isolation.relative: expected a release that has electron.rel_iso, got 2020e-13tev",
    "objects: {electron: {crack: [2, 1]}}": "objects.electron.crack: expected two ascending numbers",
    "objects: {electron: {crack: [1]}}": "objects.electron.crack",
    "objects: {electron: {least: 3, most: 2}}": "objects.electron.least: expected at most most (2), got 3",
    "objects: {electron: {most: 256}}": "objects.electron.most: expected a value less than or equal to 255, got 256",
    "b_tag: {field: mv2c10}": "b_tag: expected either a working_point (none is known of a field) or a threshold, got neither",
    "b_tag: {threshold: 1}": "b_tag: expected either a tagger or a field, got neither. Taggers are dl1d, deepflav.",
    "b_tag: {field: mv2c10, tagger: dl1d, threshold: 1}": "b_tag: expected either a tagger or a field, got both",
    "b_tag: {field: jvt, threshold: 1}": "b_tag.field: expected a discriminant of jet in 2020e-13tev, got 'jvt'",
    "b_tag: {field: mv2c1, threshold: 1}": "b_tag.field: expected a discriminant of jet in 2020e-13tev, got 'mv2c1'. Did you mean 'mv2c10'?",
    "b_tag: {tagger: dl1, threshold: 1}": "b_tag.tagger: expected one of dl1d, deepflav, got 'dl1'. Did you mean 'dl1d'?",
    "b_tag: {tagger: dl1d, working_point: 60}": "It lacks jet.dl1d_pb",
    "b_tag: {tagger: deepflav, working_point: tight}": "b_tag.tagger: expected a discriminant of jet in 2020e-13tev, got 'deepflav'",
    "b_tag: {field: mv2c10, threshold: 1, charm_fraction: 0.1}": "b_tag.charm_fraction: expected it for dl1d only",
    "b_tag: {field: mv2c10, working_point: 77}": "b_tag.working_point: expected the name of one (none is known of a field), got '77'",
    "overlap_removal: 5": "overlap_removal: expected true or false, got 5",
    "overlap_removal: [{remove: jet}]": "overlap_removal[1].near: expected this key",
    "overlap_removal: [{remove: jet, near: tau, delta_r: 1}]": "overlap_removal[1].near: expected a kind of the scan (electron, muon, jet, photon), got tau. Add objects.tau.",
    "overlap_removal: [{remove: jet, near: jet, delta_r: 1}]": "overlap_removal[1]: expected two kinds",
    "overlap_removal: [{remove: b_jet, near: jet, delta_r: 1}]": "overlap_removal[1].remove: expected 'electron'",
    "combinations: {kinds: [b_jet]}": "combinations.kinds[1]: expected a kind of the scan (electron, muon, jet, photon), got b_jet. Add b_tag.",
    "combinations: {kinds: [jet, jet]}": "combinations.kinds: expected each once, got jet again",
    "combinations: {kinds: []}": "The limits of combinations leave none",
    "combinations: {kinds: [jett]}": "combinations.kinds[1]: expected 'electron', 'muon', 'jet', 'photon', 'tau' or 'b_jet', got 'jett'. Did you mean 'jet'?",
    "combinations: {most_total: 1}": "The limits of combinations leave none",
    "combinations: {least_kinds: 3, most_kinds: 2}": "combinations.least_kinds: expected at most most_kinds (2), got 3",
    "combinations: {most_count: 20, most_total: 20, subleading: 9}": "The limits of combinations give more of them than the 65,536 that can be numbered",
    "final_states: {least_count: 5, most_count: 4}": "final_states.least_count: expected at most most_count (4), got 5",
    "final_states: {min_event: 5}": "final_states.min_event: there is no such key; expected one of least_kinds, most_kinds, least_count, most_count, min_events. Did you mean 'min_events'?",
    "quantities: []": "quantities: expected at least one of mass, os, ss, met, got none. Leave it out for mass.",
    "quantities: [mass, mass]": "quantities: expected each once, got mass again",
    "quantities: [os]\ncombinations: {kinds: [jet]}": "quantities: expected electrons or muons in combinations for os, got none",
    "width: 0": "width: expected a value greater than or equal to 0.001, got 0",
    "width: 1e-310": "width: expected a value greater than or equal to 0.001, got 1e-310",
    "width: 0.001\noutput: {maximum: 20000}": "output.maximum: expected at most 16,777,214 bins of 0.001 GeV, got 20000 GeV. Take wider bins",
    "width: 0.001\noutput: {maximum: 1.0e+308}": "output.maximum: expected at most 16,777,214 bins of 0.001 GeV, got 1e+308 GeV",
    "mode: compatible\npost_processing: {width: 1e-310}": "post_processing.width: expected a value greater than or equal to 0.001",
    "width: .inf": "width: expected a finite number, got Infinity",
    "weight: [mc.generators]": "weight[1]: expected a weight that 2020e-13tev has, got 'mc.generators'. Did you mean 'mc.generator'?",
    "weight: [met.pt]": "weight[1]: expected a weight that 2020e-13tev has, got 'met.pt'",
    "values: false\nmode: compatible": "values: expected true, since post_processing.mode: compatible",
    "mode: wrong": "mode: expected 'right' or 'compatible', got 'wrong'",
    "post_processing: {windows: [Z, Y]}": "post_processing.windows[2]: expected one of Z, W, H, Jpsi, Upsilon1S, Upsilon2S, Upsilon3S, or a window in full, got 'Y'",
    "post_processing: {windows: [Z, Z]}": "post_processing.windows: expected each once, got Z again",
    "post_processing: {windows: []}": "post_processing.windows: expected at least one window, got none. Write mode: none",
    "post_processing: {windows: [{name: X, centre: 1}]}": "post_processing.windows[1].half_width: expected this key",
    "post_processing: {windows: [{name: X, centre: 1, half_width: 2}]}": "post_processing.windows[1].half_width: expected less than the centre, got 2",
    "post_processing: {windows: [{name: X, centre: 9, half_width: 2, particles: [me]}]}": "post_processing.windows[1].particles: expected letters in the order e m j g t b, got 'me'",
    "post_processing: {windows: [{name: X Y, centre: 9, half_width: 2}]}": "post_processing.windows[1].name: expected letters, digits, '-', '_' and '+', got 'X Y'",
    "post_processing: {mode: none, windows: [Z]}": "post_processing.windows: expected it with mode: windows only",
    "post_processing: {mode: compatible, keep: both}": "post_processing.keep: expected it with mode: windows only",
    "post_processing: {pair_cutoff: 110}": "post_processing.pair_cutoff: expected it with mode: compatible only",
    "post_processing: {width: 5}": "post_processing.width: expected it with mode: compatible only",
    "output: {maximum: 105}": "output.maximum: expected a multiple of the width 10 GeV, got 105. Take 100 or 110.",
    "output: {maximum: 4}": "output.maximum: expected a multiple of the width 10 GeV, got 4. Take 10.",
    "inputs: {records: [80000]}": "inputs.records[1]: expected a record of release 2020e-13tev, got 80000, which is one of 2024r-pp",
    "inputs: {records: [99999]}": "inputs.records[1]: expected a record of release 2020e-13tev, got 99999, which is none of it",
    "inputs: {records: [15005, 15006], skim: 4lep}": "inputs.records[2]: expected a record with files of 4lep, got 15006. They are in 15005.",
    "inputs: {skim: 5lep}": "inputs.skim: expected a preselection of release 2020e-13tev, got '5lep'. Did you mean '4lep'?",
    "inputs: {files: ['']}": "inputs.files[1]: expected a text that is not empty, got ''",
    "inputs: {files: [a, '~nosuchuser/x.root']}": "inputs.files[2]: expected a place, or ~ before a user of this machine, got '~nosuchuser/x.root'",
    "run: {executor: local+}": "run.executor: expected the name of an executor, or several joined by '+', got 'local+'",
    "run: {workers: 1.5}": "run.workers: expected a whole number, got 1.5",
    "run: {workers: 1.0}": "run.workers: expected a whole number, got 1.0",
    "run: {fraction: 2}": "run.fraction: expected a value less than or equal to 1, got 2",
    "run: {executor_options: {a: [1]}}": "run.executor_options.a: expected a text, got [1]",
    "run: {figures: true}": "run.figures: there is no such key",
    "name: ../x": "name: expected letters, digits, '-', '_' and '.', not beginning with '-' or '.', got '../x'",
    "name: [a]": "name: expected a text, got [\"a\"]",
    "title: 5": "title: expected a text, got 5",
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), FAULTS.items())
def test_what_is_wrong_is_said_with_its_key(text: str, words: str) -> None:
    start = "release: 2020e-13tev\n" if text.startswith("objects") else BASE
    message = fault(start + text)
    assert words in message
    assert message.startswith("scan.yaml: ")


def test_other_releases() -> None:
    assert "Did you mean '2024r-pp'?" in fault("release: 2024r-p\nobjects: {jet: {}}")
    assert "release: expected this key" in fault("objects: {jet: {}}")
    lite = "release: 2024r-pp\nobjects: {jet: {}}\n"
    assert "met: expected objects, since 2024r-pp has no missing momentum" in fault(
        lite + "quantities: [met]"
    )
    assert record(lite + "quantities: [met]\nmet: objects").met == "objects"
    assert "expected a record of data, got 80010, which holds mc" in fault(
        lite + "inputs: {kind: data, records: [80010]}"
    )
    assert "objects.photon: expected a collection of photon objects that 2016e-8tev has" in fault(
        "release: 2016e-8tev\nobjects: {photon: {}}"
    )


BROKEN = {
    "": "got nothing",
    "a: !!bool maybe": "line 1: expected a configuration in YAML, got the tag",
    "a: 1\nb: !!map x": "line 2: expected a configuration in YAML, got the tag",
    "b: !!map [x]": "got the tag",
    "b: !!bool [x]": "line 1",
    "- a": "expected a mapping",
    "just words": "expected a mapping",
    "a: [": "line 1: expected a configuration in YAML",
    "a: 1\nb: 2\na: 3": "line 3: expected a configuration in YAML, got the key 'a' again",
    "a: {b: 1, b: 2}": "the key 'b' again",
    "a: 1\n---\nb: 2": "another document",
    "1: 2": "a key that is no text, 1",
    "? [a]\n: b": "a key that is no text",
    "null: 2": "a key that is no text, None",
    "!!python/object:os.system x": "the tag",
    "a: !!python/name:os.system": "the tag",
    "a: !!binary aGk=": "the tag",
    "a: !!set {b}": "the tag",
    "a: &x [*x]": "an alias inside of what it stands for",
    "a: " + "[" * 40 + "]" * 40: "more than 16 deep",
    "[" * 5000: "expected a configuration in YAML",
    "a: " + "9" * 5000: "expected a configuration in YAML",
    'a: "\\uD800"': "control characters or half of one",
    'a: "\\0"': "control characters or half of one",
    "a: \x01": "expected a configuration in YAML",
    "a: *nowhere": "undefined alias",
}


@pytest.mark.parametrize(("text", "words"), BROKEN.items())
def test_what_is_no_configuration(text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=r"scan\.yaml") as caught:
        parse(text, "scan.yaml")
    assert words in str(caught.value)


def test_a_bomb_of_aliases_does_not_go_off() -> None:
    bomb = "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
    for one, other in zip("bcdefghij", "abcdefghi", strict=True):
        bomb += f"{one}: &{one} [{','.join([f'*{other}'] * 10)}]\n"
    with pytest.raises(SettingsError, match="more than 100,000 values"):
        parse(bomb, "scan.yaml")
    assert parse("a: !!bool yes", "scan.yaml") == {"a": True}
    assert parse("a: &x [1, 2]\nb: *x", "scan.yaml") == {"a": [1, 2], "b": [1, 2]}


def test_words_are_what_they_look_like() -> None:
    found = parse(
        "a: 1e3\nb: 010\nc: 1:30\nd: 2020-01-01\ne: yes\nf: '5'\ng: ~\nh: 2016e-8tev\ni: -.5\nj: 1e400", "x"
    )
    assert found == {
        "a": 1000.0, "b": 10, "c": "1:30", "d": "2020-01-01", "e": True, "f": "5", "g": None, "h": "2016e-8tev",
        "i": -0.5, "j": float("inf"),
    }  # fmt: skip


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no configuration .* Write one: femtobarn spectra init"):
        load_scan(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="There is no configuration"):
        load_scan(tmp_path)
    path = tmp_path / "scan.yaml"
    path.write_bytes(b"release: \xff\xfe")
    with pytest.raises(SettingsError, match="not text in UTF-8"):
        load_scan(path)
    path.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(SettingsError, match="at most 200,000 bytes, got more"):
        load_scan(path)
    path.write_text("\ufeff" + BASE, encoding="utf-8")
    assert load_scan(path).record == record(BASE)


def test_passwords_are_not_shown() -> None:
    assert "secret" not in fault(BASE + "inputs: {skim: 'https://me:secret@host/x?key=secret'}")
    assert "secret" not in fault(BASE + "mode: 'https://me:secret@host/x?key=secret'")


WORDS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.sampled_from(
        ["Z", "electron", "jet", "1e3", "on", "file", "right", "*a", "&a", "dl1d", "mc.generator"]
    ),
)
KEYS = st.sampled_from(
    sorted(
        {
            name
            for model in (ScanConfig, ObjectConfig, ProcessingConfig, OutputConfig)
            for name in model.model_fields
        }
        | {"electron", "jet", "x"}
    )
)
TREES = st.recursive(
    WORDS, lambda t: st.lists(t, max_size=3) | st.dictionaries(KEYS, t, max_size=4), max_leaves=12
)


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(st.sampled_from(list(ScanConfig.model_fields)), TREES, max_size=5), st.booleans())
def test_whatever_is_given_only_our_errors_come(content: dict[str, Any], whole: bool) -> None:
    given_ = {**({"release": "2020e-13tev", "objects": {"jet": {}}} if whole else {}), **content}
    text = json.dumps(given_)
    try:
        scan_of(checked(ScanConfig, parse(text, "scan.yaml"), "scan.yaml"), Path("scan.yaml"))
    except UsageError as error:
        assert str(error).startswith("scan.yaml")  # noqa: PT017 - none is as good


@settings(max_examples=150, deadline=None)
@given(
    st.text(st.sampled_from("abc:-[]{}&*!|>'\"\n \t#%,?0.1~<@`é\x07"), max_size=40) | st.binary(max_size=30)
)
def test_whatever_text_is_given_only_our_errors_come(text: str | bytes) -> None:
    plain = text if isinstance(text, str) else text.decode("latin-1")
    try:
        parse(plain, "scan.yaml")
    except SettingsError as error:
        assert str(error).startswith("scan.yaml")  # noqa: PT017 - none is as good


OBJECTS = st.builds(
    dict,
    pt_min=st.floats(0, 1e6),
    eta_max=st.none() | st.floats(0, 10),
    least=st.integers(0, 3),
    most=st.none() | st.integers(3, 255),
    isolation=st.just({}) | st.builds(dict, track=st.floats(0, 5)),
)
PLAIN = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Z")), max_size=20)
CONFIGS = st.builds(
    dict,
    release=st.just("2020e-13tev"),
    title=PLAIN | st.sampled_from(["on", "1e3", "null", "5", "- a", "a: b", "#", "~", "2020-01-01", "010"]),
    mode=st.sampled_from(["right", "compatible"]),
    inputs=st.builds(
        dict, files=st.lists(PLAIN.filter(bool), max_size=2), kind=st.sampled_from(["data", "both"])
    ),
    objects=st.dictionaries(st.sampled_from(["electron", "muon", "photon"]), OBJECTS, max_size=3).map(
        lambda found: {**found, "jet": {}}
    ),
    width=st.floats(0.1, 1e3),
    final_states=st.builds(dict, most_kinds=st.integers(1, 6), min_events=st.integers(0, 10**6)),
    combinations=st.builds(dict, most_count=st.integers(2, 4), subleading=st.integers(0, 1)),
    post_processing=st.just({})
    | st.builds(
        dict,
        mode=st.just("windows"),
        windows=st.lists(
            st.sampled_from(["Z", "H", {"name": "X", "centre": 7.5, "half_width": 0.5, "particles": ["ee"]}]),
            unique_by=str,
            min_size=1,
        ),
    ),
    run=st.builds(
        dict,
        workers=st.none() | st.integers(0, 9),
        executor_options=st.dictionaries(PLAIN, PLAIN, max_size=2),
    ),
)


@settings(max_examples=40, deadline=None)
@given(CONFIGS)
def test_a_configuration_comes_back_from_its_text(content: dict[str, Any]) -> None:
    first = checked(ScanConfig, content, "scan.yaml")
    again = config(text_of(first))
    assert again == first
    made = record_of(first)
    assert record_of(again) == made
    assert SpectraRecord.model_validate_json(made.model_dump_json()) == made


def test_kinds_of_the_configuration_and_of_the_record_agree() -> None:
    from femtobarn.base.spectra import Letter
    from femtobarn.physics.spectra.config import KindName

    assert set(KINDS) == set(get_args(KindName))
    assert set(KINDS.values()) == set(get_args(Letter))
