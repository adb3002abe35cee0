"""``notebook.py OUT PROCESSES FILES...``: uproot.iterate and awkward, the way of the published notebooks."""

from __future__ import annotations

import multiprocessing
import sys

import numpy as np
import uproot
from answer import write_answer
from awkward_hzz import BINS, BRANCHES, final


def one_file(path: str) -> tuple[int, np.ndarray]:
    count, histogram = 0, np.zeros(BINS)
    for events in uproot.iterate(f"{path}:analysis", BRANCHES, step_size=100_000):
        n, filled = final(events)
        count, histogram = count + n, histogram + filled
    return count, histogram


def main() -> None:
    out, processes, *files = sys.argv[1:]
    if processes == "1":
        found = [one_file(path) for path in files]
    else:
        with multiprocessing.Pool(int(processes)) as pool:
            found = pool.map(one_file, files, chunksize=1)
            pool.close()
            pool.join()
    write_answer(
        out,
        {"nominal": sum(n for n, _ in found)},
        {"m4l": {"nominal": np.sum([h for _, h in found], axis=0)}},
    )


if __name__ == "__main__":
    main()
