"""Asking scheduler and workers for their versions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from femtobarn.base.errors import ExecutorError
from femtobarn.base.text import visible
from femtobarn.running.executors.dask import remote
from femtobarn.running.executors.dask.versions import difference, refusal

_PATIENCE = 60.0  # seconds for all workers to answer


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of versions.

    Parameters
    ----------
    unfit
        by address, why a worker (or the scheduler) can do nothing for us
    notes
        differences that may change the last bits of results
    """

    unfit: Mapping[str, str]
    notes: tuple[str, ...]


async def compare_versions(client: Any, ours: Mapping[str, str]) -> Found:
    """Compare the versions of scheduler and workers with ``ours``.

    Raises
    ------
    ExecutorError
        if they do not answer
    """
    try:
        async with asyncio.timeout(_PATIENCE):
            # what Dask itself can tell comes first: our own function may not be understood
            told = await client.get_versions()
            answers = await client.run(remote.versions, on_error="return")
    except (OSError, TimeoutError) as error:
        msg = f"Expected the versions of all Dask workers within {_PATIENCE:.0f} s, but: {str(error) or type(error).__name__}. Look for workers that do not answer."
        raise ExecutorError(msg) from error
    unfit, notes = {}, []
    if why := refusal("the Dask scheduler", _of_dask(told["scheduler"]), ours):
        unfit["scheduler"] = why
    for address, about in told["workers"].items():
        who, theirs = f"Dask worker {address}", _of_dask(about)
        if why := refusal(who, theirs, ours) or _not_understood(who, answers.get(address), ours):
            unfit[address] = why
        elif isinstance(text := answers.get(address), str):
            theirs = {str(name): str(version) for name, version in json.loads(text).items()}
            if why := refusal(who, theirs, ours):
                unfit[address] = why
            elif note := difference(who, theirs, ours):
                notes.append(f"{note}: the last bits of sums may differ.")
    return Found(unfit, tuple(notes))


def _not_understood(who: str, answer: object, ours: Mapping[str, str]) -> str:
    """Return why a worker could not answer, if it could not; one that has just left is no matter."""
    if isinstance(answer, ModuleNotFoundError):
        return f"{who} lacks {answer.name or 'a module'}: install femtobarn[dask] {ours['femtobarn']} there"
    if isinstance(answer, OSError) or not isinstance(answer, Exception):
        return ""
    return f"{who} could not tell its versions ({visible(f'{type(answer).__name__}: {answer}')})"


def _of_dask(about: Mapping[str, Any]) -> dict[str, str]:
    packages = about["packages"]
    python = ".".join(str(packages["python"]).split(".")[:2])
    return {"python": python, "distributed": str(packages["distributed"])}
