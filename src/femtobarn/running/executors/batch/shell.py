"""The part of job scripts that all batch systems run in the same way: bash."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from femtobarn.running.executors.batch.request import Request

MERGING = "FEMTOBARN_BATCH_MERGE"
"""Environment variable by which a job that merges knows of which submission it is."""


def script(directives: Sequence[str], body: Sequence[str]) -> str:
    """Return a script: directives come first, or batch systems do not see them."""
    return "\n".join(("#!/bin/bash", *directives, *body)) + "\n"


def quoted(text: str) -> str:
    """Return ``text`` as one word of the shell."""
    return shlex.quote(text)


def prepared(request: Request) -> list[str]:
    """Return the lines that bring a job to where femtobarn can start: the user's folder and setup."""
    lines = ["set -e", f"cd -- {shlex.quote(request.directory)}"]
    return [*lines, *request.options.setup.splitlines()]


def slice_lines(request: Request, index: str) -> list[str]:
    """Return the lines that run one slice; ``index`` is what the shell makes its number of."""
    options = request.options
    words = [*_femtobarn(request, "slice"), "--token", request.token]
    return [
        f"ends=$(( $(date +%s) + {options.working_seconds} ))",
        *prepared(request),
        f'exec {shlex.join(words)} --index "{index}" --ends "$ends"',
    ]


def merge_lines(request: Request, *, wait: bool = False) -> list[str]:
    """Return the lines of the job that merges; with ``wait`` it waits itself for the others."""
    words = [*_femtobarn(request, "merge"), *(["--wait"] if wait else [])]
    return [f"export {MERGING}={request.token}", *prepared(request), f"exec {shlex.join(words)}"]


def _femtobarn(request: Request, verb: str) -> list[str]:
    return [request.options.interpreter, "-m", "femtobarn", "batch", verb, request.out]
