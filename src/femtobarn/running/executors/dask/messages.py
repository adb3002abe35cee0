"""What driver, cluster and workers say to each other: JSON records; nothing of ours is pickled."""

from __future__ import annotations

from femtobarn.base.record import Record
from femtobarn.base.records import Job
from femtobarn.running.executors.dask.options import DaskOptions

Versions = tuple[tuple[str, str], ...]
"""Names and versions of what decides whether two processes understand each other, and the bits of a result."""


class Order(Record):
    """What a worker needs besides the task; it travels once to each.

    Parameters
    ----------
    versions
        of the driver, as `femtobarn.running.executors.dask.versions.own_versions` gives them
    store
        URL of a store to which results are written; empty: they go back through Dask
    """

    job: Job
    versions: Versions
    store: str = ""


class Wanted(Record):
    """What cluster is to be started.

    Parameters
    ----------
    workers
        processes on this machine, or pods
    name
        tells this cluster and its jobs from all others
    folder
        for logs and keys of jobs, where they are submitted; there is none without jobs
    """

    options: DaskOptions
    workers: int
    name: str
    folder: str = ""


class About(Record):
    """Where a cluster is that was started: address of its scheduler, and the keys to it (PEM texts).

    ``words`` are for whoever waits.
    """

    address: str
    ca: str = ""
    cert: str = ""
    key: str = ""
    words: tuple[str, ...] = ()
