"""summary.json: what a scan read, kept, found and cost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from femtobarn.base.errors import RunDirectoryError
from femtobarn.base.records import CutflowRow, Kind, LedgerRow, RunInfo
from femtobarn.base.spectra import OutputRecord, ProcessingRecord, WindowRecord
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.sums import SpectraSums
from femtobarn.running.results.metrics import Metrics, StepCost
from femtobarn.running.results.spectra.cost import Cost
from femtobarn.running.results.spectra.processing import process
from femtobarn.running.results.spectra.reader import Spectra
from femtobarn.running.results.spectra.stages import Book
from femtobarn.running.results.spectra.summary import read_summary, summarise_scan, write_summary

from .made import STATES, info_of, sums_of
from .toys import scan, sums

KINDS: dict[str, Kind] = {"data": "data", "a": "mc", "b": "mc"}
RECORD = scan(
    least_events=3,
    processing=ProcessingRecord(
        windows=(WindowRecord(name="Z", centre=91.2, half_width=10, particles=("ee",)),)
    ),
)
METRICS = Metrics(
    events=300,
    tasks=4,
    reused_tasks=0,
    bytes_read=12_345,
    seconds=2.0,
    busy_seconds=1.5,
    events_per_second=200.0,
    peak_rss=5_000_000,
    steps=StepCost(read=0.5, evaluate=0.25, other=0.25, cpu=0.9, wall=1.0),
    workers=(),
    over_time=(),
)


@pytest.fixture
def spectra() -> Spectra:
    places = {c.name: i for i, c in enumerate(combinations(RECORD))}
    values = {
        (STATES[0], places["m0m1"]): [(95.0, 1.0), (96.0, 1.0), (-2.0, 1.0), (1e30, 1.0)],
        (STATES[1], places["e0e1"]): [(91.0, 1.0), (150.0, 1.0), (500.0, 1.0)],
        (STATES[1], places["e0e1j0"]): [(230.0, 1.0)],
    }
    data = sums_of(RECORD, "data", values, {STATES[0]: 2, STATES[1]: 7, STATES[2]: 3})
    parts: dict[str, SpectraSums] = {
        "data": data,
        "a": sums(RECORD, "mc", events=60),
        "b": sums(RECORD, "mc", seed=2),
    }
    return Spectra.of_sums(RECORD, parts, KINDS)


def cut(process: str, step: int, name: str, raw: int, sumw: float, variation: str = "nominal") -> CutflowRow:
    return CutflowRow(
        process=process,
        dsid=None,
        file=f"{process}.root",
        selection="final states",
        variation=variation,
        step=step,
        cut=name,
        raw=raw,
        sumw=sumw,
        sumw2=sumw,
        norm=None,
    )


CUTFLOW = (
    cut("data", 0, "all", 100, 100.0),
    cut("data", 1, "0 to 4 electrons", 60, 60.0),
    cut("a", 0, "all", 100, 80.0),
    cut("b", 0, "all", 50, 25.0),
    cut("a", 1, "0 to 4 electrons", 70, 55.0),
    cut("b", 1, "0 to 4 electrons", 20, 10.0),
    cut("b", 1, "0 to 4 electrons", 999, 999.0, "scale:up"),
)


def row(file: str, part: int, status: str, reason: str = "") -> LedgerRow:
    return LedgerRow.model_validate(
        {
            "task": f"{file}-{part}",
            "file": file,
            "part": part,
            "start": 0,
            "stop": 1,
            "status": status,
            "reason": reason,
        }
    )


LEDGER = (
    row("one.root", 0, "processed"),
    row("two.root", 0, "failed", "DamagedError: truncated"),
    row("two.root", 1, "failed", "DamagedError: truncated"),
    row("three.root", 0, "failed", "UnreadableError: absent"),
    row("four.root", 0, "skipped", "of another release"),
)


def info(**changes: object) -> RunInfo:
    return info_of(RECORD, KINDS, **changes)


def test_files_cuts_and_costs_are_those_of_the_run(spectra: Spectra, tmp_path: Path) -> None:
    changed = info(complete=False, files_wanted=5, files_failed=2, files_skipped=1, files_processed=1)
    book = Book(tmp_path, tmp_path)
    book.note("fill", "", "", "", words="", files=(), finished="", cost=Cost(2.0, 1.8, 5_000_000))
    summary = summarise_scan(changed, spectra, METRICS, LEDGER, book.stages, cutflow=CUTFLOW)
    assert summary.files.model_dump(exclude={"failures"}) == {
        "wanted": 5, "given": 3, "processed": 1, "failed": 2, "skipped": 1, "pending": 0,
    }  # fmt: skip
    assert [(f.file, f.reason) for f in summary.files.failures] == [
        ("two.root", "DamagedError: truncated"),
        ("three.root", "UnreadableError: absent"),
    ]
    assert [(c.kind, c.step, c.cut, c.events, c.sumw) for c in summary.cuts] == [
        ("data", 0, "all", 100, 100.0),
        ("data", 1, "0 to 4 electrons", 60, 60.0),
        ("mc", 0, "all", 150, 105.0),
        ("mc", 1, "0 to 4 electrons", 90, 65.0),
    ]
    assert (summary.events, summary.tasks, summary.bytes_read) == (300, 4, 12_345)
    assert (summary.steps.read, summary.steps.evaluate) == (0.5, 0.25)
    assert [(s.stage, s.seconds, s.peak_rss) for s in summary.stages] == [("fill", 2.0, 5_000_000)]
    assert "incomplete: 1 of 5 files" in summary.notes


def test_spectra_are_counted_where_they_are_kept(spectra: Spectra) -> None:
    summary = summarise_scan(info(), spectra, METRICS, LEDGER)
    assert summary.combinations == 65
    data, mc = summary.groups
    assert (data.states_found, data.states_kept, data.states_dropped) == (3, 2, 1)
    assert (data.combinations, data.spectra, data.values, data.below, data.above) == (2, 2, 4, 0, 0)
    assert data.bins == 4
    dropped = [s for s in data.states if not s.kept]
    assert [(s.final_state, s.events, s.reason) for s in dropped] == [
        ("0e_2m_0j_0g_0t_0b", 2, "2 events, fewer than 3")
    ]
    found = list(spectra.spectra("mc"))
    assert mc.spectra == len(found)
    assert mc.values == sum(s.entries for s in found)
    assert mc.bins == sum(int((s.sums[:, 0] > 0).sum()) for s in found)
    assert mc.combinations == len({s.combination for s in found})
    assert mc.processes == ("a", "b")


def test_what_lies_outside_of_histograms_is_counted(spectra: Spectra) -> None:
    all_kept = Spectra(RECORD.model_copy(update={"least_events": 0}), spectra.members, spectra.sums)
    data = summarise_scan(info(), all_kept, METRICS, LEDGER).groups[0]
    assert (data.values, data.below, data.above) == (8, 1, 1)


def test_notes_tell_what_a_reader_must_know(spectra: Spectra) -> None:
    (note,) = summarise_scan(info(), spectra, METRICS, LEDGER).notes
    assert note.startswith("mc: the plain sum of the event weights of 2 processes")
    scaled = RECORD.model_copy(update={"output": OutputRecord(scale="luminosity")})
    once = Spectra(scaled, spectra.members, spectra.sums)
    assert summarise_scan(info(), once, METRICS, LEDGER).notes == ()


def test_it_is_read_as_it_was_written(spectra: Spectra, tmp_path: Path) -> None:
    made = process(spectra, tmp_path)
    summary = summarise_scan(info(), spectra, METRICS, LEDGER, cutflow=CUTFLOW, processing=made)
    path = write_summary(summary, tmp_path)
    assert path == tmp_path / "summary.json"
    assert read_summary(tmp_path) == summary
    plain = json.loads(path.read_text())
    assert plain["processing"]["windows"][0]["name"] == "Z"
    assert plain["processing"]["windows"][0]["entries"] == 1
    assert plain["groups"][0]["values"] == 4
    path.write_text("{}")
    with pytest.raises(RunDirectoryError, match="Run the stage export again"):
        read_summary(tmp_path)
