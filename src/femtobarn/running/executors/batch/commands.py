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


class AbsentError(ExecutorError):
    """A command of a batch system that could not be begun: nothing of what it asks for has happened."""


class SilentError(ExecutorError):
    """A command of a batch system that was begun and did not answer: what it asked for may have happened."""


def answer(words: Sequence[str], folder: Path | None = None) -> str:
    """Return what a command writes to standard output.

    Parameters
    ----------
    folder
        where it runs

    Raises
    ------
    AbsentError
        if it cannot be begun
    SilentError
        if it does not answer in time
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
        raise AbsentError(msg) from error
    except OSError as error:
        msg = (
            f"Expected the command `{shlex.join(words)}` to begin, but: {error}. Repair that, and try again."
        )
        raise AbsentError(msg) from error
    except subprocess.TimeoutExpired as error:
        msg = f"Expected an answer of `{shlex.join(words)}`, but there was none in {error.timeout:.0f} seconds. Try again when the batch system answers."
        raise SilentError(msg) from error
    if done.returncode:
        raise RefusedError(words, done.stderr.strip() or done.stdout)
    return done.stdout
