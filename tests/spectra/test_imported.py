"""A configuration of the program people use today becomes one of ours, and nothing of it is lost silently."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from femtobarn.base.errors import SettingsError, UsageError
from femtobarn.base.spectra import (
    CombinationsRecord,
    IsolationRecord,
    ObjectRecord,
    ProcessingRecord,
    StatesRecord,
    TagRecord,
)
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.convert import record_of
from femtobarn.physics.spectra.imported import SECTIONS, Imported, import_config, imported
from femtobarn.physics.spectra.imports.keys import NOT_NEEDED, NOT_TAKEN, UNKNOWN
from femtobarn.physics.spectra.scan import load_scan

RESEARCH = """
paths: {parsed_data_path: &parsed ./output/parsed_data, histograms_path: &hists ./output/histograms}
names: {run_name: &name atlas_minEvt100}
run_metadata: {run_name: *name, base_output_dir: /data, batch_job_index: null, total_batch_jobs: null}
tasks: {do_parsing: true, do_mass_calculating: true, do_post_processing: true, do_histogram_creation: true}
testing_config: {is_on: false, test_run_index: null, testing_jobs_path: x, limit_files_per_year: null, limit_combinations: null}
parsing_task_config:
  output_path: *parsed
  file_urls_path: cache.json
  jobs_logs_path: logs
  release_years: ["2024r-pp"]
  specific_record_ids: null
  parse_mc: false
  use_multiprocessing: false
  parallel_processes: 4
  threads: 8
  env_threshold_memory_mb: 8000
  chunk_yield_threshold_bytes: 2147483648
  count_retries_failed_files: 3
  fetching_metadata_timeout: 60
  max_files_to_process: 3
  possible_data_tree_names: [CollectionTree, mini]
  create_dirs: true
  show_progress_bar: true
  particle_counts:
    electrons: {min: 0, max: 4}
    muons: {min: 0, max: 4}
    jets: {min: 0, max: 4}
    photons: {min: 0, max: 4}
  kinematic_cuts:
    electrons: {pt_min: 25000.0, eta_max: 2.47}
    muons: {pt_min: 25000.0, eta_max: 2.5}
    jets: {pt_min: 30000.0, eta_max: 4.5}
    photons: {pt_min: 25000.0, eta_max: 2.37}
mass_calculation_task_config:
  input_dir: *parsed
  output_dir: ./output/im_arrays
  field_to_slice_by: pt
  use_multiprocessing: true
  parallel_processes: 4
  fs_chunk_threshold_bytes: 2000000000
  objects_to_calculate: [Electrons, Muons, Jets, Photons]
  min_particles_in_combination: 1
  max_particles_in_combination: 4
  min_count_particle_in_combination: 1
  max_count_particle_in_combination: 4
  max_total_particles_in_combination: 4
  min_events_per_fs: 100
  include_subleading: true
  max_subleading_index: 1
post_processing_task_config: {input_dir: a, output_dir: b, peak_detection_bin_width_gev: 10.0}
histogram_creation_task_config:
  input_dir: b
  output_dir: *hists
  bin_width_gev: 10.0
  single_output_file: true
  output_filename: bumpnet.root
  exclude_outliers: true
  use_bumpnet_naming: true
"""

CMS = """
run_metadata: {run_name: cms_records}
parsing_task_config:
  release_years: []
  specific_record_ids: [30529, 30562]
  parse_mc: true
  enable_jet_tagging: true
  jet_btag_field: btagDeepFlavB
  jet_btag_threshold: 0.5
  particle_counts: {electrons: {min: 1, max: 4}, jets: {min: 0, max: 300}, bjets: {min: 1, max: 2}}
  kinematic_cuts:
    electrons: {pt_min: 25.0, eta_max: 2.47, rel_isolation_max: 0.06}
    jets: {pt: {min: 30.0}, eta: {min: -4.5, max: 4.5}, phi_min: -3.14159265358979, phi_max: 3.14159265358979}
    bjets: {pt_min: 30.0, eta_max: 4.5}
mass_calculation_task_config: {objects_to_calculate: [Electrons, Jets, BJets], include_subleading: false, min_count_particle_in_combination: 1}
post_processing_task_config: {peak_detection_bin_width_gev: 5, max_mass_cutoff: 10000.0, z_peak_cutoff: 0}
histogram_creation_task_config: {bin_width_gev: 20, exclude_outliers: false}
"""


def became(found: Imported) -> dict[str, list[tuple[str, str]]]:
    keys: dict[str, list[tuple[str, str]]] = {}
    for note in found.notes:
        keys.setdefault(note.key, []).append((note.became, note.words))
    return keys


def test_the_production_configuration() -> None:
    found = imported(RESEARCH, "config.yaml")
    record = record_of(found.config)
    assert (found.config.release, found.config.name, found.config.mode) == (
        "2024r-pp",
        "atlas_minEvt100",
        "compatible",
    )
    assert (found.config.inputs.kind, found.config.inputs.records, found.config.run.max_files) == (
        "data",
        (),
        3,
    )
    assert record.objects == tuple(
        ObjectRecord(letter=letter, collection=name, pt_min=pt, eta_max=eta, most=4)
        for letter, name, pt, eta in (
            ("e", "electron", 25, 2.47), ("m", "muon", 25, 2.5), ("j", "jet", 30, 4.5), ("g", "photon", 25, 2.37),
        )
    )  # fmt: skip
    assert record.combinations == CombinationsRecord(
        letters=("e", "m", "j", "g"),
        least_kinds=1,
        most_kinds=4,
        most_count=4,
        most_total=4,
        subleading=1,
        exact_leading=True,
    )
    assert len(combinations(record)) == 186
    assert record.states == StatesRecord(least_kinds=1, most_kinds=4, least_count=1, most_count=4)
    assert (record.least_events, record.width, record.values, record.overlap) == (100, 10.0, True, ())
    assert record.processing == ProcessingRecord(mode="compatible", width=10.0)
    assert not record.output.outliers
    assert not [note for note in found.notes if note.left_behind]
    assert "not taken over" not in found.text


def test_cms_by_records_with_b_jets() -> None:
    found = imported(CMS, "config.yaml")
    record = record_of(found.config)
    assert (found.config.release, found.config.inputs.records) == ("cms-nanoaod", (30529, 30562))
    assert found.config.inputs.kind == "mc"
    assert record.objects == (
        ObjectRecord(letter="e", collection="electron", pt_min=25, eta_max=2.47, isolation=IsolationRecord(relative=0.06), least=1, most=4),
        ObjectRecord(letter="j", collection="jet", pt_min=30, eta_max=4.5),
    )  # fmt: skip
    assert record.tag == TagRecord(discriminant="jet.btag_deepflav", threshold=0.5, least=1, most=2)
    assert record.combinations.letters == ("e", "j", "b")
    assert (record.combinations.subleading, record.combinations.most_total) == (0, 16)
    assert record.processing == ProcessingRecord(mode="compatible", width=5, cutoff=10_000)
    assert (record.width, record.output.outliers) == (20, True)
    notes = became(found)
    assert notes["parsing_task_config.particle_counts.jets.max"] == [(NOT_NEEDED, "no event has so many")]
    assert notes["parsing_task_config.kinematic_cuts.jets.eta.min"][0][0] == NOT_NEEDED
    assert notes["parsing_task_config.kinematic_cuts.jets.phi_min"] == [(NOT_NEEDED, "it is all of phi")]
    assert notes["parsing_task_config.kinematic_cuts.bjets.pt_min"][0][0] == NOT_NEEDED
    assert notes["post_processing_task_config.z_peak_cutoff"] == [(NOT_NEEDED, "0: there is none")]
    assert notes["mass_calculation_task_config.min_events_per_fs"] == [
        ("final_states.min_events", "it is not said; 100 is the default")
    ]
    assert not [note for note in found.notes if note.left_behind]


def changed(text: str, old: str, new: str) -> Imported:
    assert old in text
    return imported(text.replace(old, new), "config.yaml")


CHANGES = {
    ("total_batch_jobs: null", "total_batch_jobs: 8"): ("run_metadata.total_batch_jobs", NOT_TAKEN, "batch submit --jobs"),
    ("do_post_processing: true", "do_post_processing: false"): ("tasks.do_post_processing", NOT_TAKEN, "--stages"),
    ("limit_combinations: null", "limit_combinations: 5"): ("testing_config.limit_combinations", NOT_TAKEN, "all combinations"),
    ("limit_files_per_year: null", "limit_files_per_year: 2"): ("testing_config.limit_files_per_year", "run.max_files", "2 of each"),
    ("threads: 8", "threats: 8"): ("parsing_task_config.threats", UNKNOWN, "its value is 8"),
    ("threads: 8", "new: {a: [1, 2], b: {}}"): ("parsing_task_config.new.a", UNKNOWN, "its value is [1, 2]"),
    ('["2024r-pp"]', '["2024r-pp", "2016e-8tev"]'): ("parsing_task_config.release_years", NOT_TAKEN, "make another for 2016e-8tev"),
    ('["2024r-pp"]', '["2024r-pp_mc"]'): ("parsing_task_config.release_years", "inputs.kind", "mc"),
    ("parse_mc: false", "parse_mc: perhaps"): ("parsing_task_config.parse_mc", NOT_TAKEN, "expected true or false, got 'perhaps'"),
    ("max_files_to_process: 3", "max_files_to_process: -3"): ("parsing_task_config.max_files_to_process", NOT_TAKEN, "expected a whole number of at least 0, got -3"),
    ("pt_min: 30000.0", "pt_min: 30.0"): ("parsing_task_config.kinematic_cuts.jets.pt_min", "objects.jet.pt_min", "0.03 GeV, of 30 MeV: if 30 GeV were meant, write 30"),
    ("pt_min: 30000.0", "pt_min: .nan"): ("parsing_task_config.kinematic_cuts.jets.pt_min", NOT_TAKEN, "expected a number of at least 0, got NaN"),
    ("pt_min: 30000.0", "jvt: 0.5"): ("parsing_task_config.kinematic_cuts.jets.jvt", UNKNOWN, "its value is 0.5"),
    ("eta_max: 4.5", "eta: {min: -1, max: 4.5}"): ("parsing_task_config.kinematic_cuts.jets.eta.min", NOT_TAKEN, "absolute eta"),
    ("eta_max: 4.5", "phi_max: 1"): ("parsing_task_config.kinematic_cuts.jets.phi_max", NOT_TAKEN, "no cuts on phi"),
    ("eta_max: 4.5", "rel_isolation_max: 1"): ("parsing_task_config.kinematic_cuts.jets.rel_isolation_max", NOT_NEEDED, "electrons only"),
    ("photons: {min: 0, max: 4}", "unicorns: {min: 0, max: 4}"): ("parsing_task_config.particle_counts.unicorns.min", UNKNOWN, "its value is 0"),
    ("photons: {min: 0, max: 4}", "bjets: {min: 0, max: 4}"): ("parsing_task_config.particle_counts.bjets.max", NOT_NEEDED, "jets are not tagged"),
    ("photons: {min: 0, max: 4}", "photons: 4"): ("parsing_task_config.particle_counts.photons", NOT_TAKEN, "expected min and max"),
    ("Muons, Jets", "Muons, BJets, Jets"): ("mass_calculation_task_config.objects_to_calculate", NOT_TAKEN, "BJets: jets are not tagged"),
    ("Muons, Jets", "Muons, Unicorns, Jets"): ("mass_calculation_task_config.objects_to_calculate", NOT_TAKEN, "Unicorns is no kind"),
    ("field_to_slice_by: pt", "field_to_slice_by: eta"): ("mass_calculation_task_config.field_to_slice_by", NOT_TAKEN, "sorted by pt"),
    ("max_particles_in_combination: 4", "max_particles_in_combination: 9"): ("mass_calculation_task_config.max_particles_in_combination", "combinations.most_kinds, final_states.most_kinds", "6: more do not occur"),
    ("min_events_per_fs: 100", "min_events_per_fs: 12.5"): ("mass_calculation_task_config.min_events_per_fs", NOT_TAKEN, "got 12.5"),
    ("peak_detection_bin_width_gev: 10.0", "peak_detection_bin_width_gev: 0"): ("post_processing_task_config.peak_detection_bin_width_gev", NOT_TAKEN, "above 0"),
    ("peak_detection_bin_width_gev: 10.0", "z_peak_cutoff: 115"): ("post_processing_task_config.z_peak_cutoff", "post_processing.pair_cutoff", "115 GeV"),
    ('["2024r-pp"]', '["2020e-13tev"]'): ("parsing_task_config.release_years", NOT_TAKEN, "write inputs.skim, one of 1largeRjet1lep, 1lep"),
    ('["2024r-pp"]', '["2024r-pp", "2024r-pp_mc"]'): ("parsing_task_config.release_years", NOT_TAKEN, "of data: make another for 2024r-pp_mc"),
    ("release_years: [\"2024r-pp\"]", "release_years: [\"2024r-pp_mc\"]"): ("parsing_task_config.parse_mc", NOT_TAKEN, "release_years say mc: 2024r-pp_mc"),
    ("field_to_slice_by: pt", "field_to_slice_by: [pt]"): ("mass_calculation_task_config.field_to_slice_by", NOT_TAKEN, "sorted by pt"),
    ("limit_combinations: null", "limit_combinations: [3]"): ("testing_config.limit_combinations", NOT_TAKEN, "all combinations"),
    ("include_subleading: true\n", "\n"): ("mass_calculation_task_config.include_subleading", "combinations.subleading", "write subleading: 1"),
    ("threads: 8", "threads: 9"): ("post_processing_task_config.z_peak_cutoff", "post_processing.pair_cutoff", "write pair_cutoff: 110"),
    ("threads: 8", "threads: 7"): ("post_processing_task_config.max_mass_cutoff", "post_processing.cutoff", "write cutoff: 10000"),
    ("bin_width_gev: 10.0\n  single", "bin_width_gev: [10, 20]\n  single"): ("histogram_creation_task_config.bin_width_gev", NOT_TAKEN, "make another for 20"),
    ("use_bumpnet_naming: true", "use_bumpnet_naming: false"): ("histogram_creation_task_config.use_bumpnet_naming", NOT_TAKEN, "names that BumpNet reads"),
    ("exclude_outliers: true", "apply_peak_removal_at_histogram_level: true"): ("histogram_creation_task_config.apply_peak_removal_at_histogram_level", NOT_TAKEN, "before"),
    ("names: {", "trigger_config: {enabled: true, year: 2015}\nnames: {"): ("trigger_config.year", NOT_TAKEN, "no choice of triggers"),
    ("names: {", "trigger_config: {enabled: false}\nnames: {"): ("trigger_config.enabled", NOT_NEEDED, "no choice of triggers"),
    ("threads: 8", "enable_overlap_removal: true\n  overlap_removal: {jet_electron: 0.2}"): ("parsing_task_config.overlap_removal.jet_electron", NOT_TAKEN, "recommended"),
    ("threads: 8", "enable_jet_tagging: true\n  jet_btagging_thresholds: {DL1d: 2.51}"): ("parsing_task_config.jet_btagging_thresholds.DL1d", "b_tag", "dl1d, 2.51"),
    ("threads: 8", "enable_jet_tagging: true\n  jet_btagging_thresholds: {btagDeepFlavB: 0.5}"): ("parsing_task_config.enable_jet_tagging", NOT_TAKEN, "no threshold of dl1d"),
    ("threads: 8", "enable_jet_tagging: true\n  jet_btagging_thresholds: {GN2: 0.5, DL1d: 1}"): ("parsing_task_config.jet_btagging_thresholds.GN2", NOT_TAKEN, "GN2 is none we know"),
    ("threads: 8", "enable_jet_tagging: false\n  jet_btagging_thresholds: {DL1d: 2.51}"): ("parsing_task_config.jet_btagging_thresholds.DL1d", NOT_NEEDED, "jets are not tagged"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "outcome"), CHANGES.items())
def test_what_becomes_of_a_key(change: tuple[str, str], outcome: tuple[str, str, str]) -> None:
    found = changed(RESEARCH, *change)
    key, place, words = outcome
    notes = became(found)[key]
    assert any(where == place and words in said for where, said in notes), notes
    assert (f"# * {key}: " in found.text) == any(where in {NOT_TAKEN, UNKNOWN} for where, _ in notes)


def test_values_of_the_changes() -> None:
    assert changed(RESEARCH, "threads: 8", "enable_overlap_removal: true").config.overlap_removal is True
    assert changed(RESEARCH, "threads: 8", "overlap_removal: true").config.overlap_removal is True
    assert (
        changed(RESEARCH, "max_subleading_index: 1", "max_subleading_index: 2").config.combinations.subleading
        == 2
    )
    tagged = changed(
        RESEARCH, "threads: 8", "enable_jet_tagging: true\n  jet_btagging_thresholds: {DL1d: 2.51}"
    )
    assert record_of(tagged.config).tag == TagRecord(discriminant="dl1d", threshold=2.51)
    assert (
        changed(
            RESEARCH, "names: {run_name: &name atlas_minEvt100}", "names: {run_name: &name ../a b}"
        ).config.name
        == "a-b"
    )
    every = changed(RESEARCH, RESEARCH[RESEARCH.index("  kinematic_cuts"):RESEARCH.index("mass_calculation_task_config")], "  kinematic_cuts: {pt: {min: 5000}, eta: {max: 2}}\n")  # fmt: skip
    assert {(o.pt_min, o.eta_max) for o in record_of(every.config).objects} == {(5.0, 2.0)}


def test_a_preselection_to_choose_is_in_the_text(tmp_path: Path) -> None:
    found = changed(RESEARCH, '["2024r-pp"]', '["2020e-13tev"]')
    assert "# One preselection is needed: 1largeRjet1lep, " in found.text
    lines = found.text.splitlines()
    chosen = [line.removeprefix("# ") for line in lines if line.startswith("# inputs:")]
    assert len(chosen) == 1
    source = tmp_path / "ours.yaml"
    plain = [line for line in lines if not line.startswith("inputs:")]
    source.write_text("\n".join([*plain, *chosen]), encoding="utf-8")
    scan = load_scan(source)
    assert scan.config.inputs.skim == "exactly2lep"
    assert scan.data
    records = changed(
        RESEARCH,
        '["2024r-pp"]\n  specific_record_ids: null',
        '["2020e-13tev"]\n  specific_record_ids: [15005]',
    )
    assert "preselection" not in records.text


def test_a_momentum_that_is_meant_in_mev_is_told() -> None:
    found = imported(CMS.replace("electrons: {pt_min: 25.0", "electrons: {pt_min: 25000.0"), "config.yaml")
    ((place, words),) = became(found)["parsing_task_config.kinematic_cuts.electrons.pt_min"]
    assert (place, words) == ("objects.electron.pt_min", "25000 GeV: if 25000 MeV were meant, write 25")


def test_a_cut_on_pairs_is_taken_over() -> None:
    found = changed(RESEARCH, "peak_detection_bin_width_gev: 10.0", "z_peak_cutoff: 115")
    assert record_of(found.config).processing.pair_cutoff == 115


def test_the_text_is_a_configuration_of_its_own(tmp_path: Path) -> None:
    for i, text in enumerate((RESEARCH, CMS)):
        source = tmp_path / f"theirs{i}.yaml"
        source.write_text(text, encoding="utf-8")
        found = import_config(source)
        ours = tmp_path / f"ours{i}.yaml"
        ours.write_text(found.text, encoding="utf-8")
        assert load_scan(ours).config == found.config
        assert found.text.startswith(f"# Made of theirs{i}.yaml, a configuration of atlas-utilization.")


def test_the_release_can_be_said() -> None:
    nothing = RESEARCH.replace('["2024r-pp"]', "[]")
    with pytest.raises(SettingsError, match=r"expected a release in parsing_task_config\.release_years"):
        imported(nothing, "config.yaml")
    assert imported(nothing, "config.yaml", release="2025e-13tev-beta").config.inputs.skim == "noskim"
    with pytest.raises(SettingsError, match=r"expected one of the releases .*, got '2019'"):
        imported(RESEARCH.replace("2024r-pp", "2019"), "config.yaml")
    first = imported(RESEARCH.replace("2024r-pp", "2016e-8tev"), "config.yaml")
    assert [o.letter for o in record_of(first.config).objects] == ["e", "m", "j"]
    notes = became(first)
    assert notes["parsing_task_config.kinematic_cuts.photons.pt_min"] == [(NOT_NEEDED, "2016e-8tev has none")]
    assert (NOT_TAKEN, "Photons: the release has none") in notes[
        "mass_calculation_task_config.objects_to_calculate"
    ]


@pytest.mark.parametrize("text", ["a: 1", "", "release: 2024r-pp\nobjects: {jet: {}}", "- run_metadata"])
def test_what_is_no_such_configuration(text: str) -> None:
    with pytest.raises(SettingsError, match=r"config\.yaml: expected"):
        imported(text, "config.yaml")


def test_what_cannot_be_run_is_an_error() -> None:
    with pytest.raises(
        SettingsError, match=r"final_states\.least_kinds: expected at most most_kinds \(4\), got 6"
    ):
        changed(RESEARCH, "min_particles_in_combination: 1", "min_particles_in_combination: 6")


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 400), st.floats(), st.text(max_size=5), st.lists(st.integers(0, 9), max_size=2),
    st.just({}), st.sampled_from(["pt", "Electrons", "2024r-pp", ["Jets"], ["2016e-8tev"], "a\nb: c", "# x"]),
)  # fmt: skip
NAMES = {
    "parsing_task_config": ["release_years", "specific_record_ids", "parse_mc", "particle_counts", "kinematic_cuts", "enable_jet_tagging",
        "jet_btagging_thresholds", "jet_btag_field", "jet_btag_threshold", "max_files_to_process", "overlap_removal", "unknown"],
    "mass_calculation_task_config": ["objects_to_calculate", "min_particles_in_combination", "include_subleading", "max_subleading_index", "min_events_per_fs"],
    "histogram_creation_task_config": ["bin_width_gev", "exclude_outliers", "single_output_file"],
    "post_processing_task_config": ["peak_detection_bin_width_gev", "max_mass_cutoff", "z_peak_cutoff"],
    "tasks": ["do_parsing"],
    "run_metadata": ["run_name", "batch_job_index"],
}  # fmt: skip
INNER = st.dictionaries(st.sampled_from(["electrons", "Jets", "bjets", "pt", "DL1d", "x"]), LEAVES | st.dictionaries(st.sampled_from(["min", "max", "pt_min", "pt"]), LEAVES, max_size=3), max_size=3)  # fmt: skip
FILES = st.fixed_dictionaries(
    {}, optional={name: st.dictionaries(st.sampled_from(keys), LEAVES | INNER, max_size=6) | LEAVES for name, keys in NAMES.items()}
)  # fmt: skip


def leaves(content: Any, above: str = "") -> set[str]:
    if not isinstance(content, dict) or not content:
        return {above}
    return {
        leaf for key, value in content.items() for leaf in leaves(value, f"{above}.{key}" if above else key)
    }


@settings(max_examples=150, deadline=None)
@given(FILES)
def test_whatever_a_file_says_every_key_has_a_note(content: dict[str, Any]) -> None:
    try:
        found = imported(json.dumps(content), "config.yaml", release="2024r-pp")
    except UsageError as error:
        assert str(error).startswith("config.yaml")  # noqa: PT017 - none is as good
        return
    assert leaves(content) <= {note.key for note in found.notes}


def test_all_sections_of_the_layout_are_read() -> None:
    assert set(NAMES) == set(SECTIONS)
