"""Pairs of leptons of one flavour, two of them as ZZ*, and overlap removal: all said in the language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from femtobarn.base.errors import TypesError, UnknownNameError
from femtobarn.data.formats.model import FIELDS
from femtobarn.physics.kinematics import RECOMMENDED, Z_MASS, OverlapStep
from femtobarn.physics.language.expr import Expr, Step, lift
from femtobarn.physics.language.functions import best, minimum, pairs
from femtobarn.physics.language.graph import make
from femtobarn.physics.language.quantity import GeV, Quantity
from femtobarn.physics.language.things import Combinations, System, Things


def sfos_pairs(leptons: Things) -> Combinations:
    """Return the pairs of one flavour and of opposite charge.

    Parameters
    ----------
    leptons
        ``ev.lep`` or a part of it, where the type tells the flavour; or a collection of one flavour such
        as ``ev.muon``
    """
    base = getattr(leptons, "_base", "")
    if f"{base}.charge" not in FIELDS:
        msg = f"sfos_pairs() needs objects with a charge, such as ev.lep or ev.muon, but got {leptons!r}."
        raise TypesError(msg)
    both = pairs(leptons)
    chosen = both.charge == 0
    if f"{base}.type" in FIELDS:
        chosen = (both.first.type == both.second.type) & chosen
    return both[chosen]


@dataclass(frozen=True, slots=True, eq=False)
class TwoPairs:
    """Two pairs of leptons per event, without a common lepton.

    Parameters
    ----------
    z1, z2
        the pair that is nearer to the mass of the Z, and the other
    """

    z1: Combinations
    z2: Combinations

    @property
    def system(self) -> System:
        """The sum of the four leptons' four-vectors."""
        return System((self.z1, self.z2))

    @property
    def mass(self) -> Expr:
        """Invariant mass in GeV of the four leptons."""
        return self.system.mass

    def is_defined(self) -> Expr:
        """Return whether the event has two such pairs."""
        return self.z1.first.pt.is_defined()

    def __iter__(self) -> NoReturn:
        """Raise: two names are clearer than an order."""
        msg = "Two pairs are named, not unpacked: write zz.z1 and zz.z2."
        raise TypesError(msg)


def zz_pairing(leptons: Things, *, mass: float | Quantity = Z_MASS) -> TwoPairs:
    """Return the two pairs of one flavour and opposite charge that make Z and Z* best.

    z1 is the pair with the mass nearest to that of the Z for which there is another pair of other
    leptons; z2 is the nearest to it of these. Undefined in events without two such pairs.

    Parameters
    ----------
    leptons
        as for `sfos_pairs`; any number of them
    mass
        in GeV
    """
    candidates = sfos_pairs(leptons)
    axis = candidates.first._axis_node()  # noqa: SLF001 - same package
    pull = abs(candidates.mass - mass)
    first, second = (_crossed(candidates, k) for k in (0, 1))
    # computed once per pair and carried along, so that equal pairs have equal bits
    near, far = (Expr(make("cross", (pull.node, axis), (k,))) for k in (0, 1))
    apart = near <= far
    for one in first.members:
        for two in second.members:
            apart = apart & (one.index != two.index)
    far_apart = far[apart]
    by_second: Step = ("order", (far_apart.node,), (False,))
    key = Expr(make("order", (near[apart].node, far_apart.node), (False,)))
    z1, z2 = (
        Combinations(tuple(m[apart]._then(by_second) for m in pair.members))  # noqa: SLF001 - same package
        for pair in (first, second)
    )
    return TwoPairs(best(z1, key), best(z2, key))


def _crossed(candidates: Combinations, k: int) -> Combinations:
    """Return one side of all pairs of candidates."""
    other = candidates.first._axis_node()  # noqa: SLF001 - same package
    step: Step = ("cross", (other,), (k,))
    return Combinations(tuple(m._then(step) for m in candidates.members))  # noqa: SLF001


def remove_overlaps(*collections: Things, steps: Sequence[OverlapStep] = RECOMMENDED) -> tuple[Things, ...]:
    """Return collections without what is one particle seen twice, in the order in which they are given.

    ``electrons, muons, jets = remove_overlaps(electrons, muons, jets)``. Steps with a collection that
    is not given are left out.

    Parameters
    ----------
    collections
        of different kinds: ``ev.electron``, ``ev.muon``, ``ev.tau``, ``ev.photon``, ``ev.jet`` or parts
    steps
        what is removed, near what and how near, one after the other; `OverlapStep`
    """
    left = {getattr(c, "_base", ""): c for c in collections}
    if len(left) != len(collections):
        msg = f"remove_overlaps() needs collections of different kinds, but got {', '.join(map(repr, collections))}."
        raise TypesError(msg)
    known = sorted({n for s in steps for n in (s.remove, s.near)})
    for name in left:
        if name not in known:
            raise UnknownNameError("collection of these steps of overlap removal", name, known)
    for step in steps:
        if step.remove not in left or step.near not in left:
            continue
        objects = left[step.remove]
        limit: Any = step.delta_r
        if step.sliding:
            limit = minimum(lift(step.delta_r), 0.04 + step.sliding * GeV / objects.pt)
        left[step.remove] = objects.away_from(left[step.near], limit)
    return tuple(left.values())
