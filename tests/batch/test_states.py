"""What batch systems answer: texts of Slurm 22.05 as it said them, of the others as their manuals show them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from femtobarn.base.errors import ExecutorError
from femtobarn.running.executors.batch import htcondor, kubernetes, pbs, slurm
from femtobarn.running.executors.batch.commands import RefusedError, answer
from femtobarn.running.executors.batch.systems import SYSTEMS

from .test_render import options, request

SQUEUE = """\
28|3|RUNNING|None
28|4|PENDING|JobHeldUser
28|1|CANCELLED|None
28|2|FAILED|NonZeroExitCode
28|5|COMPLETING|None
28|6|OUT_OF_MEMORY|OutOfMemory
29|N/A|PENDING|Dependency
"""

QSTAT = """\
Job Id: 7[].server
    Job_Name = femtobarn-toy
    job_state = B
Job Id: 7[0].server
    job_state = X
    Exit_status = 271
    comment = Subjob finished and history
Job Id: 7[1].server
    job_state = Q
    comment = Not Running: Insufficient amount
\t of resource: ncpus
Job Id: 7[2].server
    job_state = R
"""

CONDOR = [
    {"ClusterId": 40, "JobStatus": 2},
    {"ClusterId": 41, "DAGNodeName": "S0000", "JobStatus": 2},
    {
        "ClusterId": 42,
        "DAGNodeName": "S0001",
        "JobStatus": 5,
        "HoldReason": "memory usage exceeded request_memory",
    },
    {"ClusterId": 43, "DAGNodeName": "MERGE", "JobStatus": 1},
]


def pod(index: str | None, role: str = "slices", **status: object) -> dict[str, object]:
    notes = {} if index is None else {"batch.kubernetes.io/job-completion-index": index}
    return {
        "kind": "Pod",
        "metadata": {"annotations": notes, "labels": {"app.kubernetes.io/component": role}},
        "status": status,
    }


def job(**status: object) -> dict[str, object]:
    labels = {"app.kubernetes.io/component": "slices"}
    return {"kind": "Job", "metadata": {"labels": labels}, "status": status}


def test_slurm() -> None:
    states = slurm.read_states(SQUEUE, "28", "29")
    assert {i: (s.phase, s.words) for i, s in states.slices.items()} == {
        1: ("ended", "CANCELLED"),
        2: ("ended", "FAILED (NonZeroExitCode)"),
        3: ("running", "RUNNING"),
        4: ("waiting", "PENDING (JobHeldUser)"),
        5: ("running", "COMPLETING"),
        6: ("ended", "OUT_OF_MEMORY (OutOfMemory)"),
    }
    assert states.merge is not None
    assert states.merge.words == "PENDING (Dependency)"
    assert states.of(0).phase == "ended"


def test_pbs() -> None:
    states = pbs.read_states(QSTAT)
    assert {i: (s.phase, s.words) for i, s in states.items()} == {
        None: ("running", "B"),
        0: ("ended", "X (exit status 271)"),
        1: ("waiting", "Q (Not Running: Insufficient amount of resource: ncpus)"),
        2: ("running", "R"),
    }


def test_htcondor() -> None:
    states = htcondor.read_states(json.dumps(CONDOR), "40")
    assert states.of(0).phase == "running"
    assert states.of(1).words == "HELD (memory usage exceeded request_memory)"
    assert states.of(1).phase == "waiting"
    assert states.of(2).phase == "unknown", "as long as the DAG lives it may not have begun"
    assert states.merge is not None
    assert htcondor.read_states("", "40").of(2).phase == "ended"
    assert htcondor.read_states("[]", "40").of(2).phase == "ended"


def test_kubernetes() -> None:
    waiting = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes: insufficient memory"}
    killed = [{"state": {"terminated": {"reason": "OOMKilled"}}}]
    items = [
        job(active=3),
        pod("0", phase="Running"),
        pod("1", phase="Pending", conditions=[waiting]),
        pod("2", phase="Failed", containerStatuses=killed),
        pod(None, "merge", phase="Running"),
    ]
    states = kubernetes.read_states(json.dumps({"items": items}))
    assert states.of(0).phase == "running"
    assert states.of(1).words == "Pending (0/3 nodes: insufficient memory)"
    assert (states.of(2).phase, states.of(2).words) == ("ended", "Failed (OOMKilled)")
    assert states.of(3).phase == "waiting"
    assert states.merge is not None
    over = [job(conditions=[{"type": "Failed", "status": "True"}])]
    assert kubernetes.read_states(json.dumps({"items": over})).of(3).phase == "ended"
    assert kubernetes.read_states(json.dumps({"items": []})).of(3).phase == "ended"


@pytest.mark.parametrize(
    ("said", "read", "found"),
    [
        ("27\n", slurm.job_id, "27"),
        ("27;cluster\n", slurm.job_id, "27;cluster"),
        ("please note the new rules\n27\n", slurm.job_id, "27"),
        ("7[].server.example\n", pbs.job_id, "7[].server.example"),
        ("12\n", pbs.job_id, "12"),
        ("1 job(s) submitted to cluster 40.\n---\n", htcondor.job_id, "40"),
        ("physics/femtobarn-toy-1-slices", kubernetes.job_id, "physics/femtobarn-toy-1-slices"),
    ],
)
def test_ids(said: str, read: Callable[[str], str], found: str) -> None:
    assert read(said) == found


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("said", ["", "thank you\n"])
def test_an_answer_without_an_id_is_an_error(system: str, said: str) -> None:
    with pytest.raises(ExecutorError, match="Is a wrapper in its place"):
        SYSTEMS[system].job_id(said)


@pytest.mark.parametrize("read", [kubernetes.read_states, lambda said: htcondor.read_states(said, "1")])
def test_an_answer_that_is_no_json_is_an_error(read: Callable[[str], object]) -> None:
    with pytest.raises(ExecutorError, match="got 'oops'"):
        read("oops")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Puts programs in the place of those of batch systems; each notes the words it gets."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def put(name: str, body: str) -> Path:
        noted = tmp_path / f"{name}.words"
        path = tmp_path / name
        path.write_text(f'#!/bin/bash\nprintf "%s\\n" "$*" >>"{noted}"\n{body}\n')
        path.chmod(0o755)
        return noted

    return put


def test_what_is_asked_of_pbs(programs: Callable[[str, str], Path]) -> None:
    asked = programs("qstat", f"cat <<'E'\n{QSTAT}E")
    removed = programs("qdel", 'echo "qdel: Unknown Job Id 9" >&2; exit 153')
    assert SYSTEMS["pbs"].states("7[].server", "").of(2).phase == "running"
    assert SYSTEMS["torque"].states("7[].server", "").of(5).words == "B", "as its array"
    assert asked.read_text().splitlines() == ["-f -t -x 7[].server", "-f -t 7[].server"]
    SYSTEMS["pbs"].cancel(["7[].server", "9"])
    assert removed.read_text().splitlines() == ["7[].server", "9"]


def test_a_job_that_pbs_has_forgotten_is_over(programs: Callable[[str, str], Path]) -> None:
    programs("qstat", 'echo "qstat: Unknown Job Id 7[].server" >&2; exit 153')
    assert SYSTEMS["pbs"].states("7[].server", "8.server").of(0).phase == "ended"


def test_what_is_asked_of_htcondor(programs: Callable[[str, str], Path]) -> None:
    asked = programs("condor_q", f"cat <<'E'\n{json.dumps(CONDOR)}\nE")
    removed = programs("condor_rm", "")
    assert SYSTEMS["htcondor"].states("40", "").of(0).phase == "running"
    assert asked.read_text().strip().endswith("-constraint DAGManJobId == 40 || ClusterId == 40")
    SYSTEMS["htcondor"].cancel(["40"])
    assert removed.read_text().strip() == "-constraint ClusterId == 40 || DAGManJobId == 40"


def test_what_is_asked_of_kubernetes(programs: Callable[[str, str], Path]) -> None:
    asked = programs("kubectl", "echo '{\"items\": []}'")
    assert SYSTEMS["k8s-job"].states("physics/femtobarn-toy-1-slices", "").of(0).phase == "ended"
    SYSTEMS["k8s-job"].cancel(["physics/femtobarn-toy-1-slices"])
    assert asked.read_text().splitlines() == [
        "get jobs,pods --namespace physics --selector app.kubernetes.io/instance=femtobarn-toy-1 -o json",
        "delete job --namespace physics --ignore-not-found --wait=false femtobarn-toy-1-slices",
    ]


@pytest.mark.parametrize("system", ["slurm", "pbs", "torque"])
def test_a_batch_system_that_does_not_answer_is_no_end_of_a_slice(
    programs: Callable[[str, str], Path], system: str
) -> None:
    for name in ("squeue", "qstat", "scancel", "qdel"):
        programs(name, 'echo "cannot connect to https://ann:secret@server" >&2; exit 1')
    with pytest.raises(ExecutorError, match="cannot connect") as refused:
        SYSTEMS[system].states("1", "2")
    assert "secret" not in str(refused.value)
    with pytest.raises(ExecutorError, match="cannot connect"):
        SYSTEMS[system].cancel(["1"])


def test_a_missing_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExecutorError, match="the command sbatch of the batch system"):
        answer(["sbatch", "x"])


def test_what_a_command_says_is_shown(programs: Callable[[str, str], Path]) -> None:
    programs("sbatch", "exit 3")
    with pytest.raises(RefusedError, match="`sbatch 'a b'`, but: it said nothing"):
        answer(["sbatch", "a b"])


def test_slurm_is_asked_about_the_cluster_that_took_the_jobs(programs: Callable[[str, str], Path]) -> None:
    """The same number is another job, perhaps the user's too, on another cluster."""
    asked = programs("squeue", "echo '27|3|RUNNING|None'; echo '28|N/A|PENDING|Dependency'")
    removed = programs("scancel", "")
    states = SYSTEMS["slurm"].states("27;other", "28;other")
    assert states.of(3).phase == "running"
    assert states.merge is not None
    assert asked.read_text().startswith("--clusters=other --noheader")
    assert asked.read_text().strip().endswith("--jobs=27,28")
    SYSTEMS["slurm"].cancel(["27;other", "28;other", "5"])
    assert removed.read_text().splitlines() == ["--clusters=other 27 28", "5"]


def test_slurm_submits_the_merge_where_the_array_is() -> None:
    words = ("sbatch", "--parsable", "--dependency=afterany:{array}:17;other", "merge.sh")
    assert slurm.following(words, "27;other") == [
        "sbatch", "--clusters=other", "--parsable", "--dependency=afterany:27:17", "merge.sh",
    ]  # fmt: skip
    assert slurm.following([*words[:2], "--dependency=afterany:{array}"], "27")[-1].endswith("afterany:27")
    with pytest.raises(ExecutorError, match=r"same cluster as job 27, .*there is 17;other"):
        slurm.following(words, "27")
    with pytest.raises(ExecutorError, match="there is name=x"):
        slurm.following(["sbatch", "--dependency=afterany:{array}:name=x"], "27")


def test_slurm_finds_jobs_by_their_name_when_their_number_was_lost(
    programs: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = programs(
        "squeue", "echo 'CLUSTER: a'; echo '27|3|RUNNING|None'; echo '28|N/A|PENDING|Dependency'"
    )
    removed = programs("scancel", "")
    monkeypatch.delenv("SBATCH_CLUSTERS", raising=False)
    lost = slurm.lost_id(request(options("slurm")))
    assert lost == "name=femtobarn-my_search-20260102T030405678-1a2b"
    states = SYSTEMS["slurm"].states(lost, "")
    assert (states.of(3).phase, states.of(0).phase) == ("running", "ended")
    assert states.merge is not None
    assert states.merge.phase == "waiting"
    assert asked.read_text().strip().endswith(f"--{lost}")
    SYSTEMS["slurm"].cancel(["27", lost])
    assert removed.read_text().splitlines() == [f"--{lost}", "27"]
    assert slurm.lost_id(request(options("slurm", extra="-M a,b"))) == f"{lost};a,b"
    assert slurm.lost_id(request(options("slurm", extra="--job-name=mine"))) == "", "no name of ours"
    monkeypatch.setenv("SBATCH_CLUSTERS", "c")
    assert slurm.lost_id(request(options("slurm"))) == f"{lost};c"


def test_kubernetes_finds_a_job_by_its_name_when_its_answer_was_lost(
    programs: Callable[[str, str], Path],
) -> None:
    asked = programs("kubectl", "")
    array = json.loads(dict(kubernetes.render(request(options("k8s-job"))).files)["array.json"])
    lost = kubernetes.lost_id(request(options("k8s-job")))
    assert lost == f"physics/{array['metadata']['name']}"
    SYSTEMS["k8s-job"].cancel([kubernetes.lost_id(request(options("k8s-job", namespace="")))])
    assert asked.read_text().strip() == f"delete job --ignore-not-found --wait=false {lost[8:]}"


@pytest.mark.parametrize("word", ["RESV_DEL_HOLD", "EXPEDITING", "A_WORD_OF_LATER"])
def test_only_a_state_that_is_known_to_be_an_end_is_one(word: str) -> None:
    assert slurm.phase(word) in {"waiting", "unknown"}


@pytest.mark.parametrize(
    "word", ["BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "NODE_FAIL", "PREEMPTED", "TIMEOUT"]
)
def test_ends_of_slurm(word: str) -> None:
    assert slurm.phase(word) == "ended"


def test_what_htcondor_does_not_find_is_gone_already(programs: Callable[[str, str], Path]) -> None:
    programs(
        "condor_rm", 'echo "Couldn\'t find/remove all jobs matching constraint (ClusterId == 40)" >&2; exit 1'
    )
    asked = programs("condor_q", "echo '[]'")
    SYSTEMS["htcondor"].cancel(["40"])
    assert asked.read_text().strip().endswith("JobStatus != 3 && JobStatus != 4")
    programs("condor_q", 'echo \'[{"ClusterId": 40, "JobStatus": 2}]\'')
    with pytest.raises(ExecutorError, match="find/remove all"):
        SYSTEMS["htcondor"].cancel(["40"])
    programs("condor_rm", 'echo "Can\'t connect to local schedd" >&2; exit 1')
    programs("condor_q", "echo '[]'")
    with pytest.raises(ExecutorError, match="connect to local schedd"):
        SYSTEMS["htcondor"].cancel(["40"])
