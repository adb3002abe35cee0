"""The pages are complete, agree with the code, and build without a warning."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

import femtobarn
from femtobarn.base.records import CutflowRow, FigureRecord, LedgerRow, RunInfo, Settings, YieldRow
from femtobarn.running.results.directory import RunDirectory
from femtobarn.running.results.metrics import Metrics
from femtobarn.running.results.spectra.stages import STAGES, StageRecord
from femtobarn.running.results.spectra.summary_records import FilesSummary, ScanSummary

from .blocks import PAGES, ROOT

DOCS = ROOT / "docs"
TEXT = {page.stem: page.read_text(encoding="utf-8") for page in PAGES}
ALL = "\n".join(text for name, text in TEXT.items() if name != "README")


def mentioned(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", text) is not None


def commands() -> dict[str, Any]:
    import typer.main

    from femtobarn.cli.main import app

    return dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", femtobarn.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    own = re.escape(name)
    code = "\n".join(re.findall(r"`[^`\n]+`", ALL))
    assert re.search(rf"(?<!\w){own}(?!\w)", code), f"{name} is in no `code` of docs/"


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_is_documented_with_help(command: str) -> None:
    assert f"`femtobarn {command} " in TEXT["index"] or f"`femtobarn {command}`" in TEXT["index"]
    assert commands()[command].help


def test_every_command_and_stage_of_a_scan_is_documented() -> None:
    spectra = commands()["spectra"].commands
    assert {"init", "import-config", "plan", "run"} == set(spectra)
    assert [name for name in spectra if name not in TEXT["spectra"] or not spectra[name].help] == []
    assert [stage for stage in STAGES if f"| `{stage}` |" not in TEXT["spectra"]] == []
    flags = [flag for p in spectra["run"].params for flag in p.opts if flag.startswith("--")]
    assert [flag for flag in flags if not mentioned(flag, ALL)] == []


def test_every_option_of_run_is_documented() -> None:
    readers = "\n".join((ALL, TEXT["README"]))
    missing = [
        flag
        for parameter in commands()["run"].params
        for flag in parameter.opts
        if flag.startswith("--") and not mentioned(flag, readers)
    ]
    assert missing == []


def test_every_page_is_linked_from_the_index() -> None:
    toctree = re.search(r"```\{toctree\}\n(.*?)```", TEXT["index"], re.DOTALL)
    assert toctree
    listed = {line for line in toctree[1].splitlines() if line and not line.startswith(":")}
    pages = {p.stem for p in DOCS.glob("*.md")} - {"index"}
    assert listed == pages
    assert all(f"]({page}.md)" in TEXT["index"] for page in pages)


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"], ids=lambda p: p.stem
)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    inside = [t for t in targets if "://" not in t]
    assert [t for t in inside if not (page.parent / t).exists()] == []


def test_the_figure_is_small_and_from_demo_data() -> None:
    image = DOCS / "images" / "hzz-demo.png"
    assert image.read_bytes().startswith(b"\x89PNG")
    assert image.stat().st_size < 150_000
    assert "imulated demo data, not a measurement" in TEXT["README"]


def test_the_tables_of_fields_are_those_of_the_formats() -> None:
    page = DOCS / "data.md"
    assert script("fields").updated(TEXT["data"]) == page.read_text(encoding="utf-8"), (
        "run python docs/fields.py"
    )
    assert "| `lep.pt` | float | GeV | transverse momentum | `lep_pt` (MeV) | `lep_pt` |" in TEXT["data"]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("record", [LedgerRow, CutflowRow, YieldRow], ids=lambda r: r.__name__)
def test_columns_of_tables_are_documented_in_order(record: type[Any]) -> None:
    columns = ", ".join(name.rstrip("_") for name in record.model_fields)
    assert f"`{columns}`" in TEXT["run-directory"]


@pytest.mark.parametrize(
    "record", [RunInfo, Metrics, ScanSummary, FilesSummary, StageRecord], ids=lambda r: r.__name__
)
def test_keys_of_json_files_are_documented(record: type[Any]) -> None:
    assert [k for k in record.model_fields if f"`{k}`" not in TEXT["run-directory"]] == []


def test_files_of_the_run_directory_are_documented(tmp_path: Path) -> None:
    assert [f for f in RunDirectory.RESULTS if f"| `{f}` |" not in TEXT["run-directory"]] == []
    directory = RunDirectory(tmp_path)
    assert f"`{directory.plan.name}`" in TEXT["run-directory"]
    assert f"`{directory.tasks.name}/`" in TEXT["run-directory"]


def test_settings_of_figures_and_machine_are_documented() -> None:
    own = set(FigureRecord.model_fields) - {"name", "histogram", "selection"}
    assert [s for s in own if f"`{s}`" not in TEXT["language"]] == []
    source = (ROOT / "src" / "femtobarn" / "base" / "settings.py").read_text(encoding="utf-8")
    variables = set(re.findall(r"FEMTOBARN_[A-Z_]+", source))
    assert variables
    assert [v for v in variables if f"`{v}`" not in TEXT["run-directory"] + TEXT["remote"]] == []
    assert "notebook" in get_args(FigureRecord.model_fields["style"].annotation)
    assert {"max_events", "fraction"} <= set(Settings.model_fields)


def test_rooms_and_files_named_in_the_architecture_exist() -> None:
    package = ROOT / "src" / "femtobarn"
    table = TEXT["architecture"].split("## Where a change belongs")[1].split("## Adding")[0]
    paths = [
        p for p in re.findall(r"`([a-z_/0-9]+/[a-z_/0-9]+\.(?:py|toml))`", table) if not p.startswith("docs/")
    ]
    assert len(paths) > 10
    assert [p for p in paths if not (package / p).is_file()] == []
    floors = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0][
        "layers"
    ]
    assert [f for f in floors if f"femtobarn.{f}" not in TEXT["architecture"]] == []


def test_the_changelog_has_the_form_of_keep_a_changelog() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# Changelog"
    releases = [line for line in lines if line.startswith("## ")]
    assert releases
    assert releases[0] == "## [Unreleased]"
    dated = re.compile(r"## \[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}")
    assert [r for r in releases[1:] if not dated.fullmatch(r)] == []
    kinds = {line[4:] for line in lines if line.startswith("### ")}
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_citation_parses_and_agrees_with_the_package() -> None:
    yaml = pytest.importorskip("yaml")  # comes with myst-parser
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert found["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(found)
    assert found["version"] == project["version"] == femtobarn.__version__
    assert found["license"] == project["license"]


def test_the_pages_build_without_warnings(tmp_path: Path) -> None:
    pytest.importorskip("sphinx")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", str(tmp_path / "trees"), str(DOCS), str(tmp_path / "html")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "hzz-demo.png" in (tmp_path / "html" / "index.html").read_text(encoding="utf-8")
    assert (tmp_path / "html" / "language.html").is_file()
