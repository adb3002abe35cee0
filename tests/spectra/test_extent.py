"""What a plan says of how much there could be."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from femtobarn.api import spectra as api
from femtobarn.api.spectra_plan import estimate
from femtobarn.base.spectra import CombinationsRecord, ObjectRecord, SpectraRecord, StatesRecord, TagRecord
from femtobarn.physics.spectra import states
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.extent import possible_spectra, possible_states
from femtobarn.running.results.spectra.summary import read_summary

from .events import write_config
from .toys import scan

OBJECTS = (
    ObjectRecord(letter="e", collection="electron", most=2),
    ObjectRecord(letter="m", collection="muon", least=1),
    ObjectRecord(letter="j", collection="jet"),
)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"states": StatesRecord(most_count=3, least_kinds=2, most_kinds=3)},
        {"states": StatesRecord(most_count=4, least_count=2)},
        {"states": StatesRecord(most_count=3), "objects": OBJECTS},
        {
            "states": StatesRecord(most_count=2),
            "objects": OBJECTS,
            "tag": TagRecord(discriminant="jet.mv2c10", threshold=0, least=1),
            "combinations": CombinationsRecord(letters=("e", "m", "j", "b"), subleading=1),
        },
        {"states": StatesRecord(most_count=3), "combinations": CombinationsRecord(exact_leading=True)},
        {"quantities": ("mass", "os", "met")},
    ],
)
def test_the_numbers_are_those_of_trying_all(changes: dict[str, Any]) -> None:
    record = scan(**{"states": StatesRecord(most_count=4), **changes})
    allowed = [code for code in _codes(record) if _allowed(record, code)]
    exact = record.combinations.exact_leading
    applying = sum(one.applies(code, exact_leading=exact) for one in combinations(record) for code in allowed)
    assert possible_states(record) == len(allowed) > 10
    assert possible_spectra(record) == applying > 10


def _codes(record: SpectraRecord) -> list[int]:
    numbers = product(range(record.states.most_count + 2), repeat=len(record.letters))
    return [states.code(dict(zip(record.letters, one, strict=True))) for one in numbers]


def _allowed(record: SpectraRecord, code: int) -> bool:
    counts, rules = states.counts(code), record.states
    own = {o.letter: (o.least, o.most) for o in record.objects}
    if record.tag is not None:
        own["b"] = (record.tag.least, record.tag.most)
    there = [n for n in counts.values() if n]
    return (
        rules.least_kinds <= len(there) <= rules.most_kinds
        and all(rules.least_count <= n <= rules.most_count for n in there)
        and all(
            least <= counts[x] and (most is None or counts[x] <= most) for x, (least, most) in own.items()
        )
    )


@pytest.mark.services
def test_sizes_are_about_those_that_are_written(folder: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "scan.yaml", final_states={"most_count": 3})
    out = tmp_path / "out"
    api.run(config, folder, out=out, workers=0, figures=False)
    summary, record = read_summary(out / "spectra"), api.load(out).record
    for group in summary.groups:
        sizes = estimate(record, {group.name: group.kind}, group.bins / group.spectra)
        for name in (f"{group.name}.root", f"{group.name}_processed.root"):
            expected = group.spectra * sizes[name]
            assert expected / 2 < (out / "spectra" / name).stat().st_size < 2 * expected
    bins = sum(g.bins for g in summary.groups) / sum(g.spectra for g in summary.groups)
    sizes = estimate(record, {g.name: g.kind for g in summary.groups}, bins)
    for name in ("spectra.npz", "gallery.html"):
        expected = summary.groups[0].spectra * sizes[name]
        assert expected / 3 < (out / "spectra" / name).stat().st_size < 3 * expected
