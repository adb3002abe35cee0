"""Workers as jobs of a real Slurm, and of the PBS dialect over it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.servers.daemons import until
from tests.servers.slurm import Slurm

from femtobarn.base.errors import ExecutorError
from femtobarn.base.records import AnalysisSpec, LedgerRow, Settings
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.run import exit_code, run

from .clusters import SOURCE, Told, appears, dask, same, trouble
from .test_local import DRIVER

pytestmark = pytest.mark.services

Make = Callable[..., Settings]
JOBS = {"memory": "800MB", "walltime": "00:10:00", "host": "127.0.0.1"}


@pytest.fixture
def queue(slurm_queue: Slurm, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    for name, value in slurm_queue.env.items():
        monkeypatch.setenv(name, value)
    return slurm_queue


def test_slurm(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, local: Path, tmp_path: Path, queue: Slurm
) -> None:
    out, told = tmp_path / "out", Told()
    info = run(spec, inputs, dask(settings, cluster="slurm", jobs=2, **JOBS), out, told).info
    assert exit_code(info) == 0
    assert same(out, local)
    assert told.words[0].startswith("2 jobs for slurm: 1 workers with 800MB in all, walltime 00:10:00 each")
    script = (out / "dask" / "job.txt").read_text()
    assert "#SBATCH -t 00:10:00" in script
    assert "--lifetime 480s" in script
    assert not list((out / "dask").glob(".dask-jobqueue.*")), "keys are left"
    queue.wait_idle(20)


def test_pbs_dialect(
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Make,
    local: Path,
    tmp_path: Path,
    queue: Slurm,
    pbs: Slurm,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    chosen = dask(settings, cluster="pbs", jobs=1, **JOBS)
    assert exit_code(run(spec, inputs, chosen, Path("out")).info) == 0
    assert same(Path("out"), local)
    queue.wait_idle(20)
    assert [path.name for path in Path().iterdir()] == ["out"], "jobs write where the driver was started"


def test_a_job_that_is_cancelled_is_replaced(
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Make,
    local: Path,
    tmp_path: Path,
    queue: Slurm,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT", "1s")
    first: list[str] = []

    def cancel(row: LedgerRow) -> None:
        if not first:
            first.extend(queue.queue())
            queue.cancel_all()

    out = tmp_path / "out"
    chosen = dask(settings, cluster="slurm", jobs=1, no_workers_timeout=60, **JOBS)
    told = Told(cancel)
    run(spec, inputs, chosen, out, told)
    assert [row.reason for row in told.rows if row.status == "failed"] == []
    assert len(first) == 1
    assert same(out, local)
    queue.wait_idle(20)


def test_a_job_that_dies_before_it_is_a_worker_is_replaced_and_told(
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Make,
    local: Path,
    tmp_path: Path,
    queue: Slurm,
) -> None:
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\nmkdir "{tmp_path}/died" 2>/dev/null && exit 3\nexec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    out, told = tmp_path / "out", Told()
    chosen = dask(settings, cluster="slurm", jobs=1, python=python, no_workers_timeout=100, **JOBS)
    assert exit_code(run(spec, inputs, chosen, out, told).info) == 0
    assert same(out, local)
    assert any(words.startswith("1 jobs ended before they became workers") for words in told.words)
    queue.wait_idle(20)


def test_jobs_that_cannot_start_are_told_with_the_reason(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path, queue: Slurm
) -> None:
    told = Told()
    options = {**JOBS, "no_workers_timeout": 8, "extra": "--begin=now+1hour"}
    with pytest.raises(ExecutorError, match=r"slurm says: \d+ PENDING \(BeginTime\)"):
        run(spec, inputs, dask(settings, cluster="slurm", jobs=1, **options), tmp_path / "out", told)
    assert any("PENDING (BeginTime)" in words for words in told.words)
    assert queue.queue() == []


def test_jobs_that_are_refused_are_told_with_the_reason(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path, queue: Slurm
) -> None:
    options = {**JOBS, "no_workers_timeout": 4, "queue": "nowhere"}
    with pytest.raises(ExecutorError, match=r"Dask says: sbatch: error: .*[Ii]nvalid partition"):
        run(spec, inputs, dask(settings, cluster="slurm", jobs=1, **options), tmp_path / "out")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda n: n.name)
def test_no_job_outlives_the_driver(
    spec: AnalysisSpec,
    folder: Path,
    inputs: Inputs,
    settings: Make,
    tmp_path: Path,
    queue: Slurm,
    number: signal.Signals,
) -> None:
    gate = tmp_path / "never"
    (tmp_path / "driver.py").write_text(DRIVER)
    (tmp_path / "spec.json").write_text(spec.model_dump_json())
    (tmp_path / "settings.json").write_text(dask(settings, cluster="slurm", jobs=2, **JOBS).model_dump_json())
    words = [sys.executable, str(tmp_path / "driver.py"), str(tmp_path), str(folder)]
    environment = {
        **os.environ,
        **trouble(**{inputs.files[0].name: f"hold:{gate}"}),
        "PYTHONPATH": str(SOURCE),
    }
    with subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL) as driver:
        try:
            appears(gate.with_suffix(".held"))
            assert queue.queue()
            driver.send_signal(number)
            driver.wait(60)
        finally:
            driver.kill()
    until(lambda: not queue.queue(), 60, "jobs are left", pause=0.2)
