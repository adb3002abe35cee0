"""Submissions that fail midway: what the batch system took is removed, or remembered until it can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from femtobarn.api import batch as api
from femtobarn.base.errors import ExecutorError
from femtobarn.base.records import AnalysisSpec, Settings, Ticket
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.run import submit
from femtobarn.running.executors.batch import commands, systems
from femtobarn.running.executors.batch.layout import BatchFolder
from femtobarn.running.executors.batch.request import Request, Scripts
from femtobarn.running.executors.batch.submitting import jobs_of
from femtobarn.running.results.store import FolderStore

from .desk import Desk
from .wide import OPTIONS

Make = Callable[..., Settings]


class Begin:
    """Submits a run to a desk whose commands are those of the test."""

    def __init__(
        self,
        desk: Desk,
        spec: AnalysisSpec,
        inputs: Inputs,
        settings: Settings,
        out: Path,
        patch: pytest.MonkeyPatch,
    ) -> None:
        self.desk, self.out = desk, out
        self._run = (spec, inputs, settings)
        self._patch = patch

    def __call__(
        self,
        *,
        array: tuple[str, ...] | None = None,
        merge: tuple[str, ...] | None = None,
        job_id: Callable[[str], str] = str.strip,
        lost: bool = True,
    ) -> None:
        desk = self.desk.system

        def render(request: Request) -> Scripts:
            made = desk.render(request)
            return Scripts((), array or made.array, merge or made.merge)

        system = replace(desk, render=render, job_id=job_id)
        if lost:
            system = replace(system, lost_id=lambda request: f"name={request.token}")
        self._patch.setitem(systems.SYSTEMS, "slurm", system)
        submit(*self._run, self.out)

    @property
    def token(self) -> str:
        return self.desk.submitted[-1].token

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        return FolderStore(self.out / "tasks").tickets()

    def assert_nothing_is_left(self) -> None:
        assert self.tickets == ()
        assert BatchFolder.all(self.out) == ()


@pytest.fixture
def begin(
    desk: Desk,
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Begin:
    return Begin(desk, spec, inputs, settings(OPTIONS), tmp_path / "out", monkeypatch)


def interrupted(_: str) -> str:
    raise KeyboardInterrupt


def test_when_the_merge_is_refused_the_array_is_removed(begin: Begin) -> None:
    with pytest.raises(ExecutorError, match="`false`"):
        begin(merge=("false",))
    assert begin.desk.cancelled == [begin.token, f"name={begin.token}"]
    begin.assert_nothing_is_left()


def test_an_array_that_cannot_be_removed_keeps_ticket_and_folder(begin: Begin) -> None:
    begin.desk.silent = True
    with pytest.raises(
        ExecutorError, match=r"`false`.*remembered for `femtobarn batch cancel`.*nobody is at"
    ):
        begin(merge=("false",))
    assert [jobs_of(ticket) for ticket in begin.tickets] == [(begin.token, "")]
    assert [folder.token for folder in BatchFolder.all(begin.out)] == [begin.token]
    begin.desk.silent = False
    assert api.cancel(begin.out) == (begin.token,)
    assert begin.desk.cancelled == [begin.token]
    assert begin.tickets == ()


def test_an_array_whose_id_was_lost_is_removed_by_what_stands_for_it(begin: Begin) -> None:
    with pytest.raises(KeyboardInterrupt):
        begin(job_id=interrupted)
    assert begin.desk.cancelled == [f"name={begin.token}"]
    begin.assert_nothing_is_left()


def test_an_array_whose_id_was_lost_is_remembered_if_it_cannot_be_removed(begin: Begin) -> None:
    begin.desk.silent = True
    with pytest.raises(KeyboardInterrupt):
        begin(job_id=interrupted)
    assert [jobs_of(ticket) for ticket in begin.tickets] == [(f"name={begin.token}", "")]
    begin.desk.silent = False
    assert api.cancel(begin.out) == (begin.token,)
    assert begin.desk.cancelled == [f"name={begin.token}"]


def test_a_command_that_does_not_answer_in_time_may_have_submitted(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "_PATIENCE", 0.2)
    with pytest.raises(ExecutorError, match="there was none in 0 seconds"):
        begin(array=("sleep", "60"))
    assert begin.desk.cancelled == [f"name={begin.token}"]
    begin.assert_nothing_is_left()
    with pytest.raises(ExecutorError, match="may have taken the jobs all the same: look for them"):
        begin(array=("sleep", "60"), lost=False)


def test_a_ticket_is_there_before_the_array_may_be(begin: Begin, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    look = f"cat '{begin.out}'/tasks/tickets/*.json >'{seen}'; false"
    with pytest.raises(ExecutorError):
        begin(array=("sh", "-c", look))
    assert f"name={begin.token}" in seen.read_text()
    begin.assert_nothing_is_left()


def test_a_command_that_is_not_there_has_submitted_nothing(begin: Begin) -> None:
    begin.desk.silent = True
    with pytest.raises(ExecutorError, match="the command no-such-command of the batch system") as refused:
        begin(array=("no-such-command",))
    assert "remembered" not in str(refused.value)
    begin.assert_nothing_is_left()
