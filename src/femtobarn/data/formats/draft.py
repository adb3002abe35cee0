"""Drafting a format file for an unknown ntuple, which its user completes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from femtobarn.base.errors import FormatError
from femtobarn.base.units import parse_unit
from femtobarn.data.columns.interface import BranchInfo
from femtobarn.data.formats.guess import PDG_MASSES, Guesses, guess
from femtobarn.data.formats.model import FIELDS
from femtobarn.data.formats.spec import BOOLS, FLOATS

_MOST_UNUSED = 400
_WANTED = (
    "run", "number", "channel", "mc.generator", "met.pt", "met.phi",
    *(f"{c}.{q}" for c in ("electron", "muon", "jet", "photon", "tau") for q in ("pt", "eta", "phi", "e")),
)  # fmt: skip
_MEV_ABOVE = 1000.0  # a median of 1 TeV is rarer than one of 1 GeV


def draft_format(
    trees: Mapping[str, Sequence[BranchInfo]],
    medians: Mapping[str, float] | None = None,
    *,
    release: str = "my-ntuple",
) -> str:
    """Return a format file (TOML) for an ntuple, as far as names and types of its branches tell.

    What is guessed is written as fields, the rest as comments to be completed. The text can be read by
    `femtobarn.data.formats.userfile.load_format` as it is.

    Parameters
    ----------
    trees
        the branches of each tree of the file
    medians
        the median of the values of branches, by name, as far as known: tells MeV from GeV
    release
        what to call the format

    Raises
    ------
    FormatError
        if there is no tree
    """
    if not trees:
        msg = "Expected a file with at least one tree, from which a format can be drafted, but it has none."
        raise FormatError(msg)
    guesses = {name: guess(branches) for name, branches in trees.items()}
    tree = max(guesses, key=lambda name: (len(guesses[name].fields), len(trees[name])))
    others = [name for name in trees if name != tree]
    return "\n".join(_lines(tree, others, guesses[tree], medians or {}, release)) + "\n"


def _lines(
    tree: str, others: Sequence[str], found: Guesses, medians: Mapping[str, float], release: str
) -> list[str]:
    units = _Units(found, medians)
    fields, hints = _fields(found, units)
    first = sorted(
        found.fields, key=lambda path: not path.endswith(".pt")
    )  # objects tell more than a run number
    tells = [b.name for b in (*(found.fields[p] for p in first), *found.unused) if "|" not in b.name][:3]
    lines = [
        "# A draft: guessed from names and types. Check every line, above all the units.",
        f"release = {quoted(release)}",
        f"tree = {quoted(tree)}" + (f"  # others: {', '.join(map(quoted, others))}" if others else ""),
        f"tell_tales = [{', '.join(map(quoted, tells))}]  # branches that such a file has and others have not",
        "",
    ]
    if found.counters:
        lines += ["[counters]", *(f"{c} = {quoted(b.name)}" for c, b in found.counters.items()), ""]
    lines += [*_flavours(found), "[fields]", *fields]
    offered = {line.partition(" = ")[0] for line in fields}
    if _is_split(found):
        offered |= {f"{c}.{q}" for c in ("electron", "muon") for q in ("pt", "eta", "phi", "e")}
    missing = [path for path in _WANTED if path not in offered]
    if missing or hints:
        lines += ["", "# Not found. Complete what the file has:", *hints]
        lines += [f'# {path} = {{ branch = "?"{_unit_text(FIELDS[path].unit)} }}' for path in missing]
    if found.unused:
        lines += ["", f"# Not used ({len(found.unused)}):"]
        lines += [f"#   {quoted(b.name)}: {quoted(b.typename)}" for b in found.unused[:_MOST_UNUSED]]
        if len(found.unused) > _MOST_UNUSED:
            lines.append(f"#   and {len(found.unused) - _MOST_UNUSED} more")
    return lines


def quoted(text: str) -> str:
    """Return ``text`` as a TOML string on one line, whatever it holds."""
    safe = "".join(
        c
        if c.isprintable() and c not in '"\\'
        else f"\\u{ord(c):04x}"
        if ord(c) < 0x10000
        else f"\\U{ord(c):08x}"
        for c in text
        if not 0xD800 <= ord(c) < 0xE000
    )
    return f'"{safe}"'


class _Units:
    """The unit of energies in each collection, and why."""

    def __init__(self, found: Guesses, medians: Mapping[str, float]) -> None:
        self._medians = {
            path: medians[info.name]
            for path, info in found.fields.items()
            if info.name in medians and medians[info.name] > 0
        }

    def energy(self, path: str) -> tuple[str, str]:
        """Return the unit of a field and a comment."""
        collection = path.partition(".")[0]
        deciding = next(
            (
                p
                for p in (f"{collection}.pt", path, *self._medians)
                if p in self._medians and p.endswith((".pt", ".e"))
            ),
            None,
        )
        if deciding is None:
            return "GeV", "MeV or GeV? no values were looked at"
        unit = "MeV" if self._medians[deciding] > _MEV_ABOVE else "GeV"
        return unit, f"MeV or GeV? the median of {deciding} is {self._medians[deciding]:.6g}"


def _fields(found: Guesses, units: _Units) -> tuple[list[str], list[str]]:
    """Return a line for each field, in the order of the model, and hints on what could not be made."""
    lines: dict[str, str] = {}
    hints = []
    for path, info in found.fields.items():
        if path in FIELDS:
            lines[path] = _line(path, info, units)
    for collection in dict.fromkeys(path.partition(".")[0] for path in found.fields):
        energy = f"{collection}.e"
        if (
            energy in lines
            or energy not in FIELDS
            or not {f"{collection}.pt", f"{collection}.eta"} <= set(lines)
        ):
            continue
        mass = found.fields.get(f"{collection}.m")
        if mass is not None and mass.dtype in FLOATS:
            unit, comment = units.energy(energy)
            lines[energy] = (
                f'{energy} = {{ branch = {quoted(mass.name)}, type = "mass", unit = "{unit}" }}  # {comment}'
            )
        elif collection in PDG_MASSES:
            fill = PDG_MASSES[collection]
            lines[energy] = (
                f'{energy} = {{ type = "mass", unit = "GeV", fill = {fill} }}  # from the mass of the particle'
            )
        else:
            hints.append(f"# {energy} needs a branch of the energy or of the mass; none was found.")
    return [lines[path] for path in FIELDS if path in lines], hints


def _line(path: str, info: BranchInfo, units: _Units) -> str:
    model = FIELDS[path]
    unit, comment = model.unit, ""
    if model.unit == "GeV":
        unit, comment = units.energy(path)
    elif model.unit == "mm":
        comment = "mm or cm?"
    elif model.unit == "fb":
        comment = "fb or pb?"
    kind = ""
    if model.kind == "bool" and info.dtype not in BOOLS:
        kind = ', type = "flag"'
    elif model.kind == "float" and info.dtype not in FLOATS:
        kind = ', type = "number"'
    note = f"  # {comment}" if comment else ""
    return f"{path} = {{ branch = {quoted(info.name)}{kind}{_unit_text(unit)} }}{note}"


def _unit_text(unit: str) -> str:
    return "" if parse_unit(unit).dimensionless else f', unit = "{unit}"'


def _is_split(found: Guesses) -> bool:
    """Tell whether there is one list of leptons with types, from which electrons and muons follow."""
    lists = {path.partition(".")[0] for path in found.fields}
    return {"lep.pt", "lep.type"} <= set(found.fields) and not lists & {"electron", "muon"}


def _flavours(found: Guesses) -> list[str]:
    """Return how electrons and muons follow from leptons, or leptons from them."""
    if _is_split(found):
        return [
            line
            for name, value in (("electron", 11), ("muon", 13))
            for line in (f"[parts.{name}]", 'of = "lep"', 'by = "lep.type"', f"value = {value}", "")
        ]
    lists = {path.partition(".")[0] for path in found.fields}
    if {"electron.pt", "muon.pt"} <= set(found.fields) and "lep" not in lists:
        return ["[joins.lep]", "members = { electron = 11, muon = 13 }", 'label = "lep.type"', ""]
    return []
