"""Arrays of jobs on a real Slurm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from tests.servers.daemons import until
from tests.servers.slurm import Slurm

from femtobarn.api import batch as api
from femtobarn.base.errors import ExecutorError, MergeError
from femtobarn.base.records import AnalysisSpec, Settings
from femtobarn.cli.main import main
from femtobarn.running.engine.collect import collect
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.observer import Silent
from femtobarn.running.engine.run import exit_code, run, submit
from femtobarn.running.executors.batch import slurm as slurm_system
from femtobarn.running.executors.batch import submitting, systems
from femtobarn.running.executors.batch.executor import BatchExecutor
from femtobarn.running.executors.batch.layout import BatchFolder
from femtobarn.running.executors.batch.options import BatchOptions
from femtobarn.running.executors.batch.request import Request, Scripts, States
from femtobarn.running.results.reader import RunResults
from femtobarn.running.results.store import FolderStore

from .wide import OPTIONS, same

pytestmark = pytest.mark.services
Make = Callable[..., Settings]
ROOT = Path(__file__).resolve().parents[2]
SLICES = int(OPTIONS["jobs"])


@pytest.fixture
def queue(slurm_queue: Slurm, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    """An empty Slurm, which commands of this process find."""
    for name, value in slurm_queue.env.items():
        monkeypatch.setenv(name, value)
    return slurm_queue


class Gate:
    """Lines of setup with which one slice waits before femtobarn starts, until it is opened."""

    def __init__(self, folder: Path, index: int) -> None:
        self._open, self._waits = folder / "gate open", folder / "gate reached"
        self.index = index
        self.setup = "\n".join(
            (
                f'if [ "$SLURM_ARRAY_TASK_ID" = {index} ] && [ ! -e "{self._open}" ]; then',
                f'  touch "{self._waits}"',
                f'  while [ ! -e "{self._open}" ]; do sleep 0.05; done',
                "fi",
            )
        )

    def open(self) -> None:
        self._open.touch()

    def wait_until_reached(self) -> None:
        until(self._waits.exists, 60, "the slice does not start")


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path, 3)


class Told(Silent):
    def __init__(self, on_notice: Callable[[str], None] = lambda _: None) -> None:
        self.words: list[str] = []
        self.done = 0
        self._on_notice = on_notice

    def task_done(self, *_: object) -> None:
        self.done += 1

    def notice(self, words: str) -> None:
        self.words.append(words)
        self._on_notice(words)


def tickets(out: Path) -> list[str]:
    return [ticket.token for ticket in FolderStore(out / "tasks").tickets()]


def array_of(out: Path) -> str:
    (ticket,) = FolderStore(out / "tasks").tickets()
    return submitting.jobs_of(ticket)[0]


def test_eight_slices_equal_a_run_on_this_machine(
    queue: Slurm, spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path, local: Path
) -> None:
    out = tmp_path / "out of a run"
    results = run(spec, inputs, settings(OPTIONS), out)
    assert exit_code(results.info) == 0
    assert same(out, local)
    rows = [row for row in results.ledger() if row.task]
    places = {row.worker.split("/")[1] for row in rows}
    assert places == {f"slice-{i}" for i in range(SLICES)}
    assert {w.worker for w in RunResults.load(out).metrics().workers} == {row.worker for row in rows}
    (folder,) = BatchFolder.all(out)
    assert [(end.failed, end.left) for i in folder.slices if (end := folder.end(i))] == [(0, 0)] * SLICES
    assert tickets(out) == []
    queue.wait_idle()


def test_submitted_and_merged_by_a_job(
    queue: Slurm, spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path, local: Path
) -> None:
    out = tmp_path / "out"
    assert submit(spec, inputs, settings(OPTIONS), out) > SLICES
    queue.wait_idle()
    assert same(out, local)
    assert RunResults.load(out).info.complete
    assert tickets(out) == []


def test_results_by_way_of_a_shared_folder(
    queue: Slurm, spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path, local: Path
) -> None:
    out, store = tmp_path / "out", tmp_path / "store"
    run(spec, inputs, settings(OPTIONS, store=str(store)), out)
    assert same(out, local)
    assert list(store.glob("??/*"))


@pytest.mark.parametrize("how", ["scancel", "kill -9"])
def test_the_merge_refuses_when_a_slice_was_killed_and_resubmit_completes(
    queue: Slurm,
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Make,
    tmp_path: Path,
    local: Path,
    gate: Gate,
    how: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    submit(spec, inputs, settings({**OPTIONS, "setup": gate.setup}), out)
    gate.wait_until_reached()
    (first,) = tickets(out)
    if how == "scancel":
        queue.run("scancel", f"{array_of(out)}_{gate.index}")
    else:
        for pid in queue.pids(SLURM_ARRAY_TASK_ID=str(gate.index)):
            with suppress(ProcessLookupError):  # one may end when its parent does
                os.kill(pid, signal.SIGKILL)
    queue.wait_idle()
    assert not (out / "run.json").exists()
    log = (out / "batch" / first / "logs" / "merge.log").read_text()
    missing = len(BatchFolder.of(out, first).tasks(gate.index))
    word = "CANCELLED" if how == "scancel" else "FAILED"
    with pytest.raises(MergeError) as refused:
        api.merge(out)
    for said in (log, str(refused.value)):
        flat = " ".join(said.split())
        assert f"slice {gate.index} misses {missing} of {missing} ({word}" in flat
        assert "femtobarn batch resubmit" in flat
    assert [s.index for s in api.status(out).slices if s.missing] == [gate.index]
    with pytest.raises(SystemExit) as ended:
        main(["batch", "merge", str(out)])
    assert ended.value.code == 1
    gate.open()
    with pytest.raises(SystemExit) as ended:
        main(["batch", "resubmit", str(out)])
    assert ended.value.code == 0
    assert f"{missing} tasks are submitted again" in capsys.readouterr().out
    (second,) = tickets(out)
    again = BatchFolder.of(out, second)
    assert sum(len(again.tasks(i)) for i in again.slices) == missing
    queue.wait_idle()
    assert same(out, local)
    assert RunResults.load(out).info.complete


def test_collect_shows_lost_tasks_as_failed_and_resubmit_still_runs_them(
    queue: Slurm,
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Make,
    tmp_path: Path,
    local: Path,
    gate: Gate,
) -> None:
    out = tmp_path / "out"
    submit(spec, inputs, settings({**OPTIONS, "setup": gate.setup}), out)
    gate.wait_until_reached()
    queue.run("scancel", f"{array_of(out)}_{gate.index}")
    queue.wait_idle()
    info = collect(out).info
    assert exit_code(info) == 3
    reasons = {row.reason for row in collect(out).ledger() if row.status == "failed"}
    assert [r.startswith(f"slice {gate.index} ended without it (CANCELLED") for r in reasons] == [True]
    with pytest.raises(MergeError, match=f"slice {gate.index} misses"):
        api.merge(out)
    gate.open()
    assert api.resubmit(out).tasks == sum(row.status == "failed" for row in RunResults.load(out).ledger())
    queue.wait_idle()
    assert same(out, local)


def test_resubmit_leaves_slices_alone_that_are_under_way(
    queue: Slurm,
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Make,
    tmp_path: Path,
    local: Path,
    gate: Gate,
) -> None:
    out = tmp_path / "out"
    submit(spec, inputs, settings({**OPTIONS, "setup": gate.setup}), out)
    gate.wait_until_reached()
    until(lambda: [s.index for s in api.status(out).slices if s.missing] == [gate.index], 60, "others")
    done = api.resubmit(out)
    assert (done.tasks, [s.index for s in done.left_alone]) == (0, [gate.index])
    assert done.left_alone[0].phase == "running"
    gate.open()
    queue.wait_idle()
    assert same(out, local)


def test_a_driver_submits_again_what_a_killed_slice_left(
    queue: Slurm,
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Make,
    tmp_path: Path,
    local: Path,
    gate: Gate,
) -> None:
    out, told = tmp_path / "out", Told()
    killed = []

    def kill(*_: object) -> None:
        if not killed:
            gate.wait_until_reached()
            killed.append(queue.run("scancel", f"{array_of(out)}_{gate.index}"))
            gate.open()

    told.task_done = kill  # type: ignore[method-assign]
    results = run(spec, inputs, settings({**OPTIONS, "setup": gate.setup}), out, told)
    assert [w.split(" tasks")[1].split(" without")[0] for w in told.words if "submitted again" in w] == [
        f" are submitted again: slice {gate.index} ended"
    ]
    assert exit_code(results.info) == 0
    assert same(out, local)
    assert tickets(out) == []
    queue.wait_idle()


def test_a_slice_that_always_ends_badly_is_a_failed_line(
    queue: Slurm, spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path
) -> None:
    setup = 'if [ "$SLURM_ARRAY_TASK_ID" = 1 ]; then echo "no module of that name" >&2; exit 9; fi'
    options = {**OPTIONS, "jobs": "2", "retries": "0", "setup": setup}
    results = run(spec, inputs, settings(options), tmp_path / "out")
    assert exit_code(results.info) == 3
    reasons = {row.reason for row in results.ledger() if row.status == "failed"}
    assert reasons == {
        "slice 1 ended without it (FAILED (NonZeroExitCode); its log ends: no module of that name)"
    }


def test_a_slice_ends_before_its_walltime_and_the_rest_is_submitted_again(
    queue: Slurm, spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path, local: Path
) -> None:
    flag = tmp_path / "was late"
    setup = f'if [ ! -e "{flag}" ]; then touch "{flag}"; sleep 10; fi'
    told = Told()
    options = {**OPTIONS, "jobs": "1", "walltime": "00:00:10", "retries": "5", "setup": setup}
    results = run(spec, inputs, settings(options), tmp_path / "out", told)
    assert exit_code(results.info) == 0
    assert any("its walltime of 00:00:10 is nearly over" in words for words in told.words)
    assert same(tmp_path / "out", local)


def test_what_slices_wait_for_is_told_and_closing_removes_them(
    queue: Slurm,
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Make,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"

    class EnoughError(Exception):
        pass

    def stop(words: str) -> None:
        with pytest.raises(SystemExit):
            main(["batch", "status", str(out)])
        raise EnoughError

    told = Told(stop)
    with pytest.raises(EnoughError):
        run(spec, inputs, settings({**OPTIONS, "extra": "--hold"}), out, told)
    assert told.words == [f"{SLICES} of {SLICES} slices wait: {SLICES} JobHeldUser"]
    assert capsys.readouterr().out.count("waiting: PENDING (JobHeldUser)") == SLICES
    assert queue.queue() == []
    assert tickets(out) == []


def test_cancel_removes_array_and_merge(
    queue: Slurm, spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    submit(spec, inputs, settings({**OPTIONS, "extra": "--hold"}), out)
    assert len(queue.queue()) == SLICES + 1
    assert api.status(out).merges[0].phase == "waiting"
    assert list(api.cancel(out)) == [folder.token for folder in BatchFolder.all(out)]
    queue.wait_idle()
    assert tickets(out) == []
    assert api.cancel(out) == ()


@pytest.fixture
def command(tmp_path: Path, folder: Path, queue: Slurm) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts ``femtobarn`` with the toy analysis as a process of its own."""
    analysis = tmp_path / "toy.py"
    analysis.write_text(
        "from tests.batch.wide import wide_analysis\n\ntoy = wide_analysis()\ntoy.module = __name__\n"
    )
    started: list[subprocess.Popen[str]] = []

    def start(verb: list[str], *more: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "femtobarn", *verb, str(analysis), "--data", str(folder)]
        words += ["--out", str(tmp_path / "out"), "--part-bytes", "8000", "--no-figures", *more]
        env = {**os.environ, **queue.env, "PYTHONPATH": str(ROOT), "FEMTOBARN_CHUNK_ENTRIES": "300"}
        started.append(
            subprocess.Popen(
                words,
                cwd=tmp_path,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def words(options: dict[str, str]) -> list[str]:
    return ["--executor", "batch", *(f"-x{name}={value}" for name, value in options.items())]


def test_ctrl_c_removes_the_jobs_and_the_same_command_continues(
    queue: Slurm, command: Callable[..., subprocess.Popen[str]], tmp_path: Path, local: Path, gate: Gate
) -> None:
    given = words({**OPTIONS, "setup": gate.setup})
    driver = command(["run"], *given)
    gate.wait_until_reached()
    driver.send_signal(signal.SIGINT)
    said, _ = driver.communicate(timeout=60)
    assert driver.returncode == 130, said
    queue.wait_idle()
    assert tickets(tmp_path / "out") == []
    gate.open()
    again = command(["run"], *given)
    said, _ = again.communicate(timeout=120)
    assert again.returncode == 0, said
    assert same(tmp_path / "out", local)


def test_a_killed_driver_leaves_jobs_that_the_same_command_takes_over(
    queue: Slurm, command: Callable[..., subprocess.Popen[str]], tmp_path: Path, local: Path, gate: Gate
) -> None:
    given = words({**OPTIONS, "setup": gate.setup})
    out = tmp_path / "out"
    driver = command(["run"], *given)
    gate.wait_until_reached()
    until(lambda: [s.index for s in api.status(out).slices if s.missing] == [gate.index], 60, "others")
    driver.kill()
    driver.wait(20)
    rest = [f"{array_of(out)}_{gate.index}"]
    until(lambda: queue.queue() == rest, 60, "the other slices do not end")
    gate.open()
    again = command(["run"], *given)
    said, _ = again.communicate(timeout=120)
    assert again.returncode == 0, said
    assert "done before" in said
    assert same(out, local)
    queue.wait_idle()
    assert tickets(out) == []


def test_submit_from_the_command_line_and_nothing_of_a_dry_run(
    queue: Slurm, command: Callable[..., subprocess.Popen[str]], tmp_path: Path, local: Path
) -> None:
    asked = ["--system", "slurm", "--jobs", "8", "--walltime", "00:05:00", "--memory", "500MB"]
    dry = command(["batch", "submit"], *asked, "--dry-run")
    said, _ = dry.communicate(timeout=60)
    assert dry.returncode == 0, said
    assert "#SBATCH --array=0-7" in said
    assert "would run there: sbatch --parsable '--dependency=afterany:{array}' merge.sh" in said
    assert not (tmp_path / "out").exists()
    assert queue.queue() == []
    real = command(["batch", "submit"], *asked)
    said, _ = real.communicate(timeout=60)
    assert real.returncode == 0, said
    assert "in 8 slices are submitted" in said
    queue.wait_idle()
    assert same(tmp_path / "out", local)


def test_an_array_that_is_too_long_is_refused_with_advice(queue: Slurm, tmp_path: Path) -> None:
    options = BatchOptions.model_validate({**OPTIONS, "jobs": 5000})
    request = Request(
        analysis="toy", out=str(tmp_path), token="t", slices=5000, merge=True, directory="/", options=options
    )
    scripts = slurm_system.render(request)
    folder = BatchFolder.of(tmp_path, "t")
    (folder.path / "logs").mkdir(parents=True)
    for name, text in scripts.files:
        (folder.path / name).write_text(text)
    with pytest.raises(ExecutorError, match=r"MaxArraySize.*fewer --jobs"):
        systems.submit(systems.SYSTEMS["slurm"], folder, scripts, lambda _: None)
    assert queue.queue() == []


def test_an_array_whose_number_was_lost_is_found_by_its_name(
    queue: Slurm,
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[States] = []

    def render(asked: Request) -> Scripts:
        return replace(
            slurm_system.render(asked), array=("sh", "-c", "sbatch --parsable array.sh >/dev/null")
        )

    def cancel(ids: Sequence[str]) -> None:
        seen.append(slurm_system.states(ids[0], ""))
        slurm_system.cancel(ids)

    own = replace(systems.SYSTEMS["slurm"], render=render, cancel=cancel)
    monkeypatch.setitem(systems.SYSTEMS, "slurm", own)
    with pytest.raises(ExecutorError, match="Expected the number of a job"):
        submit(spec, inputs, settings({**OPTIONS, "extra": "--hold"}), tmp_path / "out")
    assert {state.phase for state in seen[0].slices.values()} == {"waiting"}
    assert len(seen[0].slices) == SLICES
    assert seen[0].merge is None
    queue.wait_idle()
    assert tickets(tmp_path / "out") == []


def test_a_refused_submission_leaves_nothing(
    queue: Slurm, spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(ExecutorError, match="invalid partition"):
        submit(spec, inputs, settings({**OPTIONS, "queue": "nowhere"}), out)
    assert BatchFolder.all(out) == ()
    assert tickets(out) == []
    assert queue.queue() == []


def test_a_job_that_slurm_has_forgotten_is_over(queue: Slurm) -> None:
    executor = BatchExecutor(BatchOptions.model_validate(OPTIONS))
    states = executor.system.states("4000000", "")
    assert states.of(0).phase == "ended"
    executor.system.cancel(["4000000"])
