"""Kubernetes: an Indexed Job and a Job that merges, and what ``kubectl`` answers.

Kubernetes knows no order of Jobs: the one that merges begins at once and waits for the results.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from femtobarn.base.errors import ExecutorError
from femtobarn.running.executors.batch.commands import answer
from femtobarn.running.executors.batch.options import mebibytes
from femtobarn.running.executors.batch.request import JobState, Phase, Request, Scripts, States
from femtobarn.running.executors.batch.shell import MERGING

_INSTANCE = "app.kubernetes.io/instance"
_ROLE = "app.kubernetes.io/component"
_INDEX = "batch.kubernetes.io/job-completion-index"
_PHASES: dict[str, Phase] = {
    "Pending": "waiting", "Running": "running", "Succeeded": "ended", "Failed": "ended", "Unknown": "unknown",
}  # fmt: skip
_KEPT = 86_400  # seconds after which Kubernetes removes what is over
_GRACE = 30  # seconds between the request to end and the end
_NAME_LENGTH = 43  # behind it come the role, the index of a pod and five letters; 63 are allowed


def render(request: Request) -> Scripts:
    """Return the Jobs, as JSON, which is YAML too."""
    array = _job(
        request,
        "slices",
        ["batch", "slice", request.out, "--token", request.token],
        request.options.cores,
        {
            "completionMode": "Indexed",
            "completions": request.slices,
            "parallelism": request.slices,
            "backoffLimitPerIndex": 0,
            "maxFailedIndexes": request.slices,
        },
    )
    files = [("array.json", _text(array))]
    where = ("--namespace", request.options.namespace) if request.options.namespace else ()
    create = ("kubectl", "create", *where, "-o", "jsonpath={.metadata.namespace}/{.metadata.name}", "-f")
    merge: tuple[str, ...] = ()
    if request.merge:
        job = _job(request, "merge", ["batch", "merge", request.out, "--wait"], 1, {"backoffLimit": 0})
        files.append(("merge.json", _text(job)))
        merge = (*create, "merge.json")
    return Scripts(tuple(files), (*create, "array.json"), merge)


def _job(
    request: Request, role: str, words: Sequence[str], cores: int, spec: Mapping[str, Any]
) -> dict[str, Any]:
    options = request.options
    instance = _instance(request)
    labels = {"app.kubernetes.io/name": "femtobarn", _INSTANCE: instance, _ROLE: role}
    needs = {"cpu": str(cores), "memory": f"{mebibytes(options.memory)}Mi"}
    needs |= {"ephemeral-storage": f"{mebibytes(options.disk)}Mi"} if options.disk else {}
    container = {
        "name": "femtobarn",
        "image": options.image,
        "command": [_literal(word) for word in (options.interpreter, "-m", "femtobarn", *words)],
        "resources": {"requests": needs, "limits": needs},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "run", "mountPath": options.mount}],
    }
    if role == "merge":
        container["env"] = [{"name": MERGING, "value": request.token}]
    pod = {
        "restartPolicy": "Never",
        # the job that merges begins at once: how long slices wait for their turn, nobody knows
        **({"activeDeadlineSeconds": options.seconds} if role == "slices" else {}),
        "terminationGracePeriodSeconds": _GRACE,
        "automountServiceAccountToken": False,
        "securityContext": _identity(request),
        "containers": [container],
        "volumes": [{"name": "run", "persistentVolumeClaim": {"claimName": options.volume}}],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"{instance}-{role}", "labels": labels},
        "spec": {
            **spec,
            "ttlSecondsAfterFinished": _KEPT,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _identity(request: Request) -> dict[str, Any]:
    """Return who pods run as: whoever submits, so that results belong to them; never root."""
    own = {"runAsUser": request.user, "runAsGroup": request.group} if request.user else {}
    return {"runAsNonRoot": True, **own, "seccompProfile": {"type": "RuntimeDefault"}}


def _instance(request: Request) -> str:
    return _name(f"{request.name[: _NAME_LENGTH - len(request.token)]}-{request.token}")


def lost_id(request: Request) -> str:
    """Return namespace (empty: that of the user's context) and name of the Job with the slices, before it is there."""
    return f"{request.options.namespace}/{_instance(request)}-slices"


def _name(text: str) -> str:
    return re.sub(r"[^a-z0-9-]+", "-", text.lower()).strip("-")


def _literal(word: str) -> str:
    """Return ``word`` so that Kubernetes puts no variable into it."""
    return word.replace("$(", "$$(")


def _text(job: Mapping[str, Any]) -> str:
    return json.dumps(job, indent=2) + "\n"


def job_id(said: str) -> str:
    """Return namespace and name of a Job, joined by a slash, as ``kubectl`` was asked to say them."""
    if not re.fullmatch(r"[a-z0-9.-]+/[a-z0-9.-]+", said.strip()):
        msg = f"Expected namespace and name of a Job from kubectl, but got {said.strip()[:200]!r}. Is a wrapper in its place?"
        raise ExecutorError(msg)
    return said.strip()


def states(array: str, _merge: str) -> States:
    """Return what Kubernetes says of the Jobs and pods of a submission.

    Raises
    ------
    ExecutorError
        if it does not answer
    """
    space, _, name = array.partition("/")
    which = f"{_INSTANCE}={name.removesuffix('-slices')}"
    return read_states(
        answer(["kubectl", "get", "jobs,pods", *_within(space), "--selector", which, "-o", "json"])
    )


def read_states(said: str) -> States:
    """Return the states in a list of Jobs and pods; a slice without a pod waits as long as its Job is not over."""
    try:
        items = json.loads(said)["items"]
    except (ValueError, KeyError, TypeError) as error:
        msg = f"Expected a list of Jobs and pods from kubectl, but got {said.strip()[:200]!r}. Is a wrapper in its place?"
        raise ExecutorError(msg) from error
    slices: dict[int, JobState] = {}
    merge = None
    rest = JobState(phase="ended")
    for item in items:
        metadata, status = item.get("metadata", {}), item.get("status", {})
        role = (metadata.get("labels") or {}).get(_ROLE)
        if item.get("kind") == "Pod":
            word = str(status.get("phase", ""))
            state = JobState(phase=_PHASES.get(word, "unknown"), word=word, reason=_reason(status))
            if role == "merge":
                merge = state
            else:
                slices[int((metadata.get("annotations") or {}).get(_INDEX, "0"))] = state
        elif role == "slices" and not _over(status):
            rest = JobState(phase="waiting", word="no pod yet")
    return States(slices, merge, rest)


def _over(status: Mapping[str, Any]) -> bool:
    return any(
        condition.get("type") in {"Complete", "Failed"} and condition.get("status") == "True"
        for condition in status.get("conditions") or ()
    )


def _reason(status: Mapping[str, Any]) -> str:
    """Return why a pod waits or failed: its own words, those of its container, or of who places it."""
    words = [status.get("reason")]
    for container in status.get("containerStatuses") or ():
        state = container.get("state") or {}
        words += [(state.get(name) or {}).get("reason") for name in ("waiting", "terminated")]
    words += [
        condition.get("message") or condition.get("reason")
        for condition in status.get("conditions") or ()
        if condition.get("status") == "False" and condition.get("type") == "PodScheduled"
    ]
    return "; ".join(str(word) for word in words if word and word != "Completed")


def cancel(ids: Sequence[str]) -> None:
    """Remove Jobs with their pods; those that are gone are no error.

    Raises
    ------
    ExecutorError
        if Kubernetes does not answer
    """
    for job in ids:
        space, _, name = job.partition("/")
        answer(["kubectl", "delete", "job", *_within(space), "--ignore-not-found", "--wait=false", name])


def _within(space: str) -> list[str]:
    return ["--namespace", space] if space else []
