"""Scripts are text that a pure function makes: compared with files, checked by bash and by strict readers."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from femtobarn.base.errors import SettingsError
from femtobarn.running.executors.batch.options import BatchOptions
from femtobarn.running.executors.batch.request import Request, Scripts
from femtobarn.running.executors.batch.submitting import rendered
from femtobarn.running.executors.batch.systems import SYSTEMS

RENDERED = Path(__file__).parent / "rendered"
SHELL = ("slurm", "pbs", "torque", "htcondor")
POD = {"image": "registry.example/femtobarn:1", "volume": "runs", "mount": "/data", "namespace": "physics"}


def options(system: str, **changes: object) -> BatchOptions:
    given: dict[str, object] = {
        "system": system,
        "jobs": 8,
        "walltime": "02:00:00",
        "memory": "2GB",
        "cores": 2,
        "disk": "5GiB",
        "python": "/opt/femto barn/bin/python",
    }
    if system == "k8s-job":
        given |= POD
    else:
        given |= {"account": "atlas", "setup": "module load python\nexport GREETING='it is'"}
        given["extra"] = '+JobFlavour = "longlunch"' if system == "htcondor" else "-m n"
    if system in {"slurm", "pbs", "torque"}:
        given["queue"] = "long"
    if system == "pbs":
        del given["disk"]
    return BatchOptions.model_validate({**given, **changes})


def request(asked: BatchOptions, **changes: object) -> Request:
    given: dict[str, object] = {
        "analysis": "my_search",
        "out": "/data/Ann's runs/out",
        "token": "20260102T030405678-1a2b",
        "slices": 8,
        "merge": True,
        "directory": "/home/ann/my work",
        "options": asked,
        "user": 1000,
        "group": 100,
    }
    return Request.model_validate({**given, **changes})


def scripts(system: str, **changes: object) -> Scripts:
    return SYSTEMS[system].render(request(options(system), **changes))


def shown(made: Scripts) -> str:
    files = "".join(f"==> {name}\n{text}" for name, text in made.files)
    return f"{files}==> commands\n{shlex.join(made.array)}\n{shlex.join(made.merge)}\n"


CASES = {
    **{system: {} for system in SYSTEMS},
    "slurm-again": {"after": ("17", "18")},
    "htcondor-again": {"after": ("17",)},
    "pbs-one-slice": {"slices": 1},
    "slurm-no-merge": {"merge": False},
    "htcondor-no-merge": {"merge": False},
}


@pytest.mark.parametrize("case", CASES)
def test_scripts_are_those_that_were_reviewed(case: str) -> None:
    system = next(s for s in SYSTEMS if case.startswith(s))
    assert shown(scripts(system, **CASES[case])) == (RENDERED / f"{case}.txt").read_text()


def test_no_reviewed_script_is_left_over() -> None:
    assert {path.stem for path in RENDERED.glob("*.txt")} == set(CASES)


@pytest.mark.parametrize("system", SHELL)
def test_bash_can_read_them(system: str) -> None:
    found = [text for name, text in scripts(system).files if name.endswith(".sh")]
    assert len(found) == 2
    for text in found:
        done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="session")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that writes its arguments, in place of Python."""
    path = tmp_path_factory.mktemp("a dump") / "it's $HOME"
    path.write_text('#!/bin/bash\nprintf "%s\\0" "$@" >&3\n')
    path.chmod(0o755)
    return path


PRINTABLE = st.text(
    st.characters(exclude_categories=("C", "Z"), include_characters=" '\"$`\\*&;#~!"), min_size=1
)


@pytest.mark.parametrize("system", SHELL)
@settings(max_examples=15, deadline=None)
@given(name=PRINTABLE)
def test_what_runs_has_exactly_the_words_that_were_meant(
    system: str, dump: Path, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    out = f"/data/{name.replace('/', '_')}"
    here = tmp_path_factory.mktemp("here")
    asked = options(system, python=str(dump), setup="")
    made = SYSTEMS[system].render(request(asked, out=out, directory=str(here)))
    text = dict(made.files)["array.sh" if system != "htcondor" else "slice.sh"]
    text = "\n".join(line for line in text.split("\n") if not line.startswith("exec >>"))  # the log of PBS
    given_words = heard(text, here, ["5"], {"SLURM_ARRAY_TASK_ID": "5"})
    assert given_words[:-1] == [
        "-m", "femtobarn", "batch", "slice", out, "--token", "20260102T030405678-1a2b", "--index", "5", "--ends",
    ]  # fmt: skip
    assert given_words[-1].isdecimal()
    text = "\n".join(
        line for line in dict(made.files)["merge.sh"].split("\n") if not line.startswith("exec >>")
    )
    assert heard(text, here, [], {}) == ["-m", "femtobarn", "batch", "merge", out]


def heard(text: str, here: Path, arguments: list[str], variables: dict[str, str]) -> list[str]:
    script, said = here / "script.sh", here / "said"
    script.write_text(text)
    subprocess.run(
        ["bash", "-c", 'exec 3>"$0"; exec bash "$@"', str(said), str(script), *arguments],
        env={"PATH": "/usr/bin:/bin", **variables},
        check=True,
        timeout=20,
    )
    return said.read_text().split("\0")[:-1]


def test_the_index_is_the_variable_of_either_pbs_or_of_slurm(dump: Path, tmp_path: Path) -> None:
    made = SYSTEMS["pbs"].render(
        request(options("pbs", python=str(dump), setup=""), directory=str(tmp_path), out=str(tmp_path))
    )
    logs = tmp_path / "batch" / "20260102T030405678-1a2b" / "logs"
    logs.mkdir(parents=True)
    for name in ("PBS_ARRAY_INDEX", "PBS_ARRAYID", "SLURM_ARRAY_TASK_ID"):
        words = heard(dict(made.files)["array.sh"], tmp_path, [], {name: "6"})
        assert words[words.index("--index") + 1] == "6"
    assert [path.name for path in logs.iterdir()] == ["slice-0006.log"]


def test_a_slice_whose_setup_fails_does_not_start(dump: Path, tmp_path: Path) -> None:
    asked = options("slurm", python=str(dump), setup="false\necho on")
    made = SYSTEMS["slurm"].render(request(asked, directory=str(tmp_path)))
    with pytest.raises(subprocess.CalledProcessError):
        heard(dict(made.files)["array.sh"], tmp_path, [], {"SLURM_ARRAY_TASK_ID": "0"})


@pytest.mark.parametrize("system", SHELL)
def test_directives_come_before_everything_else(system: str) -> None:
    for name, text in scripts(system).files:
        if name.endswith(".sh"):
            lines = text.splitlines()
            assert lines[0] == "#!/bin/bash"
            directive = [line.startswith(("#SBATCH ", "#PBS ")) for line in lines[1:]]
            assert directive == sorted(directive, reverse=True)


def test_memory_is_rounded_up_and_a_margin_is_left_before_the_walltime() -> None:
    text = dict(SYSTEMS["slurm"].render(request(options("slurm", memory="1.5GB"))).files)["array.sh"]
    assert "#SBATCH --mem=1431M" in text  # 1430.5 MiB
    assert "ends=$(( $(date +%s) + 7140 ))" in text
    assert options("slurm", walltime="00:01:00").working_seconds == 54


def test_jobs_of_kubernetes_are_valid() -> None:
    validate = pytest.importorskip("kubernetes_validate")
    for _, text in scripts("k8s-job").files:
        validate.validate(json.loads(text), "1.33", strict=True)
    wrong = json.loads(dict(scripts("k8s-job").files)["array.json"])
    wrong["spec"]["completions"] = "8"
    with pytest.raises(validate.ValidationError):
        validate.validate(wrong, "1.33", strict=True)


def test_kubernetes_puts_no_variable_into_a_name_and_its_names_are_short() -> None:
    made = scripts("k8s-job", out="/data/$(HOME)", analysis="A_very.Long-name" * 8, slices=100_000)
    job = json.loads(dict(made.files)["array.json"])
    pod = job["spec"]["template"]["spec"]
    assert pod["containers"][0]["command"][5] == "/data/$$(HOME)"
    assert pod["securityContext"]["runAsNonRoot"] is True
    name = job["metadata"]["name"]
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name)
    assert len(f"{name}-99999-abcde") <= 63


def test_the_dag_names_descriptions_that_are_there_and_runs_the_merge_in_any_case() -> None:
    files = dict(scripts("htcondor").files)
    nodes, finals = [], []
    for line in files["array.dag"].splitlines():
        word, *rest = shlex.split(line)
        if word == "JOB":
            nodes.append(rest[0])
            assert rest[1] in files
        elif word == "VARS":
            assert rest == [nodes[-1], f"index={nodes[-1][1:]}"]
        else:
            assert word == "FINAL"
            finals.append(rest)
    assert nodes == [f"S{i:04}" for i in range(8)]
    assert finals == [["MERGE", "merge.sub"]]
    for name in ("slice.sub", "merge.sub"):
        described = submit_description(files[name])
        assert described["arguments"].split()[0] in files
        assert described["request_memory"] == "1908"
        assert described["allowed_execute_duration"] == "7200"
    assert submit_description(files["slice.sub"])["arguments"] == "slice.sh $(index)"


def submit_description(text: str) -> dict[str, str]:
    """The commands of a submit description; it ends with ``queue``, and names are given once."""
    lines = text.splitlines()
    assert lines[-1] == "queue"
    pairs = [re.fullmatch(r"(\+?[A-Za-z_]\w*) = (\S.*)", line) for line in lines[:-1]]
    assert all(pairs), text
    found = {pair[1].lower(): pair[2] for pair in pairs if pair}
    assert len(found) == len(lines) - 1
    return found


def test_the_merge_of_a_dag_that_was_removed_does_nothing(dump: Path, tmp_path: Path) -> None:
    asked = options("htcondor", python=str(dump), setup="")
    files = dict(SYSTEMS["htcondor"].render(request(asked, directory=str(tmp_path))).files)
    assert submit_description(files["merge.sub"])["arguments"] == "merge.sh $(DAG_STATUS)"
    for status in ("0", "2", "$(DAG_STATUS)"):
        assert "merge" in heard(files["merge.sh"], tmp_path, [status], {})
    with pytest.raises(subprocess.CalledProcessError):
        heard(files["merge.sh"], tmp_path, ["4"], {})
    assert (tmp_path / "said").read_text() == ""


def test_the_job_of_kubernetes_that_waits_for_slices_has_no_end_of_its_own() -> None:
    """How long slices wait for their turn is not known."""
    files = dict(scripts("k8s-job").files)
    ends = [
        json.loads(files[name])["spec"]["template"]["spec"].get("activeDeadlineSeconds")
        for name in ("array.json", "merge.json")
    ]
    assert ends == [7200, None]


def test_paths_that_scripts_cannot_hold_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="printable"):
        rendered(options("slurm"), "toy", [], tmp_path / "two\nlines")
    folder = tmp_path / "a\nb"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(SettingsError, match="another working directory"):
        rendered(options("slurm"), "toy", [], tmp_path / "out")


def test_a_run_directory_outside_the_volume_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="below /data"):
        rendered(options("k8s-job"), "toy", [], tmp_path / "out")
