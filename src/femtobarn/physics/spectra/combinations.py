"""Combinations of objects: which there are, what they are called, and to which final states they apply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations as subsets
from itertools import islice, product

from femtobarn.base.errors import SettingsError
from femtobarn.base.spectra import LETTERS, NAMED, CombinationsRecord, Letter, Quantity, SpectraRecord
from femtobarn.physics.spectra import states
from femtobarn.physics.spectra.fields import SIGNED

MOST = 1 << 16
"""How many spectra one final state may have: their number is coded in 16 bits."""

# in capitals, for readers that count the small letters of objects
_SUFFIX: dict[Quantity, str] = {"mass": "", "os": "OS", "ss": "SS", "met": "MET"}


@dataclass(frozen=True, slots=True)
class Window:
    """Objects ``start`` to ``start + count`` (excluded) of a kind, by descending pt."""

    letter: Letter
    count: int
    start: int = 0


@dataclass(frozen=True, slots=True)
class Combination:
    """What a spectrum is of: windows in the order of `LETTERS`, and the quantity."""

    windows: tuple[Window, ...]
    quantity: Quantity = "mass"

    @property
    def name(self) -> str:
        """Its name: letters with ranks in the order e m j b g t, and a suffix if it is not a plain mass."""
        by_letter = {w.letter: w for w in self.windows}
        words = (
            f"{letter}{rank}"
            for letter in NAMED
            if (w := by_letter.get(letter)) is not None
            for rank in range(w.start, w.start + w.count)
        )
        return "".join(words) + _SUFFIX[self.quantity]

    @property
    def particles(self) -> str:
        """Its letters with their numbers, in the order of final states: ``eej``."""
        return "".join(w.letter * w.count for w in self.windows)

    @property
    def total(self) -> int:
        """How many objects it has."""
        return sum(w.count for w in self.windows)

    @property
    def paired(self) -> bool:
        """Whether it has two electrons, or two muons, at least: they may be of one decay."""
        return any(w.letter in SIGNED and w.count > 1 for w in self.windows)

    def applies(self, state: int, *, exact_leading: bool) -> bool:
        """Tell whether a final state has it; see `CombinationsRecord`."""
        there = states.counts(state)
        return all(
            there[w.letter] == w.count
            if exact_leading and w.start == 0
            else there[w.letter] >= w.start + w.count
            for w in self.windows
        )


@cache
def combinations(record: SpectraRecord) -> tuple[Combination, ...]:
    """Return all combinations of a scan; their order numbers them in results.

    Raises
    ------
    SettingsError
        if there are none, or more than can be numbered
    """
    limits = record.combinations
    found: list[Combination] = []
    for quantity in ("mass", "os", "ss", "met"):
        if quantity in record.quantities:
            those = (Combination(w, quantity) for w in _windows(limits, quantity))
            found += islice(those, MOST + 1 - len(found))  # there may be billions
    if not found:
        msg = "The limits of combinations leave none: expected at least two objects in all, of kinds that the scan has. Widen combinations."
        raise SettingsError(msg)
    if len(found) > MOST:
        msg = f"The limits of combinations give more of them than the {MOST:,} that can be numbered. Narrow combinations."
        raise SettingsError(msg)
    return tuple(found)


def _windows(limits: CombinationsRecord, quantity: Quantity) -> Iterator[tuple[Window, ...]]:
    letters = tuple(letter for letter in LETTERS if letter in limits.letters)
    least = 1 if quantity == "met" else 2
    for kinds in range(limits.least_kinds, min(limits.most_kinds, len(letters)) + 1):
        # the others of a combination have ``least_count`` objects at least
        most = min(limits.most_count, limits.most_total - (kinds - 1) * limits.least_count)
        counts = range(limits.least_count, most + 1)
        # a window that does not begin at the leading object ends at rank ``subleading`` or before
        starts = {n: range(max(0, limits.subleading + 1 - n) + 1) for n in counts}
        for chosen in subsets(letters, kinds):
            for numbers in _numbers(_counts(chosen, counts, quantity), limits.most_total):
                if sum(numbers) >= least:
                    for ranks in product(*(starts[n] for n in numbers)):
                        yield tuple(Window(*w) for w in zip(chosen, numbers, ranks, strict=True))


def _counts(chosen: tuple[Letter, ...], counts: range, quantity: Quantity) -> list[range]:
    """Return how many objects of each kind a combination may have: signs are those of exactly two electrons or muons."""
    if quantity not in {"os", "ss"}:
        return [counts] * len(chosen)
    leptons = sum(letter in SIGNED for letter in chosen)
    two = range(2 // leptons, 2 // leptons + 1) if leptons in {1, 2} else range(0)
    if not set(two) <= set(counts):
        two = range(0)
    return [two if letter in SIGNED or not leptons else counts for letter in chosen]


def _numbers(allowed: Sequence[range], most: int) -> Iterator[tuple[int, ...]]:
    """Give all ways to take a number of each, ``most`` in all."""
    if not all(allowed):
        return
    if not allowed:
        yield ()
        return
    others = sum(own[0] for own in allowed[1:])
    for number in allowed[0]:
        if number + others > most:
            return
        for rest in _numbers(allowed[1:], most - number):
            yield (number, *rest)
