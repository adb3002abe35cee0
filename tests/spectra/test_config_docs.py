"""The page of the configuration says what the configuration is, in both directions."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from femtobarn.physics.spectra.config import ScanConfig
from femtobarn.physics.spectra.convert import record_of
from femtobarn.physics.spectra.faults import checked
from femtobarn.physics.spectra.imported import SECTIONS, imported
from femtobarn.physics.spectra.imports.keys import NOT_NEEDED, UNKNOWN
from femtobarn.physics.spectra.scan import scan_of
from femtobarn.physics.spectra.yamltext import dump, parse

from .test_imported import CMS, RESEARCH

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "spectra-config.md").read_text(encoding="utf-8")
IMPORT = PAGE.partition("## From a configuration of atlas-utilization")[2]


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_spectra_config", DOCS / "spectra_config.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_those_of_the_configuration() -> None:
    assert script().updated(PAGE) == PAGE, "run python docs/spectra_config.py"
    assert (
        "| `pt_min` | number, from 0 on | `0` | GeV | objects with less transverse momentum are dropped |"
        in PAGE
    )
    assert "| `Jpsi` | 3.0969 | 0.25 | `ee`, `mm` |" in PAGE
    assert "| `dl1d` | `dl1d` | `77` | 2.51 |" in PAGE


def models(model: type[Any]) -> set[type[Any]]:
    inside = {
        script_inside
        for f in model.model_fields.values()
        if (script_inside := script()._inside(f.annotation))
    }
    return {model}.union(*(models(one) for one in inside))


def test_every_key_has_a_meaning_and_a_line() -> None:
    found = models(ScanConfig)
    assert len(found) == 13
    for model in found:
        for name, field in model.model_fields.items():
            assert field.description, name
            assert f"| `{name}` | " in PAGE


def test_the_example_is_a_scan() -> None:
    example = re.search(r"```yaml\n# scan.yaml\n(.*?)```", PAGE, re.DOTALL)
    assert example
    scan = scan_of(checked(ScanConfig, parse(example[1], "example"), "example"), Path("example.yaml"))
    assert scan.record.quantities == ("mass", "os", "met")


def test_all_of_the_imported_example_is_taken_over() -> None:
    example = re.search(r"```yaml\n# theirs.yaml\n(.*?)```", PAGE, re.DOTALL)
    assert example
    assert not [note for note in imported(example[1], "theirs.yaml").notes if note.left_behind]


def test_what_compatible_changes_is_in_the_table() -> None:
    base = {"release": "2020e-13tev", "objects": {"jet": {}, "electron": {}}}
    table = PAGE.partition("## `mode: compatible`")[2].partition("## ")[0]
    rows = re.findall(r"^\| `([a-z_.]+)` \| `([a-z_]+)` \| `([a-z_]+)` \|$", table, re.MULTILINE)
    assert len(rows) == 4
    for column, mode in ((1, "right"), (2, "compatible")):
        said: dict[str, Any] = {**base, "mode": "compatible" if mode == "right" else "right"}
        for row in rows:
            section, _, key = row[0].rpartition(".")
            value = {"true": True, "false": False}.get(row[column], row[column])
            if section:
                said[section] = {**said.get(section, {}), key: value}
            else:
                said[key] = value
        by_hand = record_of(checked(ScanConfig, said, "by hand"))
        assert by_hand == record_of(checked(ScanConfig, {**base, "mode": mode}, "by mode"))


def documented() -> list[tuple[str, ...]]:
    """Return the paths of their keys in the table; where a row has several, the section is in the first."""
    found: list[tuple[str, ...]] = []
    for cell in re.findall(r"^\| (`.*?) \| ", IMPORT, re.MULTILINE):
        names = re.findall(r"`([^`]+)`", cell)
        section = names[0].rpartition(".")[0]
        for name in names:
            path = name if "." in name.strip(".") else f"{section}.{name.strip('.')}"
            found.append(
                tuple(path.replace("<kind>", "electrons").replace("do_*", "do_parsing").strip(".").split("."))
            )
    return found


@pytest.mark.parametrize("path", documented(), ids=".".join)
def test_keys_that_the_page_tells_of_are_known(path: tuple[str, ...]) -> None:
    content: dict[str, Any] = {}
    inner = content
    for part in path[:-1]:
        inner = inner.setdefault(part, {})
    inner[path[-1]] = None
    for section in SECTIONS:
        content.setdefault(section, {})
    found = imported(dump(content), "config.yaml", release="2024r-pp")
    own = [note for note in found.notes if note.key == ".".join(path)]
    assert own
    assert all(note.became != UNKNOWN for note in own)


def test_keys_that_become_something_are_on_the_page() -> None:
    for text in (RESEARCH, CMS):
        for note in imported(text, "config.yaml").notes:
            name = note.key.rpartition(".")[2]
            if note.became != NOT_NEEDED:
                assert f"{name}`" in IMPORT or f".{name}" in IMPORT, note
