"""A cell tried, and what came of it compared with what must come of it."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from femtobarn.data.storage.download import BLOCK
from femtobarn.running.engine.executor import BACKOFF
from femtobarn.running.results.store import FolderStore

from .cells import Cell
from .samples import Samples, only_empty_rows_more, same_bytes
from .stage import ATTEMPTS, TIMEOUT, Stage, staged

_BACKOFF = 0.5  # of the network: the longest pause before the second attempt
_WORK, _START = (
    8.0,
    8.0,
)  # seconds that the work itself, and the start of a program, may take on a busy machine


@dataclass(frozen=True)
class Tried:
    """What came of a cell: the reason of the failure (empty: the same bits), seconds, and attempts beyond the first."""

    cell: Cell
    reason: str
    seconds: float
    retries: int
    limit: float


def attempt(cell: Cell, samples: Samples, folder: Path) -> Tried:
    """Play the fault, check what came of it, end the fault and check that the same command then ends well."""
    with staged(samples, folder, cell.way, program=cell.program, workers=cell.workers) as stage:
        cell.play(stage)
        limit = longest(cell)
        code, seconds = stage.run(limit)
        rows = _ledger(stage.out)
        reason = _failed_reason(rows, samples.faulty)
        _check_outcome(cell, stage, code, rows, reason)
        assert seconds < limit, f"{seconds:.1f} s, limit {limit:.1f} s"
        assert _check_folders(stage) == cell.unfinished
        tried = Tried(cell, reason, seconds, _retries(stage.out, rows, reason, samples.faulty), limit)
        _check_again(cell, stage, limit)
    shutil.rmtree(folder, ignore_errors=True)
    return tried


def longest(cell: Cell) -> float:
    """Seconds after which a cell has failed, from the settings.

    Each of the network's attempts may be silent for the timeout, and pauses before the next one; a task
    whose failure may pass is tried ``cell.rounds`` times, with pauses of 1, 2, ... s between.
    """
    asking = ATTEMPTS * (TIMEOUT + cell.content_seconds) + sum(
        _BACKOFF * 2**number for number in range(ATTEMPTS - 1)
    )
    pauses = sum(BACKOFF * 2**number for number in range(cell.rounds - 1))
    return _WORK + _START * (cell.program + bool(cell.workers)) + cell.rounds * asking + pauses


def _check_outcome(cell: Cell, stage: Stage, code: int, rows: list[dict[str, str]], reason: str) -> None:
    samples = stage.samples
    failed = {row["file"] for row in rows if row["status"] == "failed"}
    complete = json.loads((stage.out / "run.json").read_text())["complete"]
    if not cell.reason:
        assert not failed, reason
        assert (code, complete) == (0, True)
        assert not same_bytes(stage.out, samples.truth)
        return
    assert failed == {samples.faulty}, f"the file was expected to fail with {cell.reason!r}"
    assert re.search(cell.reason, reason), f"expected {cell.reason!r}, got: {reason}"
    assert samples.faulty in reason
    assert (code, complete) == (3, False)
    assert {row["file"] for row in rows if row["status"] == "processed"} == set(samples.healthy)
    assert only_empty_rows_more(stage.out, samples.without)


def _check_again(cell: Cell, stage: Stage, limit: float) -> None:
    """The fault is over: the same command gives the same bits, and nothing unfinished is left."""
    assert stage.heal is not None
    stage.heal()
    stage.meanwhile = None
    before = len(stage.server.requests(stage.path))
    code, _ = stage.run(limit)
    if cell.unfinished:
        asked = [request.start for request in stage.server.requests(stage.path)[before:]]
        assert asked == [0, BLOCK], "what was there already was fetched again"
    assert code == 0, _failed_reason(_ledger(stage.out), stage.samples.faulty)
    assert not same_bytes(stage.out, stage.samples.truth)
    assert not _check_folders(stage)


def _check_folders(stage: Stage) -> bool:
    """Nothing temporary is left but what the next fetch continues; whether there is such."""
    assert not list(stage.out.rglob("*.tmp*"))
    top = stage.cache
    known = {"files", "partial", "visits", "locks", "slots", "code", "checked"}
    assert {path.name for path in top.iterdir()} <= known if top.is_dir() else True
    for key in (top / "files").glob("*"):
        assert (key / "entry.json").is_file()
        assert len(list(key.iterdir())) == 2, f"more than a file and its record in {key.name}"
    unfinished = {path.name for path in (top / "partial").glob("*")}
    keys = {name for name in unfinished if not name.endswith(".json")}
    assert unfinished == keys | {f"{key}.json" for key in keys}
    assert len(keys) <= 1, "only the faulty file may be unfinished"
    return bool(keys)


def _ledger(out: Path) -> list[dict[str, str]]:
    with (out / "ledger.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _failed_reason(rows: list[dict[str, str]], name: str) -> str:
    reasons = {row["reason"] for row in rows if row["file"] == name and row["status"] == "failed"}
    return "; ".join(sorted(reasons))


def _retries(out: Path, rows: list[dict[str, str]], reason: str, name: str) -> int:
    """How often the network was asked again for the file, and its task tried again."""
    tasks = [row for row in rows if row["file"] == name and row["task"]]
    again = sum(max(0, int(row["attempts"]) - 1) for row in tasks)
    again += sum(max(0, int(number) - 1) for number in re.findall(r"\((\d+) attempts?\)", reason))
    store = FolderStore(out / "tasks")
    done = [row["task"] for row in tasks if row["status"] == "processed"]
    return again + sum(store.header(task).metrics.network_retries for task in done)
