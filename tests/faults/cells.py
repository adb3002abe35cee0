"""Every fault, by every way in which files are read, with what must come of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tests.storage.servers import Fault, XRootDServer

from .plays import (
    Change,
    Play,
    absent,
    after_the_first_block,
    another_edition,
    continued,
    dies,
    elsewhere,
    in_mid_read,
    lasting,
    left,
    mirrored,
    nothing,
    on_disk,
    one_bit,
    opening,
    passing,
    real,
    restarts,
    scripted,
    stays,
    stops,
    untrusted,
    wrong_file,
    wrong_once,
    zeros,
)
from .stage import streamed

Way = Literal["stream", "cache", "cache address"]
WAYS: tuple[Way, ...] = ("stream", "cache", "cache address")
Server = Literal["http", "https", "XRootD root", "XRootD http"]
REAL: tuple[Server, Server] = ("XRootD root", "XRootD http")
DAMAGED_THERE = "The server's copy is damaged or of another edition"
OTHER_SIZE = r"the file has \d+ bytes there, not \d+"

SAME = ""
"""The reason of a cell whose file must be read rightly."""


@dataclass(frozen=True)
class Cell:
    """One fault by one way.

    Parameters
    ----------
    fault, way, server
        which
    play
        makes it
    reason
        a pattern of what the ledger must say of the file; empty if the result must be that of a local run
    rounds
        how often the task may be tried
    content_seconds
        how long one answer may take besides: slow answers are given up by their rate
    program, workers
        whether the run is a program of its own, and with how many worker processes
    services
        whether it belongs to the long tests
    large
        whether the file must take several blocks to fetch
    unfinished
        whether the fetch leaves a part of the file, which the next one continues
    """

    fault: str
    way: Way
    server: Server
    play: Play
    reason: str = SAME
    rounds: int = 1
    content_seconds: float = 0.0
    program: bool = False
    workers: int = 0
    services: bool = False
    large: bool = False
    unfinished: bool = False

    @property
    def name(self) -> str:
        return f"{self.fault}, {self.way}, {self.server}"


def http_cells() -> Iterator[Cell]:
    """All cells of the server with scripted faults."""
    error, reset, cut = Fault("status"), Fault("reset"), Fault("truncated")
    silent, busy = "the server was silent for too long", r"the server is not available \(HTTP 503\)"
    broke, ended, short = (
        "the connection broke",
        "the answer (ended too early|is too short)",
        "the answer is too short",
    )
    refused, private = r"nothing answers there \(connection refused\)", r"it [^;:]*private address"
    once, always = "once", "for ever"
    table: tuple[tuple[str, Play, str | None, str | None, str | None], ...] = (
        # fault, play, and the reason by stream, cache, and cache without a known checksum (None: not tried)
        ("no fault", nothing, SAME, SAME, SAME),
        (f"503 {once}", passing(error), SAME, SAME, None),
        (f"503 {always}", lasting(error), busy, busy, busy),
        (f"reset {once}", passing(reset), SAME, SAME, None),
        (f"reset {always}", lasting(reset), broke, broke, None),
        (f"truncated answer {once}", passing(cut), SAME, SAME, SAME),
        (f"truncated answer {always}", lasting(cut), ended, ended, ended),
        (f"short 206 {once}", passing(Fault("short")), SAME, SAME, SAME),
        (f"short 206 {always}", lasting(Fault("short")), short, short, short),
        (f"range ignored {always}", opening(Fault("whole")), "the server gives only the whole", SAME, SAME),
        ("slow", lasting(Fault("slow")), SAME, SAME, None),
        ("no answer at the open, once", opening(Fault("dropped"), times=1), SAME, SAME, None),
        ("no answer at the open, for ever", opening(Fault("dropped")), broke, broke, None),
        ("404", absent, "there is no such file", "there is no such file", "there is no such file"),
        ("redirect to a private address", elsewhere, private, private, None),
        ("stopped and continued in mid-read", stops, SAME, SAME, None),
        ("killed in mid-read", dies, refused, refused, None),
        ("503 for ever, with a mirror", mirrored, SAME, SAME, None),
    )
    for fault, play, *reasons in table:
        for way, reason in zip(WAYS, reasons, strict=True):
            if reason is not None:
                seldom = way == "cache address" and play is not nothing
                yield Cell(fault, way, "http", play, reason, services=seldom)
    for way in WAYS[:2]:
        yield Cell("bad certificate", way, "https", untrusted, "its certificate is not trusted")
        yield Cell("no answer to one request", way, "http", passing(Fault("hang")), services=True)
        yield Cell("no answer for ever", way, "http", lasting(Fault("hang")), silent, services=True)
    late = scripted(lambda _: after_the_first_block(error))
    name = "503 for ever, from the second block on"
    yield Cell(name, "cache", "http", late, busy, services=True, large=True, unfinished=True)
    drip = lasting(Fault("drip", pause=0.1))
    yield Cell(
        "a few bytes per second",
        "stream",
        "http",
        drip,
        "the answer came too slowly",
        content_seconds=6,
        services=True,
    )
    yield from _content_cells()


def _content_cells() -> Iterator[Cell]:
    """What comes is as long as it should be, but wrong."""
    checksum, twice, broken = (
        DAMAGED_THERE,
        r"expected the same \d+ bytes at \d+ each time, got different ones",
        "damaged ROOT file",
    )
    changes: tuple[tuple[str, Change], ...] = (("one bit wrong", one_bit), ("a block of zeros", zeros))
    for what, change in changes:
        table: tuple[tuple[str, Play, str, str, str | None], ...] = (
            (f"{what} in one answer", wrong_once(change), SAME, SAME, SAME),
            (f"{what} in the file on the server", wrong_file(change), broken, checksum, broken),
        )
        for fault, play, *reasons in table:
            for way, reason in zip(WAYS, reasons, strict=True):
                yield Cell(fault, way, "http", play, reason, rounds=3)
    for way, reason in zip(WAYS, (twice, checksum), strict=False):
        play = lasting(Fault("flipped"))
        yield Cell("bits wrong in every answer, never the same", way, "http", play, reason, rounds=3)
    yield Cell("another edition on the server", "cache", "http", another_edition, OTHER_SIZE)


def xrootd_cells() -> Iterator[Cell]:
    """All cells of the real XRootD server, by its two protocols."""
    silent, gone = (
        "the server was silent for too long",
        "no connection|the connection broke|nothing answers there",
    )
    checksum, broken, size = DAMAGED_THERE, "damaged ROOT file", OTHER_SIZE
    absent_there, cut = "there is no such file", "truncated ROOT file"
    stopped = in_mid_read(XRootDServer.pause, then=continued)
    frozen = left(XRootDServer.resume, in_mid_read(XRootDServer.pause, then=stays))
    killed = left(XRootDServer.start, in_mid_read(XRootDServer.kill, then=stays))
    restarted = in_mid_read(restarts, then=stays)
    half = on_disk(content=lambda samples: samples.content(samples.faulty)[: streamed(samples)])
    table: tuple[tuple[str, tuple[Play, Play], str | None, str | None], ...] = (
        ("no fault", real(nothing), SAME, SAME),
        ("404", real(on_disk(content=lambda _: None)), absent_there, absent_there),
        ("stopped in mid-read, continued when asked again", real(stopped, hold=True), SAME, SAME),
        ("stopped in mid-read for ever", real(frozen, hold=True), silent, silent),
        ("killed in mid-read", real(killed, hold=True), gone, gone),
        ("killed in mid-read and restarted", real(restarted, hold=True), SAME, SAME),
        ("one bit wrong in the file on the server", real(on_disk(one_bit)), broken, checksum),
        ("file truncated on the server", real(half), cut, size),
        ("another edition on the server", real(on_disk(content=lambda s: s.other_edition)), None, size),
    )
    for fault, plays, *reasons in table:
        for play, server in zip(plays, REAL, strict=True):
            for way, reason in zip(WAYS, reasons, strict=False):
                if reason is not None:
                    workers = 2 if reason in {silent, gone} else 0
                    yield Cell(
                        fault,
                        way,
                        server,
                        play,
                        reason,
                        rounds=3,
                        program=True,
                        workers=workers,
                        services=True,
                        large=True,
                    )


def cells() -> tuple[Cell, ...]:
    """All cells, in the order of the table."""
    return (*http_cells(), *xrootd_cells())
