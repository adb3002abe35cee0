"""A configuration of atlas-utilization as one of ours, and what became of each of its keys.

Results are those of ``mode: compatible``. Its energies are in the unit of the files, ours in GeV.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from femtobarn.base.errors import SettingsError
from femtobarn.base.record import Record
from femtobarn.base.text import visible
from femtobarn.physics.spectra.config import ScanConfig
from femtobarn.physics.spectra.faults import checked
from femtobarn.physics.spectra.imports.keys import Keys, Note
from femtobarn.physics.spectra.imports.objects import objects
from femtobarn.physics.spectra.imports.release import inputs, to_choose
from femtobarn.physics.spectra.imports.rest import others
from femtobarn.physics.spectra.scan import scan_of
from femtobarn.physics.spectra.yamltext import dump, parse, read

SECTIONS = (
    "run_metadata",
    "tasks",
    "parsing_task_config",
    "mass_calculation_task_config",
    "post_processing_task_config",
    "histogram_creation_task_config",
)
"""The sections by which such a file is known; others may be there too."""


class Imported(Record):
    """What came of a configuration.

    Parameters
    ----------
    config
        ours
    text
        the same as a YAML file, with what could not be taken over as comments
    notes
        what became of each key, in the order of the file; keys that were left out and matter at the end
    """

    config: ScanConfig
    text: str
    notes: tuple[Note, ...]


def import_config(path: Path | str, *, release: str | None = None) -> Imported:
    """Return what comes of the configuration in a file; ``release`` is that of its inputs if it does not say.

    Raises
    ------
    SettingsError
        if it cannot be read, is none of that program, or what it says cannot be run
    """
    source = Path(path)
    return imported(read(source), source.name, release=release)


def imported(text: str, name: str, *, release: str | None = None) -> Imported:
    """Return what comes of the text of a configuration; ``name`` is what messages call it.

    Raises
    ------
    SettingsError
        if it is none of that program, or what it says cannot be run
    """
    content = parse(text, name)
    if not set(SECTIONS) & set(content):
        msg = f"{name}: expected a configuration of atlas-utilization, with sections such as {', '.join(SECTIONS[:4])}, got {visible(', '.join(content), most=120) or 'none'}. Give such a file, or write a new one: femtobarn spectra init"
        raise SettingsError(msg)
    keys = Keys(content)
    found: dict[str, Any] = {"release": "", "mode": "compatible"}
    found["release"], found["inputs"] = inputs(keys, name, release)
    mine, rest = objects(keys, found["release"]), others(keys)
    rest["combinations"] = mine.pop("combinations") | rest["combinations"]
    found |= mine | rest
    config = checked(ScanConfig, found, name)
    scan_of(config, Path(name))
    notes = keys.notes()
    return Imported(config=config, text=_text(found, notes, name), notes=notes)


def _text(found: Mapping[str, Any], notes: tuple[Note, ...], name: str) -> str:
    lost = [n for n in notes if n.left_behind]
    head = [f"# Made of {visible(name)}, a configuration of atlas-utilization. Energies are in GeV."]
    if lost:
        head += ["# Of it, this was not taken over:", *(_comment(n) for n in lost)]
    order = [k for k in ScanConfig.model_fields if k in found]
    return "\n".join([*head, "", *_blocks({k: found[k] for k in order})])


def _blocks(found: Mapping[str, Any]) -> Iterator[str]:
    for key, value in found.items():
        text = dump({key: value})
        if key == "inputs" and (skims := to_choose(found["release"], value)):
            yield f"# One preselection is needed: {', '.join(skims)}. For instance:"
            text += "".join(f"# {line}\n" for line in dump({key: value | {"skim": skims[-1]}}).splitlines())
        yield text


def _comment(note: Note) -> str:
    return f"# * {re.sub(chr(10), ' ', note.key)}: {note.words}"
