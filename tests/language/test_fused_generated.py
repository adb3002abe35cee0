"""The compiled loop equals the reference evaluator on whole analyses at random."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from femtobarn.base.errors import LanguageError, NotFiniteError
from femtobarn.base.records import AnalysisSpec, Kind
from femtobarn.physics.language.fused.lower import KNOWN
from femtobarn.physics.language.fused.sums import Fused
from femtobarn.physics.language.program import program

from .fused_generated import raw_columns
from .fused_tools import Columns, Sums, assert_same, by_loop, by_reference, drawn_analysis, shifted_columns

few = settings(
    deadline=None, max_examples=8, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)
seeds = st.integers(0, 2**32)


def drawn(random: Random) -> AnalysisSpec:
    try:
        return drawn_analysis(random, random.choice([1, 2, 2, 3])).freeze()
    except LanguageError:  # what is drawn may have no meaning
        assume(condition=False)
        raise


def sums_or_error(compute: Callable[[], Sums]) -> Sums | str:
    try:
        return compute()
    except NotFiniteError as error:
        return str(error)


def check(spec: AnalysisSpec, kind: Kind, columns: Columns, entries: int, random: Random) -> None:
    code = Fused(spec, kind)
    expected = sums_or_error(lambda: by_reference(spec, kind, columns, entries))
    if isinstance(expected, str):
        with pytest.raises(NotFiniteError, match=re.escape(expected)):
            by_loop(spec, kind, columns, [0, entries], code)
        return
    found = by_loop(spec, kind, columns, [0, entries], code)
    assert_same(found, expected)
    bounds = [0, *sorted(random.randint(0, entries) for _ in range(4)), entries]
    assert_same(by_loop(spec, kind, columns, bounds, code), found, exactly=True)
    if kind == "data" or not spec.variations:
        return
    position = random.randrange(len(spec.variations))
    shifted = shifted_columns(spec, position, columns, entries)
    if shifted is not None:
        alone = by_reference(spec.model_copy(update={"variations": ()}), kind, shifted, entries)
        cutflow, histograms = ({k: v[[position + 1]] for k, v in sums.items()} for sums in found)
        assert_same((cutflow, histograms), alone)


@few
@given(seeds)
def test_sums_of_any_analysis_are_those_of_the_reference(seed: int) -> None:
    """Every variation also equals the analysis over shifted columns, and chunks leave no trace."""
    random = Random(seed)
    spec = drawn(random)
    kind: Kind = "mc" if random.random() < 0.9 else "data"
    entries, wild = random.choice([1, 30, 90]), random.random() < 0.4
    rng = np.random.default_rng(seed)
    columns = raw_columns(program(spec).fields(kind), entries, rng, most=random.choice([1, 4, 8]), wild=wild)
    check(spec, kind, columns, entries, random)


@few
@given(seeds)
def test_empty_events_and_empty_chunks(seed: int) -> None:
    random = Random(seed)
    spec = drawn(random)
    columns = raw_columns(program(spec).fields("data"), 7, np.random.default_rng(seed), most=0)
    check(spec, "data", columns, 7, random)
    empty = raw_columns(program(spec).fields("data"), 0, np.random.default_rng(seed))
    cutflow, histograms = by_loop(spec, "data", empty, [0, 0])
    assert not any(sums.any() for sums in (*cutflow.values(), *histograms.values()))


def test_the_generator_reaches_the_operators() -> None:
    """What is compared above is of the language's breadth; otherwise it would prove little."""
    seen: set[str] = set()
    varied: set[int] = set()
    for seed in range(150):
        try:
            spec = drawn_analysis(Random(seed), 3).freeze()
        except LanguageError:
            continue
        seen.update(n.op for n in spec.nodes)
        varied.add(len(spec.variations))
    assert {"call", *KNOWN} - {"tan", "log10", "arcsin", "arccos", "arctan"} <= seen
    assert {0, 1, 2} <= varied
    assert max(varied) >= 12
