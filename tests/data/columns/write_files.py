"""Write small files with ROOT: many forms of branches, in every codec, in several clusters.

Run by a Python with ROOT: ``python write_files.py FOLDER``. The files beside this script were made so.
"""

from __future__ import annotations

import array
import sys
from pathlib import Path

import ROOT

CODECS = {"none": 0, "zlib": 101, "lzma": 207, "lz4": 404, "zstd": 505}
ENTRIES, CLUSTER = 22, 8
FEW = {"b/O", "l/L", "v_float", "v_double", "v_bool", "r_float", "x_float[n]/F", "a[3]/F"}
PLAIN = {
    "b/O": "b", "c/B": "b", "uc/b": "B", "s/S": "h", "us/s": "H", "i/I": "i", "ui/i": "I", "l/L": "q",
    "ul/l": "Q", "g/G": "q", "ug/g": "Q", "f/F": "f", "d/D": "d",
}  # fmt: skip
VECTORS = {
    "v_float": "vector<float>", "v_double": "vector<double>", "v_int": "vector<int>",
    "v_uint": "vector<unsigned int>", "v_short": "vector<short>", "v_ushort": "vector<unsigned short>",
    "v_char": "vector<char>", "v_uchar": "vector<unsigned char>", "v_bool": "vector<bool>",
    "v_long": "vector<long>", "v_ulong": "vector<unsigned long>", "r_float": "ROOT::VecOps::RVec<float>",
    "r_int": "ROOT::VecOps::RVec<int>", "r_bool": "ROOT::VecOps::RVec<bool>",
}  # fmt: skip
LENGTHS = [3, 0, 1, 7, 2, 0, 12, 4]


def main(folder: Path) -> None:
    for name, compression in CODECS.items():
        write(folder / f"{name}.root", compression, ENTRIES, CLUSTER, few=name != "zlib")
    write(folder / "embedded.root", 101, 9, 0, few=True)
    write(folder / "empty.root", 101, 0, 0, few=True)


def write(  # noqa: C901 - one file, form by form
    path: Path, compression: int, entries: int, cluster: int, *, few: bool = False
) -> None:
    ROOT.gRandom.SetSeed(1)
    file = ROOT.TFile(str(path), "recreate", "", compression)
    tree = ROOT.TTree("t", "forms of branches")
    tree.SetAutoFlush(cluster)
    plain = {form: array.array(code, [0]) for form, code in PLAIN.items() if not few or form in FEW}
    for form, memory in plain.items():
        tree.Branch(form.split("/")[0], memory, form)
    vectors = {name: getattr_type(kind)() for name, kind in VECTORS.items() if not few or name in FEW}
    for name, memory in vectors.items():
        tree.Branch(name, memory)
    nested, text = ROOT.std.vector("vector<float>")(), ROOT.std.string()
    tree.Branch("text", text)
    letters = array.array("b", [0] * 400)
    if not few:
        tree.Branch("nested", nested)
        tree.Branch("letters", letters, "letters/C")
    count = array.array("i", [0])
    tree.Branch("n", count, "n/I")
    counted = {"x_float[n]/F": array.array("f", [0] * 32), "x_bool[n]/O": array.array("b", [0] * 32),
               "x_double[n]/D": array.array("d", [0] * 32), "x_short[n]/S": array.array("h", [0] * 32)}  # fmt: skip
    fixed = {"a[3]/F": array.array("f", [0] * 3), "ai[2]/I": array.array("i", [0] * 2), "m[2][2]/F": array.array("f", [0] * 4)}  # fmt: skip
    for form, memory in (counted | fixed).items():
        if not few or form in FEW:
            tree.Branch(form.split("[")[0], memory, form)
    two = array.array("f", [0, 0])
    if not few:
        tree.Branch("pair", two, "one/F:two/F")
    for entry in range(entries):
        for form, memory in plain.items():
            memory[0] = entry % 2 if form == "b/O" else entry
        length = LENGTHS[entry % len(LENGTHS)]
        for name, memory in vectors.items():
            memory.clear()
            for j in range(length if name != "v_double" else (length + entry) % 5):
                memory.push_back((entry + j) % 2 if "bool" in name else entry + j)
        nested.clear()
        nested.push_back(vectors["v_float"])
        text.assign("word " * (entry % 4) + ("long " * 60 if entry == 7 else ""))
        content = (b"x" * (entry % 9 if entry != 5 else 300)) + b"\0"
        letters[: len(content)] = array.array("b", content)
        count[0] = length
        for form, memory in counted.items():
            for j in range(length):
                memory[j] = (entry + j) % 2 if "bool" in form else entry + j
        for memory in [*fixed.values(), two]:
            for j in range(len(memory)):
                memory[j] = entry + j
        tree.Fill()
    file.Write()
    file.Close()


def getattr_type(kind: str) -> type:
    outer, inner = kind.rstrip(">").split("<")
    return ROOT.std.vector(inner) if outer == "vector" else ROOT.VecOps.RVec(inner)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
