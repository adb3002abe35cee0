"""The text of a configuration to begin with, for each release: with what it offers, and nothing else.

A line that begins with ``#`` and a key is another possibility: without the ``#`` it works as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from femtobarn.base.errors import UnknownNameError
from femtobarn.data import catalogue
from femtobarn.data.formats import Format, format_of
from femtobarn.data.formats import formats as known_formats
from femtobarn.physics.spectra.fields import ISOLATION
from femtobarn.physics.spectra.offered import collections, decisions
from femtobarn.physics.spectra.places import of_release
from femtobarn.physics.spectra.presets import WINDOWS

_REST = """\
# Known resonances are taken out of a copy of each spectrum; the full one is always kept.
post_processing:
  #mode: none  # windows, none or compatible
  # known are WINDOWS; left out: all of them
  #windows: [Z, {name: X750, centre: 750, half_width: 45, particles: [gg]}]
  #keep: both  # veto, only or both

output:
  #layout: directories  # one for each final state; else flat
  #files: process  # a ROOT file for each process; else one for data, one for mc
  #scale: luminosity  # simulation scaled to the luminosity of the data
  #storage: TH1D  # else TH1F
  #maximum: 10000  # upper edge of histograms, a multiple of the width
  #axis: common  # histograms from 0 to maximum; else from the first to the last bin that is filled
  #outliers: true  # also what mode compatible splits off
  #figures: false
  #gallery: false

# How it is run; the command line goes first.
run:
  #workers: 4  # else one for each core
  #executor: batch  # local, rabbitmq, dask, batch
  #executor_options: {system: slurm, jobs: 100, walltime: '02:00:00', memory: 2GB}
  #store: https://store.example/results
  #part_bytes: 268435456  # of a file that makes one task
  #chunk_entries: 100000  # events in memory at once
  #max_files: 3  # of each process, for a try
  #max_events: 10000  # of each file
  #fraction: 0.1  # of the events of each file
  #luminosity: 36.6  # in fb^-1, in place of that of the data
  #strict: true  # absent datasets are failures
  #access: stream  # auto, stream or cache
  #column_cache: true  # keep the columns that are read for the next scan
""".replace("WINDOWS", ", ".join(WINDOWS))
"""The same for all releases."""

_PLURAL = {
    "electron": "electrons",
    "muon": "muons",
    "jet": "jets",
    "photon": "photons",
    "tau": "hadronic taus",
}


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a release is called, and usual cuts in its experiment.

    Parameters
    ----------
    title
        in a heading
    cuts
        by kind the smallest pt in GeV and the largest absolute eta
    crack
        absolute eta between barrel and endcaps of the calorimeter
    tags
        ways to tell b jets, and what they are
    skim
        the preselection to begin with; empty if the release has none
    """

    title: str
    cuts: Mapping[str, tuple[float, float]]
    crack: str
    tags: tuple[tuple[str, str], ...] = ()
    skim: str = ""


_ATLAS = {"electron": (25, 2.47), "muon": (25, 2.5), "jet": (30, 4.5), "photon": (25, 2.37), "tau": (20, 2.5)}
_CMS = {"electron": (25, 2.5), "muon": (25, 2.4), "jet": (30, 4.7), "photon": (25, 2.5), "tau": (20, 2.3)}
_GAP, _CMS_GAP = "[1.37, 1.52]", "[1.4442, 1.566]"
_OTHER = _Facts("files of this format", _ATLAS, _GAP)

_RELEASES: Mapping[str, _Facts] = {
    "2016e-8tev": _Facts(
        "the ATLAS education release of 2016, 8 TeV",
        _ATLAS,
        _GAP,
        (("{field: mv1, threshold: 0.7892}", "70 % efficiency"),),
    ),
    "2020e-13tev": _Facts(
        "the ATLAS education release of 2020, 13 TeV",
        _ATLAS,
        _GAP,
        (("{field: mv2c10, threshold: 0.8244}", "70 % efficiency"),),
        "2lep",
    ),
    "2024r-pp": _Facts(
        "ATLAS research data (PHYSLITE) of 2015 and 2016, 13 TeV",
        _ATLAS,
        _GAP,
        (("{tagger: dl1d, working_point: 77}", "77 % efficiency, 2.51"),),
    ),
    "2025e-13tev-beta": _Facts(
        "the ATLAS education release of 2025 (beta), 13 TeV",
        _ATLAS,
        _GAP,
        (("{field: btag_quantile, threshold: 4}", "70 % efficiency"),),
        "2to4lep",
    ),
    "2024r-hi": _Facts("ATLAS heavy-ion research data (DAOD_HION14)", _ATLAS, _GAP),
    "cms-nanoaod": _Facts(
        "CMS NanoAOD",
        _CMS,
        _CMS_GAP,
        (
            ("{tagger: deepflav, working_point: medium}", "of 2016; also loose, tight, or a threshold"),
            ("{field: btag_pnet, threshold: 0.5}", "any field of jets, with a threshold"),
        ),
    ),
}


def template(release: str) -> str:
    """Return a configuration for files of ``release``, with comments, as the text of a YAML file.

    Raises
    ------
    UnknownNameError
        if no format of that name is known
    """
    if release not in known_formats():
        raise UnknownNameError("release with a format", release, known_formats())
    fmt, facts = format_of(release), _RELEASES.get(release, _OTHER)
    lines = (*_head(fmt, facts), *_objects(fmt, facts), *_spectra(fmt, facts), _REST.rstrip())
    blocks = "\n".join(lines).split("\n\n")
    return "\n\n".join(map(_aligned, blocks)) + "\n"


def _aligned(block: str) -> str:
    """Return lines with the comments that end them one below the other."""
    pairs = [line.split("  # ", 1) if line.strip()[:2] != "# " else [line] for line in block.split("\n")]
    wide = max((len(pair[0]) for pair in pairs if len(pair) == 2), default=0)
    return "\n".join(f"{pair[0]:<{wide}}  # {pair[1]}" if len(pair) == 2 else pair[0] for pair in pairs)


def _kinds(fmt: Format) -> list[str]:
    return [kind for kind in _PLURAL if collections(kind, fmt)]


def _head(fmt: Format, facts: _Facts) -> Iterator[str]:
    yield f"# A scan of mass spectra in {facts.title}."
    yield "# Energies are in GeV. A line that begins with '#' and a key is another possibility, or the"
    yield "# default: take the '#' away to use it. `femtobarn spectra plan` says what a scan would do."
    yield ""
    yield f"release: {fmt.release}"
    yield "#name: my-scan  # of the run directory; else the name of this file"
    yield "#title: My scan  # on pages and plots"
    yield "#mode: compatible  # defaults that give the results of earlier programs"
    yield ""
    yield "inputs:"
    yield "  kind: data  # data, mc or both"
    known = catalogue.known(fmt.release)
    skims = () if known is None else known.skims
    if skims:
        yield f"  # skim is one of {', '.join(skims[:7])}{',' if len(skims) > 7 else ''}"
        if len(skims) > 7:
            yield f"  # {', '.join(skims[7:])}"
        yield f"  skim: {facts.skim or skims[0]}"
    if any(r.release == fmt.release for r in catalogue.records()):
        records = of_release(fmt.release, "data", facts.skim or None)[:2]
        yield "  # left out: all files of the release with this kind and preselection"
        yield f"  #records: [{', '.join(r.removeprefix('record:') for r in records)}]  # of the CERN Open Data portal"
        yield '  #files: ["data/*.root"]  # files, folders, globs, addresses, lists'
    else:
        yield '  files: ["data/*.root"]  # files, folders, globs, addresses, lists'
    yield ""


def _objects(fmt: Format, facts: _Facts) -> Iterator[str]:
    yield "# Objects that count; a kind that is left out takes no part."
    yield "objects:"
    for kind in _kinds(fmt):
        pt, eta = facts.cuts[kind]
        yield f"  {kind}:"
        others = collections(kind, fmt)
        yield from (f"    #collection: {c}" for c in others if c != others[0])
        yield f"    pt_min: {pt:g}"
        yield f"    eta_max: {eta:g}"
        if kind in {"electron", "photon"}:
            yield f"    #crack: {facts.crack}  # absolute eta between barrel and endcaps"
        decided = [d for d in decisions(others[0], fmt) if d.endswith(("_id", "_iso", "_pass"))]
        if decided:
            more = f"or {', '.join(decided[1:])}" if len(decided) > 1 else "what objects must pass"
            yield f"    #identification: {decided[0]}  # {more}"
        limits = [key for key, field in ISOLATION.items() if fmt.offers(f"{others[0]}.{field}")]
        if limits:
            inside = ", ".join(f"{key}: 0.15" for key in limits)
            yield f"    #isolation: {{{inside}}}"
        yield f"    #least: 0  # events with fewer {_PLURAL[kind]} are dropped"
        yield "    #most: 4  # events with more are dropped"
    yield ""
    if facts.tags and "jet" in _kinds(fmt):
        yield "# Which jets are b jets (then b_jet is a kind too)."
        yield from (f"#b_tag: {tag}  # {what}" for tag, what in facts.tags)
        yield ""
    yield "# One particle that is two objects counts once; else an electron is also a jet."
    yield "#overlap_removal: false"
    kinds = _kinds(fmt)
    if {"electron", "jet"} <= set(kinds):
        yield "#overlap_removal: [{remove: jet, near: electron, delta_r: 0.2}, {remove: electron, near: jet, delta_r: 0.4}]"
    yield ""


def _spectra(fmt: Format, facts: _Facts) -> Iterator[str]:
    kinds = [k for k in _kinds(fmt) if k != "tau"]
    yield "final_states:"
    yield "  min_events: 100  # final states with fewer, in the whole input, are left out"
    yield "  #least_kinds: 1  # kinds of objects that occur"
    yield "  #most_kinds: 4"
    yield "  #least_count: 1  # objects of each kind that occurs"
    yield "  #most_count: 4"
    yield ""
    yield "combinations:"
    also = ", also tau" if "tau" in _kinds(fmt) else ""
    with_b = f"{', ' if also else ', also '}b_jet with a b_tag" if facts.tags else ""
    yield f"  kinds: [{', '.join(kinds)}]  # which take part{also}{with_b}"
    yield "  least_kinds: 1  # kinds in a combination"
    yield "  most_kinds: 4"
    yield "  least_count: 1  # objects of each"
    yield "  most_count: 4"
    yield "  most_total: 4  # objects in all"
    yield "  #subleading: 1  # also objects that are not the leading ones: e1, j1, e1j0"
    yield "  #applicability: exact_leading  # only final states with exactly these objects"
    yield ""
    yield "# Further spectra: of leptons of opposite (os) and same sign (ss), and transverse masses with the"
    yield "# missing momentum (met)."
    yield "#quantities: [mass, os, ss, met]"
    if fmt.offers("met.pt"):
        yield "#met: objects  # minus the sum of the objects, in place of the file's"
    else:
        yield "met: objects  # the files have none: minus the sum of the objects"
    yield "width: 10  # of the bins; their edges are its multiples"
    if fmt.offers("mc.pileup"):
        yield "#weight: [mc.generator, mc.pileup]  # fields that weigh simulated events"
    elif not fmt.offers("mc.generator"):
        yield "weight: []  # the files have none"
    yield "#values: true  # single values too, as Parquet"
    yield ""
