"""The kernel that sorts events into final states.

Addresses are plain integers; nothing is allocated and no Python object is touched, so that threads run
side by side.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

from numba import types

from femtobarn.physics.spectra.fast.codes import (
    ADDRESSES,
    CHARGE,
    ETA,
    JETS,
    MOMENTUM,
    OFFSETS,
    PHI,
    PT,
    ROOM,
    SELECTED,
    SLOTS,
    TAGGED,
    TAGGED_JETS,
    E,
)
from femtobarn.physics.spectra.fast.memory import compiled, decisions, floats, ints, numbers

U64 = types.uint64
Int: TypeAlias = Any  # a number of Numba's
Float: TypeAlias = Any


def _turn(first: Float, second: Float) -> Float:
    """Return the difference of two azimuths in [-pi, pi), to the bit as `kinematics.vectors.delta_phi`."""
    whole = 2.0 * math.pi
    angle = first - second + math.pi
    if angle < 0.0 and angle > -whole:
        angle += whole
    elif angle >= whole and angle < 2.0 * whole:
        angle -= whole
    elif angle < 0.0 or angle >= whole:
        angle = angle % whole
    return angle - math.pi


_delta_phi = compiled(_turn)


def _overlap(table: Int, event: Int, remove: Int, near: Int, delta_r: Float, sliding: Float) -> None:
    """Take from an event's objects of one slot those that are near one of another."""
    one, two = remove * ADDRESSES, near * ADDRESSES
    if table[one + OFFSETS] == 0 or table[two + OFFSETS] == 0:
        return
    first, second = ints(table[one + OFFSETS]), ints(table[two + OFFSETS])
    left, there = decisions(table[one + SELECTED]), decisions(table[two + SELECTED])
    pt = floats(table[one + PT])
    eta, phi = floats(table[one + ETA]), floats(table[one + PHI])
    other_eta, other_phi = floats(table[two + ETA]), floats(table[two + PHI])
    for i in range(first[event], first[event + 1]):
        if left[i] == 0:
            continue
        limit = delta_r
        if sliding != 0.0:
            limit = min(limit, 0.04 + sliding / pt[i])
        for k in range(second[event], second[event + 1]):
            if there[k] == 0:
                continue
            along = eta[i] - other_eta[k]
            if abs(along) >= limit:  # the angle can only add to it
                continue
            around = _delta_phi(phi[i], other_phi[k])
            if math.sqrt(along * along + around * around) < limit:
                left[i] = 0
                break


_remove = compiled(_overlap)


def _gather(table: Int, event: Int, counts: Int, order: Int) -> None:
    """Count what is left of an event's objects, and note where it is."""
    for slot in range(SLOTS):
        counts[slot] = 0
    for slot in range(SLOTS):
        row = slot * ADDRESSES
        if table[row + OFFSETS] == 0:
            continue
        offsets, left = ints(table[row + OFFSETS]), decisions(table[row + SELECTED])
        tagged = decisions(table[row + TAGGED])
        tags = table[row + TAGGED] != 0
        for i in range(offsets[event], offsets[event + 1]):
            if left[i] == 0:
                continue
            to = TAGGED_JETS if tags and tagged[i] != 0 else slot
            if counts[to] < ROOM:
                order[to * ROOM + counts[to]] = i
            counts[to] += 1


_count = compiled(_gather)


def _steps(counts: Int, limits: Int, limited: Int, bounds: Int) -> Int:
    """Return how many of the steps an event passes before it fails one."""
    for step in range(limited):
        count = counts[limits[3 * step]]
        if count < limits[3 * step + 1] or count > limits[3 * step + 2]:
            return step
    kinds = 0
    for slot in range(SLOTS):
        if counts[slot] > 0:
            kinds += 1
            if counts[slot] < bounds[2] or counts[slot] > bounds[3]:
                return limited
    if kinds < bounds[0] or kinds > bounds[1]:
        return limited
    return limited + 1


_passed = compiled(_steps)


def _sorted_out(table: Int, slot: Int, count: Int, rank: Int, order: Int, momenta: Int, filled: Int) -> Int:
    """Write the leading objects of a slot by descending pt, equal ones in their order; return the end."""
    row = (JETS if slot == TAGGED_JETS else slot) * ADDRESSES
    pt = floats(table[row + PT])
    begin = slot * ROOM
    for i in range(begin + 1, begin + count):
        one = order[i]
        k = i
        while k > begin and pt[order[k - 1]] < pt[one]:
            order[k] = order[k - 1]
            k -= 1
        order[k] = one
    eta, phi, e = floats(table[row + ETA]), floats(table[row + PHI]), floats(table[row + E])
    charge = ints(table[row + CHARGE])
    for i in range(begin, begin + min(count, rank)):
        one = order[i]
        at = filled * MOMENTUM
        momenta[at] = pt[one] * math.cos(phi[one])
        momenta[at + 1] = pt[one] * math.sin(phi[one])
        momenta[at + 2] = pt[one] * math.sinh(eta[one])
        momenta[at + 3] = e[one]
        momenta[at + 4] = float(charge[one]) if table[row + CHARGE] != 0 else 1.0
        filled += 1
    return filled


_write = compiled(_sorted_out)


def events(
    addresses: Int, start: Int, stop: Int, overlaps_at: Int, cones_at: Int, steps: Int, limits_at: Int,
    limited: Int, bounds_at: Int, ranks_at: Int, weights_at: Int, exclusive_at: Int, scratch: Int,
    codes_at: Int, which_at: Int, first_at: Int, momenta_at: Int,
) -> Int:  # fmt: skip
    """Sort events into final states, and write the objects of those that are kept.

    Parameters
    ----------
    addresses
        int64 (slots, addresses) of the arrays of each kind; what overlaps is taken from ``SELECTED``
    start, stop
        which events
    overlaps_at, cones_at, steps
        of each step of overlap removal int64: slots of remove and near; double: delta_r and sliding
    limits_at, limited
        of each limited kind int64: slot, least, most
    bounds_at
        int64: least and most kinds, least and most objects of each
    ranks_at
        int64 (slots,) how many leading objects of a kind are needed
    weights_at
        double, one per event
    exclusive_at
        double (steps + 1, 3) sums by the number of steps passed
    scratch
        int64 (slots * (room + 1),)
    codes_at, which_at, first_at
        per kept event uint64: its final state; int64: its number, and where its objects begin
    momenta_at
        double (objects, 5)

    Returns
    -------
    int
        how many events are kept; -1 - event if one that is to be kept has too many objects to be coded
    """
    table = ints(addresses)
    overlaps, cones = ints(overlaps_at), floats(cones_at)
    limits, bounds, ranks = ints(limits_at), ints(bounds_at), ints(ranks_at)
    weights, exclusive = floats(weights_at), floats(exclusive_at)
    counts, order = ints(scratch), ints(scratch + 8 * SLOTS)
    codes, which, first, momenta = numbers(codes_at), ints(which_at), ints(first_at), floats(momenta_at)
    kept = filled = 0
    for event in range(start, stop):
        for step in range(steps):
            _remove(
                table, event, overlaps[2 * step], overlaps[2 * step + 1], cones[2 * step], cones[2 * step + 1]
            )
        _count(table, event, counts, order)
        passed = _passed(counts, limits, limited, bounds)
        weight = weights[event]
        exclusive[3 * passed] += 1.0
        exclusive[3 * passed + 1] += weight
        exclusive[3 * passed + 2] += weight * weight
        if passed <= limited:
            continue
        code = U64(0)
        which[kept], first[kept] = event, filled
        for slot in range(SLOTS):
            if counts[slot] >= ROOM:
                return -1 - event
            code = (code << U64(8)) | U64(counts[slot])
            filled = _write(table, slot, counts[slot], ranks[slot], order, momenta, filled)
        codes[kept] = code
        kept += 1
    return kept
