"""Write the input with ROOT: ``python -m benchmarks.spectra.generate FOLDER --files 8 --events 37500``.

One tree ``CollectionTree`` per file, branches of the published names and types (``std::vector``, scalars), zlib
level 5, ROOT's default baskets. A folder that holds what is asked for is left as it is. Runs in the Python that
has ROOT: with uproot vectors cannot be written, only arrays with counters.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import ROOT
from benchmarks.spectra.events import Events, make_events

SEED = 2016
ZLIB_5 = 105
VERSION = 1
"""Grows with every change of what is written."""

WRITER = """
#include <TTree.h>
#include <functional>
#include <memory>
#include <string>
#include <vector>

class VectorWriter {
 public:
  explicit VectorWriter(TTree& tree) : tree_(tree) {}
  template <typename T> void scalar(const char* name, const char* leaf, const T* values) {
    auto value = std::make_shared<T>();
    tree_.Branch(name, value.get(), (std::string(name) + leaf).c_str());
    steps_.push_back([value, values](long i) { *value = values[i]; });
  }
  template <typename Stored, typename T> void jagged(const char* name, const T* values, const long* offsets) {
    auto objects = std::make_shared<std::vector<Stored>>();
    tree_.Branch(name, objects.get());
    steps_.push_back([objects, values, offsets](long i) { objects->assign(values + offsets[i], values + offsets[i + 1]); });
  }
  void fill(long n) {
    for (long i = 0; i < n; ++i) {
      for (auto& step : steps_) step(i);
      tree_.Fill();
    }
  }
 private:
  TTree& tree_;
  std::vector<std::function<void(long)>> steps_;
};
"""

LEAVES = {"float32": ("float", "F"), "uint32": ("unsigned int", "i"), "uint64": ("unsigned long", "l")}
STORED = {"float32": ("float", "float"), "int32": ("int", "int"), "uint8": ("char", "unsigned char")}
"""What vectors hold, and what NumPy's arrays are called in C++."""


def write(path: Path, events: Events) -> int:
    """Write one file; it appears under its name when it is complete. Return the number of branches."""
    partial = path.with_suffix(".partial")
    file = ROOT.TFile(str(partial), "RECREATE", "", ZLIB_5)
    tree = ROOT.TTree("CollectionTree", "synthetic events")
    writer = ROOT.VectorWriter(tree)
    alive = []  # the writer only points to the arrays
    for name, values in events.scalars.items():
        c_type, leaf = LEAVES[values.dtype.name]
        alive.append(np.ascontiguousarray(values))
        writer.scalar[c_type](f"EventInfoAuxDyn.{name}", f"/{leaf}", alive[-1])
    for collection, (counts, fields) in events.jagged.items():
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        alive.append(offsets)
        for name, values in fields.items():
            alive.append(np.ascontiguousarray(values))
            writer.jagged[STORED[values.dtype.name]](f"{collection}AuxDyn.{name}", alive[-1], offsets)
    writer.fill(len(events.scalars["eventNumber"]))
    tree.Write()
    branches = tree.GetListOfBranches().GetEntries()
    file.Close()
    partial.replace(path)
    return branches


def widened(events: Events, more: int) -> Events:
    """Return events with so many more branches: another collection with one object in each event."""
    n = len(events.scalars["eventNumber"])
    fields = {f"field{i}": np.zeros(n, np.float32) for i in range(more)}
    return Events(events.scalars, events.jagged | {"More": (np.ones(n, np.int64), fields)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--more", type=int, default=0, help="branches that nobody reads")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    wanted = {"version": VERSION, "files": given.files, "events": given.events, "more": given.more}
    done = given.folder / "input.json"
    if done.exists() and json.loads(done.read_text()).items() >= wanted.items():
        print(f"{given.folder}: there already")
        return
    done.unlink(missing_ok=True)
    for old in given.folder.glob("*.root"):
        old.unlink()
    ROOT.gInterpreter.Declare(WRITER)
    branches = size = 0
    for number in range(given.files):
        path = given.folder / f"DAOD_PHYSLITE.bench_{number:06d}.pool.root"
        branches = write(path, widened(make_events(SEED + number, given.events), given.more))
        size += path.stat().st_size
    print(f"{given.folder}: {given.files} files, {size / 1e6:.1f} MB, {branches} branches")
    done.write_text(json.dumps({**wanted, "branches": branches, "bytes": size, "root": ROOT.__version__}))


if __name__ == "__main__":
    main()
