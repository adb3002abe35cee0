"""Write the input of the benchmark with ROOT: ``python generate.py FOLDER --files 8 --events 250000``.

One tree ``analysis`` per file, branches of the published types (``ROOT::VecOps::RVec``, scalars), zlib level 1,
ROOT's default baskets. A folder that holds what is asked for is left as it is. Runs in the Python that has ROOT.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import ROOT
from events import Events, make_events

SEED = 20250221
ZLIB_1 = 101
VERSION = 1
"""Grows with every change of what is written."""

NAMES = (
    "mc_345060.PowhegPythia8EvtGen_NNLOPS_nnlo_30_ggH125_ZZ4l",
    "mc_346228.PowhegPy8EG_NNPDF30_AZNLOCTEQ6L1_VBFH125_ZZ4lep_notau",
    "mc_346340.PowhegPy8EG_A14NNPDF23_NNPDF30ME_ttH125_ZZ4l_allhad",
    "mc_364243.Sherpa_222_NNPDF30NNLO_WWZ_4l2v_EW6",
    "mc_410155.aMcAtNloPythia8EvtGen_MEN30NLO_A14N23LO_ttW",
    "mc_410470.PhPy8EG_A14_ttbar_hdamp258p75_nonallhad",
    "mc_700322.Sh_2211_Zee_maxHTpTV2_CVetoBVeto",
    "mc_700600.Sh_2212_llll",
)
"""Datasets of the published catalogue, so that every program takes the files for what they look like."""

WRITER = """
#include <TTree.h>
#include <ROOT/RVec.hxx>
#include <functional>
#include <memory>
#include <string>
#include <vector>

class Writer {
 public:
  explicit Writer(TTree& tree) : tree_(tree) {}
  template <typename T> void scalar(const char* name, const char* leaf, const T* values) {
    auto value = std::make_shared<T>();
    tree_.Branch(name, value.get(), (std::string(name) + leaf).c_str());
    steps_.push_back([value, values](long i) { *value = values[i]; });
  }
  void text(const char* name, const char* value) {
    auto kept = std::make_shared<std::string>(value);
    tree_.Branch(name, kept.get());
    steps_.push_back([kept](long) {});
  }
  template <typename T> void jagged(const char* name, const T* values, const long* offsets) {
    auto objects = std::make_shared<ROOT::VecOps::RVec<T>>();
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

LEAVES = {
    "float32": ("float", "F"),
    "float64": ("double", "D"),
    "int32": ("int", "I"),
    "uint32": ("unsigned int", "i"),
    "uint64": ("unsigned long", "l"),
    "bool": ("bool", "O"),
}


def write(path: Path, events: Events) -> int:
    """Write one file; it appears under its name when it is complete. Return the number of branches."""
    partial = path.with_suffix(".partial")
    file = ROOT.TFile(str(partial), "RECREATE", "", ZLIB_1)
    tree = ROOT.TTree("analysis", "simulated demo data")
    writer = ROOT.Writer(tree)
    alive = []  # the writer only points to the arrays

    def scalar(name: str, values: np.ndarray) -> None:
        c_type, leaf = LEAVES[values.dtype.name]
        alive.append(np.ascontiguousarray(values))
        writer.scalar[c_type](name, f"/{leaf}", alive[-1])

    writer.text("category", "benchmark")
    for name, values in events.scalars.items():
        scalar(name, values)
    n = len(events.scalars["mcWeight"])
    for collection, (counts, fields) in events.jagged.items():
        scalar(f"{collection}_n", counts)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        alive.append(offsets)
        for name, values in fields.items():
            c_type, _ = LEAVES[values.dtype.name]
            alive.append(np.ascontiguousarray(values))
            writer.jagged[c_type](f"{collection}_{name}", alive[-1], offsets)
    writer.fill(n)
    tree.Write()
    branches = tree.GetListOfBranches().GetEntries()
    file.Close()
    partial.replace(path)
    return branches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=len(NAMES))
    parser.add_argument("--events", type=int, default=250_000)
    given = parser.parse_args()
    if not 1 <= given.files <= len(NAMES):
        parser.error(f"--files takes 1 to {len(NAMES)}, but got {given.files}")
    given.folder.mkdir(parents=True, exist_ok=True)
    wanted = {"version": VERSION, "files": given.files, "events": given.events}
    done = given.folder / "input.json"
    if done.exists() and json.loads(done.read_text()).items() >= wanted.items():
        print(f"{given.folder}: there already")
        return
    done.unlink(missing_ok=True)
    ROOT.gInterpreter.Declare(WRITER)
    branches = size = 0
    for name in NAMES[: given.files]:
        path = given.folder / f"ODEO_FEB2025_v0_exactly4lep_{name}.exactly4lep.root"
        channel = int(name[3:9])
        branches = write(path, make_events(SEED, given.events, channel))
        size += path.stat().st_size
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, {branches} branches", flush=True)
    done.write_text(json.dumps({**wanted, "branches": branches, "bytes": size, "root": ROOT.__version__}))


if __name__ == "__main__":
    main()
