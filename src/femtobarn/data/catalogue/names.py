"""What the name of a file says: release, skim, and dataset or data-taking period.

The names are those of the ATLAS Open Data portal (records 390, 391 and 3860 of 2016, 15000-15007 of 2020
and 93910-93934 of 2025).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

RELEASE_2016 = "2016e-8tev"
RELEASE_2020 = "2020e-13tev"
RELEASE_2025 = "2025e-13tev-beta"

NOSKIM = "noskim"
SKIMS_2020 = ("1lep", "2lep", "3lep", "4lep", "exactly2lep", "1largeRjet1lep", "1lep1tau", "GamGam")
SKIMS_2025 = (
    NOSKIM,
    "1LMET30",
    "2to4lep",
    "2muons",
    "3lep",
    "exactly3lep",
    "4lep",
    "exactly4lep",
    "GamGam",
    "2bjets",
    "2J2LMET30",
    "3J1LMET30",
)

_FILE_LABEL_OF_SKIM = {"2bjets": "2bjets70"}  # the file names of this skim tell its working point
_SKIM_OF_FILE_LABEL = {skim: skim for skim in SKIMS_2025} | {v: k for k, v in _FILE_LABEL_OF_SKIM.items()}

# numbers of 8 TeV datasets begin with 1 or 2; a skim of the release has its name in front
_DATA_2016 = re.compile(r"(?:(?P<skim>\w+)\.)?(?P<period>Data(?:Egamma|Muons))\.root")
_MC_2016 = re.compile(r"(?:(?P<skim>\w+)\.)?mc_(?P<dsid>[12]\d{5})\.(?P<label>\w+)\.root")
_DATA_2020 = re.compile(r"(?P<period>data_[A-D])\.(?P<skim>\w+)\.root")
_DATA_2025 = re.compile(r"(?P<period>data1[56]_period[A-Z])\.(?P<skim>\w+)\.root")
_MC = re.compile(r"mc_(?P<dsid>\d{6})\.(?P<label>.+)\.(?P<skim>\w+)\.root")
_PREFIX_2025 = re.compile(r"ODEO_FEB2025_v\d+_(?P<skim>[A-Za-z0-9]+)_(?=data|mc_)")


@dataclass(frozen=True, slots=True)
class RecognisedName:
    """What a file name says.

    Parameters
    ----------
    release, skim
        the release of ATLAS Open Data and the event preselection
    kind
        ``"data"`` or ``"mc"``
    dsid
        dataset id of simulation, else None
    period
        data-taking period as luminosity tables name it (``"data_A"``, ``"data15_periodD"``), of 2016 the
        stream (``"DataMuons"``), else None
    """

    release: str
    skim: str
    kind: Literal["data", "mc"]
    dsid: int | None = None
    period: str | None = None


def recognise(filename: str) -> RecognisedName | None:
    """Return what the name of a file says, or None if it is not a name of a known release.

    Parameters
    ----------
    filename
        a file name; leading folders of a path or URL are ignored

    Notes
    -----
    Simulation whose name has no prefix and a skim of both releases is of 2020: only that release
    publishes such names. Files of 2016 as they were published have no skim in their names: it is
    ``"noskim"`` then.
    """
    name = PurePosixPath(filename).name
    prefix = _PREFIX_2025.match(name)
    if prefix is not None:
        found = _of_2025(name[prefix.end() :])
        return found if found is not None and found.skim == _skim_2025(prefix["skim"]) else None
    return _of_2020(name) or _of_2025(name) or _of_2016(name)


def _skim_2025(label: str) -> str | None:
    return _SKIM_OF_FILE_LABEL.get(label)


def _of_2016(name: str) -> RecognisedName | None:
    match = _DATA_2016.fullmatch(name)
    if match is not None:
        return RecognisedName(RELEASE_2016, match["skim"] or NOSKIM, "data", period=match["period"])
    match = _MC_2016.fullmatch(name)
    if match is not None:
        return RecognisedName(RELEASE_2016, match["skim"] or NOSKIM, "mc", dsid=int(match["dsid"]))
    return None


def _of_2020(name: str) -> RecognisedName | None:
    match = _DATA_2020.fullmatch(name)
    if match is not None and match["skim"] in SKIMS_2020:
        return RecognisedName(RELEASE_2020, match["skim"], "data", period=match["period"])
    match = _MC.fullmatch(name)
    if match is not None and match["skim"] in SKIMS_2020:
        return RecognisedName(RELEASE_2020, match["skim"], "mc", dsid=int(match["dsid"]))
    return None


def _of_2025(name: str) -> RecognisedName | None:
    match = _DATA_2025.fullmatch(name)
    if match is not None and (skim := _skim_2025(match["skim"])) is not None:
        return RecognisedName(RELEASE_2025, skim, "data", period=match["period"])
    match = _MC.fullmatch(name)
    if match is not None and (skim := _skim_2025(match["skim"])) is not None:
        return RecognisedName(RELEASE_2025, skim, "mc", dsid=int(match["dsid"]))
    return None
