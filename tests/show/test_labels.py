"""Words on figures: what cannot be drawn must not stop the figure."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from femtobarn.show.figures.labels import safe_label
from femtobarn.show.figures.notices import note_lines
from femtobarn.show.wording import completeness, event_source, mode_words, plain, plain_label


def test_good_mathtext_stays() -> None:
    assert safe_label(r"$H \rightarrow ZZ^* \rightarrow 4\ell$") == r"$H \rightarrow ZZ^* \rightarrow 4\ell$"


@pytest.mark.parametrize("broken", [r"$\frac{x$", "$}{$", r"$\nosuchcommand$", "a $ b $ c ^_ $x_{$"])
def test_broken_mathtext_is_shown_as_it_is_written(broken: str) -> None:
    assert safe_label(broken) == " ".join(broken.split()).replace("$", r"\$")


def test_control_characters_unknown_glyphs_and_length() -> None:
    assert safe_label("a\nb\x00c") == "a b c"
    assert safe_label("漢") == "□"
    assert safe_label("x" * 100) == "x" * 59 + "…"


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("$\\{}^_%&#")), max_size=80))
def test_any_text_can_be_drawn_without_a_warning(text: str) -> None:
    figure = Figure(figsize=(1, 1), dpi=50)
    FigureCanvasAgg(figure)
    figure.text(0, 0, safe_label(text))
    for line in note_lines([text], 3.0, 10.0):
        figure.text(0, 0, line)
    figure.canvas.draw()


def test_notes_are_wrapped_and_never_flood_a_figure() -> None:
    lines = note_lines(["word " * 40], 4.0, 10.0)
    assert len(lines) > 2
    assert max(map(len, lines)) <= 55
    assert len(note_lines(["word " * 400], 4.0, 10.0)) == 6


@pytest.mark.parametrize(
    ("label", "text"),
    [
        (r"$H \rightarrow ZZ^* \rightarrow 4\ell$", "H → ZZ* → 4ℓ"),
        (r"Background $ZZ^{*}$", "Background ZZ*"),
        (r"$t\bar{t}$", "tt̄"),
        (r"$m_{4\ell}$ [GeV]", "m4ℓ [GeV]"),
        ("snake_case, no math", "snake_case, no math"),
        ("evil\x1b[31m\u202e", "evil [31m"),
    ],
)
def test_labels_without_mathtext(label: str, text: str) -> None:
    assert plain_label(label) == text


@settings(deadline=None)
@given(st.text())
def test_plain_text_cannot_steer_a_terminal(text: str) -> None:
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in plain(text))


def test_only_real_catalogued_events_bear_the_name_of_the_experiment(make) -> None:
    assert event_source(make().info) == "ATLAS Open Data"
    assert "ATLAS" not in event_source(make(simulated=True).info)
    assert "ATLAS" not in event_source(make(release="my-own-13tev").info)


def test_words_on_completeness_and_mode(make) -> None:
    assert completeness(make().info) == ()
    (words,) = completeness(make(complete=False).info)
    assert "3 of 40 files" in words
    limited = make(complete=False).info
    limited = limited.model_copy(
        update={"settings": limited.settings.model_copy(update={"max_events": 1000, "fraction": 0.5})}
    )
    (words,) = completeness(limited)
    assert "1,000 events" in words
    assert "50 %" in words
    assert mode_words(make().info) == ()
    assert "absolute generator weights" in mode_words(make(notebook=True).info)[0]
