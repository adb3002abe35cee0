from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path

import pytest

from femtobarn.base.errors import UnknownNameError, UsageError
from femtobarn.data.catalogue import (
    RecognisedName,
    by_record,
    known,
    published,
    published_at,
    recognise,
    records,
    release,
    releases,
)


@pytest.fixture(autouse=True)
def nothing_refreshed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEMTOBARN_CACHE", str(tmp_path / "cache"))


ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", releases())
def test_every_published_name_is_recognised(name: str) -> None:
    of = release(name)
    for skim in of.skims:
        for file in of.files(skim):
            assert recognise(file.name) == RecognisedName(name, skim, file.kind, file.dsid, file.period)
            assert recognise(file.url) == recognise(file.name)
            assert file.size > 0
            assert len(file.adler32) == 8
            assert (file.release, file.skim) == (name, skim)
            assert file in by_record(file.record)
            assert file in published(file.name)
            assert published_at(file.url) == file


def test_records_hold_what_the_portal_says() -> None:
    for record in records():
        files = by_record(record.record)
        assert all(f.release == record.release for f in files)
        if files and record.size is not None and record.release == "2025e-13tev-beta":
            assert (len(files), sum(f.size for f in files)) == (record.files, record.size)
    assert {r.record for r in records() if by_record(r.record)} == {
        *range(15000, 15008),
        *range(93911, 93935),
    }


@pytest.mark.parametrize(("name", "energy"), [("2016e-8tev", "8 TeV"), ("2024r-pp", "13 TeV")])
def test_releases_of_which_only_records_are_bundled(name: str, energy: str) -> None:
    only = release(name)
    assert (only.sqrt_s, only.skims, dict(only.datasets)) == (energy, (), {})
    assert only.luminosities.luminosity(["data"]) is None
    assert any(r.release == name for r in records())
    with pytest.raises(UsageError, match=f"none comes with the package.*femtobarn catalogue refresh {name}"):
        only.files("noskim")


def test_what_is_no_release_is_not_known() -> None:
    assert known("2020e-13tev") == release("2020e-13tev")
    assert known("cms-nanoaod") is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("data_A.4lep.root", RecognisedName("2020e-13tev", "4lep", "data", None, "data_A")),
        ("mc_361106.Zee.4lep.root", RecognisedName("2020e-13tev", "4lep", "mc", 361106)),
        ("mc_410470.PhPy8EG.a.b.noskim.root", RecognisedName("2025e-13tev-beta", "noskim", "mc", 410470)),
        (
            "ODEO_FEB2025_v0_exactly4lep_data16_periodL.exactly4lep.root",
            RecognisedName("2025e-13tev-beta", "exactly4lep", "data", None, "data16_periodL"),
        ),
        ("ODEO_FEB2025_v0_3lep_data16_periodL.4lep.root", None),
        ("data_E.4lep.root", None),
        ("data_A.5lep.root", None),
        ("mc_jets-2020.part01.root", None),
        ("mc_361106.Zee.4lep.root.part", None),
        ("", None),
    ],
)
def test_names(name: str, expected: RecognisedName | None) -> None:
    assert recognise(name) == expected


def test_luminosities_of_2020() -> None:
    table = release("2020e-13tev").luminosities
    assert table.luminosity(["data_A"]) == 0.5
    assert table.luminosity(["data_A", "data_D"]) == 5.2
    assert table.luminosity(release("2020e-13tev").data_periods("4lep")) == 10.0
    assert table.luminosity(["data_A", "data_E"]) is None


def test_luminosities_of_2025() -> None:
    of = release("2025e-13tev-beta")
    periods = of.data_periods("exactly4lep")
    in_2015 = [p for p in periods if p.startswith("data15")]
    in_2016 = [p for p in periods if p.startswith("data16")]
    table = of.luminosities
    assert (len(in_2015), len(in_2016)) == (6, 10)
    assert table.luminosity(periods) == 36.6
    assert table.luminosity(reversed(periods)) == 36.6
    assert table.luminosity(in_2015) == 3.24
    assert table.luminosity(in_2016) == 33.40
    assert table.luminosity(["data15_periodD"]) == 0.105
    assert table.luminosity([*in_2016, "data15_periodD"]) == pytest.approx(33.505)
    assert table.luminosity(["data15_periodE"]) is None
    assert table.luminosity(periods[:-1]) is None
    assert table.luminosity([]) is None
    assert all(entry.source for entry in table.entries)


def test_numbers_of_datasets() -> None:
    old = release("2020e-13tev")
    assert len(old.datasets) == 217
    assert old.dataset(361106).sum_of_weights == 150277594200.0
    assert old.dataset(361106, "4lep") == old.dataset(361106)
    assert old.dataset(361106, "1lep1tau").sum_of_weights == 116172063285.0
    assert old.dataset(410000, "1largeRjet1lep").sum_of_weights == 49386600.0
    new = release("2025e-13tev-beta")
    assert len(new.datasets) == 373
    higgs = new.dataset(345060)
    assert higgs.cross_section_pb == pytest.approx(28.3 * 1.717 * 0.000124, rel=0.01)
    assert len(new.files("exactly4lep")) == 16 + 373


def test_unknown_names_give_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean '2020e-13tev'"):
        release("2020-13tev")
    with pytest.raises(UnknownNameError, match="Did you mean 'exactly4lep'"):
        release("2025e-13tev-beta").files("exactly4leps")
    with pytest.raises(UnknownNameError, match="'1' is not a known dataset of 2025e-13tev-beta"):
        release("2025e-13tev-beta").dataset(1)


@pytest.mark.realdata
def test_the_tables_are_what_the_script_builds(
    realdata: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = realdata.parent
    if not (shared / "spec").is_dir():
        pytest.skip(f"no lists of samples in {shared / 'spec'}")
    spec = importlib.util.spec_from_file_location("build_catalogue", ROOT / "scripts/build_catalogue.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    bundled = script.TABLES
    monkeypatch.setattr(script, "TABLES", tmp_path)
    script.main(shared)
    built = sorted(path.name for path in tmp_path.iterdir())
    assert len(built) == 5
    for name in built:
        assert gzip.decompress((tmp_path / name).read_bytes()) == gzip.decompress(
            (bundled / name).read_bytes()
        )
