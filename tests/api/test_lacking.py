"""What a file lacks and what is damaged is told, not shown as if it had been measured."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import femtobarn as fb

NAME = "ODEO_FEB2025_v0_exactly4lep_data15_periodD.exactly4lep.root"


@pytest.mark.realdata
def test_absent_collections_are_named_in_the_notes(realdata: Path, tmp_path: Path) -> None:
    file = realdata / "cms-nanoaod/agc_open-data-example.root"
    run = fb.run("objects", file, kind="data", out=tmp_path / "out", workers=0, max_events=100)
    (note,) = (n for n in run.info.notes if "no such collection" in n)
    assert all(f"{name}: the file has no such" in note for name in ("electron", "jet", "photon", "tau"))
    assert "muon: " not in note


@pytest.mark.realdata
def test_a_published_file_with_other_bytes_of_the_same_size_is_not_read(
    realdata: Path, tmp_path: Path
) -> None:
    shutil.copy(realdata / "2025e-13tev-beta/exactly4lep" / NAME, tmp_path / NAME)
    content = bytearray((tmp_path / NAME).read_bytes())
    content[1_000_000] ^= 1
    (tmp_path / NAME).chmod(0o644)
    (tmp_path / NAME).write_bytes(content)
    run = fb.run("hzz", tmp_path, out=tmp_path / "out", workers=0)
    (line,) = run.ledger()
    assert line.status == "failed"
    assert "whose adler32 is 35ffb644" in line.reason


def test_secrets_are_masked_wherever_they_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    from femtobarn.cli.output import error, line

    for show in (error, line):
        show("got 'bogus http://bob:HUNTER2@h/x?token=T0KEN' and https://h/y?a=b, see root://u@h//f")
    text = "".join(capsys.readouterr())
    assert not any(secret in text for secret in ("HUNTER2", "T0KEN", "bob", "a=b", "u@"))
    assert "http://h/x' and https://h/y" in text
