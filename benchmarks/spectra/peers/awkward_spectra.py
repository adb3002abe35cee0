"""``awkward_spectra.py OUT FILES...``: final states as strings, awkward-array for each final state and combination.

It works as programs of this kind do today: the events of a final state are those whose label, a string per
event, is equal to its own; each combination filters them, sorts and slices each kind, adds four-vectors of the
package vector, keeps all masses; histograms are made of the masses in the end. Other than these programs it
computes in double precision, takes each combination that a final state has, and wastes nothing on purpose.
"""

from __future__ import annotations

import sys
from collections import Counter

import awkward as ak
import numpy as np
import uproot
import vector
from task import GEV, KINDS, LEAST_EVENTS, MUON_MASS, TREE, WIDTH, Answer, branches, combinations, name_of

vector.register_awkward()


def read(paths):
    """Return events with a list of selected objects for each kind."""
    parts = []
    for path in paths:
        with uproot.open(path) as file:
            arrays = file[TREE].arrays([b for letter in KINDS for b in branches(letter)])
        parts.append(ak.zip({letter: selected(arrays, letter) for letter in KINDS}, depth_limit=1))
    return ak.concatenate(parts)


def selected(arrays, letter):
    fields = {b.rpartition(".")[2]: ak.values_astype(arrays[b], np.float64) for b in branches(letter)}
    pt = fields["pt"] * GEV
    mass = fields["m"] * GEV if "m" in fields else ak.full_like(pt, MUON_MASS)
    objects = ak.zip({"pt": pt, "eta": fields["eta"], "phi": fields["phi"], "mass": mass})
    return objects[objects.pt >= KINDS[letter][1]]


def labels(events):
    """Return the final state of each event as a string."""
    numbers = [ak.num(events[letter]).to_list() for letter in KINDS]
    rows = zip(*numbers, strict=True)
    return ["_".join(f"{n}{letter}" for n, letter in zip(row, KINDS, strict=True)) for row in rows]


def masses(events, windows):
    """Return the masses of one combination, of the events that have it."""
    enough = np.ones(len(events), np.bool_)
    for letter, (count, start) in windows.items():
        enough = enough & (ak.num(events[letter]) >= start + count)
    events = events[enough]
    vectors = []
    for letter, (count, start) in windows.items():
        objects = events[letter]
        objects = objects[ak.argsort(objects.pt, ascending=False, stable=True)][:, start : start + count]
        vectors.append(
            vector.zip({"pt": objects.pt, "eta": objects.eta, "phi": objects.phi, "mass": objects.mass})
        )
    return ak.to_numpy(ak.sum(ak.concatenate(vectors, axis=1), axis=1).mass)


def main():
    out, *paths = sys.argv[1:]
    events = read(paths)
    per_event = labels(events)
    as_array = ak.Array(per_event)
    values = {}
    for state, number in Counter(per_event).most_common():
        if number < LEAST_EVENTS:
            continue
        there = {word[-1]: int(word[:-1]) for word in state.split("_")}
        of_state = events[as_array == state]
        for windows in combinations():
            if all(there[letter] >= start + count for letter, (count, start) in windows.items()):
                values[name_of(windows, there)] = masses(of_state, windows)
    Answer({n: np.bincount((v // WIDTH).astype(np.int64)) for n, v in values.items()}).write(out)


if __name__ == "__main__":
    main()
