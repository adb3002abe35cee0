"""``femtobarn spectra`` as the shell would run it: what it says, what it writes, how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.running.toys import data_name

from femtobarn.cli import main
from femtobarn.running.results.reader import RunResults

from .events import SMALL, write_config, write_events

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main([str(w) for w in words])
        out, err = capsys.readouterr()
        code = end.value.code
        return (code if isinstance(code, int) else 0), out, err

    return call


def flat(text: str) -> str:
    return " ".join(text.split())


def test_from_nothing_to_a_scan(run: Run, folder: Path, tmp_path: Path) -> None:
    config = tmp_path / "scan.yaml"
    code, text, _ = run("spectra", "init", "2025e-13tev-beta", "--out", config)
    assert (code, text.strip()) == (0, f"written: {config}")
    code, _, err = run("spectra", "init", "2025e-13tev-beta", "--out", config)
    assert code == 2
    assert "is there already, and is not replaced" in flat(err)
    assert run("spectra", "init", "2025e-13tev-beta", "--out", config, "--force")[0] == 0
    code, printed, _ = run("spectra", "init", "2025e-13tev-beta")
    assert code == 0
    assert printed.strip() == config.read_text().strip()
    assert yaml.safe_load(printed)["release"] == "2025e-13tev-beta"
    config.write_text(printed.replace("skim: 2to4lep", "skim: exactly4lep"))
    code, text, _ = run("spectra", "plan", config, "--data", folder)
    assert code == 0
    assert "3 files, 3 parts" in text
    assert "it holds mc, the scan reads data" in text, "the template's scan is of data"


def test_plan_says_how_much_there_could_be(run: Run, folder: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "scan.yaml", quantities=["mass", "os"])
    code, text, _ = run("spectra", "plan", config, "--data", folder)
    assert code == 0
    assert "5 files, 5 parts" in text
    assert "combinations: 83 (65 masses, 18 of opposite-sign leptons)" in text
    assert "final states that the limits allow: 624" in text
    assert "lep_charge" in text
    code, text, _ = run("spectra", "plan", config, "--data", folder, "--json")
    found = json.loads(text)
    assert code == 0
    assert found["final_states"] == 624
    assert found["combinations"] == [["mass", 65], ["os", 18]]
    assert found["spectra"] > 10_000
    assert not (tmp_path / "runs").exists()


@pytest.mark.services
def test_run_tells_of_each_stage(run: Run, folder: Path, tmp_path: Path) -> None:
    config, out = write_config(tmp_path / "scan.yaml", **SMALL), tmp_path / "out"
    words = ("spectra", "run", config, "--data", folder, "--out", out, "--workers", "0", "--no-figures")
    code, text, err = run(*words)
    assert (code, err) == (0, "")
    lines = text.splitlines()
    assert lines[0].startswith("files: 5 files in 5 parts, 0.")
    told = [line.partition(":")[0] for line in lines]
    assert [word for word in told if word in {"files", "fill", "process", "export", "show"}] == [
        "files",
        "fill",
        "process",
        "export",
        "show",
    ]
    assert "fill: 3,050 events of 5 files, " in text
    assert "export: data.root, data_processed.root, mc.root, mc_processed.root, summary.json, " in text
    assert lines[-1] == str(out / "report.html")
    assert (out / "spectra" / "gallery.html").is_file()
    code, text, _ = run(*words)
    assert code == 0
    assert text.count("nothing has changed, not repeated") == 5
    later = [word for word in words if word not in {"--data", folder}]
    code, text, _ = run(*later, "--stages", "export", "--again")
    assert (code, text.count("not repeated")) == (0, 0)


def test_run_ends_as_every_run_does(run: Run, tmp_path: Path) -> None:
    config, data, out = write_config(tmp_path / "scan.yaml", **SMALL), tmp_path / "data", tmp_path / "out"
    data.mkdir()
    write_events(data / data_name("data15_periodD"), 300)
    broken = data / data_name("data15_periodE")
    write_events(broken, 300).write_bytes(b"root")
    words = ("spectra", "run", config, "--data", data, "--out", out, "--workers", "0", "--no-figures")
    code, text, _ = run(*words)
    assert code == 3
    assert f"1 failed, first: {broken}" in text
    assert (out / "spectra" / "data.root").is_file()
    code, text, _ = run(*words)
    assert code == 3, "what failed is tried again"
    assert "1 done before" in text
    later = [word for word in words if word not in {"--data", data}]
    code, text, _ = run(*later, "--stages", "process,export,show", "--again")
    assert (code, f"1 failed, first: {broken}" in text) == (3, True), "it is told as long as it is so"
    assert run(*later, "--stages", "files")[0] == 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["spectra", "init", "2025e"], 2, "Did you mean '2025e-13tev-beta'?"),
        (["spectra", "run", "nowhere.yaml"], 2, "There is no configuration nowhere.yaml. Write one: femtobarn spectra init"),
        (["spectra", "run", "hzz"], 2, "A scan is described by a YAML file (*.yaml), not by"),
        (["spectra", "run", "{config}", "--data", "nowhere"], 2, "'nowhere' does not exist"),
        (["spectra", "run", "{config}", "--data", "{empty}"], 1, "Expected ROOT files (*.root) in"),
        (["spectra", "run", "{config}", "--data", "{data}", "--stages", "fil"], 2, "'fil' is not a known stage. Did you mean 'fill'?"),
        (["spectra", "run", "{config}", "--data", "{data}", "--stages", ","], 2, "Expected stages to be done, but none are named"),
        (["spectra", "run", "{config}", "--stages", "show"], 2, "no run directory is named. Name it: --out DIR"),
        (["spectra", "run", "{config}", "--out", "{out}", "--stages", "show"], 1, "Expected the filled spectra of a scan in"),
        (["spectra", "run", "{config}", "--out", "{out}", "--stages", "fill"], 1, "but no files were looked for in"),
        (["spectra", "run", "{config}", "--data", "{data}", "--out", "{data}"], 2, "holds other files"),
        (["spectra", "plan", "{simulation}", "--data", "{data}"], 1, "the scan reads mc. Set inputs.kind in mc.yaml"),
        (["spectra", "run", "{config}", "--data", "{data}", "--out", "{out}", "--stages", "process"], 2, "--data is read by the stage files"),
        (["spectra", "run", "{config}", "--data", "{data}", "--out", "{out}", "--executor", "slum"], 2, "'slum' is not a known executor"),
        (["spectra", "run", "{config}", "--data", "{data}", "--detach"], 2, "needs this process until the end. Leave out --detach"),
        (["spectra", "run", "{simulation}", "--data", "{data}"], 1, "it holds data, the scan reads mc"),
        (["spectra", "run", "{config}", "--data", "{data}", "--max-events", "0"], 2, "max_events must be 1 or more"),
        (["spectra", "plan", "{config}", "--data", "{data}", "--kind", "dat"], 2, "Did you mean 'data'?"),
        (["skim", "{config}", "--data", "{data}", "--selection", "final states"], 2, "A scan of mass spectra writes no events"),
    ],
)  # fmt: skip
def test_wrong_requests_are_one_paragraph(
    words: list[str], code: int, told: str, run: Run, tmp_path: Path
) -> None:
    places = {name: tmp_path / name for name in ("empty", "data", "out")}
    for name in ("empty", "data"):
        places[name].mkdir()
    write_events(places["data"] / data_name("data15_periodD"), 20)
    places["config"] = write_config(tmp_path / "scan.yaml", **SMALL)
    places["simulation"] = write_config(tmp_path / "mc.yaml", inputs={"kind": "mc"})
    found, out, err = run(*(word.format(**places) for word in words))
    assert told in flat(err), out + err
    assert found == code
    assert not places["out"].exists(), "nothing is laid out for a request that cannot be done"
    assert ".. " not in flat(err)
    assert "Traceback" not in err
    assert "Internal error" not in err


def test_plain_commands_take_a_configuration(run: Run, folder: Path, tmp_path: Path) -> None:
    config, out = write_config(tmp_path / "scan.yaml", **SMALL), tmp_path / "out"
    assert run("plan", config, "--data", folder)[0] == 0
    code, text, _ = run("run", config, "--data", folder, "--out", out, "--workers", "0", "--no-figures")
    assert code == 0
    assert "toyscan on 2025e-13tev-beta: 5 files, 5 tasks" in text
    assert (out / "spectra" / "data.root").is_file()
    code, text, _ = run("collect", out)
    assert code == 0
    assert RunResults.load(out).info.complete
    assert run("status", out)[0] == 0
    assert run("report", out)[0] == 0


def test_what_is_left_of_files_that_were_read_is_not_called_skipped(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    config, out = write_config(tmp_path / "scan.yaml", **SMALL), tmp_path / "out"
    words = ("spectra", "run", config, "--data", folder, "--out", out, "--workers", "0", "--no-figures")
    code, text, _ = run(*words, "--max-events", "100")
    assert code == 0
    assert "5 read in part, first: " in text
    assert "5 skipped" not in text
    assert "events/s" in text
    (out / "spectra" / "spectra.npz").unlink()
    code, text, _ = run(*words, "--max-events", "100")
    assert "500 events in " in text
    assert "events/s" not in text, "all was done before"


def test_a_plan_of_too_much_says_no_number(run: Run, folder: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "scan.yaml", final_states={"most_count": 255})
    code, text, _ = run("spectra", "plan", config, "--data", folder)
    assert code == 0
    assert "more than could occur; final_states.most_count limits them" in text
    found = json.loads(run("spectra", "plan", config, "--data", folder, "--json")[1])
    assert (found["final_states"], found["spectra"]) == (None, None)
    assert {size["most"] for size in found["sizes"]} == {None}


def test_commands_that_take_no_scan_do_not_say_so(run: Run) -> None:
    for name, takes in (("explain", False), ("skim", False), ("run", True)):
        assert ("YAML file of a scan" in flat(run(name, "--help")[1])) is takes


def test_a_run_without_any_spectrum_says_so_and_leaves_a_report(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    config = write_config(tmp_path / "scan.yaml", final_states={"min_events": 100_000})
    out = tmp_path / "out"
    code, _, err = run("run", config, "--data", folder, "--out", out, "--workers", "0", "--no-figures")
    assert code == 1
    assert "No spectrum is left: none of" in flat(err)
    assert "Lower final_states.min_events" in flat(err)
    assert (out / "report.html").is_file()


def test_a_configuration_of_another_program_becomes_ours(run: Run, tmp_path: Path) -> None:
    old, new = tmp_path / "config.yaml", tmp_path / "scan.yaml"
    old.write_text(
        yaml.safe_dump(
            {
                "run_metadata": {"run_name": "first"},
                "parsing_task_config": {"release_years": ["2024r-pp"], "threads": 4},
                "mass_calculation_task_config": {
                    "min_events_per_fs": 100,
                    "objects_to_calculate": ["Electrons", "Muons"],
                    "colour": "blue",
                },
                "histogram_creation_task_config": {"bin_width_gev": 20},
            }
        )
    )
    code, table, err = run("spectra", "import-config", old, "--out", new)
    assert (code, err) == (0, "")
    rows = [line for line in table.splitlines() if "│" in line]
    became = {row.split("│")[0].strip(): row.split("│")[1].strip() for row in rows}
    assert became["histogram_creation_task_config.bin_width_gev"] == "width"
    assert became["mass_calculation_task_config.min_events_per_fs"] == "final_states.min_events"
    assert became["mass_calculation_task_config.colour"] == "unknown key"
    assert became["parsing_task_config.threads"] == "not needed"
    assert table.splitlines()[-1] == f"written: {new}"
    made = yaml.safe_load(new.read_text())
    assert (made["mode"], made["width"], made["final_states"]["min_events"]) == ("compatible", 20, 100)
    code, printed, table = run("spectra", "import-config", old)
    assert code == 0
    assert yaml.safe_load(printed) == made, "the table does not stand in its way"
    assert "bin_width_gev" in table
