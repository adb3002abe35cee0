"""Files whose tree is described by bytes made here: branches within branches, in ways that no writer has."""

from __future__ import annotations

from pathlib import Path

from femtobarn.data.columns.layout import read_directory, read_key, read_top

_COUNT, _NEW, _KNOWN = 0x40000000, 0xFFFFFFFF, 0x80000000
_OBJECT = b"\0\1" + bytes(8)
_EMPTY = bytes(9)  # of an array: no name, no objects, no lower bound


def _sized(version: int, content: bytes) -> bytes:
    return (_COUNT + 2 + len(content)).to_bytes(4, "big") + version.to_bytes(2, "big") + content


_NAMED = _sized(1, _OBJECT + b"\1b" + b"\1b")
_FILL = _sized(2, bytes(4))
_HEAD = _NAMED + _FILL + bytes(24) + _sized(1, b"\0") + bytes(44)  # a TBranch up to the branches in it
_TAIL = 2 * _sized(3, _OBJECT + _EMPTY) + bytes(3) + b"\0"  # leaves, baskets, no numbers, no other file
_NAME = _NEW.to_bytes(4, "big") + b"TBranch\0"


def nested(depth: int, prefix: bytes, origin: int) -> bytes:
    """Return a tree's record with branches properly nested."""
    tag = _tag(prefix, origin)
    inner = b""
    for level in range(depth):
        name = _NAME if level == depth - 1 else tag
        content = name + _sized(13, _HEAD + _array(inner) + _TAIL)
        inner = (_COUNT + len(content)).to_bytes(4, "big") + content
    whole = prefix + _array(inner)
    return _counted(whole, 0, len(whole))


def overlapping(depth: int, prefix: bytes, origin: int) -> bytes:
    """Return a tree's record whose branches end before what is in them: each is met again at every depth."""
    tag = _tag(prefix, origin)
    top = _array_head(1)
    sizes = [4 + (len(_NAME) if level == 0 else 4) for level in range(depth)]
    step = 6 + len(_HEAD) + 6 + 19
    starts = [len(prefix) + len(top)]
    for size in sizes[:-1]:
        starts.append(starts[-1] + size + step)
    last = starts[-1] + sizes[-1] + step  # where the innermost has its objects, of which it has none
    end = last + len(_TAIL)
    out = bytearray(prefix + _counted(top, len(prefix), end))
    for level, start in enumerate(starts):
        following = starts[level + 1] if level + 1 < depth else last
        out += (_COUNT + following - start - 4).to_bytes(4, "big") + (_NAME if level == 0 else tag)
        out += _counted(_sized(13, _HEAD), len(out), end)
        out += _counted(_array_head(depth - level - 1), len(out), last)
    out += _TAIL
    assert len(out) == end
    return _counted(bytes(out), 0, end)


def _tag(prefix: bytes, origin: int) -> bytes:
    """Return what names the class again that the first branch names."""
    return (_KNOWN | (len(prefix) + len(_array_head(1)) + 4 + origin + 2)).to_bytes(4, "big")


def _array_head(count: int) -> bytes:
    return _sized(3, _OBJECT + b"\0" + count.to_bytes(4, "big") + bytes(4))


def _array(inner: bytes) -> bytes:
    head = _array_head(1 if inner else 0)
    return _counted(head + inner, 0, len(head) + len(inner))


def _counted(data: bytes, at: int, end: int) -> bytes:
    """Return an object that is at ``at`` as one that ends at ``end``."""
    return (_COUNT + end - at - 4).to_bytes(4, "big") + data[4:]


def prefix_of(record: bytes) -> bytes:
    """Return what a tree's record has before its branches: the first array in it."""
    return record[: record.index(b"\0\3\0\1" + bytes(4)) - 4]


def with_record(source: Path, target: Path, record: bytes) -> None:
    """Write ``source``, whose only object is a tree, with another record for it."""
    data = bytearray(source.read_bytes())
    seek, size, _ = read_directory(data, read_top(bytes(data)).directory)
    keys = bytes(data[seek : seek + size])
    head, _ = read_key(keys, 0)
    at = head.header + 4
    key, end = read_key(keys, at)
    own = bytearray(keys[at:end])
    own[0:4] = (key.header + len(record)).to_bytes(4, "big")
    own[6:10] = len(record).to_bytes(4, "big")
    width = 8 if int.from_bytes(own[4:6], "big") > 1000 else 4
    own[18 : 18 + width] = len(data).to_bytes(width, "big")
    data[seek + at : seek + end] = own
    data += own + record
    # the end of the file is in its header
    big = int.from_bytes(data[4:8], "big") >= 1_000_000
    data[12 : 20 if big else 16] = len(data).to_bytes(8 if big else 4, "big")
    target.write_bytes(data)
