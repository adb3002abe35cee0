"""The compiled loop equals the reference evaluator on the analyses that are shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from femtobarn.base.errors import FormatError
from femtobarn.base.records import Kind
from femtobarn.data.formats.opening import open_events
from femtobarn.data.formats.reader import EventReader
from femtobarn.data.formats.registry import format_of, formats
from femtobarn.physics.analyses.dimuon import dimuon
from femtobarn.physics.analyses.hzz import hzz
from femtobarn.physics.analyses.objects import objects
from femtobarn.physics.analyses.zll import zll
from femtobarn.physics.language import Analysis
from femtobarn.physics.language.fused.sums import Fused
from femtobarn.physics.language.program import program

from .fused_tools import assert_same, by_loop, by_reference

SHIPPED: list[Analysis] = [dimuon, hzz, objects, zll]
MOST = 5_000
"""Events of a real file that are compared."""


def compared(analysis: Analysis, release: str, mode: str, file: Path) -> int:
    """Compare both evaluators over the events of a file; return how many there were, 0 if it has not the fields."""
    fmt = format_of(release)
    spec = analysis.freeze(release=release, mode=mode)
    with open_events(file, fmt) as tree:
        reader = EventReader(tree, fmt)
        kind: Kind = reader.facts().kind or "data"
        paths = program(spec).fields(kind)
        try:
            reader.resolve(paths)
        except FormatError:
            return 0
        entries = min(tree.entries, MOST)
        columns = reader.raw(paths, 0, entries)
    code = Fused(spec, kind)
    found = by_loop(spec, kind, columns, [0, entries], code)
    assert_same(found, by_reference(spec, kind, columns, entries))
    assert_same(by_loop(spec, kind, columns, [0, entries // 3, entries], code), found, exactly=True)
    return entries


@pytest.mark.parametrize("analysis", SHIPPED, ids=lambda a: a.name)
@pytest.mark.parametrize("mode", ["physics", "notebook"])
def test_demo_data(analysis: Analysis, mode: str, demo_folder: Path) -> None:
    files = sorted(demo_folder.rglob("*.root"))
    data = [f for f in files if "data" in f.name]
    simulated = [f for f in files if "mc_" in f.name]
    assert all(compared(analysis, "2025e-13tev-beta", mode, f) for f in (*data[:2], *simulated[:6]))


@pytest.mark.realdata
@pytest.mark.parametrize("analysis", SHIPPED, ids=lambda a: a.name)
def test_real_data(analysis: Analysis, realdata: Path) -> None:
    done = 0
    for release in formats():
        if analysis.releases and release not in analysis.releases:
            continue
        for file in sorted((realdata / release).rglob("*.root")):
            done += compared(analysis, release, "notebook" if "data" in file.name else "physics", file)
    assert done
