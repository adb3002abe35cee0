"""Commands of batch systems: what they answer, or why they did not."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from femtobarn.base.errors import ExecutorError
from femtobarn.base.text import visible, without_secrets

_PATIENCE = 120.0  # seconds for one answer of a scheduler


class RefusedError(ExecutorError):
    """A command of a batch system that ended badly; ``said`` is its answer."""

    def __init__(self, words: Sequence[str], said: str) -> None:
        self.said = said
        shown = visible(without_secrets(said.strip()), most=600) or "it said nothing"
        super().__init__(f"Expected the batch system to take `{shlex.join(words)}`, but: {shown}")


def answer(words: Sequence[str], folder: Path | None = None) -> str:
    """Return what a command writes to standard output.

    Parameters
    ----------
    folder
        where it runs

    Raises
    ------
    ExecutorError
        if it is not there or does not answer
    RefusedError
        if it ends badly
    """
    try:
        done = subprocess.run(  # noqa: S603 - words, no shell
            words,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_PATIENCE,
        )
    except FileNotFoundError as error:
        msg = f"Expected the command {words[0]} of the batch system, but it is not on this machine. Submit where it is, or choose another --system."
        raise ExecutorError(msg) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        msg = f"Expected an answer of `{shlex.join(words)}`, but: {error}. Try again when the batch system answers."
        raise ExecutorError(msg) from error
    if done.returncode:
        raise RefusedError(words, done.stderr.strip() or done.stdout)
    return done.stdout
