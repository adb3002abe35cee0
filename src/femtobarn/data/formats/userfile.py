"""Formats that users write: one TOML file for one kind of ntuple.

::

    release = "my-ntuple"
    tree = "events"                    # or several names: ["events", "Events"]
    tell_tales = ["lep_pt", "run"]     # branches that such a file has; "a|b": either
    may_lack = ["photon"]              # collections that a file may lack as a whole

    [counters]
    lep = "lep_n"

    [parts.electron]                   # electrons are the leptons of type 11
    of = "lep"
    by = "lep.type"
    value = 11

    [fields]
    lep.pt = { branch = "lep_pt", unit = "MeV" }
    lep.e = { branch = "lep_m", type = "mass", unit = "MeV", fill = 0.10566 }
    lep.tight_id = { branch = ["lep_tight", "lep_isTight"], optional = true }

A type is written where it is not that of the field: one of `femtobarn.data.formats.table.KINDS`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from femtobarn.base.errors import SettingsError, UnknownNameError, suggestion
from femtobarn.base.units import parse_unit
from femtobarn.data.formats.model import COLLECTIONS, FIELDS
from femtobarn.data.formats.registry import register
from femtobarn.data.formats.spec import FieldSource, Format, Join, Part
from femtobarn.data.formats.table import KINDS
from femtobarn.data.formats.userentries import FieldEntry, FormatFile, JoinEntry, PartEntry, entry_of

MOST_BYTES = 1_000_000
"""No format file is longer; what is longer is another kind of file."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TYPES = {"float": "float", "int": "number", "bool": "flag", "string": "string"}


def load_format(path: Path) -> Format:
    """Return the format that a user's file describes; `femtobarn.data.formats.register` makes it known.

    Parameters
    ----------
    path
        a TOML file as shown above

    Raises
    ------
    SettingsError
        if the file cannot be read, or says something that is no format: with the file and the key
    """
    return parse_format(_text(path), path.name)


def hand_in(path: Path) -> Format:
    """Make the format that a user's file describes known to this process and to its workers; return it.

    Raises
    ------
    SettingsError
        as `load_format`, and if its name is taken
    """
    text = _text(path)
    fmt = parse_format(text, path.name)
    register(fmt, text)
    return fmt


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        msg = f"The format file {path} cannot be read: {error.strerror}. Check the path."
        raise SettingsError(msg) from error
    if len(content) > MOST_BYTES:
        msg = f"{path}: expected a format file of at most {MOST_BYTES} bytes, got more. Check that it is the right file."
        raise SettingsError(msg)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        msg = (
            f"{path}: expected a format file in TOML, but it is not text in UTF-8: {error}. Correct the file."
        )
        raise SettingsError(msg) from error


def parse_format(text: str, name: str) -> Format:
    """Return the format that the text of a format file describes.

    Parameters
    ----------
    text
        TOML as shown above
    name
        what messages call the file

    Raises
    ------
    SettingsError
        if it is no format: with the name and the key
    """
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        msg = f"{name}: expected a format file in TOML, but it is not: {error}. Correct the file."
        raise SettingsError(msg) from error
    content = entry_of(FormatFile, table, f"{name}: ")
    if not _NAME.fullmatch(content.release):
        msg = (
            f"{name}: release: expected a name of letters, digits, '.', '_' and '-', got {content.release!r}."
        )
        raise SettingsError(msg)
    trees = (content.tree,) if isinstance(content.tree, str) else content.tree
    if not trees or not all(trees):
        msg = f"{name}: tree: expected the name of a tree, or a list of names, got {content.tree!r}."
        raise SettingsError(msg)
    fields = {p: _source(p, entry, f"{name}: fields.{p}") for p, entry in _leaves(content.fields, "", name)}
    try:
        return Format(
            release=content.release,
            tree=trees[0],
            fields=fields,
            counters={_collection(c, f"{name}: counters.{c}"): b for c, b in content.counters.items()},
            tell_tales=content.tell_tales,
            version=content.version,
            more_trees=trees[1:],
            may_lack=tuple(_collection(c, f"{name}: may_lack") for c in content.may_lack),
            parts={c: _part(c, body, name, fields) for c, body in content.parts.items()},
            joins={c: _join(c, body, name) for c, body in content.joins.items()},
            simulation=content.simulation,
            simulation_bit=content.simulation_bit,
        )
    except UnknownNameError as error:
        msg = f"{name}: {error}"
        raise SettingsError(msg) from error
    except SettingsError as error:
        if str(error).startswith(f"{name}: "):
            raise
        msg = f"{name}: {error}"
        raise SettingsError(msg) from error


def _part(collection: str, body: Any, name: str, fields: Mapping[str, FieldSource]) -> Part:
    where = f"{name}: parts.{_collection(collection, f'{name}: parts.{collection}')}"
    entry = entry_of(PartEntry, body, f"{where}.")
    if entry.by not in fields:
        msg = f"{where}.by: expected a field of this file, got {entry.by!r}. {suggestion(entry.by, fields)}"
        raise SettingsError(msg)
    return Part(_collection(entry.of, f"{where}.of"), entry.by, entry.value)


def _join(collection: str, body: Any, name: str) -> Join:
    where = f"{name}: joins.{_collection(collection, f'{name}: joins.{collection}')}"
    entry = entry_of(JoinEntry, body, f"{where}.")
    members = tuple((_collection(c, f"{where}.members"), value) for c, value in entry.members.items())
    if not members:
        msg = f"{where}.members: expected at least one collection, got none."
        raise SettingsError(msg)
    own = [path for path, field in FIELDS.items() if field.collection == collection]
    if entry.label not in own:
        msg = f"{where}.label: expected a field of {collection}, got {entry.label!r}. {suggestion(entry.label, own)}"
        raise SettingsError(msg)
    return Join(members, entry.label)


def _collection(collection: str, where: str) -> str:
    if collection not in COLLECTIONS:
        msg = f"{where}: the event model has no collection {collection!r}. {suggestion(collection, COLLECTIONS)}"
        raise SettingsError(msg)
    return collection


def _leaves(table: Mapping[str, Any], before: str, name: str) -> Iterable[tuple[str, Any]]:
    """Give every field with what the file says of it; ``lep.pt`` may be written with or without quotes."""
    for key, value in table.items():
        path = f"{before}{key}"
        if isinstance(value, Mapping) and any(known.startswith(f"{path}.") for known in FIELDS):
            yield from _leaves(value, f"{path}.", name)
        elif path not in FIELDS:
            msg = f"{name}: fields.{path}: the event model has no such field. {suggestion(path, FIELDS)}"
            raise SettingsError(msg)
        else:
            yield path, value


def _source(path: str, body: Any, where: str) -> FieldSource:
    entry = entry_of(FieldEntry, body, f"{where}.")
    model = FIELDS[path]
    kind = entry.type or _TYPES[model.kind]
    if kind not in KINDS:
        msg = f"{where}.type: expected one of {', '.join(KINDS)}, got {kind!r}. {suggestion(kind, KINDS)}"
        raise SettingsError(msg)
    if entry.unit is None and not parse_unit(model.unit).dimensionless:
        msg = f"{where}.unit: expected the unit of the numbers in the file, as 'MeV' or {model.unit!r}, got none. Add it."
        raise SettingsError(msg)
    unit = model.unit if entry.unit is None else entry.unit
    try:
        parse_unit(unit)
    except SettingsError as error:
        msg = f"{where}.unit: {error}"
        raise SettingsError(msg) from error
    branches = (entry.branch,) if isinstance(entry.branch, str) else entry.branch
    if not all(branches):
        msg = f"{where}.branch: expected the name of a branch, or a list of names, got {entry.branch!r}."
        raise SettingsError(msg)
    return FieldSource(
        path=path,
        branches=branches,
        kinds=KINDS[kind],
        unit=unit,
        shape="list" if model.collection else "scalar",
        optional=entry.optional,
        simulation_only=entry.simulation,
        fill=entry.fill,
        at_least=entry.at_least,
        first=entry.first,
        from_mass=kind == "mass",
    )
