"""Numbers that Python and the compiled kernels agree on: forms of branches, and outcomes."""

from __future__ import annotations

FIXED, VECTORS, ARRAYS, STRINGS = range(4)
"""Forms of an entry: numbers of one count; a vector with its header; numbers up to the next offset; a string."""

DONE, NEEDS_OUTPUT, NEEDS_PLAIN, OTHER_CODEC = range(4)
"""Outcomes: read; more room is needed for numbers or for a basket's content; not a codec of the kernel."""

UNREADABLE, HEADER, BLOCKS, CONTENT, COUNTS, OFFSETS = range(-1, -7, -1)
"""Outcomes of a damaged file."""

PROBLEMS = {
    UNREADABLE: "is not within the file",
    HEADER: "has the header of another, or none",
    BLOCKS: "has compressed blocks that do not fill it",
    CONTENT: "cannot be decompressed, or has another checksum",
    COUNTS: "has counts that do not fit its content",
    OFFSETS: "has offsets that do not fit its content",
}
"""What messages say of a basket, by outcome."""

SLACK = 64
"""Bytes that must be readable, or writable, after what is meant: numbers are moved 32 bytes at a time."""

BASKET, FILLED, SHARED = range(3)
"""Where the kernel's state keeps its basket, the numbers written, and whether offsets equal the peer's."""

NEED = 3
"""Where the kernel's state keeps how much room it needs; two places of its own follow."""

STATE_SIZE = 6
"""Length of the kernel's state, int64."""
