"""How much a scan could find, from its limits alone: final states, and spectra of them."""

from __future__ import annotations

from collections.abc import Mapping

from femtobarn.base.spectra import Letter, SpectraRecord
from femtobarn.physics.spectra.combinations import Combination, combinations
from femtobarn.physics.spectra.states import MOST
from femtobarn.physics.spectra.steps import limits


def possible_states(record: SpectraRecord) -> int:
    """Return how many final states its limits allow."""
    return _states(record, {})


def possible_spectra(record: SpectraRecord) -> int:
    """Return how many spectra there are if every allowed final state occurs."""
    return sum(_states(record, _needs(record, one)) for one in combinations(record))


def _needs(record: SpectraRecord, one: Combination) -> dict[Letter, tuple[int, int]]:
    """Return the counts, least and most, of the kinds of a combination in the final states that have it."""
    exact = record.combinations.exact_leading
    return {
        w.letter: (w.count, w.count) if exact and w.start == 0 else (w.start + w.count, MOST)
        for w in one.windows
    }


def _states(record: SpectraRecord, needs: Mapping[Letter, tuple[int, int]]) -> int:
    """Return how many allowed final states have the counts that are needed."""
    if not set(needs) <= set(record.letters):
        return 0
    states, own = record.states, limits(record)
    by_kinds = [1]  # final states of the letters so far, by the number of kinds that occur
    for letter in record.letters:
        least, most = own.get(letter, (0, None))
        low, high = needs.get(letter, (0, MOST))
        low, high = max(low, least), min(high, MOST if most is None else most)
        none = int(low == 0)
        some = max(0, min(high, states.most_count) - max(low, states.least_count, 1) + 1)
        without, having = [*by_kinds, 0], [0, *by_kinds]
        by_kinds = [none * a + some * b for a, b in zip(without, having, strict=True)]
    return sum(by_kinds[states.least_kinds : states.most_kinds + 1])
