"""Final states, combinations, post-processing, histograms; and what is of no use here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from femtobarn.physics.spectra.imports.keys import (
    HISTOGRAMS,
    MASSES,
    NOT_NEEDED,
    NOT_TAKEN,
    PARSING,
    POST,
    Keys,
    Path,
)

_LIMITS = {
    "min_particles_in_combination": ("least_kinds", 6, 1),
    "max_particles_in_combination": ("most_kinds", 6, 4),
    "min_count_particle_in_combination": ("least_count", 20, 2),
    "max_count_particle_in_combination": ("most_count", 20, 4),
}
"""Their limits of combinations, which are also those of final states: ours, its largest value, their default."""

_PLACES = "all results are in the run directory (--out)"
_MEMORY = "memory is bounded"
_USELESS: dict[Path, str] = {
    ("run_metadata", "base_output_dir"): _PLACES,
    (PARSING, "output_path"): _PLACES,
    (PARSING, "file_urls_path"): "the catalogue is on this machine",
    (PARSING, "jobs_logs_path"): _PLACES,
    (PARSING, "use_multiprocessing"): "there is one worker for each core, or --workers",
    (PARSING, "parallel_processes"): "there is one worker for each core, or --workers",
    (PARSING, "threads"): "there is one worker for each core, or --workers",
    (PARSING, "max_environment_memory_mb"): _MEMORY,
    (PARSING, "env_threshold_memory_mb"): _MEMORY,
    (PARSING, "chunk_yield_threshold_bytes"): _MEMORY,
    (PARSING, "count_retries_failed_files"): "what fails for a while is tried again",
    (PARSING, "fetching_metadata_timeout"): "the catalogue is on this machine",
    (PARSING, "possible_data_tree_names"): "the format of the release names the tree",
    (PARSING, "create_dirs"): _PLACES,
    (PARSING, "show_progress_bar"): "progress is shown on a terminal",
    (PARSING, "random_files"): "the order of files does not change results",
    (MASSES, "input_dir"): "masses are computed while files are read",
    (MASSES, "output_dir"): _PLACES,
    (MASSES, "use_multiprocessing"): "there is one worker for each core, or --workers",
    (MASSES, "parallel_processes"): "there is one worker for each core, or --workers",
    (MASSES, "fs_chunk_threshold_bytes"): _MEMORY,
    (POST, "input_dir"): _PLACES,
    (POST, "output_dir"): _PLACES,
    (HISTOGRAMS, "input_dir"): _PLACES,
    (HISTOGRAMS, "output_dir"): _PLACES,
    (HISTOGRAMS, "output_filename"): "files are called data.root and mc.root",
    (HISTOGRAMS, "also_save_pre_postproc"): "full and processed histograms are always kept",
    (HISTOGRAMS, "pre_postproc_filename"): "full and processed histograms are always kept",
    (HISTOGRAMS, "global_ranges_path"): "edges are multiples of the width",
    ("testing_config", "is_on"): "a try: --max-files, --max-events",
    ("testing_config", "test_run_index"): "a try: --max-files, --max-events",
    ("testing_config", "testing_jobs_path"): _PLACES,
}
_TASKS = ("do_parsing", "do_mass_calculating", "do_post_processing", "do_histogram_creation")


def others(keys: Keys) -> dict[str, Any]:
    """Return the sections of our configuration that are not of inputs and objects."""
    found: dict[str, Any] = {}
    _name(keys, found)
    _limits(keys, found)
    _processing(keys, found)
    _histograms(keys, found)
    _run(keys, found)
    for path, words in _USELESS.items():
        keys.not_needed(path, words)
    for section in ("paths", "names"):
        for path in keys.below(section):
            keys.not_needed(path, _PLACES if section == "paths" else "it is used elsewhere in the file")
    return found


def _name(keys: Keys, found: dict[str, Any]) -> None:
    path = ("run_metadata", "run_name")
    name = (keys.words(*path) or [""])[0]
    plain = re.sub(r"[^A-Za-z0-9_.-]", "-", name).lstrip(".-")[:100]
    if plain:
        found["name"] = plain
        keys.note(path, "name", plain)
    elif name:
        keys.not_taken(path, "it has no letter or digit")


def _limits(keys: Keys, found: dict[str, Any]) -> None:
    states: dict[str, int] = {}
    combinations = found.setdefault("combinations", {})
    for key, (ours, largest, default) in _LIMITS.items():
        value = keys.whole(MASSES, key, least=1)
        words = ""
        if value is None:
            value, words = default, f"it is not said; {default} is the default"
        elif value > largest:
            words = f"{largest}: more do not occur"
            value = largest
        combinations[ours] = states[ours] = value
        keys.note((MASSES, key), f"combinations.{ours}, final_states.{ours}", words or str(value))
    total = keys.whole(MASSES, "max_total_particles_in_combination", least=1)
    if total is None:
        # before there was this key, only the other limits held
        most = combinations["most_kinds"] * combinations["most_count"]
        combinations["most_total"] = min(20, most)
        words = f"it is not said: {combinations['most_total']}, as before there was this key; later 4 is the default: write most_total: 4"
        keys.note((MASSES, "max_total_particles_in_combination"), "combinations.most_total", words)
    else:
        combinations["most_total"] = min(20, total)
        keys.note(
            (MASSES, "max_total_particles_in_combination"), "combinations.most_total", str(min(20, total))
        )
    _subleading(keys, combinations)
    events = keys.whole(MASSES, "min_events_per_fs")
    if events is None:
        events = 100
        keys.note(
            (MASSES, "min_events_per_fs"), "final_states.min_events", "it is not said; 100 is the default"
        )
    else:
        keys.note((MASSES, "min_events_per_fs"), "final_states.min_events", f"{events}, in the whole input")
    found["final_states"] = {**states, "min_events": events}
    _combinations_of_no_use(keys)


def _subleading(keys: Keys, combinations: dict[str, Any]) -> None:
    on, path = keys.switch(MASSES, "include_subleading"), (MASSES, "max_subleading_index")
    rank = keys.whole(*path)
    if on is not None:
        words = "" if on else "false"
        keys.note((MASSES, "include_subleading"), "combinations.subleading" if on else NOT_NEEDED, words)
    elif not keys.has(MASSES, "include_subleading"):
        words = (
            "it is not said: 0, as before there was this key; later true is the default: write subleading: 1"
        )
        keys.note((MASSES, "include_subleading"), "combinations.subleading", words)
    if not on:
        keys.not_needed(path, "only leading objects are combined")
        return
    combinations["subleading"] = min(9, 1 if rank is None else rank)
    keys.note(path, "combinations.subleading", str(combinations["subleading"]))


def _combinations_of_no_use(keys: Keys) -> None:
    path = (MASSES, "field_to_slice_by")
    by = keys.raw(*path)
    if by is None or by == "pt":
        keys.not_needed(path, "objects are sorted by pt")
    else:
        keys.not_taken(path, "objects are sorted by pt")
    for path in (("testing_config", "limit_combinations"), (MASSES, "limit_combinations")):
        if not keys.raw(*path):
            keys.not_needed(path, "all combinations are computed")
        else:
            keys.not_taken(path, "all combinations are computed")


def _processing(keys: Keys, found: dict[str, Any]) -> None:
    post: dict[str, Any] = {"mode": "compatible"}
    width = keys.number(POST, "peak_detection_bin_width_gev")
    if width is not None and width > 0:
        post["width"] = width
        keys.note((POST, "peak_detection_bin_width_gev"), "post_processing.width", f"{width:g} GeV")
    elif width is not None:
        keys.not_taken((POST, "peak_detection_bin_width_gev"), "expected a number above 0")
    for key, ours, default in (("max_mass_cutoff", "cutoff", 10_000), ("z_peak_cutoff", "pair_cutoff", 110)):
        path = (POST, key)
        cutoff = keys.number(*path, least=0)
        if cutoff:
            post[ours] = cutoff
            keys.note(path, f"post_processing.{ours}", f"{cutoff:g} GeV")
        elif cutoff is not None:
            keys.not_needed(path, "0: there is none")
        elif not keys.has(*path):
            words = f"it is not said: none, as before there was this key; later {default:,} GeV is the default: write {ours}: {default}"
            keys.note(path, f"post_processing.{ours}", words)
    found["post_processing"] = post


def _histograms(keys: Keys, found: dict[str, Any]) -> None:
    path, given = (HISTOGRAMS, "bin_width_gev"), keys.raw(HISTOGRAMS, "bin_width_gev")
    if isinstance(given, list) and given and all(type(w) in {int, float} and 0 < w < 1e9 for w in given):
        found["width"] = given[0]
        keys.note(path, "width", f"{given[0]:g} GeV")
        if given[1:]:
            keys.not_taken(
                path, f"a scan has one width: make another for {', '.join(f'{w:g}' for w in given[1:])}"
            )
    else:
        width = keys.number(*path)
        if width is not None and width > 0:
            found["width"] = width
            keys.note(path, "width", f"{width:g} GeV")
        elif width is not None:
            keys.not_taken(path, "expected a number above 0")
    output: dict[str, Any] = {}
    without = keys.switch(HISTOGRAMS, "exclude_outliers")
    if without is not None:
        output["outliers"] = not without
        keys.note((HISTOGRAMS, "exclude_outliers"), "output.outliers", str(not without).lower())
    for key, good, words in (
        ("single_output_file", True, "there is one file for data and one for simulation"),
        ("use_bumpnet_naming", True, "histograms have the names that BumpNet reads"),
        (
            "apply_peak_removal_at_histogram_level",
            False,
            "peaks are dealt with before histograms are written",
        ),
    ):
        value = keys.switch(HISTOGRAMS, key)
        if value is not None:
            keys.note((HISTOGRAMS, key), NOT_NEEDED if value is good else NOT_TAKEN, words)
    if output:
        found["output"] = output


def _run(keys: Keys, found: dict[str, Any]) -> None:
    files = None
    for path in ((PARSING, "max_files_to_process"), ("testing_config", "limit_files_per_year")):
        value = keys.whole(*path)
        if value:
            files = value if files is None else min(files, value)
            keys.note(path, "run.max_files", f"{value} of each process")
        elif value == 0:
            keys.not_needed(path, "0: all files")
    if files is not None:
        found["run"] = {"max_files": files}
    for key in _TASKS:
        value = keys.switch("tasks", key)
        if value is not None:
            words = "all stages are done" if value else "all stages are done: choose with --stages"
            keys.note(("tasks", key), NOT_NEEDED if value else NOT_TAKEN, words)
    for key in ("batch_job_index", "total_batch_jobs"):
        path = ("run_metadata", key)
        if keys.whole(*path) is not None:
            keys.not_taken(path, "slices are made by: femtobarn batch submit --jobs N")
    _trigger(keys)


def _trigger(keys: Keys) -> None:
    on = keys.switch("trigger_config", "enabled")
    for path in _but(keys.below("trigger_config"), "enabled"):
        if on:
            keys.not_taken(path, "there is no choice of triggers")
        else:
            keys.not_needed(path, "triggers are not asked for")
    if on is not None:
        keys.note(
            ("trigger_config", "enabled"), NOT_TAKEN if on else NOT_NEEDED, "there is no choice of triggers"
        )


def _but(paths: list[Path], name: str) -> Iterator[Path]:
    return (p for p in paths if p[-1] != name)
