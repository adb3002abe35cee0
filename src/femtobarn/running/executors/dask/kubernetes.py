"""A Dask cluster whose workers are pods, made by the operator of dask-kubernetes."""

from __future__ import annotations

import re
from typing import Any

from femtobarn.running.executors.dask.cluster import SETTINGS
from femtobarn.running.executors.dask.jobs import as_environment
from femtobarn.running.executors.dask.messages import Wanted
from femtobarn.running.executors.nursery import ONE_THREAD

_UNITS = {"": "", "k": "k", "M": "M", "G": "G", "T": "T", "ki": "Ki", "Mi": "Mi", "Gi": "Gi", "Ti": "Ti"}
_SECURE = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
}


def start_pods(wanted: Wanted) -> tuple[Any, tuple[str, ...]]:
    """Make the cluster in Kubernetes, and reach its scheduler through a forwarded port of loopback."""
    from dask_kubernetes.operator import KubeCluster

    cluster = KubeCluster(
        custom_cluster_spec=cluster_spec(wanted),
        namespace=wanted.options.namespace,
        shutdown_on_close=True,
        port_forward_cluster_ip=True,
        quiet=True,
    )
    told = f"{wanted.workers} pods of {wanted.options.image} in namespace {wanted.options.namespace}, {wanted.options.memory} each."
    return cluster, (told,)


def cluster_spec(wanted: Wanted) -> dict[str, Any]:
    """Return the ``DaskCluster`` resource: a scheduler, and pods with one worker of one thread each."""
    from dask_kubernetes.operator import make_cluster_spec

    options = wanted.options
    memory = quantity(options.memory)
    spec: dict[str, Any] = make_cluster_spec(
        name=wanted.name,
        image=options.image,
        n_workers=wanted.workers,
        resources={
            "requests": {"cpu": "1", "memory": memory},
            "limits": {"cpu": "1", "memory": memory},
        },
        env={**dict.fromkeys(ONE_THREAD, "1"), **as_environment(SETTINGS)},
        worker_command=f"dask worker --nthreads 1 --memory-limit {options.memory.replace(' ', '')}",
    )
    for part in ("worker", "scheduler"):
        pod = spec["spec"][part]["spec"]
        pod["automountServiceAccountToken"] = False
        for container in pod["containers"]:
            container["securityContext"] = _SECURE
    return spec


def quantity(memory: str) -> str:
    """Return bytes as Kubernetes writes them: ``4GB`` is ``4G``, ``4 GiB`` is ``4Gi``."""
    number, unit = re.fullmatch(r"([\d.]+) ?(.*)B", memory).groups()  # type: ignore[union-attr]
    return f"{number}{_UNITS[unit]}"
