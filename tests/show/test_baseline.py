"""Figures against stored images.

To write the images anew: ``FEMTOBARN_REGENERATE_FIGURES=1 pytest tests/show/test_baseline.py``; then look
at every one before it is committed.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from femtobarn.base.records import FigureRecord
from femtobarn.show.figures import compute, draw, png_bytes

BASELINE = Path(__file__).parent / "baseline"
REGENERATE = bool(os.environ.get("FEMTOBARN_REGENERATE_FIGURES"))  # read here: tests see no such variable
TOLERANCE = 6.0  # of 255, root mean square: fonts are hinted differently elsewhere, content is not moved
VARIATIONS = [
    ("cross-section", "up", {"zz": 0.15}),
    ("cross-section", "down", {"zz": -0.05}),
    ("tail", "up", {"other": 0.4, "zz": np.linspace(0, 0.3, 68)}),
]
CASES = {
    "one-period": ({}, "one period"),
    "one-sample": ({}, "one sample"),
    "final": ({}, "final"),
    "stack": ({}, "stack"),
    "partial": ({"complete": False, "simulated": True, "notebook": True, "luminosity": 3.24}, "stack"),
    "no-luminosity": ({"luminosity": None}, "stack"),
    "negative": ({"negative": True}, "stack"),
    "plane": ({}, None),
    "systematics": ({"variations": VARIATIONS}, "stack"),
    "systematics-notebook": ({"variations": VARIATIONS}, "final"),
}


def difference(one: Image.Image, two: Image.Image) -> float:
    a, b = (np.asarray(image.convert("RGB"), dtype=float) for image in (one, two))
    return float(np.sqrt(np.mean((a - b) ** 2))) if a.shape == b.shape else float("inf")


@pytest.mark.parametrize("name", CASES)
def test_figure_is_as_it_was(make, name: str, tmp_path) -> None:
    arguments, figure = CASES[name]
    results = make(**arguments)
    record = next(
        (f for f in results.spec.figures if f.name == figure),
        FigureRecord(name="plane", histogram="plane", selection="final"),
    )
    data = compute(results, record)
    image = Image.open(io.BytesIO(png_bytes(draw(data), data, dpi=45)))
    path = BASELINE / f"{name}.png"
    if REGENERATE:
        path.parent.mkdir(exist_ok=True)
        image.convert("RGB").quantize(64).save(path, optimize=True)
    now = tmp_path / f"{name}.png"
    image.convert("RGB").quantize(64).save(now)
    with Image.open(path) as before, Image.open(now) as after:
        rms = difference(before, after)
    assert rms < TOLERANCE, f"{name} differs by {rms:.1f}; now: {now}"


def test_a_moved_layer_is_noticed(make) -> None:
    images = []
    for arguments in ({}, {"negative": True}):
        results = make(**arguments)
        data = compute(results, results.spec.figures[3])
        images.append(Image.open(io.BytesIO(png_bytes(draw(data), data, dpi=45))))
    assert difference(*images) > TOLERANCE


def test_the_images_are_small() -> None:
    files = list(BASELINE.glob("*.png"))
    assert {f.stem for f in files} == set(CASES)
    assert sum(f.stat().st_size for f in files) < 300_000
