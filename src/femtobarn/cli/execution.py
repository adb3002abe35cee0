"""Options of executors: words of the command line, and TOML files."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from femtobarn.base.errors import SettingsError
from femtobarn.cli.options import values


def options(given: Sequence[str] | None, file: Path | None) -> tuple[tuple[str, str], ...]:
    """Return options of executors as names and values; those on the command line take the place of the file's.

    Parameters
    ----------
    given
        ``NAME=VALUE``
    file
        a table for each executor; a list of values is joined by commas

    Raises
    ------
    SettingsError
        for words without a name, and for a file that is no such
    """
    found = {} if file is None else _from_file(file)
    return tuple({**found, **values(given, "--executor-option")}.items())


def _from_file(path: Path) -> dict[str, str]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"Expected options of executors in {path}, but it cannot be read: {error}. Check the path and its TOML."
        raise SettingsError(msg) from error
    found = {}
    for executor, table in tables.items():
        if not isinstance(table, dict):
            msg = f"Expected a table for each executor in {path}, such as [rabbitmq], but {executor!r} is a value. Move it into the table of its executor."
            raise SettingsError(msg)
        for name, value in table.items():
            found[f"{executor}.{name}"] = _word(value, f"{path}: {executor}.{name}")
    return found


def _word(value: Any, where: str) -> str:
    if isinstance(value, list):
        return ",".join(_word(item, where) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    msg = f"{where} must be a text, a number, true, false or a list of such, not {value!r}."
    raise SettingsError(msg)
