"""The production configuration: four kinds of objects in 186 combinations, and changes of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

COMBINATIONS = {0: 65, 1: 186, 2: 607}
"""How many there are, by the subleading index."""

MIN_EVENTS = 50
WIDTH = 10


@dataclass(frozen=True, slots=True)
class Scan:
    """A configuration.

    Parameters
    ----------
    subleading
        windows that do not begin with the leading object end at this rank or before
    most_count
        most objects of a kind in a final state; None: any
    exact
        whether windows of leading objects must be all objects of their kind, as in today's program
    pictures
        whether figures and the gallery are made
    """

    subleading: int = 1
    most_count: int | None = None
    exact: bool = False
    pictures: bool = False

    def text(self, files: Sequence[Path]) -> str:
        """Return the configuration; JSON is YAML."""
        states = {} if self.most_count is None else {"most_count": self.most_count}
        thresholds = {"electron": 10, "muon": 10, "jet": 20, "photon": 10}
        configuration = {
            "name": "bench",
            "release": "2024r-pp",
            "inputs": {"files": [str(path) for path in files]},
            "objects": {kind: {"pt_min": pt} for kind, pt in thresholds.items()},
            "overlap_removal": False,
            "final_states": {"min_events": MIN_EVENTS, **states},
            "combinations": {
                "most_count": 4,
                "most_total": 4,
                "subleading": self.subleading,
                "applicability": "exact_leading" if self.exact else "leading",
            },
            "width": WIDTH,
            "output": {"figures": self.pictures, "gallery": self.pictures},
        }
        return json.dumps(configuration, indent=1) + "\n"
