"""What a configuration may name instead of writing it out: kinds, resonances, taggers, overlap removal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from femtobarn.base.spectra import Letter, OverlapRecord, WindowRecord
from femtobarn.physics.kinematics.overlap import RECOMMENDED

KINDS: Mapping[str, Letter] = MappingProxyType(
    {"electron": "e", "muon": "m", "jet": "j", "photon": "g", "tau": "t", "b_jet": "b"}
)
"""Names of kinds of objects in configurations, and their letters."""

WINDOWS: Mapping[str, WindowRecord] = MappingProxyType(
    {
        w.name: w
        for w in (
            WindowRecord(
                name="Z",
                centre=91.188,
                half_width=10.0,
                particles=("ee", "mm", "eeg", "mmg", "eeee", "eemm", "mmmm"),
            ),
            WindowRecord(name="W", centre=80.369, half_width=12.0, particles=("jj",)),
            WindowRecord(
                name="H",
                centre=125.20,
                half_width=5.0,
                particles=("gg", "eeee", "eemm", "mmmm"),
            ),
            WindowRecord(name="Jpsi", centre=3.0969, half_width=0.25, particles=("ee", "mm")),
            WindowRecord(name="Upsilon1S", centre=9.4604, half_width=0.35, particles=("ee", "mm")),
            WindowRecord(name="Upsilon2S", centre=10.0234, half_width=0.35, particles=("ee", "mm")),
            WindowRecord(name="Upsilon3S", centre=10.3551, half_width=0.35, particles=("ee", "mm")),
        )
    }
)
"""Known resonances: masses in GeV of the Particle Data Group (2024), half widths that hold the measured peak."""


@dataclass(frozen=True, slots=True)
class Tagger:
    """A discriminant of jets, and its value at working points, by their names."""

    discriminant: str
    points: Mapping[str, float]
    charm_fraction: float = 0.018


TAGGERS: Mapping[str, Tagger] = MappingProxyType(
    {
        "dl1d": Tagger("dl1d", MappingProxyType({"77": 2.51})),
        "deepflav": Tagger(
            "btag_deepflav", MappingProxyType({"loose": 0.0480, "medium": 0.2489, "tight": 0.6377})
        ),
    }
)
"""DL1d of PHYSLITE: the point of 77 % efficiency; DeepJet of CMS: the points of the second part of 2016."""


def recommended(letters: tuple[Letter, ...]) -> tuple[OverlapRecord, ...]:
    """Return the recommended overlap removal between those kinds that a scan has; b jets are jets."""
    steps = (
        OverlapRecord(remove=KINDS[s.remove], near=KINDS[s.near], delta_r=s.delta_r, sliding=s.sliding)
        for s in RECOMMENDED
    )
    return tuple(s for s in steps if {s.remove, s.near} <= set(letters))
