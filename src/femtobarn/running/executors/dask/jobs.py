"""A Dask cluster whose workers are jobs of a batch system."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from femtobarn.running.executors.dask.cluster import SETTINGS
from femtobarn.running.executors.dask.messages import Wanted
from femtobarn.running.executors.dask.options import DaskOptions, is_loopback, seconds_of
from femtobarn.running.executors.nursery import ONE_THREAD

_MARGIN = 300.0  # seconds before the walltime, at most
_NO_SCHEDULER = 60  # seconds after which a worker ends that finds no scheduler


def start(wanted: Wanted) -> tuple[Any, tuple[str, ...]]:
    """Start a scheduler here, and jobs with workers; return the cluster, and what to tell."""
    from distributed import Security

    cluster = _kind(wanted.options)(**arguments(wanted), security=Security.temporary())
    cluster.scale(jobs=wanted.options.jobs)
    script = Path(wanted.folder) / "job.txt"
    script.write_text(cluster.job_script(), encoding="utf-8")
    return cluster, (words(wanted.options, script),)


def arguments(wanted: Wanted) -> dict[str, Any]:
    """Return what the class of dask-jobqueue is told; nothing is left to its configuration."""
    options = wanted.options
    scheduler: dict[str, object] = {"dashboard_address": "127.0.0.1:0"}
    scheduler |= {"host": options.host} if options.host else {"interface": options.interface}
    lifetime, stagger = life(options)
    worker = ["--lifetime", f"{lifetime:.0f}s", "--lifetime-stagger", f"{stagger:.0f}s", "--no-dashboard"]
    if options.host and is_loopback(options.host):
        worker += ["--host", options.host]
    own: dict[str, object] = {}
    if options.cluster == "htcondor":
        pairs = [part.partition("=") for part in options.directives]
        directives: object = {"allowed_execute_duration": f"{seconds_of(options.walltime):.0f}"} | {
            name.strip(): value.strip() for name, _, value in pairs
        }
        own["disk"] = options.disk
    else:
        directives = list(options.directives)
        own |= {
            "walltime": options.walltime,
            "queue": options.queue or None,
            "account": options.account or None,
        }
    return {
        "name": wanted.name,
        "job_name": wanted.name,
        "cores": options.cores,
        "processes": options.cores,
        "memory": options.memory,
        "interface": options.interface or None,
        "python": options.python or None,
        "log_directory": wanted.folder,
        "shared_temp_directory": wanted.folder,
        "death_timeout": _NO_SCHEDULER,
        "scheduler_options": scheduler,
        "worker_extra_args": worker,
        "job_extra_directives": directives,
        "job_directives_skip": [],
        "job_script_prologue": [f"export {name}={value}" for name, value in _environment().items()],
        **own,
    }


def life(options: DaskOptions) -> tuple[float, float]:
    """Return after how many seconds workers end by themselves, and by how many that varies among them.

    They end before the walltime does, and not all at once; a task that is under way then is begun anew elsewhere.
    """
    whole = seconds_of(options.walltime)
    margin = min(_MARGIN, whole / 10)
    lifetime = options.lifetime or whole - 2 * margin
    return lifetime, min(margin, (whole - lifetime) / 2)


def words(options: DaskOptions, script: Path) -> str:
    """Return what was asked of the batch system."""
    lifetime, _ = life(options)
    disk = f", {options.disk} of disk" if options.disk else ""
    return (
        f"{options.jobs} jobs for {options.cluster}: {options.cores} workers with {options.memory} in all{disk}, "
        f"walltime {options.walltime} each; workers end after about {lifetime:.0f} s and are replaced. "
        f"Their script is {script}."
    )


def _kind(options: DaskOptions) -> Any:
    import dask_jobqueue

    names = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "htcondor": "HTCondorCluster"}
    return getattr(dask_jobqueue, names[options.cluster])


def _environment() -> dict[str, str]:
    return {**dict.fromkeys(ONE_THREAD, "1"), **as_environment(SETTINGS)}


def as_environment(settings: Mapping[str, object]) -> dict[str, str]:
    """Return a configuration of Dask as environment variables, for workers that are started elsewhere."""
    return {
        f"DASK_{name.upper().replace('-', '_').replace('.', '__')}": str(v) for name, v in settings.items()
    }
