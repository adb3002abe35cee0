"""Systematic errors on figures and in the report, against sums written out in plain NumPy."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from femtobarn.base.records import FigureRecord
from femtobarn.show.figures import FigureData, compute, draw, draw_all, png_bytes
from femtobarn.show.figures.bands import STATISTICAL, WHOLE
from femtobarn.show.figures.ratio import ratio
from femtobarn.show.report import print_summary, render, write_report
from femtobarn.show.report.variations import MOST

STACK = FigureRecord(name="stack", histogram="m4l", selection="final")
BINS = 68
SLOPE = np.linspace(-0.2, 0.3, BINS)
SCALE = [("scale", "up", {"zz": SLOPE, "higgs": 0.1}), ("scale", "down", {"zz": -0.5 * SLOPE, "higgs": 0.02})]
ONLY_UP = [("only up", "up", {"other": -0.3})]
NOTHING = [("nothing", "up", {}), ("nothing", "down", {})]


def shown(make, variations, **arguments) -> FigureData:
    return compute(make(variations=variations, **arguments), STACK)


def legend(data: FigureData) -> list[str]:
    box = draw(data).axes[0].get_legend()
    assert box is not None
    return [text.get_text() for text in box.get_texts()]


def test_directions_are_an_envelope_and_names_add_in_quadrature(make) -> None:
    data = shown(make, [*SCALE, *ONLY_UP, *NOTHING])
    values = {layer.process: layer.values for layer in data.layers}
    up = SLOPE * values["zz"] + 0.1 * values["higgs"]  # correlated over processes: added with their signs
    down = -0.5 * SLOPE * values["zz"] + 0.02 * values["higgs"]
    alone = -0.3 * values["other"]
    high = np.sqrt(np.clip(np.max([up, down], axis=0), 0, None) ** 2)
    low = np.sqrt(np.clip(-np.min([up, down], axis=0), 0, None) ** 2 + alone**2)
    systematic = data.systematic(data.layers)
    assert systematic is not None
    np.testing.assert_allclose(systematic.up, high, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(systematic.down, low, rtol=1e-12, atol=1e-13)
    _, error = data.total(data.layers)
    whole = data.band(data.layers)
    np.testing.assert_allclose(whole.up, np.sqrt(high**2 + error**2), rtol=1e-12)
    np.testing.assert_allclose(whole.down, np.sqrt(low**2 + error**2), rtol=1e-12)
    assert np.max(np.abs(whole.up - whole.down)) > 0.1


def test_opposite_shifts_of_two_processes_cancel(make) -> None:
    results = make(variations=[("migration", "up", {"zz": 0.1})])
    data = compute(results, STACK)
    values = {layer.process: layer.values for layer in data.layers}
    results.shifts["other"][0] = -0.1 * values["zz"] / values["other"]
    systematic = (moved := compute(results, STACK)).systematic(moved.layers)
    assert systematic is not None
    np.testing.assert_allclose([systematic.up, systematic.down], 0, atol=1e-12)


def test_one_direction_makes_one_side(make) -> None:
    data = shown(make, ONLY_UP)
    systematic = data.systematic(data.layers)
    assert systematic is not None
    assert not systematic.up.any()
    assert systematic.down.all()


def test_a_variation_that_changes_nothing_adds_nothing(make) -> None:
    data = shown(make, NOTHING)
    _, error = data.total(data.layers)
    np.testing.assert_array_equal(data.band(data.layers).up, error)
    np.testing.assert_array_equal(data.band(data.layers).down, error)


def test_without_variations_there_is_one_band(make) -> None:
    data = shown(make, [])
    assert data.systematic(data.layers) is None
    assert legend(data)[-1] == STATISTICAL
    assert WHOLE not in legend(data)


def test_the_two_bands_are_labelled_and_last(make) -> None:
    words = legend(shown(make, SCALE))
    assert words[-2:] == [STATISTICAL, WHOLE]
    assert words[0] == "Data"
    assert len(words) == 6


def test_the_ratio_has_both_bands(make) -> None:
    data = shown(make, SCALE)
    found = ratio(data)
    assert found is not None
    assert found.whole is not None
    total, error = data.total(data.layers)
    whole = data.band(data.layers)
    np.testing.assert_allclose(found.band, error / total)
    np.testing.assert_allclose(found.whole.up, whole.up / total)
    np.testing.assert_allclose(found.whole.down, whole.down / total)
    plain = ratio(shown(make, []))
    assert plain is not None
    assert plain.whole is None


def test_empty_and_negative_bins_are_drawn(make) -> None:
    for arguments in ({"empty": True}, {"negative": True}):
        data = shown(make, [*SCALE, *ONLY_UP], **arguments)
        assert len(png_bytes(draw(data), data, dpi=40)) > 1000
    empty = shown(make, SCALE, empty=True)
    assert not empty.band(empty.layers).up.any()
    found = ratio(empty)
    assert found is not None
    assert found.whole is not None
    assert np.isnan(found.whole.up).all()


def test_the_axis_leaves_room_for_the_band(make) -> None:
    data = shown(make, [("large", "up", {"zz": 2.0})])
    total, _ = data.total(data.layers)
    assert draw(data).axes[0].get_ylim()[1] > (total + data.band(data.layers).up).max()


def test_what_is_not_scaled_has_no_part_in_the_band(make) -> None:
    data = shown(make, SCALE, unknown=("zz",), complete=False, luminosity=3.24)
    values = {layer.process: layer.values for layer in data.layers}
    systematic = data.systematic(data.layers)
    assert systematic is not None
    np.testing.assert_allclose(systematic.up, 0.1 * values["higgs"], rtol=1e-12, atol=1e-13)
    assert not shown(make, SCALE, luminosity=None).layers


def test_the_band_of_the_notebook_style_is_that_of_the_background(make) -> None:
    results = make(variations=SCALE)
    final = next(f for f in results.spec.figures if f.name == "final")
    data = compute(results, final)
    zz = next(layer.values for layer in data.layers if layer.process == "zz")
    systematic = data.systematic(data.background)
    assert systematic is not None
    np.testing.assert_allclose(systematic.up, np.maximum(SLOPE, -0.5 * SLOPE) * zz, rtol=1e-12, atol=1e-13)
    assert legend(data)[2:4] == ["Stat. Unc.", "Stat. + Syst. Unc."]


def test_two_dimensions_have_no_band(make) -> None:
    data = compute(make(variations=SCALE), FigureRecord(name="p", histogram="plane", selection="final"))
    assert data.variations == ()
    assert len(data.panels) == 2


def many(count: int) -> list[tuple[str, str, dict[str, float]]]:
    return [(f"source {i}", "up", {"zz": 0.001 * i}) for i in range(count)]


def test_the_report_shows_the_largest_effects_first_and_counts_the_rest(make) -> None:
    page = render(make(variations=[*many(300), ("<script>", "down", {"zz": -0.9})]), drawn=())
    block = page[page.index('id="variations"') :]
    block = block[: block.index("</table>")]
    assert block.count("<tr>") == 1 + MOST
    assert block.index("&lt;script&gt;") < block.index("source 299") < block.index("source 298")
    assert "source 100<" not in block
    assert f"{301 - MOST} more" in page
    assert "<script>" not in page
    # all simulation: 4 files with 600 x 0.01 x 36.6 events each, one of them zz
    assert "−22.50 %" in block
    assert 'id="variations"' not in render(make(), drawn=())


def test_effects_are_unknown_without_a_luminosity_of_simulation(make) -> None:
    results = make(variations=SCALE)
    rows = [row.model_copy(update={"norm": None}) for row in results.cutflow()]
    results.rows["cutflow"] = rows
    assert "not scaled to a luminosity" in render(results, drawn=())


def test_systematic_errors_stand_beside_yields(make) -> None:
    results = make(variations=[("scale", "up", {"zz": 0.1}), ("scale", "down", {"zz": -0.2})])
    rows = [
        row.model_copy(update={"syst_down": 12.5, "syst_up": 6.25}) if row.process == "zz" else row
        for row in results.yields()
    ]
    results.rows["yields"] = rows
    text = io.StringIO()
    print_summary(Console(file=text, width=200), results)
    for words in (text.getvalue(), render(results, drawn=())):
        assert "(+6 −12)" in words or "(+6.2 −12.5)" in words
        # in the sum, from the cutflow: a tenth up and a fifth down of 219.6
        assert "(+22 −44)" in words or "(+22.0 −43.9)" in words
    assert "systematic" in render(results, drawn=())


def test_the_report_reuses_the_figures_that_were_drawn(make, tmp_path, monkeypatch) -> None:
    import base64

    results = make(variations=SCALE)
    drawn = draw_all(results, tmp_path / "figures")
    monkeypatch.setattr("femtobarn.show.figures.draw", lambda data: pytest.fail("drawn twice"))
    page = write_report(results, tmp_path, drawn=drawn).read_text(encoding="utf-8")
    for figure in drawn:
        image = figure.png.read_bytes()
        assert Image.open(io.BytesIO(image)).width > 800
        assert base64.b64encode(image).decode("ascii") in page


def test_a_report_without_figures_says_so(make, monkeypatch) -> None:
    monkeypatch.setattr("femtobarn.show.figures.draw", lambda data: pytest.fail("drawn"))
    assert "femtobarn figures draws the 4" in render(make(), drawn=())
    assert "declares no figure" in render(make(figures=()))
