"""Figures: what is computed, what is drawn, what is written on them, and the files."""

from __future__ import annotations

import io
import itertools
import warnings
from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from femtobarn.base.errors import ResultsError, UnknownNameError, UnwritableError
from femtobarn.base.records import AxisRecord, FigureRecord
from femtobarn.show.figures import compute, draw, draw_all, png_bytes, save
from femtobarn.show.figures.axes import axis_label, energy_of, events_label
from femtobarn.show.figures.compute import LUMINOSITY_UNKNOWN
from femtobarn.show.figures.ratio import ratio
from femtobarn.show.figures.save import file_stem
from femtobarn.show.statistics import garwood

STACK = FigureRecord(name="stack", histogram="m4l", selection="final", text=r"$4\ell$")
PLANE = FigureRecord(name="plane", histogram="plane", selection="final")


def words(figure: Figure) -> str:
    return "\n".join(t.get_text() for t in figure.findobj(Text) if t.get_visible())


def one(results, name: str):
    return next(f for f in results.spec.figures if f.name == name)


# --- compute ---------------------------------------------------------------------------------------


def test_the_three_published_figures_come_from_one_run(make) -> None:
    results = make()
    period = compute(results, one(results, "one period"))
    assert period.data is not None
    assert period.layers == ()
    assert period.data.values == pytest.approx(np.floor(results.contents["data"][0] / 4))
    np.testing.assert_array_equal(period.data.up, np.sqrt(period.data.values))
    sample = compute(results, one(results, "one sample"))
    assert sample.data is None
    assert [layer.process for layer in sample.layers] == ["other"]
    assert sample.luminosity == 0.105
    assert sample.layers[0].values == pytest.approx(results.contents["other"][0] * 0.25 * 0.105)
    assert sample.layers[0].variances == pytest.approx(results.contents["other"][1] * 0.25 * 0.105**2)
    final = compute(results, one(results, "final"))
    assert final.data is not None
    assert [layer.process for layer in final.layers] == ["other", "zz", "higgs"]
    assert final.luminosity == 36.6
    assert final.x_label == r"4-lepton invariant mass $m_{4\ell}$ [GeV]"
    assert final.y_label == "Events / 2.5 GeV"


def test_data_errors_are_garwood_in_our_own_style(make) -> None:
    data = compute(make(), STACK).data
    assert data is not None
    for n, down, up in zip(data.values, data.down, data.up, strict=True):
        low, high = garwood(int(n))
        assert (n - down, n + up) == pytest.approx((low, high), abs=1e-12)


def test_luminosity_of_the_user_wins_over_the_figure(make) -> None:
    results = make()
    final = one(results, "final")
    assert compute(results.with_luminosity(10.0), final).luminosity == 10.0
    assert compute(results, final, luminosity=5.0).luminosity == 5.0
    # a figure of simulation alone keeps its own, unless it is drawn with another on purpose
    assert compute(results.with_luminosity(10.0), one(results, "one sample")).luminosity == 0.105


def test_a_declared_luminosity_does_not_hold_for_a_part_of_the_data(make) -> None:
    results = make(complete=False, luminosity=3.24)
    assert compute(results, one(results, "final")).luminosity == 3.24


def test_without_a_luminosity_no_simulation_is_overlaid(make) -> None:
    results = make(luminosity=None)
    shown = compute(results, STACK)
    assert shown.layers == ()
    assert shown.data is not None
    assert LUMINOSITY_UNKNOWN in shown.notes
    assert "--luminosity" in words(draw(shown)).replace("\n", " ")
    # all data are there and the figure declares theirs
    declared = compute(results, one(results, "final"))
    assert declared.luminosity == 36.6
    assert len(declared.layers) == 3
    # a part of the data, of unknown luminosity
    part = make(luminosity=None, complete=False)
    assert compute(part, one(part, "final")).layers == ()


def test_simulation_alone(make) -> None:
    shown = compute(make(data=False, luminosity=None), STACK)
    assert shown.data is None
    assert shown.luminosity == 36.6
    assert ratio(shown) is None


def test_simulation_that_cannot_be_scaled_is_named(make) -> None:
    shown = compute(make(unknown=("zz",)), STACK)
    assert [layer.process for layer in shown.layers] == ["other", "higgs"]
    assert any("zz not drawn" in note for note in shown.notes)


def test_nothing_processed_is_said(make) -> None:
    shown = compute(make(data=False, mc=False), STACK)
    assert any("nothing" in note for note in shown.notes)
    assert "no events" in words(draw(shown))


def test_ratio_uses_squared_weights_and_leaves_out_what_is_undefined(make) -> None:
    shown = compute(make(), STACK)
    found = ratio(shown)
    assert found is not None
    assert shown.data is not None
    total, error = shown.total(shown.layers)
    filled = shown.data.values > 0
    np.testing.assert_allclose(found.values[filled], (shown.data.values / total)[filled])
    np.testing.assert_allclose(found.up[filled], (shown.data.up / total)[filled])
    np.testing.assert_allclose(found.band, error / total)
    assert np.isnan(found.values[~filled]).all()
    empty = ratio(compute(make(empty=True), STACK))
    assert empty is not None
    assert np.isnan(empty.values).all()


def test_wrong_requests_name_what_there_is(make) -> None:
    with pytest.raises(UnknownNameError, match="m4l"):
        compute(make(), STACK.model_copy(update={"histogram": "m4ll"}))
    with pytest.raises(UnknownNameError, match="higgs"):
        compute(make(), STACK.model_copy(update={"processes": ("higs",)}))


@pytest.mark.parametrize(
    ("axis", "x", "y"),
    [
        (AxisRecord(kind="regular", edges=(0, 10), bins=10, label="n"), "n", "Events"),
        (
            AxisRecord(kind="regular", edges=(0, 3), bins=6, label="p", unit="GeV"),
            "p [GeV]",
            "Events / 0.5 GeV",
        ),
        (
            AxisRecord(kind="variable", edges=(0, 1, 5), bins=2, label="p [GeV]", unit="GeV"),
            "p [GeV]",
            "Events / bin",
        ),
    ],
)
def test_axis_labels(axis: AxisRecord, x: str, y: str) -> None:
    assert (axis_label(axis), events_label(axis)) == (x, y)


def test_energy_is_that_of_the_release() -> None:
    assert [energy_of(r) for r in ("2025e-13tev-beta", "run3-13p6tev", "toys")] == ["13 TeV", "13.6 TeV", ""]


# --- draw ------------------------------------------------------------------------------------------


@pytest.fixture
def cases(make) -> Iterator[dict[str, Figure]]:
    return {
        "full": draw(compute(make(), STACK)),
        "log": draw(compute(make(), STACK.model_copy(update={"log": True}))),
        "partial": draw(compute(make(complete=False, notebook=True, simulated=True, luminosity=3.2), STACK)),
        "no luminosity": draw(compute(make(luminosity=None), STACK)),
        "data": draw(compute(make(mc=False), STACK)),
        "simulation": draw(compute(make(data=False), STACK)),
        "negative": draw(compute(make(negative=True), STACK)),
        "hostile": draw(
            compute(
                make(labels={"zz": r"$\frac{broken", "higgs": "<script>" * 40, "other": "漢字 \n\x00"}), STACK
            )
        ),
    }


def test_words_legend_and_data_never_overlap(cases) -> None:
    for name, figure in cases.items():
        figure.canvas.draw()
        axes = figure.axes[0]
        frame = axes.get_window_extent()
        legend = axes.get_legend().get_window_extent()
        texts = [t.get_window_extent() for t in axes.texts]
        for box in texts:
            assert not box.overlaps(legend), name
            assert frame.x0 <= box.x0 <= box.x1 <= frame.x1, name
        for first, second in itertools.pairwise(texts):
            assert first.y0 >= second.y1 - 3, name
        assert legend.x1 <= frame.x1 + 1, name
        for text in figure.texts:  # the strip above the axes stays on the canvas
            box = text.get_window_extent()
            assert box.x1 <= figure.bbox.x1, name
            assert box.y1 <= figure.bbox.y1, name
            assert box.y0 >= frame.y1, name
        for container in axes.containers:  # data points with their bars
            lines = container.lines[0], *container.lines[2]
            points = np.column_stack(lines[0].get_data())
            for x, y in axes.transData.transform(points):
                for box in (*texts, legend):
                    assert not box.contains(x, y), name


def test_every_figure_says_what_it_is_made_of(cases) -> None:
    assert "ATLAS Open Data" in words(cases["full"])
    assert "36.6 fb" in words(cases["full"])
    partial = words(cases["partial"])
    assert "Simulated demo data" in partial
    assert "ATLAS" not in partial
    assert "3 of 40 files" in partial
    assert "notebook mode: absolute generator weights" in partial
    assert "3.2 fb" in partial


@pytest.mark.parametrize("name", ["one period", "one sample", "final"])
def test_published_figures_say_it_too(make, name: str) -> None:
    results = make(simulated=True, complete=False, notebook=True, luminosity=3.2)
    text = words(draw(compute(results, one(results, name))))
    for word in ("Simulated demo data", "for education", "3 of 40 files", "notebook mode"):
        assert word in text
    assert "ATLAS" not in text


def test_sizes_limits_and_places_of_the_published_figures(make) -> None:
    results = make()
    first = draw(compute(results, one(results, "one period")))
    assert tuple(first.get_size_inches()) == (6, 4)
    data = compute(results, one(results, "one period")).data
    assert data is not None
    assert first.axes[0].get_ylim() == pytest.approx((0, 1.6 * data.values.max()))
    final = draw(compute(results, one(results, "final")))
    assert tuple(final.get_size_inches()) == (12, 8)
    assert final.axes[0].get_ylim() == pytest.approx((0, 2 * results.contents["data"][0].max()))
    places = {t.get_text(): (t.get_position(), t.get_fontsize()) for t in final.axes[0].texts}
    assert places["ATLAS Open Data"] == ((0.1, 0.93), 16)
    assert places["for education"] == ((0.1, 0.88), 12)
    assert places[r"$H \rightarrow ZZ^* \rightarrow 4\ell$"][0] == (0.1, 0.76)
    assert places[r"$\sqrt{s}$=13 TeV,$\int$L dt = 36.6 fb$^{-1}$"][0] == (0.1, 0.82)


def test_the_published_band_is_on_the_background_and_the_signal_above_it(make) -> None:
    results = make()
    data = compute(results, one(results, "final"))
    bars = {c.get_label(): c for c in draw(data).axes[0].containers}
    background, error = data.total(data.background)
    band = bars["Stat. Unc."]
    assert [p.get_y() for p in band] == pytest.approx(list(background - error))
    assert [p.get_height() for p in band] == pytest.approx(list(2 * error))
    assert band.patches[0].get_hatch() == "////"
    signal = bars[data.signal[0].label]
    assert [p.get_y() for p in signal] == pytest.approx(list(background))


def test_the_legend_follows_the_stack(cases) -> None:
    labels = [t.get_text() for t in cases["full"].axes[0].get_legend().get_texts()]
    assert [label.split()[0] for label in labels] == ["Data", "Signal", "Background", "Background", "Stat."]
    assert "ZZ" in labels[2]


def test_only_filled_bins_have_a_point(make) -> None:
    results = make()
    (container,) = draw(compute(results, STACK)).axes[0].containers
    assert len(container.lines[0].get_xdata()) == int((results.contents["data"][0] > 0).sum())


def test_a_log_axis_shows_every_positive_bin(cases) -> None:
    low, high = cases["log"].axes[0].get_ylim()
    assert 0 < low < 1
    assert high > 100


def test_two_dimensions(make) -> None:
    shown = compute(make(), PLANE)
    assert [panel.title for panel in shown.panels] == ["Data", "Simulation"]
    assert shown.panels[1].values.shape == (10, 8)
    figure = draw(shown)
    assert "ATLAS Open Data" in words(figure)
    assert len(figure.axes) == 4
    draw(compute(make(), PLANE.model_copy(update={"log": True})))
    assert len(compute(make(luminosity=None), PLANE).panels) == 1


def test_three_dimensions_are_refused_with_advice(make) -> None:
    results = make()
    plane = results.spec.histograms[1]
    cube = plane.model_copy(update={"name": "cube", "axes": (*plane.axes, plane.axes[0])})
    spec = results.spec.model_copy(update={"histograms": (cube,)})
    object.__setattr__(results, "info", results.info.model_copy(update={"analysis": spec}))
    with pytest.raises(ResultsError, match="one or two axes"):
        compute(results, PLANE.model_copy(update={"histogram": "cube"}))


def test_drawing_leaves_no_trace(make) -> None:
    before = dict(mpl.rcParams)
    draw(compute(make(), STACK))
    assert dict(mpl.rcParams) == before
    import matplotlib.pyplot as plt

    assert plt.get_fignums() == []


def test_settings_of_the_user_do_not_reach_a_figure(make) -> None:
    data = compute(make(), STACK)
    plain = png_bytes(draw(data), data, dpi=40)
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "green"}):
        assert png_bytes(draw(data), data, dpi=40) == plain


def test_a_colour_that_is_none_is_replaced(make) -> None:
    data = compute(make(), STACK)
    bad = data.layers[0].__class__(**{**data.layers[0].__dict__, "colour": "no such colour"})
    draw(data.__class__(**{**data.__dict__, "layers": (bad,)}))


# --- save ------------------------------------------------------------------------------------------


def test_equal_figures_are_equal_files(make, tmp_path) -> None:
    first = draw_all(make(), tmp_path / "a")
    second = draw_all(make(), tmp_path / "b")
    assert [p.name for p in first] == ["one period", "one sample", "final", "stack"]
    for one_, two in zip(first, second, strict=True):
        assert one_.png.read_bytes() == two.png.read_bytes()
        assert one_.pdf.read_bytes() == two.pdf.read_bytes()
        assert b"CreationDate" not in one_.pdf.read_bytes()
    assert sorted(p.suffix for p in (tmp_path / "a").iterdir()) == [".pdf"] * 4 + [".png"] * 4


def test_names_of_users_become_safe_and_distinct_files(make, tmp_path) -> None:
    names = ("../../etc/passwd", "a b", "a/b", "漢", "x" * 300)
    figures = [STACK.model_copy(update={"name": n, "size": (3, 3), "selection": "final"}) for n in names]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paths = draw_all(make(mc=False, figures=figures), tmp_path)
    assert len({p.png for p in paths}) == len(names)
    assert all(p.png.parent == tmp_path and p.png.is_file() for p in paths)
    assert file_stem("../../etc/passwd") == "etc-passwd"


def test_a_failed_save_leaves_the_old_file(make, tmp_path, monkeypatch) -> None:
    data = compute(make(mc=False), STACK)
    paths = save(draw(data), data, tmp_path)
    before = paths.png.read_bytes()

    def fail(*_: object) -> None:
        raise OSError

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(UnwritableError, match=r"stack\.png"):
        save(draw(data), data, tmp_path)
    assert paths.png.read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} == {"stack.png", "stack.pdf"}


def test_png_size_is_inches_times_dpi(make) -> None:
    data = compute(make(), STACK.model_copy(update={"size": (5, 4)}))
    assert Image.open(io.BytesIO(png_bytes(draw(data), data, dpi=50))).size == (250, 200)
