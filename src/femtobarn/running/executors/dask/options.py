"""What can be said of Dask: which scheduler, or what to start, and how long to be patient."""

from __future__ import annotations

import json
import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from femtobarn.base.errors import SettingsError
from femtobarn.base.record import Record
from femtobarn.base.settings import plain_hosts
from femtobarn.base.text import visible, without_secrets
from femtobarn.data.storage.guard import may_be_plain

System = Literal["slurm", "pbs", "htcondor"]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]

_ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9._-]*):([0-9]{1,5})")
_WALLTIME = re.compile(r"(?:(\d+)-)?(\d{1,4}):([0-5]\d)(?::([0-5]\d))?")
_BYTES = r"\d+(\.\d+)? ?([kMGT]i?)?B"
PATIENCE = 300.0
"""Seconds without any worker, and without jobs that may become some, after which a run gives up."""

_PATIENCE_FOR_JOBS = 24 * 3600.0  # that jobs wait for hours is ordinary
_ONE_LINE = r"[^\x00-\x1f]*"
_WORD = r"[A-Za-z0-9_.:@/,+=-]*"

Word = Annotated[str, Field(pattern=rf"^{_WORD}$")]
Bytes = Annotated[str, Field(pattern=rf"^({_BYTES})?$")]


class DaskOptions(Record):
    """Options of the executor ``dask``.

    Parameters
    ----------
    address, scheduler_file
        of a scheduler that runs: ``tls://host:port`` or ``tcp://host:port``, or the file in which it wrote that
    cluster
        what to start if no scheduler is named
    workers
        worker processes of a local cluster, or pods (default: as ``--workers``)
    jobs, cores, memory, walltime, disk, queue, account, extra
        of a batch system: number of jobs; processes, memory and disk of each; its longest life as
        ``HH:MM:SS``; where and on whose account it runs; more directives, separated by ``;``.
        ``memory`` is also the limit of one worker of a local cluster, or of a pod
    interface, host
        network interface of scheduler and workers, or the address of the scheduler
    lifetime
        seconds after which a worker ends by itself (default: some time before ``walltime`` does)
    python
        the interpreter of workers in jobs (default: this one)
    no_workers_timeout
        seconds without any worker after which the run gives up (default: 300; jobs in the queue of a batch
        system may wait for a day)
    stall
        seconds without any task finishing after which the tasks under way are named
    window
        futures under way for each worker process, which runs one task at a time
    tls_ca, tls_cert, tls_key
        files (PEM): the authority to trust, own certificate and its key
    image, namespace
        of pods
    """

    address: str = ""
    scheduler_file: str = ""
    cluster: Literal["local", "slurm", "pbs", "htcondor", "kubernetes"] = "local"
    workers: int | None = Field(None, ge=1)
    jobs: int = Field(1, ge=1)
    cores: int = Field(1, ge=1)
    memory: Bytes = ""
    walltime: str = ""
    disk: Bytes = ""
    queue: Word = ""
    account: Word = ""
    extra: str = Field("", pattern=rf"^{_ONE_LINE}$")
    interface: Word = ""
    host: Word = ""
    lifetime: Seconds | None = None
    python: Word = ""
    no_workers_timeout: Seconds | None = None
    stall: Seconds = 600.0
    window: int = Field(2, ge=1)
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    image: Word = ""
    namespace: Word = "default"

    @property
    def running(self) -> bool:
        """Whether a scheduler that runs already is meant."""
        return bool(self.address or self.scheduler_file)

    @property
    def system(self) -> System | None:
        """The batch system whose jobs are workers, if any."""
        return None if self.cluster in {"local", "kubernetes"} else self.cluster  # type: ignore[return-value]

    @property
    def patience(self) -> float:
        """Seconds without any worker after which the run gives up."""
        usual = PATIENCE if self.system is None else _PATIENCE_FOR_JOBS
        return self.no_workers_timeout or usual

    @property
    def directives(self) -> tuple[str, ...]:
        """What is to be added to job scripts."""
        return tuple(part.strip() for part in self.extra.split(";") if part.strip())


def check(options: DaskOptions) -> None:
    """Refuse options that do not fit together.

    Raises
    ------
    SettingsError
        if something is missing that has no good default, or too much is given
    """
    if options.address and options.scheduler_file:
        msg = (
            "Expected the address of a scheduler or its scheduler_file, but got both. Leave out one of them."
        )
        raise SettingsError(msg)
    if options.running:
        if options.cluster != "local":
            msg = f"Expected the address of a running scheduler, or a cluster to start, but got both ({options.cluster}). Leave out one of them."
            raise SettingsError(msg)
        _check_files(options)
        if options.address:
            check_address(options.address)
    elif options.cluster in {"slurm", "pbs", "htcondor"}:
        _check_jobs(options)
    elif options.cluster == "kubernetes":
        _need(options, ("image", "memory"), "pods would get a default that fits nobody")
        if "kubernetes" not in plain_hosts():
            msg = "Dask in Kubernetes speaks without encryption between pods: dask-kubernetes has none. Add kubernetes to FEMTOBARN_PLAIN_HOSTS if the network of the pods is closed to others."
            raise SettingsError(msg)


def seconds_of(walltime: str) -> float:
    """Return the seconds that ``[days-]HH:MM[:SS]`` stands for; `SettingsError` if it is something else."""
    found = _WALLTIME.fullmatch(walltime)
    if found is None:
        msg = f"Option walltime of executor dask: expected HH:MM:SS, or days-HH:MM:SS, but got {visible(walltime)!r}."
        raise SettingsError(msg)
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def scheduler_address(options: DaskOptions) -> str:
    """Return the address of a running scheduler, perhaps from the file in which it wrote it.

    Raises
    ------
    SettingsError
        if there is none, or it may not be used
    """
    if options.address:
        return options.address
    path = Path(options.scheduler_file).expanduser()
    try:
        address = str(json.loads(path.read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"Expected the address of a Dask scheduler in {path}, but it cannot be read ({type(error).__name__}). Start the scheduler with --scheduler-file, and check the path."
        raise SettingsError(msg) from error
    check_address(address)
    return address


def check_address(address: str) -> None:
    """Refuse what is no address of a scheduler, and one that is reached without encryption from outside.

    Raises
    ------
    SettingsError
        with what to do about it
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        msg = f"Expected the address of a Dask scheduler, tls://host:port or tcp://host:port, but got {visible(without_secrets(address))!r}."
        raise SettingsError(msg)
    scheme, host = found[1], found[2].strip("[]").lower()
    if scheme == "tcp" and not may_be_plain(host):
        msg = f"The Dask scheduler at {address} would be reached without encryption, and whoever reaches it can run any code. Start it with TLS (tls://), or add {host} to FEMTOBARN_PLAIN_HOSTS if its network is closed to others."
        raise SettingsError(msg)


def is_loopback(host: str) -> bool:
    """Return whether ``host`` is this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _check_jobs(options: DaskOptions) -> None:
    _need(
        options,
        ("walltime", "memory"),
        "batch systems have defaults that end workers in the middle of a task",
    )
    if options.cluster == "htcondor":
        _need(options, ("disk",), "HTCondor needs it")
    if bool(options.interface) == bool(options.host):
        import psutil

        known = ", ".join(sorted(psutil.net_if_addrs()))
        msg = f"Expected option interface or host of executor dask: where workers reach the scheduler. Interfaces of this machine: {known}."
        raise SettingsError(msg)
    whole = seconds_of(options.walltime)
    if options.lifetime is not None and options.lifetime >= whole:
        msg = f"Option lifetime of executor dask must be below the walltime ({whole:.0f} s), or workers are killed with their task, but is {options.lifetime:g} s."
        raise SettingsError(msg)


def _check_files(options: DaskOptions) -> None:
    files = {"tls_ca": options.tls_ca, "tls_cert": options.tls_cert, "tls_key": options.tls_key}
    missing = [name for name, path in files.items() if not path]
    if any(files.values()) and missing:
        msg = f"Expected the options tls_ca, tls_cert and tls_key of executor dask together, but {' and '.join(missing)} is missing."
        raise SettingsError(msg)
    for name, path in files.items():
        if path and not Path(path).expanduser().is_file():
            msg = f"Option {name} of executor dask: expected a file in PEM format, but {path!r} is none."
            raise SettingsError(msg)
    if options.address.startswith("tls://") and missing:
        msg = f"The scheduler at {options.address} wants TLS. Give tls_ca, tls_cert and tls_key (files in PEM format) as options of executor dask."
        raise SettingsError(msg)


def _need(options: DaskOptions, names: tuple[str, ...], why: str) -> None:
    missing = [name for name in names if not getattr(options, name)]
    if missing:
        msg = f"Expected option {' and '.join(missing)} of executor dask for {options.cluster}: {why}. For instance --executor-option {missing[0]}={_EXAMPLES[missing[0]]}."
        raise SettingsError(msg)


_EXAMPLES = {"walltime": "02:00:00", "memory": "4GB", "disk": "2GB", "image": "registry/femtobarn:1"}
