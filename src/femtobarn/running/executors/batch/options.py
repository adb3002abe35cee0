"""What a batch system is asked for. Nothing that costs a user days is guessed: time and memory are required."""

from __future__ import annotations

import math
import re
import sys
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator
from pydantic_core import PydanticCustomError

from femtobarn.base.errors import SettingsError
from femtobarn.base.record import Record
from femtobarn.base.text import without_secrets

System = Literal["slurm", "pbs", "torque", "htcondor", "k8s-job"]

_TIME = re.compile(r"(\d{1,4}):([0-5]\d):([0-5]\d)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(k|M|G|T)(i?)B", re.IGNORECASE)
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4}
_NAME = re.compile(r"[\w.@:+,/-]*", re.ASCII)
_MARGIN = 60.0  # seconds before the end of the walltime at which a slice ends in order


def seconds_of(walltime: str) -> int:
    """Return the seconds of ``HH:MM:SS``."""
    hours, minutes, seconds = map(int, walltime.split(":"))
    return 3600 * hours + 60 * minutes + seconds


def mebibytes(size: str) -> int:
    """Return a size such as ``2GB`` or ``500MiB`` in MiB, rounded up: what all batch systems count in."""
    found = _SIZE.fullmatch(size)
    assert found, "checked by the record"
    number, unit, binary = found.groups()
    base = 1024.0 if binary else 1000.0
    return math.ceil(float(number) * base ** _POWERS[unit.lower()] / 2**20)


def _time(text: str) -> str:
    if not _TIME.fullmatch(text) or not seconds_of(text):
        raise PydanticCustomError("option", "must be HH:MM:SS, such as 02:00:00")
    return text


def _size(text: str) -> str:
    found = _SIZE.fullmatch(text)
    if not found or not float(found[1]):
        raise PydanticCustomError("option", "must be a size such as 2GB or 500MiB")
    return text


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise PydanticCustomError("option", "must be a name of letters, digits and . _ - + : @ / ,")
    return text


def _lines(text: str) -> str:
    if without_secrets(text) != text:
        raise PydanticCustomError(
            "option",
            "must hold no password: scripts are files that others may read; keep it in a file of yours",
        )
    if any(not c.isprintable() and c not in "\n\t" for c in text):
        raise PydanticCustomError("option", "must be lines of printable text")
    return text.strip("\n")


def _line(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("option", "must be one line of printable text")
    return _lines(text)


Name = Annotated[str, AfterValidator(_name)]
Line = Annotated[str, AfterValidator(_line)]
Lines = Annotated[str, AfterValidator(_lines)]


class BatchOptions(Record):
    """Options of the executor ``batch``.

    Parameters
    ----------
    system
        which batch system
    jobs
        number of slices, at most; each runs as one job of an array
    walltime
        of one slice, ``HH:MM:SS``
    memory
        of one slice, such as ``2GB``
    cores
        of one slice: worker processes
    disk
        that one slice needs on its node; empty: nothing is asked for
    queue, account
        queue (partition) and account (project); empty: what the system takes
    extra
        lines of directives for the script, as the batch system writes them (without ``#SBATCH`` or ``#PBS``)
    setup
        shell lines before femtobarn starts, such as ``module load python``
    python
        the Python that has femtobarn, on the nodes
    image, volume, mount, namespace
        of Kubernetes: container image, claim of the volume on which the run directory is, where it is mounted
        (here and there), and the namespace
    retries
        how often a slice that ended without all its tasks is submitted again while a driver waits
    poll
        seconds between two questions to the batch system
    """

    system: System
    jobs: Annotated[int, Field(ge=1, le=100_000)]
    walltime: Annotated[str, AfterValidator(_time)]
    memory: Annotated[str, AfterValidator(_size)]
    cores: Annotated[int, Field(ge=1, le=1024)] = 1
    disk: str = ""
    queue: Name = ""
    account: Name = ""
    extra: Lines = ""
    setup: Lines = ""
    python: Line = ""
    image: Name = ""
    volume: Name = ""
    mount: Line = ""
    namespace: Name = ""
    retries: Annotated[int, Field(ge=0, le=10)] = 1
    poll: Annotated[float, Field(ge=0.1, le=600)] = 5.0

    @field_validator("disk")
    @classmethod
    def _disk(cls, text: str) -> str:
        return text and _size(text)

    @property
    def interpreter(self) -> str:
        """The Python that runs femtobarn on the nodes."""
        return self.python or ("python3" if self.system == "k8s-job" else sys.executable)

    @property
    def seconds(self) -> int:
        """The walltime."""
        return seconds_of(self.walltime)

    @property
    def working_seconds(self) -> int:
        """When a slice ends in order, before the batch system kills it: a minute less, or a tenth of little."""
        return int(self.seconds - min(_MARGIN, self.seconds / 10))

    def words(self) -> tuple[tuple[str, str], ...]:
        """Return the options that are not as by default, as names and values."""
        given = self.model_dump(exclude_defaults=True)
        return tuple((name, str(value)) for name, value in given.items())

    def check(self) -> None:
        """Raise `SettingsError` for an option that the batch system does not have, or one that it lacks."""
        pod = {"image": self.image, "volume": self.volume, "mount": self.mount}
        missing: list[str] = []
        if self.system == "k8s-job":
            missing = [name for name, value in pod.items() if not value]
            strange = {"setup": self.setup, "extra": self.extra, "queue": self.queue, "account": self.account}
        else:
            strange = {**pod, "namespace": self.namespace}
            strange |= {"queue": self.queue} if self.system == "htcondor" else {}
            strange |= (
                {"disk": self.disk} if self.system == "pbs" else {}
            )  # each site has a resource of its own
        given = [name for name, value in strange.items() if value]
        if missing:
            msg = f"The batch system {self.system} needs the options {', '.join(missing)} too."
            raise SettingsError(msg)
        if given:
            msg = f"The batch system {self.system} has no option {', '.join(given)}. Leave it out, or say it as the site does, with the option extra."
            raise SettingsError(msg)
