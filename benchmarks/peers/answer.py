"""What every program of the benchmark hands over: counts and histograms as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def write_answer(
    out: str, counts: Mapping[str, int], histograms: Mapping[str, Mapping[str, NDArray[np.float64]]]
) -> None:
    """Write counts by selection or variation, and sums of weights by histogram and variation."""
    plain = {name: {k: v.tolist() for k, v in found.items()} for name, found in histograms.items()}
    Path(out).write_text(json.dumps({"counts": dict(counts), "histograms": plain}))
