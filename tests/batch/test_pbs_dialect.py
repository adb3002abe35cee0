"""The PBS dialect over a real Slurm: what ``qsub`` takes there. No PBS can be installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.servers.slurm import Slurm

from femtobarn.base.errors import ExecutorError
from femtobarn.base.records import AnalysisSpec, Settings
from femtobarn.running.engine.collect import collect
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.observer import Silent
from femtobarn.running.engine.run import run, submit
from femtobarn.running.executors.batch.layout import BatchFolder
from femtobarn.running.results.store import FolderStore

from .wide import OPTIONS, same

pytestmark = pytest.mark.services
Make = Callable[..., Settings]


@pytest.fixture
def queue(pbs: Slurm, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    for name, value in pbs.env.items():
        monkeypatch.setenv(name, value)
    return pbs


class Told(Silent):
    def __init__(self) -> None:
        self.words: list[str] = []

    def notice(self, words: str) -> None:
        self.words.append(words)


def test_an_array_and_the_job_that_merges(
    queue: Slurm, spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path, local: Path
) -> None:
    out = tmp_path / "out of qsub"
    submit(spec, inputs, settings({**OPTIONS, "system": "pbs"}), out)
    assert len(queue.queue()) > 1
    queue.wait_idle()
    assert same(out, local)
    assert FolderStore(out / "tasks").tickets() == ()


def test_a_driver_goes_on_when_nobody_says_what_slices_do(
    queue: Slurm, spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path, local: Path
) -> None:
    """The qstat that comes with Slurm knows no -t, so the driver lives from what slices note."""
    out, told = tmp_path / "out", Told()
    run(spec, inputs, settings({**OPTIONS, "system": "torque"}), out, told)
    assert same(out, local)
    assert all(words.startswith("What slices do is not known now") for words in told.words)


def test_when_the_merge_is_refused_nothing_is_left(
    queue: Slurm, spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path
) -> None:
    """Torque's name for "after an array" is unknown to Slurm."""
    out = tmp_path / "out"
    with pytest.raises(ExecutorError, match=r"afteranyarray.*dependency problem"):
        submit(spec, inputs, settings({**OPTIONS, "system": "torque"}), out)
    queue.wait_idle()
    assert BatchFolder.all(out) == ()
    assert FolderStore(out / "tasks").tickets() == ()
    assert collect(out).info.tasks_pending > 0
