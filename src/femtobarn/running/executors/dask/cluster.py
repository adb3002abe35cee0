"""The process that holds a cluster of a run; see `femtobarn.running.executors.dask.started`.

It reads one line that says what to start, writes one that says where that is, and ends the cluster when its input
ends.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
from types import FrameType
from typing import IO, Any

from femtobarn.base.records import Notice
from femtobarn.running.executors.dask.care import Care
from femtobarn.running.executors.dask.messages import About, Wanted
from femtobarn.running.executors.dask.queues import in_queue

SETTINGS: dict[str, object] = {
    # a task that only waits at a worker would be suspected when that worker dies
    "distributed.scheduler.worker-saturation": 1.0,
    # results are small; a paused worker may never go on, one above its limit is ended
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.profile.enabled": False,
}
"""How a cluster is configured that is started for a run."""

_KEPT = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")  # Dask has its own, which cost time here
_CARE = 10.0  # seconds between two attempts to replace jobs that ended


def main() -> None:
    """Run a cluster until the input ends."""
    import dask

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _terminated)
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is for whoever looks for errors
    wanted = Wanted.model_validate_json(source.readline())
    dask.config.set(SETTINGS)
    cluster, words = _start(wanted)
    with cluster:
        security = getattr(cluster, "security", None)  # that of Kubernetes has none
        about = About(
            address=cluster.scheduler_address,
            ca=(security and security.tls_ca_file) or "",
            cert=(security and security.tls_client_cert) or "",
            key=(security and security.tls_client_key) or "",
            words=words,
        )
        target.write(about.model_dump_json().encode() + b"\n")
        target.flush()
        system, jobs = wanted.options.system, wanted.options.jobs
        care = Care(cluster, jobs, lambda: in_queue(system or "", wanted.name))
        while not _ended(source):
            if system is None:
                continue
            if words_now := care.look():
                target.write(Notice(words=words_now).model_dump_json().encode() + b"\n")
                target.flush()
            cluster.scale(jobs=jobs)  # Dask does not replace jobs whose time was over


def _start(wanted: Wanted) -> tuple[Any, tuple[str, ...]]:
    """Start a cluster; return it, and what to tell."""
    options = wanted.options
    if options.system is not None:
        from femtobarn.running.executors.dask.jobs import start

        return start(wanted)
    if options.cluster == "kubernetes":
        from femtobarn.running.executors.dask.kubernetes import start_pods

        return start_pods(wanted)
    from distributed import LocalCluster

    cluster = LocalCluster(
        n_workers=wanted.workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        memory_limit=options.memory or "auto",
        security=True,
        env={name: os.environ[name] for name in _KEPT if name in os.environ},
    )
    return cluster, ()


def _ended(source: IO[bytes]) -> bool:
    """Wait a while; return whether the input has ended."""
    with selectors.DefaultSelector() as selector:
        selector.register(source, selectors.EVENT_READ)
        return bool(selector.select(_CARE)) and not os.read(source.fileno(), 1)


def _terminated(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(1)  # through the end of the cluster


if __name__ == "__main__":
    main()
