"""Which objects of a chunk count: cuts on each of them, and which jets are b."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.spectra import Letter, ObjectRecord, SpectraRecord, TagRecord
from femtobarn.physics.spectra.fields import DL1D, FOUR, SIGNED, isolation_fields
from femtobarn.physics.spectra.given import Floats, Given, Ints

LARGEST = 1e150
"""Energies in GeV from which on a sum of them could not be squared."""

LARGEST_PT, LARGEST_ETA = 1e15, 300.0
"""Limits within which a momentum is below `LARGEST`."""

Decisions = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """The objects of one kind in a chunk, flat.

    Parameters
    ----------
    letter
        the kind; jets are ``j``, b or not
    offsets
        (events + 1,) where those of an event begin
    pt, eta, phi, e
        (n,) GeV and rad
    selected
        (n,) whether the cuts on the object leave it
    charge
        (n,) of electrons and muons, where signs are asked for
    tagged
        (n,) which jets are b, where that is asked for
    invalid
        how many have a four-vector of which no mass can be made; they are not selected
    """

    letter: Letter
    offsets: Ints
    pt: Floats
    eta: Floats
    phi: Floats
    e: Floats
    selected: Decisions
    charge: Ints | None
    tagged: Decisions | None
    invalid: int


def objects_of(one: ObjectRecord, record: SpectraRecord, given: Given) -> Objects:
    """Return the objects of a kind, and which of them its cuts leave.

    Parameters
    ----------
    one
        the kind, with its cuts
    record
        the scan, which has it
    given
        what `scanned_fields` names, of one chunk

    Raises
    ------
    DamagedError
        if fields of a collection have not as many numbers as it has objects
    """
    own = _Own(given, one.collection)
    pt, eta, phi, e = (own.numbers(name) for name in FOUR)
    sound = valid(pt, eta, phi, e)
    signed = one.letter in SIGNED and not {"os", "ss"}.isdisjoint(record.quantities)
    return Objects(
        letter=one.letter,
        offsets=own.offsets,
        pt=pt,
        eta=eta,
        phi=phi,
        e=e,
        selected=sound & _within(one, pt, eta) & _accepted(one, pt, own),
        charge=own.integers("charge") if signed else None,
        tagged=_tagged(record.tag, own) if one.letter == "j" and record.tag is not None else None,
        invalid=len(pt) - int(np.count_nonzero(sound)),
    )


def valid(pt: Floats, eta: Floats, phi: Floats, e: Floats) -> Decisions:
    """Return which four-vectors are finite, and small enough that the mass of some of them is too."""
    # comparisons with what is not a number are false
    found: Decisions = (pt >= 0) & (pt <= LARGEST_PT) & (np.abs(eta) <= LARGEST_ETA)
    return found & (np.abs(e) <= LARGEST) & np.isfinite(phi)


class _Own:
    """The fields of one collection, by their names in it."""

    def __init__(self, given: Given, collection: str) -> None:
        self._given, self._collection = given, collection
        self.offsets = given.offsets(collection)
        self._count = int(self.offsets[-1])

    def numbers(self, name: str) -> Floats:
        return np.ascontiguousarray(self._content(name), np.float64)

    def integers(self, name: str) -> Ints:
        return np.ascontiguousarray(self._content(name), np.int64)

    def decisions(self, name: str) -> Decisions:
        return np.ascontiguousarray(self._content(name), np.bool_)

    def _content(self, name: str) -> NDArray[np.generic]:
        return self._given.per_object(f"{self._collection}.{name}", self._count)


def _within(one: ObjectRecord, pt: Floats, eta: Floats) -> Decisions:
    found: Decisions = pt >= one.pt_min
    away = np.abs(eta)
    if one.eta_max is not None:
        found &= away <= one.eta_max
    if one.crack is not None:
        low, high = one.crack
        found &= (away <= low) | (away >= high)
    return found


def _accepted(one: ObjectRecord, pt: Floats, own: _Own) -> Decisions:
    """Return which objects are identified and isolated."""
    found = np.ones(len(pt), np.bool_)
    if one.identification is not None:
        found &= own.decisions(one.identification)
    for name, limit in isolation_fields(one).items():
        activity = own.numbers(name)
        if name == "rel_iso":
            found &= activity <= limit
        else:
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                found &= activity / pt <= limit
    return found


def _tagged(tag: TagRecord, own: _Own) -> Decisions:
    return np.ascontiguousarray(_discriminant(tag, own) >= tag.threshold)


def _discriminant(tag: TagRecord, own: _Own) -> Floats:
    """Return by how much each jet looks like a b jet."""
    if tag.discriminant != "dl1d":
        return own.numbers(tag.discriminant.partition(".")[2])
    b, c, light = (own.numbers(name.partition(".")[2]) for name in DL1D)
    # probabilities may be 0; what is then not a number is no b jet
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(b / (tag.charm_fraction * c + (1.0 - tag.charm_fraction) * light))
