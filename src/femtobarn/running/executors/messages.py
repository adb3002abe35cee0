"""What a run and its worker processes say to each other: JSON records, each after its length in bytes."""

from __future__ import annotations

import struct
from typing import BinaryIO, Generic, TypeVar

from femtobarn.base.record import Record
from femtobarn.base.records import Job, Task

Message = TypeVar("Message", bound=Record)

_LENGTH = struct.Struct(">Q")


class Setup(Record):
    """The first message to a worker.

    Parameters
    ----------
    job
        what it needs besides tasks
    store
        the folder or the address to which results go
    place
        put before its name, where one machine is not all
    worker
        its whole name, if it has one
    """

    job: Job
    store: str
    place: str = ""
    worker: str = ""


class Work(Record):
    """A task for a worker."""

    task: Task


def encode(message: Record) -> bytes:
    """Return the bytes of ``message``."""
    body = message.model_dump_json().encode()
    return _LENGTH.pack(len(body)) + body


def receive(source: BinaryIO) -> bytes | None:
    """Wait for one message on ``source``; return its body, or None when the source has ended."""
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    body = source.read(length)
    return body if len(body) == length else None


class Decoder(Generic[Message]):
    """Cuts a stream of bytes into messages of one kind.

    Parameters
    ----------
    kind
        what each message must be; anything else is a validation error
    """

    def __init__(self, kind: type[Message]) -> None:
        self._kind = kind
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Take more bytes; return the messages that are complete now."""
        self._buffer += data
        messages: list[Message] = []
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                break
            messages.append(self._kind.model_validate_json(bytes(self._buffer[_LENGTH.size : end])))
            del self._buffer[:end]
        return messages
