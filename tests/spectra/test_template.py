"""What `spectra init` writes: loads as it is, and with each of its other possibilities."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from femtobarn.base.errors import UnknownNameError
from femtobarn.data.formats import format_of, formats
from femtobarn.physics.spectra.config import (
    CombinationsConfig,
    InputsConfig,
    ObjectConfig,
    OutputConfig,
    ProcessingConfig,
    RunConfig,
    ScanConfig,
    StatesConfig,
)
from femtobarn.physics.spectra.faults import checked
from femtobarn.physics.spectra.scan import Scan, scan_of
from femtobarn.physics.spectra.template import template
from femtobarn.physics.spectra.yamltext import parse

RELEASES = ("2016e-8tev", "2020e-13tev", "2024r-pp", "2024r-hi", "2025e-13tev-beta", "cms-nanoaod")
OTHER = re.compile(r"( *)#([a-z_]+:.*)")


def load(text: str) -> Scan:
    return scan_of(checked(ScanConfig, parse(text, "scan.yaml"), "scan.yaml"), Path("scan.yaml"))


def others(text: str) -> list[tuple[str, str]]:
    """Return each line with another possibility, and the text in which it is used."""
    lines = text.splitlines()
    found = []
    for i, line in enumerate(lines):
        match = OTHER.fullmatch(line)
        if match is not None:
            found.append((line, "\n".join([*lines[:i], match[1] + match[2], *lines[i + 1 :]])))
    return found


def test_every_known_format_has_a_template() -> None:
    assert set(RELEASES) == set(formats())
    with pytest.raises(UnknownNameError, match="Did you mean '2024r-pp'"):
        template("2024r_pp")


@pytest.mark.parametrize("release", RELEASES)
def test_it_is_a_scan_of_its_release(release: str) -> None:
    scan = load(template(release))
    assert scan.releases == (release,)
    fields = set(format_of(release).paths)
    assert all(f"{o.collection}.pt" in fields for o in scan.record.objects)
    assert scan.freeze().release == release
    has = {kind for kind in ("electron", "muon", "jet", "photon", "tau") if f"{kind}.e" in fields}
    assert {name for name, one in scan.config.objects if one is not None} == has


@pytest.mark.parametrize("release", RELEASES)
def test_every_other_possibility_works_and_changes_something(release: str) -> None:
    text = template(release)
    plain = load(text)
    found = others(text)
    assert len(found) > 30
    for line, changed in found:
        scan = load(changed)
        default = re.fullmatch(r" *#(least|least_kinds|least_count): [01]( .*)?", line)
        assert (scan.config != plain.config) != bool(default), line


def test_every_key_is_shown_for_research_data() -> None:
    """Where a release offers it: isolation relative to pt is CMS'."""
    text = template("2024r-pp")
    shown = set(re.findall(r"^ *#?([a-z_]+):", text, re.MULTILINE))
    models = (
        ScanConfig,
        InputsConfig,
        ObjectConfig,
        StatesConfig,
        CombinationsConfig,
        ProcessingConfig,
        OutputConfig,
        RunConfig,
    )
    known = {name for model in models for name in model.model_fields}
    # of post-processing in compatible mode, and a preselection, which this release has not
    assert known - shown == {"cutoff", "pair_cutoff", "skim"}
    assert shown <= known | {"electron", "muon", "jet", "photon", "tau"}


@pytest.mark.parametrize("release", RELEASES)
def test_it_fits_a_terminal(release: str) -> None:
    text = template(release)
    assert text.isascii()
    assert text.endswith("\n")
    assert max(map(len, text.splitlines())) <= 110
    assert "  # " in text
    assert not re.search(r" +$", text, re.MULTILINE)


def test_a_format_of_another_package_has_one_too(tmp_path: Path) -> None:
    from femtobarn.data.formats.userfile import hand_in

    own = tmp_path / "own.toml"
    own.write_text("""
release = "mine"
tree = "t"
tell_tales = ["jet_pt"]
[fields]
jet.pt = { branch = "jet_pt", unit = "GeV" }
jet.eta = { branch = "jet_eta" }
jet.phi = { branch = "jet_phi", unit = "rad" }
jet.e = { branch = "jet_e", unit = "GeV" }
""")
    hand_in(own)
    scan = load(template("mine"))
    assert [o.letter for o in scan.record.objects] == ["j"]
    assert scan.record.weight == ()
