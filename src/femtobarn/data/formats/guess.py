"""Guessing which branch of an unknown ntuple holds which field, from names and types."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from femtobarn.data.columns.interface import BranchInfo
from femtobarn.data.formats.model import FIELDS
from femtobarn.data.formats.registry import format_of, formats
from femtobarn.data.formats.spec import BOOLS, FLOATS, INTS

PDG_MASSES = {"electron": 0.000511, "muon": 0.10566, "tau": 1.77686, "photon": 0.0}
"""Masses in GeV (Particle Data Group)."""

_COLLECTIONS = {
    "lep": "lep|leps|lepton|leptons",
    "electron": "el|els|ele|elec|electron|electrons",
    "muon": "mu|mus|muon|muons",
    "jet": "jet|jets|j",
    "photon": "ph|phs|photon|photons|gam|gamma",
    "tau": "tau|taus|taujet|taujets",
    "large_jet": "largerjet|largejet|fatjet|fatjets|largerjets|ak8jet|ljet",
}
_QUANTITIES = {
    "pt": "pt|ptt",
    "eta": "eta",
    "phi": "phi",
    "e": "e|energy|en",
    "m": "m|mass",
    "charge": "charge|q|ch",
    "type": "type|flavour|flavor|pdgid|pid",
    "d0": "d0|dxy",
    "z0": "z0|dz",
}
_EVENTS = {
    "run": "run|runnumber|run_number|runno",
    "number": "event|eventnumber|event_number|evt|eventno|evtnum",
    "channel": "channelnumber|mcchannelnumber|dsid|channel",
    "lumi_block": "lumi|lumiblock|luminosityblock|ls|lbn",
    "met.pt": "met|met_pt|met_et|etmiss|met_met|missinget",
    "met.phi": "met_phi|metphi|etmiss_phi|missinget_phi",
    "mc.generator": "mcweight|genweight|weight|mcgenweight|weight_mc|eventweight|mc_weight",
    "mc.pileup": "puweight|weight_pileup|pileupweight",
}
_SEPARATED = re.compile(r"(?P<head>.+?)(?:auxdyn)?[_.:](?P<tail>[^_.:]+)")
_COUNTERS = re.compile(r"(?:n_?(?P<after>.+)|(?P<before>.+?)_n|num_?(?P<num>.+))")


@dataclass(frozen=True, slots=True)
class Guesses:
    """What is believed of a tree.

    Parameters
    ----------
    fields
        the branch of each field; for ``X.m`` of objects without a field for the mass, that of the mass
    counters
        the branch with the number of objects of each collection
    unused
        branches that stand for nothing so far
    """

    fields: Mapping[str, BranchInfo]
    counters: Mapping[str, BranchInfo]
    unused: Sequence[BranchInfo]


def guess(branches: Iterable[BranchInfo]) -> Guesses:
    """Return which field each branch is believed to hold, each field and branch at most once."""
    fields: dict[str, BranchInfo] = {}
    counters: dict[str, BranchInfo] = {}
    unused: list[BranchInfo] = []
    for info in branches:
        path = _known().get(info.name.casefold()) or _by_words(info.name)
        if path is not None and path not in fields and _fits(path, info):
            fields[path] = info
        elif (counted := _counted(info)) is not None and counted not in counters:
            counters[counted] = info
        else:
            unused.append(info)
    lists = {path.partition(".")[0] for path in fields}
    unused += [info for collection, info in counters.items() if collection not in lists]
    kept = {collection: info for collection, info in counters.items() if collection in lists}
    return Guesses(fields, kept, tuple(unused))


@cache
def _known() -> Mapping[str, str]:
    """Return the field that the package's formats have in a branch, where they agree."""
    meanings: dict[str, set[str]] = defaultdict(set)
    for release in formats():
        for path, source in format_of(release).fields.items():
            if source.at_least is None and not source.first:
                mass = f"{FIELDS[path].collection}.m"
                for branch in source.branches:
                    meanings[branch.casefold()].add(mass if source.from_mass else path)
    return {name: next(iter(paths)) for name, paths in meanings.items() if len(paths) == 1}


def _by_words(name: str) -> str | None:
    low = name.casefold()
    for path, words in _EVENTS.items():
        if low in words.split("|"):
            return path
    match = _SEPARATED.fullmatch(low)
    if match is None:
        return None
    collection = _one_of(_COLLECTIONS, match["head"].removeprefix("analysis"))
    quantity = _one_of(_QUANTITIES, match["tail"])
    return None if collection is None or quantity is None else f"{collection}.{quantity}"


def _one_of(known: Mapping[str, str], word: str) -> str | None:
    return next((name for name, words in known.items() if word in words.split("|")), None)


def _fits(path: str, info: BranchInfo) -> bool:
    collection = path.partition(".")[0]
    if path not in FIELDS and path != f"{collection}.m":
        return False
    kind = FIELDS[path].kind if path in FIELDS else "float"
    shape = "string" if kind == "string" else "list" if collection in _COLLECTIONS else "scalar"
    if path in FIELDS and FIELDS[path].collection and collection not in _COLLECTIONS:
        shape = "list"
    allowed = {"float": INTS + FLOATS, "int": INTS + FLOATS, "bool": BOOLS + INTS, "string": ("uint8",)}
    return info.shape == shape and info.dtype in allowed[kind]


def _counted(info: BranchInfo) -> str | None:
    match = _COUNTERS.fullmatch(info.name.casefold())
    if match is None or info.shape != "scalar" or info.dtype not in INTS:
        return None
    return _one_of(_COLLECTIONS, match["after"] or match["before"] or match["num"])
