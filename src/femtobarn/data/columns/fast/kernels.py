"""The compiled part of the reader: from baskets in a file to numbers in memory.

Imports Numba, as a compiler: only imported when there is no object code yet (see `native`). Addresses are
plain integers; nothing is allocated and no Python object is touched, so that threads run side by side.
Whatever a file says of its own sizes is checked before it is used.

Sources: ROOT's reference of ``TKey`` and ``TBasket``; `core/zip/src/RZip.cxx` for compressed blocks.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numba
from numba import types

from femtobarn.data.columns.fast.instructions import (
    be16,
    be32,
    be64,
    inflate_at,
    move1,
    move2,
    move4,
    move8,
    put_word,
    read_at,
    u8,
    word,
)
from femtobarn.data.columns.fast.layout_codes import (
    ARRAYS,
    BASKET,
    BLOCKS,
    CONTENT,
    COUNTS,
    DONE,
    FILLED,
    FIXED,
    HEADER,
    NEED,
    NEEDS_OUTPUT,
    NEEDS_PLAIN,
    OFFSETS,
    OTHER_CODEC,
    SHARED,
    SLACK,
    UNREADABLE,
    VECTORS,
)

I64 = types.int64
Int: TypeAlias = Any  # a number of Numba's
_ENTRY = 10  # bytes before the numbers of a vector: byte count (4), version (2), count (4)
_BYTE_COUNT = 0x40000000
_TBASKET = 0x544261736B657400  # "TBasket" and a zero byte
_TAIL = 19  # bytes of a basket's own fields at the end of its header
_BLOCK = 9
_INSUFFICIENT_SPACE = 3  # LIBDEFLATE_INSUFFICIENT_SPACE
_MARGIN = 512  # a match is at most 258 bytes, and libdeflate writes less than 64 bytes ahead
_CANARY_AT = 128
_CANARY = 0x5EA7B0A7C0FFEE11
_MOST_RATIO = 1032  # of deflate


_compiled = numba.njit(error_model="numpy", boundscheck=False, _nrt=False)


def _signed(value: Int) -> Int:
    return value - ((value & 0x80000000) << 1)


def _little(at: Int) -> Int:
    return u8(at) | (u8(at + 1) << 8) | (u8(at + 2) << 16)


def _move(to: Int, at: Int, count: Int, size: Int) -> None:
    """Move ``count`` numbers of ``size`` bytes; up to 31 bytes more are touched."""
    done = I64(0)
    length = count * size
    if size == 4:
        while done < length:
            move4(to + done, at + done)
            done += 32
    elif size == 8:
        while done < length:
            move8(to + done, at + done)
            done += 32
    elif size == 2:
        while done < length:
            move2(to + done, at + done)
            done += 32
    else:
        while done < length:
            move1(to + done, at + done)
            done += 32


def _header(at: Int, size: Int, position: Int, entries: Int) -> Int:
    """Return the length of a basket's header, or `HEADER` if it is not the one of this basket."""
    if size < 60 or be32(at) != size or u8(at + 4) > 127:
        return I64(HEADER)
    large = be16(at + 4) > 1000
    where = be64(at + 18) if large else be32(at + 18)
    name = at + (34 if large else 26)
    length = be16(at + 14)
    if where != position or length >= size or length < name - at + 10 + _TAIL or u8(name) != 7:
        return I64(HEADER)
    if (be64(name + 1) | 255) != (_TBASKET | 255) or be32(at + length - 9) != entries:
        return I64(HEADER)
    texts = name + 8 - at
    for _ in range(2):
        if texts >= length:
            return I64(HEADER)
        if u8(at + texts) == 255:
            texts += 5 + be32(at + texts + 1)
        else:
            texts += 1 + u8(at + texts)
    # the name and title end where the basket's own fields begin
    return length if texts + _TAIL == length else I64(HEADER)


def _inflate(
    at: Int, end: Int, plain: Int, length: Int, data: Int, inflater: Int, context: Int, check: Int
) -> Int:
    """Inflate a basket's blocks from ``at`` to ``end``; they must give ``length`` bytes.

    Without ``check``, inflating stops after ``data`` bytes if libdeflate tells that it wrote so many.
    """
    filled = I64(0)
    while at + _BLOCK <= end:
        packed, unpacked = _three(at + 3), _three(at + 6)
        if at + _BLOCK + packed > end or filled + unpacked > length:
            return I64(BLOCKS)
        if u8(at) != 0x5A or u8(at + 1) != 0x4C:
            return I64(OTHER_CODEC)
        source, target = at + _BLOCK, plain + filled
        outcome = I64(_INSUFFICIENT_SPACE)
        if check == 0 and unpacked == length and data + _MARGIN < length:
            # a block that is stored is refused as a whole if it does not fit: then nothing was written
            # so far, the canary is still there, and all is inflated
            put_word(target + data + _CANARY_AT, I64(_CANARY))
            outcome = inflate_at(inflater, context, source, packed, target, data + _MARGIN)
            if outcome == _INSUFFICIENT_SPACE and word(target + data + _CANARY_AT) != _CANARY:
                outcome = I64(0)
        if outcome == _INSUFFICIENT_SPACE:
            outcome = inflate_at(inflater, context, source, packed, target, unpacked)
        if outcome != 0:
            return I64(CONTENT)
        filled += unpacked
        at += _BLOCK + packed
    return I64(DONE) if at == end and filled == length else I64(BLOCKS)


def _lay(offsets: Int, peer: Int, state: Int, entry: Int, filled: Int) -> None:
    """Note where an entry's numbers end: compared with the peer's offsets while they are the same."""
    if word(state + 8 * SHARED) != 0:
        if word(peer + 8 * entry) == filled:
            return
        put_word(state + 8 * SHARED, I64(0))
        for before in range(entry):
            put_word(offsets + 8 * before, word(peer + 8 * before))
    put_word(offsets + 8 * entry, filled)


def _lists(
    at: Int, data: Int, form: Int, size: Int, first: Int, last: Int, start: Int, stop: Int, out: Int,
    filled: Int, offsets: Int, peer: Int, state: Int,
) -> Int:  # fmt: skip
    """Unpack a basket of lists; return how many numbers there are now, or `COUNTS`."""
    here, end = at, at + data
    table = end + 4
    origin = be32(table) if form == ARRAYS else I64(0)
    for entry in range(first, last):
        if form == VECTORS:
            if here + _ENTRY > end:
                return I64(COUNTS)
            count = be32(here + 6)
            if be32(here) != _BYTE_COUNT + 6 + count * size:
                return I64(COUNTS)
            here += _ENTRY
        elif form == ARRAYS:
            after = end if entry + 1 == last else at + be32(table + 4 * (entry + 1 - first)) - origin
            count = (after - here) // size
            if after < here or here + count * size != after:
                return I64(COUNTS)
        else:
            if here + 5 > end + SLACK:
                return I64(COUNTS)
            count = u8(here)
            here += 1
            if count == 255:
                count = be32(here)
                here += 4
        after = here + count * size
        if after > end:
            return I64(COUNTS)
        if start <= entry < stop:
            _move_numbers(out + filled * size, here, count, size)
            filled += count
            _lay_offset(offsets, peer, state, entry - start + 1, filled)
        here = after
    return filled if here == end else I64(COUNTS)


_signed32, _three, _move_numbers = _compiled(_signed), _compiled(_little), _compiled(_move)
_check_header, _lay_offset = _compiled(_header), _compiled(_lay)
_inflate_blocks = _compiled(_inflate)
_unpack = _compiled(_lists)


def _content(
    fd: Int, place: Int, size: Int, entries: Int, packed: Int, plain: Int, room: Int, inflater: Int,
    context: Int, check: Int, form: Int, state: Int, found: Int,
) -> Int:  # fmt: skip
    """Bring a basket's content into memory; address and length of its data go to ``found``."""
    got = I64(0)
    while got < size:
        more = read_at(fd, packed + got, size - got, place + got)
        if more <= 0:
            return I64(UNREADABLE)
        got += more
    length = _check_header(packed, size, place, entries)
    if length < 0:
        return length
    whole = _signed32(be32(packed + 6))
    data = _signed32(be32(packed + length - 5)) - length
    if data < 0 or data > whole:
        return I64(HEADER)
    at = packed + length
    if size - length != whole:
        if u8(at) != 0x5A or u8(at + 1) != 0x4C or inflater == 0:
            return I64(OTHER_CODEC)
        if whole > (size - length) * _MOST_RATIO:
            return I64(BLOCKS)
        if whole + SLACK > room:
            put_word(state + 8 * NEED, whole + SLACK)
            return I64(NEEDS_PLAIN)
        outcome = _inflate_blocks(
            at, packed + size, plain, whole, data, inflater, context, check if form != ARRAYS else I64(1)
        )
        if outcome != DONE:
            return outcome
        at = plain
    if form == ARRAYS and (whole - data != 4 * (entries + 2) or be32(at + data + 4) != length):
        return I64(OFFSETS)
    put_word(found, at)
    put_word(found + 8, data)
    return I64(DONE)


_fetch = _compiled(_content)


def column(
    fd: Int, places: Int, sizes: Int, edges: Int, baskets: Int, form: Int, size: Int, count: Int,
    start: Int, stop: Int, packed: Int, plain: Int, room: Int, inflater: Int, context: Int, check: Int,
    out: Int, capacity: Int, offsets: Int, peer: Int, state: Int,
) -> Int:  # fmt: skip
    """Read a branch's entries ``start`` to ``stop``; the state says where to go on after a pause.

    Parameters
    ----------
    fd
        descriptor of the file; below 0 if ``places`` are addresses of the baskets' data, ``sizes`` their
        bytes, and a table of offsets, if any, follows each
    places, sizes, edges, baskets
        int64 arrays with position, bytes and first entry of each basket, and how many there are
    form, size, count
        form of an entry, bytes of a number, numbers of an entry if that is fixed
    packed, plain, room
        memory for a basket as it is stored, and for its content, of that many bytes
    inflater, context
        address of libdeflate's function, and its decompressor; 0 if there is none
    check
        whether checksums are verified
    out, capacity
        memory for so many numbers, and `SLACK`
    offsets, peer
        int64 memory for the offsets of lists, and offsets that may be the same
    state
        int64, `STATE_SIZE` of them
    """
    basket, filled = word(state + 8 * BASKET), word(state + 8 * FILLED)
    found = state + 8 * (NEED + 1)
    while basket < baskets and word(edges + 8 * basket) < stop:
        place, length = word(places + 8 * basket), word(sizes + 8 * basket)
        first, last = word(edges + 8 * basket), word(edges + 8 * basket + 8)
        put_word(state + 8 * BASKET, basket)
        put_word(state + 8 * FILLED, filled)
        at, data = place, length
        if fd >= 0:
            outcome = _fetch(
                fd, place, length, last - first, packed, plain, room, inflater, context, check, form, state,
                found,
            )  # fmt: skip
            if outcome != DONE:
                return outcome
            at, data = word(found), word(found + 8)
        if form == FIXED:
            width = size * count
            if data != (last - first) * width:
                return I64(COUNTS)
            low, high = max(first, start), min(last, stop)
            if filled + (high - low) * count > capacity:
                return I64(OFFSETS)
            _move_numbers(out + filled * size, at + (low - first) * width, (high - low) * count, size)
            filled += (high - low) * count
        else:
            if filled + data // size > capacity:
                put_word(state + 8 * NEED, filled + data // size)
                return I64(NEEDS_OUTPUT)
            outcome = _unpack(
                at, data, form, size, first, last, start, stop, out, filled, offsets, peer, state
            )
            if outcome < 0:
                return outcome
            filled = outcome
        basket += 1
    put_word(state + 8 * FILLED, filled)
    return I64(DONE)


def module() -> str:
    """Return the kernel as LLVM IR with a function ``column``."""
    signature = types.int64(*[types.int64] * 21)
    compiled = numba.cfunc(signature, error_model="numpy", boundscheck=False, _nrt=False)(column)
    text: str = compiled.inspect_llvm()
    name = compiled._wrapper_name  # noqa: SLF001
    # one caller each: as internal functions they are inlined
    text = text.replace("define linkonce_odr ", "define internal ")
    return text.replace(f'@"{name}"', "@column").replace(f"@{name}(", "@column(")
