"""Bins of spectra, filled by compiled code.

`steering` turns a scan into arrays, `filling` feeds them and the objects of events to the kernels block by
block: `events` sorts events into final states, `values` adds the values of their combinations to the table
of `bins`. `known` numbers the final states that occur; `native` finds the kernels' object code.
"""

from __future__ import annotations
