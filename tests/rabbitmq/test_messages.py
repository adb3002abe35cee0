"""Messages go through the broker unchanged, and what is none raises our own error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.running.toys import RELEASE, job, toy_spec

from femtobarn.base.errors import ExecutorError
from femtobarn.base.records import InputFile, Outcome, Task
from femtobarn.running.executors.rabbitmq.messages import (
    JobMessage,
    RunMessage,
    TaskMessage,
    WorkerAnswer,
    new_token,
    pack,
    pack_result,
    unpack,
    unpack_result,
)

TEXTS = st.text(max_size=40)
NUMBERS = st.floats(0.0, 1e9)
COUNTS = st.integers(0, 2**53)
OUTCOMES = st.builds(
    Outcome,
    task=st.text("0123456789abcdef", max_size=64),
    processed=st.booleans(),
    reason=TEXTS,
    attempts=COUNTS,
    start=st.none() | COUNTS,
    stop=st.none() | COUNTS,
    events=COUNTS,
    seconds=NUMBERS,
    bytes_read=COUNTS,
    worker=TEXTS,
    finished=NUMBERS,
    pending=st.booleans(),
)
FILES = st.builds(
    InputFile,
    name=TEXTS,
    url=TEXTS,
    size=COUNTS,
    identity=TEXTS,
    kind=st.sampled_from(["data", "mc"]),
    dataset=st.none() | COUNTS,
    period=st.none() | TEXTS,
    process=TEXTS,
)
TASKS = st.builds(
    Task,
    id=st.text("0123456789abcdef", min_size=64, max_size=64),
    analysis=TEXTS,
    release=st.just(RELEASE),
    format=TEXTS,
    file=FILES,
    part=COUNTS,
    parts=COUNTS,
    chunk_entries=COUNTS,
    fraction=st.none() | NUMBERS,
)
KINDS = (JobMessage, TaskMessage, RunMessage, WorkerAnswer)


@given(OUTCOMES, st.binary(max_size=200))
def test_a_result_is_what_it_was(outcome: Outcome, data: bytes) -> None:
    assert unpack_result(pack_result(outcome, data)) == (outcome, data)


@given(TASKS)
def test_a_task_is_what_it_was(task: Task) -> None:
    message = TaskMessage(token=new_token(), task=task)
    assert unpack(TaskMessage, pack(message)) == message


def test_a_job_is_what_it_was() -> None:
    spec = toy_spec()
    message = JobMessage(
        results_version=1, femtobarn="0.1.0", token=new_token(), job=job(spec), max_message_bytes=1024
    )
    again = unpack(JobMessage, pack(message))
    assert again == message
    assert again.job.analysis.identity == spec.identity


@given(st.binary(max_size=300))
def test_garbage_is_our_error(body: bytes) -> None:
    for kind in KINDS:
        with pytest.raises(ExecutorError, match="Expected a"):
            unpack(kind, body)
    with pytest.raises(ExecutorError, match="Expected"):
        unpack_result(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
        max_leaves=12,
    )
)
def test_other_json_is_our_error(value: object) -> None:
    import json

    for kind in KINDS:
        with pytest.raises(ExecutorError):
            unpack(kind, json.dumps(value).encode("utf-8", "surrogatepass"))


@given(st.binary(min_size=1, max_size=60), st.integers(0, 400))
def test_damaged_results_are_our_error_or_another_outcome(noise: bytes, place: int) -> None:
    whole = bytearray(pack_result(Outcome(task="ab" * 32, processed=True), b"data"))
    whole[place % len(whole) : place % len(whole) + len(noise)] = noise
    try:
        outcome, _ = unpack_result(bytes(whole))
    except ExecutorError:
        return
    assert isinstance(outcome, Outcome)


def test_deep_and_long_messages_are_refused() -> None:
    for body in (b"[" * 10**6, b'{"a":' * 10**5, b"9" * 10**6, b'"' + b"x" * 10**6):
        with pytest.raises(ExecutorError) as raised:
            unpack(TaskMessage, body)
        assert len(str(raised.value)) < 1000


@pytest.mark.parametrize("name", ["../" + "0" * 61, "/etc/passwd", "0" * 64 + "\n", "é", "0" * 200])
@given(task=TASKS)
def test_the_name_of_a_task_leads_nowhere_else(name: str, task: Task) -> None:
    message = TaskMessage.model_construct(token=new_token(), task=task.model_copy(update={"id": name}))
    with pytest.raises(ExecutorError, match=r"task\.id"):
        unpack(TaskMessage, pack(message))


@pytest.mark.parametrize("token", ["", "0" * 31, "0" * 33, "../" + "0" * 29, "G" * 32, "0" * 31 + "\n"])
def test_a_token_is_nothing_but_a_token(token: str) -> None:
    body = RunMessage.model_construct(token=token, analysis="a", tasks=1, host="h", started=0.0)
    with pytest.raises(ExecutorError, match="token"):
        unpack(RunMessage, pack(body))
    assert new_token() != new_token()
