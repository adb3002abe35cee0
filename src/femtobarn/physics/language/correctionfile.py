"""Files of corrections in correctionlib's JSON, schema version 2: reading, and what is left of one.

A correction is a tree of bins, categories and formulas. Where an input is a constant of the analysis
(``"up"``), only the branch of that constant is kept: that is what travels with the analysis.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from femtobarn.base.errors import SettingsError, TypesError, UnknownNameError

MOST_BYTES = 1 << 28
"""Of a file, unpacked."""

NOT_A_NUMBER = {"nodetype": "formula", "expression": "sqrt(-1)", "parser": "TFormula", "variables": []}
"""What stands for an error of the file: one event out of range must not stop others."""

Json = Any
Constant = str | int | float | bool


@dataclass(frozen=True, slots=True, eq=False)
class CorrectionInput:
    """One input: its name, and ``string``, ``int`` or ``real``."""

    name: str
    type: str


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """One correction of a file.

    Parameters
    ----------
    name, file
        its name, and the file's for messages
    inputs
        in the order in which values are given
    body
        its JSON; of a compound one, in ``parts`` those of which it is made
    """

    name: str
    file: str
    inputs: tuple[CorrectionInput, ...]
    body: Mapping[str, Json]
    parts: tuple[Mapping[str, Json], ...] = ()


def read_correction(path: Path, name: str) -> Correction:
    """Return a correction of a file (``.json`` or ``.json.gz``).

    Raises
    ------
    SettingsError
        if the file cannot be read or is not a file of corrections
    UnknownNameError
        if it has no correction of this name
    """
    content = _content(path)
    singles = {str(c["name"]): c for c in content["corrections"]}
    compounds = {str(c["name"]): c for c in content.get("compound_corrections") or ()}
    body = singles.get(name) or compounds.get(name)
    if body is None:
        raise UnknownNameError(f"correction of {path.name}", name, (*singles, *compounds))
    try:
        inputs = tuple(CorrectionInput(str(i["name"]), str(i["type"])) for i in body["inputs"])
        parts = tuple(singles[p] for p in body.get("stack", ()))
    except (KeyError, TypeError) as error:
        msg = f"{path.name}: correction {name!r} must have inputs, each with name and type, and the parts it is made of ({error} is missing)."
        raise SettingsError(msg) from error
    return Correction(name, path.name, inputs, body, parts)


def _content(path: Path) -> Mapping[str, Json]:
    try:
        state = path.stat()
        return _parsed(path, state.st_mtime_ns, state.st_size)
    except (OSError, EOFError, zlib.error) as error:
        msg = f"The file of corrections {path} cannot be read: {getattr(error, 'strerror', None) or error}."
        raise SettingsError(msg) from error


@lru_cache(maxsize=4)
def _parsed(path: Path, _changed: int, _size: int) -> Mapping[str, Json]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path) if packed else path.open("rb") as file:
        raw = file.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        msg = (
            f"{path.name} has more than {MOST_BYTES >> 20} MiB: give a file with the needed corrections only."
        )
        raise SettingsError(msg)
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        msg = f"Expected a file of corrections in JSON, but {path.name} is not: {error}."
        raise SettingsError(msg) from error
    if not isinstance(content, dict) or content.get("schema_version") != 2:
        given = content.get("schema_version") if isinstance(content, dict) else type(content).__name__
        msg = f"{path.name} must be a file of corrections with schema_version 2 (correctionlib), but has {given!r}."
        raise SettingsError(msg)
    found = content.get("corrections"), content.get("compound_corrections") or []
    if not all(isinstance(f, list) and all(isinstance(c, dict) and "name" in c for c in f) for f in found):
        msg = f"{path.name} must have a list of corrections, each with a name."
        raise SettingsError(msg)
    return content


def specialised(tree: Json, constants: Mapping[str, Constant], name: str) -> Json:
    """Return a tree of a correction for constant inputs, with not-a-number for what would be an error.

    Raises
    ------
    UnknownNameError
        if a constant is none of the categories
    TypesError
        if the tree has something that no correction has
    """
    if isinstance(tree, int | float) and not isinstance(tree, bool):
        return float(tree)
    if isinstance(tree, str) and tree in {"inf", "+inf", "-inf"}:
        return tree
    if not isinstance(tree, dict) or "nodetype" not in tree:
        msg = f"Correction {name!r} must consist of numbers, bins, categories and formulas, but has {str(tree)[:60]!r}."
        raise TypesError(msg)
    if tree["nodetype"] == "category":
        return _category(tree, constants, name)
    result = dict(tree)
    if tree["nodetype"] == "transform":
        # within, the input has the value that the rule gives it
        inner = {k: v for k, v in constants.items() if k != tree.get("input")}
        result["rule"] = specialised(tree.get("rule"), constants, name)
        result["content"] = specialised(tree.get("content"), inner, name)
        return result
    if "edges" in tree:
        # the library takes 1.0 for an edge, not 1
        result["edges"] = _with_floats(tree["edges"])
    if isinstance(tree.get("content"), list):
        result["content"] = [specialised(c, constants, name) for c in tree["content"]]
    if "flow" in tree and tree["flow"] not in ("clamp", "wrap"):
        flow = tree["flow"]
        result["flow"] = NOT_A_NUMBER if flow == "error" else specialised(flow, constants, name)
    return result


def _with_floats(edges: Json) -> Json:
    if isinstance(edges, list):
        return [_with_floats(e) for e in edges]
    if isinstance(edges, dict):
        return {k: v if k == "n" else _with_floats(v) for k, v in edges.items()}
    return float(edges) if isinstance(edges, int) else edges


def _category(tree: Mapping[str, Json], constants: Mapping[str, Constant], name: str) -> Json:
    try:
        choices = [(c["key"], c["value"]) for c in tree["content"]]
        over, default = str(tree["input"]), tree.get("default")
    except (KeyError, TypeError) as error:
        msg = f"Correction {name!r}: a category must have an input and keys with values ({error})."
        raise TypesError(msg) from error
    if over not in constants:
        result = {
            **tree,
            "content": [{"key": k, "value": specialised(v, constants, name)} for k, v in choices],
        }
        result["default"] = NOT_A_NUMBER if default is None else specialised(default, constants, name)
        return result
    given = constants[over]
    for key, value in choices:
        if key == given:
            return specialised(value, constants, name)
    if default is None:
        raise UnknownNameError(f"{over} of correction {name!r}", given, [k for k, _ in choices])
    return specialised(default, constants, name)


def mentioned(tree: Json, names: Sequence[str]) -> set[str]:
    """Return which inputs occur anywhere in a tree."""
    found: set[str] = set()
    stack = [tree]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)
        elif isinstance(part, str):
            found.add(part)
    return found.intersection(names)
