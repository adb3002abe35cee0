"""``numpy_spectra.py OUT FILES...``: the plain recomputation, uproot and NumPy, events grouped by final state."""

from __future__ import annotations

import sys

import awkward as ak
import numpy as np
import uproot
from task import GEV, KINDS, LEAST_EVENTS, MUON_MASS, TREE, WIDTH, Answer, branches, combinations, name_of


def read(paths, letter):
    """Return (n, 4) px, py, pz, E in GeV by event and descending pt, where each event begins, and their numbers."""
    content, numbers = {}, None
    for path in paths:
        with uproot.open(path) as file:
            arrays = file[TREE].arrays(branches(letter), library="ak", how=dict)
        for branch, array in arrays.items():
            field = branch.rpartition(".")[2]
            content.setdefault(field, []).append(ak.to_numpy(ak.flatten(array)).astype(np.float64))
        counts = ak.to_numpy(ak.num(array))
        numbers = counts if numbers is None else np.concatenate([numbers, counts])
    field = {name: np.concatenate(parts) for name, parts in content.items()}
    pt, eta, phi = field["pt"] * GEV, field["eta"], field["phi"]
    mass = np.full(len(pt), MUON_MASS) if letter == "m" else field["m"] * GEV
    owner = np.repeat(np.arange(len(numbers)), numbers)
    kept = np.flatnonzero(pt >= KINDS[letter][1])
    kept = kept[np.lexsort((-pt[kept], owner[kept]))]
    pt, eta, phi, mass = pt[kept], eta[kept], phi[kept], mass[kept]
    px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    counts = np.bincount(owner[kept], minlength=len(numbers))
    vectors = np.stack([px, py, pz, np.sqrt(px**2 + py**2 + pz**2 + mass**2)], axis=1)
    return vectors, np.cumsum(counts) - counts, counts


def main():
    out, *paths = sys.argv[1:]
    objects = {letter: read(paths, letter) for letter in KINDS}
    code = sum(objects[letter][2] << (8 * i) for i, letter in enumerate(KINDS))
    order = np.argsort(code, kind="stable")
    states, begins, events = np.unique(code[order], return_index=True, return_counts=True)
    chosen, spectra = combinations(), {}
    for state, begin, number in zip(states.tolist(), begins, events, strict=True):
        if number < LEAST_EVENTS:
            continue
        there = {letter: (state >> (8 * i)) & 255 for i, letter in enumerate(KINDS)}
        here = order[begin : begin + number]
        for windows in chosen:
            if any(there[letter] < start + count for letter, (count, start) in windows.items()):
                continue
            total = np.zeros((number, 4))
            for letter, (count, start) in windows.items():
                vectors, first, _ = objects[letter]
                for rank in range(start, start + count):
                    total += vectors[first[here] + rank]
            square = total[:, 3] ** 2 - (total[:, :3] ** 2).sum(axis=1)
            mass = np.sign(square) * np.sqrt(np.abs(square))
            spectra[name_of(windows, there)] = np.bincount((mass // WIDTH).astype(np.int64))
    Answer(spectra).write(out)


if __name__ == "__main__":
    main()
