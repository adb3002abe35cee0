"""HTCondor: submit descriptions and a DAG, and what ``condor_submit_dag``, ``condor_q`` and ``condor_rm`` answer.

Each slice is a node of its own: when a job of a node with many fails, DAGMan removes the others. The job that merges is
the ``FINAL`` node, which runs whatever became of the slices.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from femtobarn.base.errors import ExecutorError
from femtobarn.running.executors.batch import shell
from femtobarn.running.executors.batch.commands import RefusedError, answer
from femtobarn.running.executors.batch.options import mebibytes
from femtobarn.running.executors.batch.request import JobState, Phase, Request, Scripts, States

_STATES: dict[int, tuple[str, Phase]] = {
    1: ("IDLE", "waiting"), 2: ("RUNNING", "running"), 3: ("REMOVED", "ended"), 4: ("COMPLETED", "ended"),
    5: ("HELD", "waiting"), 6: ("TRANSFERRING_OUTPUT", "running"), 7: ("SUSPENDED", "running"),
}  # fmt: skip
_CLUSTER = re.compile(r"submitted to cluster (\d+)")
_NODE = re.compile(r"S(\d+)")
_NOTHING_LEFT = re.compile(r"couldn't find|not found|no jobs?\b", re.IGNORECASE)
_DAG_REMOVED = 4  # what $(DAG_STATUS) is when somebody removed the DAG
_ASKED = "ClusterId,DAGNodeName,JobStatus,HoldReason"


def render(request: Request) -> Scripts:
    """Return the DAG, the descriptions of its nodes, and the scripts that they run."""
    dag = []
    for index in range(request.slices):
        dag += [f"JOB S{index:04} slice.sub", f'VARS S{index:04} index="{index:04}"']
    files = [
        ("slice.sub", _description(request, "slice.sh", "slice-$(index)", "$(index)", request.options.cores)),
        ("slice.sh", shell.script([], shell.slice_lines(request, "${1:?}"))),
    ]
    if request.merge:
        dag.append("FINAL MERGE merge.sub")
        files += [
            ("merge.sub", _description(request, "merge.sh", "merge", "$(DAG_STATUS)", 1)),
            ("merge.sh", shell.script([], _merge_lines(request))),
        ]
    files.append(("array.dag", "\n".join(dag) + "\n"))
    return Scripts(tuple(files), ("condor_submit_dag", "-batch-name", request.name, "array.dag"))


def _merge_lines(request: Request) -> list[str]:
    """Return the lines of the ``FINAL`` node: it runs even if the DAG was removed, and does nothing then."""
    removed = (
        f'if [ "${{1:-}}" = {_DAG_REMOVED} ]; then echo "the DAG was removed: nothing is merged"; exit 1; fi'
    )
    # arrays of earlier submissions are DAGs of their own, which this one cannot wait for
    return [removed, *shell.merge_lines(request, wait=bool(request.after))]


def _description(request: Request, script: str, log: str, arguments: str, cores: int) -> str:
    options = request.options
    given = {
        "universe": "vanilla",
        "executable": "/bin/bash",
        "transfer_executable": "false",
        "arguments": f"{script} {arguments}".strip(),
        "should_transfer_files": "NO",
        "getenv": "false",
        "output": f"logs/{log}.log",
        "error": f"logs/{log}.log",
        "log": "logs/htcondor.log",
        "request_cpus": str(cores),
        "request_memory": str(mebibytes(options.memory)),
        "request_disk": f"{mebibytes(options.disk)}MB" if options.disk else "",
        "allowed_execute_duration": str(options.seconds),
        "accounting_group": options.account,
    }
    lines = [f"{name} = {value}" for name, value in given.items() if value]
    return "\n".join((*lines, *options.extra.splitlines(), "queue")) + "\n"


def job_id(said: str) -> str:
    """Return the cluster of the DAG from what ``condor_submit_dag`` says."""
    found = _CLUSTER.search(said)
    if found is None:
        msg = f"Expected the cluster of a DAG from condor_submit_dag, but got {said.strip()[:200]!r}. Is a wrapper in its place?"
        raise ExecutorError(msg)
    return found[1]


def states(array: str, _merge: str) -> States:
    """Return what HTCondor says of the nodes of a DAG.

    Raises
    ------
    ExecutorError
        if it does not answer
    """
    which = f"DAGManJobId == {array} || ClusterId == {array}"
    said = answer(["condor_q", "-json", "-attributes", _ASKED, "-constraint", which])
    return read_states(said, array)


def read_states(said: str, array: str) -> States:
    """Return the states in the answer of ``condor_q -json``, which is empty when nothing is in the queue.

    A node that is not in the queue has not begun or is over: as long as the DAG lives nobody can tell.
    """
    slices: dict[int, JobState] = {}
    merge = None
    alive = False
    for job in _jobs(said):
        word, phase = _STATES.get(job.get("JobStatus", 0), ("", "unknown"))
        state = JobState(phase=phase, word=word, reason=str(job.get("HoldReason", "")))
        node = str(job.get("DAGNodeName", ""))
        if found := _NODE.fullmatch(node):
            slices[int(found[1])] = state
        elif node == "MERGE":
            merge = state
        alive = alive or job.get("ClusterId") == int(array)
    return States(slices, merge, rest=JobState(phase="unknown" if alive else "ended"))


def _jobs(said: str) -> list[dict[str, Any]]:
    if not said.strip():
        return []
    try:
        found = json.loads(said)
    except ValueError as error:
        msg = f"Expected JSON from condor_q, but got {said.strip()[:200]!r}. Is a wrapper in its place?"
        raise ExecutorError(msg) from error
    return [job for job in found if isinstance(job, dict)] if isinstance(found, list) else []


def cancel(ids: Sequence[str]) -> None:
    """Remove DAGs with all their jobs; those that are over are no error.

    Raises
    ------
    ExecutorError
        if HTCondor does not answer
    """
    which = " || ".join(f"ClusterId == {i} || DAGManJobId == {i}" for i in ids)
    try:
        answer(["condor_rm", "-constraint", which])
    except RefusedError as error:
        # it says the same of jobs that are not there and of some that it could not remove
        alive = f"({which}) && JobStatus != 3 && JobStatus != 4"
        if not _NOTHING_LEFT.search(error.said) or _jobs(
            answer(["condor_q", "-json", "-attributes", _ASKED, "-constraint", alive])
        ):
            raise
