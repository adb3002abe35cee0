"""The kernel that computes the values of kept events and adds them to their bins.

Addresses are plain integers; nothing is allocated and no Python object is touched, so that threads run
side by side. All arithmetic is of doubles, in the order in which it is written: objects of a window by
rank, then windows in the order of kinds.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

from numba import types

from femtobarn.physics.spectra.fast.codes import KEPT, MOMENTUM, OPPOSITE, SAME, SLOTS, TRANSVERSE, USED
from femtobarn.physics.spectra.fast.memory import compiled, fetch, floats, ints, numbers, shorts
from femtobarn.physics.spectra.fast.seats import first_seat, number, seat
from femtobarn.physics.spectra.sums import COMBINATION_SHIFT, STATE_SHIFT

U64 = types.uint64
Int: TypeAlias = Any  # a number of Numba's
Float: TypeAlias = Any


def _begins(code: Int, first: Int, ranks: Int, starts: Int) -> None:
    """Note where an event's objects of each kind begin."""
    starts[0] = first
    for slot in range(SLOTS):
        count = types.int64((code >> U64(8 * (SLOTS - 1 - slot))) & U64(255))
        starts[slot + 1] = starts[slot] + min(count, ranks[slot])


def _window(momenta: Int, begin: Int, count: Int, sums: Int, at: Int) -> None:
    """Add up momenta of neighbouring objects, and multiply their charges."""
    px = py = pz = e = 0.0
    sign = 1.0
    for i in range(begin, begin + count):
        one = i * MOMENTUM
        px += momenta[one]
        py += momenta[one + 1]
        pz += momenta[one + 2]
        e += momenta[one + 3]
        sign *= momenta[one + 4]
    sums[at], sums[at + 1], sums[at + 2], sums[at + 3], sums[at + 4] = px, py, pz, e, sign


def _missing(
    momenta: Int, begin: Int, end: Int, met: Int, met_phi: Int, event: Int, given: Int, out: Int
) -> None:
    """Note x, y and size of the missing momentum: that of the file, or what balances the objects."""
    if given:
        size, angle = met[event], met_phi[event]
        out[0], out[1], out[2] = size * math.cos(angle), size * math.sin(angle), size
        return
    x = y = 0.0
    for i in range(begin, end):
        x -= momenta[i * MOMENTUM]
        y -= momenta[i * MOMENTUM + 1]
    out[0], out[1], out[2] = x, y, math.sqrt(x * x + y * y)


def _invariant(px: Float, py: Float, pz: Float, e: Float) -> Float:
    square = e * e - (px * px + py * py + pz * pz)
    return math.sqrt(square) if square >= 0.0 else -math.sqrt(-square)


def _transverse(px: Float, py: Float, pz: Float, e: Float, missing: Int) -> Float:
    """Return sqrt((E_T + met)^2 - |p_T + p_miss|^2); not a number if there is no missing momentum."""
    square = max(e * e - (px * px + py * py + pz * pz), 0.0)
    energy = math.sqrt(square + (px * px + py * py))
    # E_T^2 - p_T^2 is the mass squared: without the difference of two large numbers
    square += 2.0 * (energy * missing[2] - (px * missing[0] + py * missing[1]))
    return math.sqrt(max(square, 0.0)) if square < math.inf else math.nan


_find, _add_up, _balance = compiled(_begins), compiled(_window), compiled(_missing)
_mass, _transverse_mass = compiled(_invariant), compiled(_transverse)


def _one(sums: Int, at: Int, columns: Int, weight: Float) -> None:
    sums[at] += 1.0
    if columns > 1:
        sums[at + U64(1)] += weight
        sums[at + U64(2)] += weight * weight


_add_one = compiled(_one)


def _add(table_at: Int, bits: Int, columns: Int, seats: Int, count: Int, weight: Float) -> Int:
    """Add an event to ``count`` bins; return how many of them were empty."""
    table, sums = numbers(table_at), floats(table_at)
    stride = 1 + columns
    new = 0
    for i in range(count):
        at = seat(table, bits, stride, seats[i])
        if table[at] == U64(0):
            table[at] = seats[i]
            new += 1
        _add_one(sums, at + U64(1), columns, weight)
    return new


_enter = compiled(_add)


def fill(
    begin: Int, kept: Int, codes_at: Int, which_at: Int, first_at: Int, momenta_at: Int, places_at: Int,
    lists_at: Int, edges_at: Int, members_at: Int, part_edges_at: Int, parts_at: Int, quantities_at: Int,
    windows_at: Int, window_count: Int, ranks_at: Int, weights_at: Int, met_at: Int, met_phi_at: Int,
    width_at: Int, columns: Int, events_at: Int, table_at: Int, bits: Int, most: Int, keys_at: Int,
    values_at: Int, value_weights_at: Int, room: Int, state_at: Int, scratch: Int, seats_at: Int,
) -> Int:  # fmt: skip
    """Add the values of kept events to the bins of their spectra.

    Parameters
    ----------
    begin, kept
        the kept event to begin with, and their number
    codes_at, which_at, first_at, momenta_at
        what `events` wrote
    places_at
        int64 per kept event: place of its final state
    lists_at, edges_at, members_at
        int64 per final state: its list of combinations; where a list begins; int32: its members
    part_edges_at, parts_at, quantities_at
        int64 per combination: where its windows begin; their numbers; its quantity
    windows_at, window_count
        int64 (windows, 3): slot, first rank, number of objects
    ranks_at
        as in `events`
    weights_at, met_at, met_phi_at
        double, one per event; no ``met`` (0): what balances the objects
    width_at
        double: width of a bin
    columns
        1 for counts; 3 for weights too
    events_at
        double (final states, columns): their events
    table_at, bits, most
        the table of `bins`, and how many of its places may be taken
    keys_at, values_at, value_weights_at, room
        for single values: uint64 number of their spectrum, double; none are kept if there is no room
    state_at
        int64: bins in use, single values kept
    scratch
        64-bit words: 1 + 5 for each window, 3, and 1 + slots
    seats_at
        uint64, as many as an event may have values

    Returns
    -------
    int
        the kept event that found no place for its values, of which nothing was added; ``kept`` if all did
    """
    codes, which, first = numbers(codes_at), ints(which_at), ints(first_at)
    momenta, places, ranks = floats(momenta_at), ints(places_at), ints(ranks_at)
    lists, edges, members = ints(lists_at), ints(edges_at), shorts(members_at)
    part_edges, parts, quantities = ints(part_edges_at), ints(parts_at), ints(quantities_at)
    windows, weights, width = ints(windows_at), floats(weights_at), floats(width_at)[0]
    met, met_phi, sums_of_states = floats(met_at), floats(met_phi_at), floats(events_at)
    keys, values, value_weights = numbers(keys_at), floats(values_at), floats(value_weights_at)
    state, seats = ints(state_at), numbers(seats_at)
    seen, sums = ints(scratch), floats(scratch + 8 * window_count)
    missing = floats(scratch + 48 * window_count)
    starts = ints(scratch + 48 * window_count + 24)
    for window in range(window_count):
        seen[window] = -1
    for at in range(begin, kept):
        place = places[at]
        here, end = edges[lists[place]], edges[lists[place] + 1]
        if state[USED] + end - here > most or (room > 0 and state[KEPT] + end - here > room):
            return at
        weight = weights[which[at]]
        _add_one(sums_of_states, U64(place * columns), columns, weight)
        _find(codes[at], first[at], ranks, starts)
        balanced = False
        count = 0
        for member in range(here, end):
            combination = members[member]
            px = py = pz = e = 0.0
            sign = 1.0
            for part in range(part_edges[combination], part_edges[combination + 1]):
                window = parts[part]
                one = window * MOMENTUM
                if seen[window] != at:
                    seen[window] = at
                    row = 3 * window
                    _add_up(momenta, starts[windows[row]] + windows[row + 1], windows[row + 2], sums, one)
                px += sums[one]
                py += sums[one + 1]
                pz += sums[one + 2]
                e += sums[one + 3]
                sign *= sums[one + 4]
            quantity = quantities[combination]
            if (quantity == OPPOSITE and sign >= 0.0) or (quantity == SAME and sign <= 0.0):
                continue
            if quantity == TRANSVERSE:
                if not balanced:
                    balanced = True
                    _balance(momenta, starts[0], starts[SLOTS], met, met_phi, which[at], met_at != 0, missing)
                value = _transverse_mass(px, py, pz, e, missing)
                if math.isnan(value):
                    continue
            else:
                value = _mass(px, py, pz, e)
            spectrum = (U64(place) << U64(STATE_SHIFT)) | (U64(combination) << U64(COMBINATION_SHIFT))
            key = (spectrum | number(value, width)) + U64(1)
            fetch(table_at + types.int64(first_seat(key, bits)) * 8 * (1 + columns))
            seats[count] = key
            if room > 0:
                last = state[KEPT] + count
                keys[last], values[last], value_weights[last] = spectrum, value, weight
            count += 1
        if room > 0:
            state[KEPT] += count
        state[USED] += _enter(table_at, bits, columns, seats, count, weight)
    return kept
