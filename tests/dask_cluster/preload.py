"""Loaded by Dask workers of tests: some files are trouble. What they do is in TROUBLE, by a part of the name."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from femtobarn.base.records import Task
from femtobarn.running.executors.dask import remote, versions
from femtobarn.running.results.partial import Partial


def dask_setup(_worker: object) -> None:
    trouble: dict[str, str] = json.loads(os.environ.get("TROUBLE", "{}"))
    run, own = remote.part, versions.own_versions()

    def part(order: str, task: str, topic: str) -> Any:
        wanted = Task.model_validate_json(task)
        what = next((what for name, what in trouble.items() if name in wanted.file.name), "")
        kind, _, word = what.partition(":")
        if kind == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif kind == "hog":
            hog()
        elif kind == "hold":
            hold(Path(word))
        elif kind == "garbage":
            text, data = run(order, task, topic)
            return {"type": [1], "bytes": (text, data[:-40]), "other": (text.replace(wanted.id, "x"), data)}[
                word
            ]
        return run(order, task, topic)

    folds = [
        Path(word) for kind, _, word in (what.partition(":") for what in trouble.values()) if kind == "fold"
    ]
    if folds:
        fold = remote.fold

        def slow(partials: Sequence[Partial]) -> Partial:
            hold(folds[0])
            return fold(partials)

        remote.fold = slow
    part.__module__, part.__qualname__ = remote.__name__, "part"
    remote.part = part
    if version := os.environ.get("TROUBLE_VERSION"):
        other = tuple((name, version if name == "femtobarn" else value) for name, value in own)
        remote.own_versions = lambda: other
    if os.environ.get("TROUBLE_ABSENT"):
        remote.versions = absent


def absent() -> str:
    raise ModuleNotFoundError("No module named 'femtobarn'", name="femtobarn")


def hog() -> None:
    """Take memory until this process is ended for it."""
    held = []
    while len(held) < 60:  # 3 GB
        held.append(bytearray(os.urandom(1 << 20) * 50))
        threading.Event().wait(0.02)
    threading.Event().wait(60)


def hold(until: Path) -> None:
    """Wait until a file is there; tell that we do."""
    until.with_suffix(".held").touch()
    while not until.exists():
        threading.Event().wait(0.02)
