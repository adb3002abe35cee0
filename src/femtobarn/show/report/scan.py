"""What the report says of a scan of mass spectra: how many, which are largest, what is off, and where they are."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from femtobarn.base.errors import FemtobarnError, UnknownNameError
from femtobarn.base.records import Kind
from femtobarn.base.spectra import SpectraRecord
from femtobarn.data.formats import format_of
from femtobarn.running.results.directory import RunDirectory
from femtobarn.running.results.spectra.processed import ProcessingSummary
from femtobarn.running.results.spectra.summary import SUMMARY
from femtobarn.running.results.spectra.summary_records import GroupSummary, ScanSummary
from femtobarn.show.report.html import Html, details, join, section, table, tag
from femtobarn.show.report.selected import objects
from femtobarn.show.spectra import words
from femtobarn.show.spectra.gallery import FILE_NAME
from femtobarn.show.spectra.populations import Populated, most_populated
from femtobarn.show.spectra.shown import ShownScan
from femtobarn.show.wording import size

MOST = 20
_ALTERNATIVES = {
    "overview": "Files, events after each step, events per final state, objects per event",
    "masses": "The most populated mass spectra",
    "occupancy": "Values of each histogram, by final state and combination",
    "performance": "Time and memory of each stage",
}
"""The figures that `femtobarn.show.spectra.figures` draws, and what they show."""


@dataclass(frozen=True, slots=True)
class ScanBlock:
    """What the page shows of a scan.

    Parameters
    ----------
    record, release
        what was scanned
    summary
        its numbers; None if they cannot be had, and then ``problem`` says why
    largest
        of each group the most populated spectra
    files
        paths below the run directory, and bytes; None of what is written again after the page
    figures
        names and png images
    """

    record: SpectraRecord
    release: str
    summary: ScanSummary | None
    problem: str
    largest: tuple[tuple[str, tuple[Populated, ...]], ...]
    files: tuple[tuple[str, int | None], ...]
    figures: tuple[tuple[str, bytes], ...]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Kinds of the groups that there are."""
        return tuple(g.kind for g in self.summary.groups) if self.summary is not None else ()

    @property
    def browsable(self) -> bool:
        """Whether there is a page with all spectra."""
        return any(name == f"spectra/{FILE_NAME}" for name, _ in self.files)

    @classmethod
    def of(cls, out: Path, record: SpectraRecord, release: str) -> ScanBlock:
        """Return what there is of a scan in the run directory ``out``."""
        folder = RunDirectory(out).spectra
        summary: ScanSummary | None = None
        problem = ""
        largest: tuple[tuple[str, tuple[Populated, ...]], ...] = ()
        try:
            scan = ShownScan.load(out)
        except FemtobarnError as error:  # such as simulation that cannot be scaled: the page says so
            problem = str(error)
        else:
            summary = scan.summary
            largest = tuple((g, most_populated(scan.spectra, g, MOST)) for g in scan.spectra.groups)
        figures = [(name, folder / "figures" / f"{name}.png") for name in _ALTERNATIVES]
        return cls(
            record=record,
            release=release,
            summary=summary,
            problem=problem,
            largest=largest,
            files=tuple(_files(out, folder)),
            figures=tuple((name, path.read_bytes()) for name, path in figures if path.is_file()),
        )


def _files(out: Path, folder: Path) -> list[tuple[str, int | None]]:
    """Return the files that others read, the page to browse first."""
    wanted = [folder / FILE_NAME, *sorted(folder.glob("*.root")), folder / SUMMARY]
    wanted += sorted((folder / "figures").glob("*.pdf"))
    return [
        (p.relative_to(out).as_posix(), None if p.name == SUMMARY else p.stat().st_size)
        for p in wanted
        if p.is_file()
    ]


def figures(block: ScanBlock) -> Html:
    """Every figure, inside the page; without any, why."""
    if not block.figures:
        why = (
            "Not drawn, since the scan says figures: false."
            if not block.record.output.figures
            else "Not drawn; femtobarn spectra run --stages show draws them."
        )
        return section("figures", "Figures", tag("p", why, class_="soft"))
    blocks = [
        tag(
            "figure",
            tag("img", src="data:image/png;base64," + base64.b64encode(image).decode("ascii"), alt=_ALTERNATIVES[name]),
            tag("figcaption", _ALTERNATIVES[name]),
            class_="big",
        )
        for name, image in block.figures
    ]  # fmt: skip
    return section("figures", "Figures", tag("div", *blocks, class_="figures"))


def spectra(block: ScanBlock) -> Html:
    """Return the numbers of a scan, its largest spectra, its files, and what is off or limited."""
    parts = [_mode(block)]
    if block.summary is None:
        parts.append(tag("div", tag("p", block.problem), class_="box bad"))
    else:
        parts.append(_numbers(block.summary))
        if block.summary.processing is not None:
            parts.append(_processed(block.summary.processing))
    parts += [objects(block.record), _limits(block), _largest(block), _links(block)]
    return section("spectra", "Mass spectra", *parts)


def _mode(block: ScanBlock) -> Html:
    record = block.record
    intro = f"Every final state and combination has a spectrum, in bins of {record.width:g} GeV whose edges are multiples of the width: "
    lines = [tag("p", intro, tag("b", words.mode_of(record)), ".")]
    if block.browsable:
        link = tag("a", "Browse and search all spectra", href=f"spectra/{FILE_NAME}")
        kinds = [name for kind, name in (("data", "data"), ("mc", "simulation")) if kind in block.kinds]
        each = f", each of {' and of '.join(kinds)}" if kinds else ""
        processed = "" if record.processing.mode == "none" else ", full and processed"
        lines.append(tag("p", link, f"{each}{processed}."))
    return join(lines)


def _numbers(summary: ScanSummary) -> Html:
    head = ("", *(g.name for g in summary.groups))

    def line(name: str, numbers: Sequence[int]) -> tuple[str, ...]:
        return (name, *(f"{n:,}" for n in numbers))

    groups: tuple[GroupSummary, ...] = summary.groups
    rows = [
        line("final states found", [g.states_found for g in groups]),
        line("of these kept", [g.states_kept for g in groups]),
        line("dropped: too few events", [g.states_dropped for g in groups]),
        line(f"combinations with a value, of {summary.combinations:,}", [g.combinations for g in groups]),
        line("histograms", [g.spectra for g in groups]),
        line("bins that are not empty", [g.bins for g in groups]),
        line("values", [g.values for g in groups]),
        line("of these below 0", [g.below for g in groups]),
        line("above the last bin", [g.above for g in groups]),
    ]
    notes = [tag("li", note) for note in summary.notes]
    return join((
        table(head, rows, numeric=range(1, len(head))),
        tag("div", tag("ul", *notes), class_="box") if notes else Html(""),
    ))  # fmt: skip


def _processed(processing: ProcessingSummary) -> Html:
    parts: list[Html] = []
    if processing.made:
        made = [(m.group, m.variant, f"{m.spectra:,}", f"{m.entries:,}") for m in processing.made]
        parts.append(
            table(("made of the spectra of", "variant", "histograms", "values"), made, numeric=(2, 3))
        )
    if processing.windows:
        rows = [
            (w.group, w.name, f"{w.lower:g} – {w.upper:g}", f"{w.spectra:,}", f"{w.entries:,}")
            for w in processing.windows
        ]
        head = ("group", "known resonance", "bins [GeV]", "histograms that have it", "values in it")
        parts.append(details("Known resonances", table(head, rows, numeric=(2, 3, 4))))
    return join((tag("h3", "Processed"), *parts)) if parts else Html("")


def _limits(block: ScanBlock) -> Html:
    has_met = None
    with suppress(UnknownNameError):  # a format that somebody else wrote
        has_met = format_of(block.release).offers("met.pt")
    lines = words.limits(block.record, has_met=has_met, kinds=block.kinds)
    return join((tag("h3", "What is off or limited"), tag("ul", *(tag("li", line) for line in lines))))


def _largest(block: ScanBlock) -> Html:
    parts: list[Html] = []
    for group, found in block.largest:
        if not found:
            continue
        rows = []
        for one in found:
            name: str | Html = one.name
            if block.browsable:
                name = tag("a", one.name, href=f"spectra/{FILE_NAME}#{quote(group, safe='')}/{one.name}")
            rows.append((one.combination.name, one.final_state, f"{one.entries:,}", name))
        found_of = table(("combination", "final state", "values", "histogram"), rows, numeric=(2,))
        title = f"Most populated spectra of {group}"
        parts.append(details(title, found_of) if parts else join((tag("h3", title), found_of)))
    return join(parts)


def _links(block: ScanBlock) -> Html:
    if not block.files:
        return Html("")
    rows = [(tag("a", path, href=quote(path)), size(count), _what(path)) for path, count in block.files]
    return join((tag("h3", "Files"), table(("file", "size", ""), rows, numeric=(1,))))


def _what(path: str) -> str:
    name = path.rsplit("/", 1)[-1]
    if name == FILE_NAME:
        return "all spectra, to browse and to search"
    if name.endswith("_processed.root"):
        return "processed histograms"
    if name.endswith(".root"):
        return "histograms"
    return "numbers of the scan" if name == SUMMARY else "figure"
