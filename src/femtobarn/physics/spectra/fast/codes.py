"""Numbers that Python and the compiled kernels of a scan agree on."""

from __future__ import annotations

SLOTS = 6
"""Kinds of objects, in the order of `LETTERS`."""

JETS, TAGGED_JETS = 2, 5
"""Slots of j and b: b jets are taken from among the jets."""

ROOM = 256
"""Objects of a kind that an event may have, and one."""

OFFSETS, PT, ETA, PHI, E, SELECTED, CHARGE, TAGGED = range(8)
"""What a slot's row of addresses points to; 0 for what there is not."""

ADDRESSES = 8
"""Length of a slot's row of addresses."""

MOMENTUM = 5
"""Numbers of an object that is kept, and of a window: px, py, pz, e in GeV, and its charge or their product."""

MASS, OPPOSITE, SAME, TRANSVERSE = range(4)
"""Quantities: mass, mass of opposite and of same sign, transverse mass."""

USED, KEPT = range(2)
"""Where the state of filling keeps the bins in use and the single values kept."""
