"""The section of the report about a scan of mass spectra, and that the rest of the page fits a scan."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from tests.spectra.events import write_config, write_folder

from femtobarn.api import runs
from femtobarn.api import spectra as api
from femtobarn.base.spectra import (
    CombinationsRecord,
    IsolationRecord,
    ObjectRecord,
    OutputRecord,
    OverlapRecord,
    ProcessingRecord,
    SpectraRecord,
    TagRecord,
)
from femtobarn.running.results.reader import RunResults
from femtobarn.running.results.spectra.processed import read_processed
from femtobarn.running.results.spectra.reader import Spectra
from femtobarn.show.report import render, write_report
from femtobarn.show.report.scan import _ALTERNATIVES, MOST, ScanBlock
from femtobarn.show.spectra import words
from femtobarn.show.spectra.figures import FIGURES
from femtobarn.show.spectra.populations import most_populated

from .scans import analysis, record, scan_of, shown
from .test_report import IMAGE, SCRIPT, Page
from .test_spectra_gallery import in_view, opened


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    """The run directory of a small scan, all stages of it."""
    folder = tmp_path_factory.mktemp("scan")
    config = write_config(folder / "scan.yaml", final_states={"most_count": 3, "min_events": 5})
    return api.run(config, write_folder(folder / "data", files=2, entries=300), out=folder / "out").out


@pytest.fixture(scope="module")
def report(out) -> str:
    return (out / "report.html").read_text(encoding="utf-8")


def block(make, scan=None, **changes) -> ScanBlock:
    """Return what the page shows of made-up spectra."""
    scan = shown(make(), 40, **changes) if scan is None else scan
    return ScanBlock(
        record=scan.spectra.record,
        release=scan.info.release,
        summary=scan.summary,
        problem="",
        largest=tuple((g, most_populated(scan.spectra, g, MOST)) for g in scan.spectra.groups),
        files=(("spectra/gallery.html", 123_456), ("spectra/data.root", 2_000_000)),
        figures=(),
    )


def of_scan(make, scan: SpectraRecord):
    """Return results of a run that was a scan."""
    results = make(figures=())
    return dataclasses.replace(results, info=results.info.model_copy(update={"analysis": analysis(scan)}))


@pytest.mark.services
def test_the_page_of_a_scan_has_no_empty_section(report, out) -> None:
    found = Page(report)
    assert found.open == []
    ids = [a["id"] for a in found.attributes("section")]
    assert ids[:4] == ["spectra", "figures", "yields", "cutflow"]
    assert "significance" not in ids
    assert "variations" not in ids
    assert [a["href"] for a in found.attributes("a") if str(a["href"]).startswith("#")] == [
        f"#{i}" for i in ids
    ]
    for part in re.split(r'<section id="', report)[1:]:
        content = Page(part.split("</section>")[0].split(">", 1)[1])
        assert len(" ".join(content.words)) > 40 or content.attributes("img")
    assert "declares no figure" not in found.text
    assert "physics mode" not in found.text
    assert "right mode" in found.text


@pytest.mark.services
def test_its_numbers_are_those_of_the_scan(report, out) -> None:
    text = " ".join(Page(report).text.split())
    spectra = Spectra.load(out)
    rows = [
        ("final states found", [len(spectra.states(g)) for g in spectra.groups]),
        ("of these kept", [sum(r.kept for r in spectra.states(g)) for g in spectra.groups]),
        ("dropped: too few events", [sum(not r.kept for r in spectra.states(g)) for g in spectra.groups]),
        ("histograms", [sum(1 for _ in spectra.spectra(g)) for g in spectra.groups]),
        ("values", [sum(s.entries for s in spectra.spectra(g)) for g in spectra.groups]),
    ]
    for name, numbers in rows:
        assert f"{name} {' '.join(f'{n:,}' for n in numbers)}" in text, name
        assert numbers[0] > 0
    made = read_processed(out / "spectra").summary.made
    assert f"data veto {made[0].spectra:,} {made[0].entries:,}" in text
    assert "Final states with fewer than 5 events in the whole input are not written." in text


@pytest.mark.services
def test_links_lead_to_what_is_there(report, out) -> None:
    links = [str(a["href"]) for a in Page(report).attributes("a")]
    relative = [link for link in links if not link.startswith("#")]
    assert all(link.startswith("spectra/") for link in relative)
    for link in relative:
        assert (out / unquote(link.split("#")[0])).is_file(), link
    assert {
        "spectra/gallery.html",
        "spectra/data.root",
        "spectra/data_processed.root",
        "spectra/mc.root",
    } <= set(relative)
    spectra = Spectra.load(out)
    for group in spectra.groups:
        best = sorted((s.entries for s in spectra.spectra(group)), reverse=True)[:MOST]
        mine = [link.split(f"#{group}/")[1] for link in relative if f"gallery.html#{group}/" in link]
        names = {s.name: s.entries for s in spectra.spectra(group)}
        assert [names[name] for name in mine] == best


@pytest.mark.services
def test_the_figures_are_in_the_page(report, out) -> None:
    images = Page(report).attributes("img")
    assert len(images) == 4
    assert all(str(a["src"]).startswith("data:image/png;base64,") and a["alt"] for a in images)


@pytest.mark.services
@pytest.mark.browser
def test_a_link_of_the_report_opens_a_spectrum(browser, out) -> None:
    opened(browser, out / "spectra" / "gallery.html")
    browser.open((out / "report.html").as_uri())
    link = browser.ask("document.querySelector('a[href*=\"gallery.html#\"]').href")
    browser.open(link)
    assert link.endswith(in_view(browser))
    assert browser.complaints == []


@pytest.mark.services
def test_a_report_that_is_written_again_still_has_the_scan(report, out) -> None:
    assert runs.report(out).read_text(encoding="utf-8") == report


@pytest.mark.services
def test_what_is_not_there_is_not_linked(out, tmp_path) -> None:
    results = RunResults.load(out)
    page = Page(write_report(results, tmp_path / "elsewhere", drawn=()).read_text(encoding="utf-8"))
    assert [a["href"] for a in page.attributes("a") if not str(a["href"]).startswith("#")] == []
    assert "Not drawn" in page.text
    assert "Expected" in page.text  # why its numbers are not known
    assert page.open == []


def test_hostile_names_stay_text(make) -> None:
    group = f"{SCRIPT}{IMAGE}/#?"
    page = Page(render(of_scan(make, record()), drawn=(), scan=block(make, names=("data", group))))
    assert page.open == []
    assert "script" not in {name for name, _ in page.elements}
    assert "img" not in {name for name, _ in page.elements}
    assert not any(key.startswith("on") for _, attributes in page.elements for key in attributes)
    links = [str(a["href"]) for a in page.attributes("a") if "gallery.html#" in str(a["href"])]
    assert {unquote(link.split("#")[1].split("/")[0]) for link in links} == {"data", group}
    assert SCRIPT in page.text


def test_an_unscaled_scan_is_not_asked_for_a_luminosity(make) -> None:
    notes = ("luminosity: no data", "another note")

    def text(output: OutputRecord) -> str:
        scan = record(output=output)
        results = make(figures=(), luminosity=None)
        results = dataclasses.replace(
            results, info=results.info.model_copy(update={"analysis": analysis(scan), "notes": notes})
        )
        return Page(render(results, drawn=(), scan=block(make))).text

    plain, scaled = text(OutputRecord()), text(OutputRecord(scale="luminosity"))
    for words_ in ("Give --luminosity", "luminosity of the data", "luminosity: no data", "do not compare"):
        assert words_ not in plain
        assert words_ in scaled
    assert "another note" in plain


def test_a_scan_without_its_spectra_has_a_page(make) -> None:
    page = Page(render(of_scan(make, record()), drawn=()))
    assert page.open == []
    assert "figures" not in [a["id"] for a in page.attributes("section")]


def test_what_there_is_not_is_not_promised(make) -> None:
    def text(*names: str) -> str:
        return Page(render(of_scan(make, record()), drawn=(), scan=block(make, names=names))).text

    data, both = text("data"), text("data", "mc")
    assert "each of data and of simulation, full and processed" in both
    assert "each of data, full and processed" in data
    assert "Simulation is the sum of its event weights" in both
    assert "Simulation is the sum of its event weights" not in data


def test_the_report_shows_every_figure() -> None:
    assert list(_ALTERNATIVES) == list(FIGURES)


def test_overlap_is_told_with_a_distance_that_slides() -> None:
    fixed = OverlapRecord(remove="j", near="e", delta_r=0.2)
    assert words.of_overlap(fixed) == "jets within ΔR 0.2 of electrons"
    sliding = OverlapRecord(remove="m", near="j", delta_r=0.4, sliding=10.0)
    assert words.of_overlap(sliding) == "muons within ΔR min(0.4, 0.04 + 10 GeV / pT) of jets"


# --- words -----------------------------------------------------------------------------------------


def test_what_is_off_is_said() -> None:
    text = " ".join(words.limits(record(), has_met=False))
    for part in (
        "Overlap removal is off",
        "b jets are not told from other jets",
        "Neither identification nor isolation is asked of electrons, muons, jets and photons.",
        "no spectra with missing momentum: the release has none",
        "not told apart by their signs",
        "Bins of known resonances (Z, W, H, Jpsi, Upsilon1S, Upsilon2S and Upsilon3S) are emptied",
        "above 14,000 GeV is in the overflow bin",
        "not scaled to the data",
        "objects up to number 2 by pT may lead",
    ):
        assert part in text
    assert "the whole input" not in text


def test_what_is_on_is_not_called_off() -> None:
    scan = record(
        objects=(ObjectRecord(letter="e", collection="electron", isolation=IsolationRecord(track=0.1)),),
        tag=TagRecord(discriminant="dl1d", threshold=2.51),
        overlap=(OverlapRecord(remove="j", near="e", delta_r=0.2),),
        quantities=("mass", "os", "met"),
        met="objects",
        least_events=100,
        processing=ProcessingRecord(mode="compatible"),
        combinations=CombinationsRecord(exact_leading=True),
        output=OutputRecord(scale="luminosity"),
    )
    text = " ".join(words.limits(scan))
    for part in ("is off", "Neither", "no spectra with", "by their signs", "not scaled", "b jets are not"):
        assert part not in text
    assert "fewer than 100 events in the whole input are not written" in text
    assert "minus the vector sum of the selected objects" in text
    assert "removes the turn-on, not the peaks" in text
    assert words.mode_of(scan) == "compatible mode"


def test_modes_have_names() -> None:
    exact, compatible = CombinationsRecord(exact_leading=True), ProcessingRecord(mode="compatible")
    assert words.mode_of(record()) == "right mode"
    assert words.mode_of(record(combinations=exact)) == "compatible combinations, right processing"
    assert words.mode_of(record(processing=compatible)) == "right combinations, compatible processing"


def test_combinations_are_told_in_words() -> None:
    spectra, _ = scan_of(300)
    told = {s.combination.name: words.of_combination(s.combination) for s in spectra.spectra("data")}
    assert told["e0e1"] == "Invariant mass of electrons 1 and 2; numbered by falling pT"
    assert told["e1j0"] == "Invariant mass of electron 2 and jet 1; numbered by falling pT"
    assert told["e0m0j0"] == "Invariant mass of electron 1, muon 1 and jet 1; numbered by falling pT"
    assert told["j0j1j2"] == "Invariant mass of jets 1 to 3; numbered by falling pT"
