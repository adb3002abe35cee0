"""The inputs file of an analysis: which datasets of which release, and how they are called."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from femtobarn.base.errors import SettingsError
from femtobarn.base.record import first_fault
from femtobarn.base.records import InputsRecord


def load_inputs(source: Path | dict[str, Any]) -> dict[str, InputsRecord]:
    """Return the inputs for each release from a TOML file, or from the same structure as a dict.

    ::

        [release."2025e-13tev-beta"]
        skim = "exactly4lep"
        luminosity = 36.6                       # fb^-1

        [[release."2025e-13tev-beta".processes]]
        name = "zz"
        label = "ZZ"
        colour = "#ff0000"
        role = "background"                     # data, background or signal
        datasets = [700600]                     # for data: periods = ["data15_periodD"]

    Raises
    ------
    SettingsError
        with the path to the fault, if the structure is not this
    """
    if isinstance(source, Path):
        name = source.name
        try:
            table = tomllib.loads(source.read_text(encoding="utf-8"))
        except OSError as error:
            msg = f"The inputs file {source} cannot be read: {error.strerror}."
            raise SettingsError(msg) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            msg = f"The inputs file {name} is not valid TOML: {error}."
            raise SettingsError(msg) from error
    else:
        name, table = "inputs", source
    unknown = set(table) - {"release"}
    releases = table.get("release")
    if unknown or not isinstance(releases, dict) or not releases:
        msg = f'{name} must have tables [release."NAME"] and nothing else, but has {sorted(table)}.'
        raise SettingsError(msg)
    return {release: _one(name, release, body) for release, body in releases.items()}


def _one(name: str, release: str, body: Any) -> InputsRecord:
    if not isinstance(body, dict):
        msg = f'{name}: release."{release}" must be a table, not {body!r}.'
        raise SettingsError(msg)
    try:
        inputs = InputsRecord.model_validate({"release": release, **body})
    except ValidationError as error:
        fault = first_fault(error)
        msg = f'{name}: release."{release}"{"." + fault.where if fault.where else ""}: {fault.what}.'
        raise SettingsError(msg) from error
    names = [p.name for p in inputs.processes]
    datasets = [str(d) for p in inputs.processes for d in (*p.datasets, *p.periods)]
    values: list[str]
    for values, what in ((names, "process"), (datasets, "dataset")):
        twice = sorted({v for v in values if values.count(v) > 1})
        if twice:
            msg = f'{name}: release."{release}": {what} {", ".join(twice)} appears more than once.'
            raise SettingsError(msg)
    return inputs
