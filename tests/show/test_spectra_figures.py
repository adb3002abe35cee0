"""Figures of a scan: what they show equals the scan, and how they look.

To write the images anew: ``FEMTOBARN_REGENERATE_FIGURES=1 pytest tests/show/test_spectra_figures.py``; then
look at every one before it is committed.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from femtobarn.base.errors import RunDirectoryError
from femtobarn.base.spectra import ProcessingRecord
from femtobarn.physics.spectra import states
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.running.results.metrics import Moment
from femtobarn.show.figures.save import write_both
from femtobarn.show.spectra import masses, occupancy, overview, performance
from femtobarn.show.spectra.figures import FIGURES, draw_scan, drawn
from femtobarn.show.spectra.populations import Populations, most_populated, short_state

from .scans import scan_of, shown
from .test_baseline import TOLERANCE, difference

BASELINE = Path(__file__).parent / "baseline" / "spectra"
REGENERATE = bool(os.environ.get("FEMTOBARN_REGENERATE_FIGURES"))  # read here: tests see no such variable
HOSTILE = r"$\frac{x <script>" + "\x1b[2J\u202e" + "long " * 40


@pytest.fixture(scope="module")
def scan(make):
    results = make()
    moments = tuple(Moment(seconds=0.5 * i, tasks=i, events=5000 * i, bytes_read=i) for i in range(1, 41))
    results = dataclasses.replace(results, cost=results.cost.model_copy(update={"over_time": moments}))
    return shown(results, 600)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_as_it_was(scan, name: str, tmp_path) -> None:
    figure = drawn(name, FIGURES[name][0](scan))
    png, _ = write_both(figure, tmp_path, name, "femtobarn", dpi=50)
    path = BASELINE / f"{name}.png"
    with Image.open(png) as image:
        image.convert("RGB").quantize(64).save(tmp_path / "now.png", optimize=True)
    if REGENERATE:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes((tmp_path / "now.png").read_bytes())
    with Image.open(path) as before, Image.open(tmp_path / "now.png") as now:
        rms = difference(before, now)
    assert rms < TOLERANCE, f"{name} differs by {rms:.1f}; now: {png}"


def test_the_images_are_small_and_all_there() -> None:
    assert {f.stem for f in BASELINE.glob("*.png")} == set(FIGURES)
    assert sum(f.stat().st_size for f in BASELINE.glob("*.png")) < 300_000


@pytest.mark.services
def test_all_are_written_and_nothing_else_stays(scan, tmp_path) -> None:
    (tmp_path / "old.png").write_bytes(b"of another scan")
    (tmp_path / "notes.txt").write_text("mine")
    paths = draw_scan(scan, tmp_path)
    assert {p.name for p in paths} == {f"{n}.{e}" for n in FIGURES for e in ("png", "pdf")}
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in paths} | {"notes.txt"}
    assert all(p.stat().st_size > 5000 for p in paths)
    # equal scans give equal bytes
    again = write_both(
        drawn("performance", performance.compute(scan)), tmp_path / "2", "performance", "femtobarn", dpi=120
    )
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in paths if p.stem == "performance"]


def test_a_folder_without_a_scan_is_refused(tmp_path) -> None:
    with pytest.raises(RunDirectoryError):
        draw_scan(tmp_path, tmp_path / "figures")


def test_populations_are_those_of_the_histograms() -> None:
    spectra, _ = scan_of(200, least_events=20_000)
    for group in spectra.groups:
        found = Populations.of(spectra, group)
        expected = [(s.state, s.combination, s.entries) for s in spectra.spectra(group)]
        all_of = combinations(spectra.record)
        assert 0 < len(expected) < 200
        assert [
            (int(c), all_of[k], n)
            for c, k, n in zip(found.codes, found.combinations, found.entries.tolist(), strict=True)
        ] == expected
        names = {s.name: s.entries for s in spectra.spectra(group)}
        largest = most_populated(spectra, group, 7)
        assert [one.entries for one in largest] == sorted(names.values(), reverse=True)[:7]
        assert all(names[one.name] == one.entries for one in largest)


def test_what_the_figure_of_masses_shows(scan) -> None:
    data = masses.compute(scan)
    assert len(data.panels) == masses.MOST
    assert data.variants == ("full", "veto")
    of = {(s.group, s.name): s for g in scan.spectra.groups for s in scan.spectra.spectra(g)}
    made = {(s.group, s.name): s for g in scan.processed for s in scan.processed[g]}
    for panel in data.panels:
        assert [(s.group, s.variant) for s in panel.spectra] == [
            ("data", "full"), ("data", "veto"), ("mc", "full"), ("mc", "veto"),
        ]  # fmt: skip
        for one in panel.spectra:
            expected = (of if one.variant == "full" else made)[one.group, one.name]
            np.testing.assert_array_equal(one.sums, expected.sums)
    peak = next(p for p in data.panels if p.title == "g0g1")
    assert peak.windows == ((120.0, 140.0),)
    assert next(p for p in data.panels if p.title == "e0e1").windows == ((0.0, 20.0), (80.0, 110.0))


def test_of_many_groups_simulation_is_summed(make) -> None:
    names = ("data", *(f"process {i} with a name that is rather long" for i in range(24)))
    scan = shown(make(), 60, names=names)
    scan.spectra.sums[names[3]].sums[::5, 1] *= -40
    simulated = [list(scan.spectra.spectra(name)) for name in names[1:]]
    data = masses.compute(scan)
    assert data.rows == (("data", "data"), ("simulation, 24 groups", "mc"))
    for panel in data.panels:
        assert {(s.group, s.variant) for s in panel.spectra} <= {
            (name, variant) for name, _ in data.rows for variant in ("full", "veto")
        }
        one = next(s for s in panel.spectra if s.kind == "mc" and s.variant == "full")
        parts = [s for of in simulated for s in of if s.name == one.name]
        assert one.entries == sum(s.entries for s in parts)
        total = np.zeros((200, 3))
        for part in parts:
            total[part.first : part.first + len(part.sums)] += part.sums
        np.testing.assert_allclose(total[one.first :][: len(one.sums)], one.sums, rtol=1e-12)
    events = {s.state: 0 for of in scan.spectra.groups for s in scan.spectra.states(of)}
    for name in names[1:]:
        for row in scan.spectra.states(name):
            events[row.state] += row.events
    found = {name: by_row[1] for name, by_row, _ in overview.compute(scan).states}
    assert found
    assert all(found[short_state(s)] == n for s, n in events.items() if short_state(s) in found)
    counts = occupancy.compute(scan).counts
    assert counts.sum(axis=1).tolist() == [60, 24 * 60]


def test_few_groups_are_told_apart(make) -> None:
    names = ("data", "a", "b", "c", "d", "e")
    assert [name for name, _ in masses.compute(shown(make(), 20, names=names)).rows] == list(names)


@pytest.mark.parametrize("name", ["masses", "occupancy", "overview"])
@pytest.mark.parametrize("groups", [2, 6, 25])
def test_legends_cover_nothing_and_stay_on_the_page(make, name, groups) -> None:
    names = ("data", *(f"process {i} with a name that is rather long" for i in range(groups - 1)))
    scan = shown(make(), 60, names=names)
    spec = scan.info.analysis.model_copy(update={"title": "A long title " * 20})
    scan = dataclasses.replace(scan, info=scan.info.model_copy(update={"analysis": spec}))
    figure = drawn(name, FIGURES[name][0](scan))
    figure.canvas.draw()
    axes = [a.get_window_extent() for a in figure.axes]
    own = [a.get_legend() for a in figure.axes if a.get_legend() is not None]
    assert own or figure.legends
    for legend in (*own, *figure.legends):
        box = legend.get_window_extent()
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(text.get_window_extent()) for text in figure.texts)
        if legend.axes is None or name == "occupancy":
            assert not any(box.overlaps(other) for other in axes)
        elif name == "overview":
            bars = [p.get_window_extent() for p in legend.axes.patches]
            assert not any(box.overlaps(bar) for bar in bars)
    assert all(t.get_window_extent().x1 <= figure.bbox.x1 for t in figure.texts)


def test_axes_say_what_bins_hold_and_that_simulation_is_not_scaled(make) -> None:
    for names, output, label, said in (
        (("data",), "none", "entries / 10 GeV", False),
        (("data", "mc"), "none", "entries, sum of weights / 10 GeV", True),
        (("data", "mc"), "luminosity", "entries, sum of weights / 10 GeV", False),
    ):
        scan = shown(make(), 30, names=names)
        output_record = scan.spectra.record.output.model_copy(update={"scale": output})
        record = scan.spectra.record.model_copy(update={"output": output_record})
        scan = dataclasses.replace(scan, spectra=dataclasses.replace(scan.spectra, record=record))
        figure = drawn("masses", masses.compute(scan))
        assert figure.axes[0].get_ylabel() == label
        assert ("not scaled to the data" in " ".join(t.get_text() for t in figure.texts)) is said


def test_bins_below_zero_are_marked(make) -> None:
    def marks(scan) -> int:
        data = masses.compute(scan)
        figure = drawn("masses", data)
        told = "bins below 0" in [t.get_text() for t in figure.legends[0].get_texts()]
        found = sum(len(line.get_xdata()) for axes in figure.axes for line in axes.lines)
        assert told is (found > 0)
        return found

    scan = shown(make(), 30, processing=ProcessingRecord(mode="none"))
    scan = dataclasses.replace(scan, processed={})
    assert marks(scan) == 0
    sums = scan.spectra.sums["mc"].sums
    sums[::50, 1] *= -1
    below = sum(int((s.values < 0).sum()) for p in masses.compute(scan).panels for s in p.spectra)
    assert 0 < marks(scan) <= below


def test_known_resonances_are_shaded_where_nothing_is_made_of_them(make) -> None:
    plain = shown(make(), 30, processing=ProcessingRecord(mode="none"))
    panel = next(p for p in masses.compute(plain).panels if p.title == "g0g1")
    assert panel.windows == (pytest.approx((120.2, 130.2)),)


def test_what_the_overview_shows(scan) -> None:
    data = overview.compute(scan)
    assert dict(data.files) == {"processed": 40, "failed": 1, "skipped": 1, "pending": 0}
    assert [kind for kind, _ in data.cuts] == ["data", "mc"]
    assert data.cuts[0][1][:2] == (("all events", 300_000), ("1 to 6 kinds of objects", 221_345))
    rows = {g: {r.state: r.events for r in scan.spectra.states(g)} for g in scan.spectra.groups}
    everywhere = {s for of in rows.values() for s in of}
    assert len(data.states) + data.more_states == len(everywhere)
    for name, by_group, kept in data.states:
        state = next(s for s in everywhere if short_state(s) == name)
        assert by_group == tuple(rows[g].get(state, 0) for g in scan.spectra.groups)
        assert kept
    totals = [sum(n) for _, n, _ in data.states]
    assert totals == sorted(totals, reverse=True)
    whole = sum(n for of in rows.values() for n in of.values())
    for letter, column in data.objects:
        assert sum(column) == whole
        expected = sum(n * states.counts(s)[letter] for of in rows.values() for s, n in of.items())
        assert sum(i * n for i, n in enumerate(column)) == expected


def test_states_that_are_dropped_are_shown_as_such(make) -> None:
    data = overview.compute(shown(make(), 100, least_events=62_000))
    kept = [k for _, _, k in data.states]
    assert kept[0] is True
    assert False in kept
    drawn("overview", data)


def test_what_the_figure_of_all_histograms_shows(scan) -> None:
    data = occupancy.compute(scan)
    spectra = [list(scan.spectra.spectra(g)) for g in scan.spectra.groups]
    assert data.spectra == sum(map(len, spectra))
    assert data.counts.sum(axis=1).tolist() == [len(s) for s in spectra]
    for row, of in zip(data.counts, spectra, strict=True):
        inside = [
            sum(low <= s.entries < high for s in of)
            for low, high in zip(data.edges, data.edges[1:], strict=False)
        ]
        assert row.tolist() == inside
    entries = {(short_state(s.state), s.combination.name): s.entries for s in spectra[0]}
    for i, state in enumerate(data.states):
        for j, combination in enumerate(data.combinations):
            assert data.entries[i, j] == entries.get((state, combination), 0)
    assert data.entries.any(axis=0).all()
    everywhere = {(s.state, s.combination) for of in spectra for s in of}
    assert data.everywhere == (len({s for s, _ in everywhere}), len({c for _, c in everywhere}))


def test_final_states_of_all_groups_are_counted() -> None:
    few, most = scan_of(10, names=("data",))[0], scan_of(60)[0]
    parts = [Populations.of(few, "data"), Populations.of(most, "mc")]
    together = Populations.together(parts)
    assert len(together.entries) == 60
    assert together.entries.sum() == sum(p.entries.sum() for p in parts)
    assert (np.diff(together.codes.astype(np.int64)) >= 0).all()


def test_what_the_figure_of_costs_shows(scan) -> None:
    data = performance.compute(scan)
    assert [(s.stage, s.seconds, s.peak_rss) for s in data.stages][:2] == [
        ("files", 0.9, 180_000_000), ("fill", 12.4, 395_000_000),
    ]  # fmt: skip
    assert dict(data.steps) == {
        "reading": 10.0, "objects, states, masses": 20.0, "opening, checking, writing": 4.0,
    }  # fmt: skip
    values = sum(s.entries for g in scan.spectra.groups for s in scan.spectra.spectra(g))
    assert data.values == values
    assert f"{200_000 / 19.5:,.0f} events/s, {values / 19.5:,.0f} values/s" in data.words
    assert data.course[-1] == (20.0, 200_000)
    assert drawn("performance", data).axes[3].get_xlim()[1] > 20.2  # the last step is seen


def test_anything_can_be_drawn(make) -> None:
    empty = shown(make(), 3, least_events=10**9)
    for name, (compute, _) in FIGURES.items():
        drawn(name, compute(empty))
    # names and titles of others, many groups, an incomplete run
    results = make(complete=False, simulated=True)
    odd = shown(results, 20, names=("data", HOSTILE, "b", "c", "d", "e", "f", "g", "h", "i"))
    spec = odd.info.analysis.model_copy(update={"title": HOSTILE})
    odd = dataclasses.replace(odd, info=odd.info.model_copy(update={"analysis": spec}))
    for name, (compute, _) in FIGURES.items():
        figure = drawn(name, compute(odd))
        texts = " ".join(t.get_text() for t in figure.texts)
        assert "Simulated demo data" in texts
        assert "incomplete: 3 of 40 files" in texts
        assert "\x1b" not in texts
        assert "\u202e" not in texts
        figure.canvas.draw()
