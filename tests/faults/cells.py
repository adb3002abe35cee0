"""Every fault, by every way in which files are read, with what must come of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from femtobarn.data.storage.download import BLOCK

from ..storage.servers import Fault, FaultServer, Hold, Request, Script, XRootDServer, certificate
from .gate import Gate
from .samples import Samples
from .stage import HELD, Stage, streamed

Way = Literal["stream", "cache", "cache address"]
WAYS: tuple[Way, ...] = ("stream", "cache", "cache address")
Server = Literal["http", "https", "XRootD root", "XRootD http"]
REAL: tuple[Server, Server] = ("XRootD root", "XRootD http")
Play = Callable[[Stage], None]

HEAD = 32 * 1024
"""Bytes that come with opening a file; a request for others is one for data."""

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
    rounds, silences
        how often the task may be tried, and how often in each of them every attempt may be silent
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
    silences: int = 1
    content_seconds: float = 0.0
    program: bool = False
    workers: int = 0
    services: bool = False
    large: bool = False
    unfinished: bool = False

    @property
    def name(self) -> str:
        return f"{self.fault}, {self.way}, {self.server}"


def at_data(fault: Fault, times: int | None = None) -> Script:
    """The fault at the first ``times`` requests for data; None: at every request since the first of them."""
    lock, state = threading.Lock(), {"data": 0, "done": 0}

    def script(request: Request) -> Fault | None:
        wants_data = request.start is None or request.start > 0 or (request.stop or 0) > HEAD
        with lock:
            state["data"] += wants_data
            if not state["data"] or (times is not None and (not wants_data or state["done"] >= times)):
                return None
            state["done"] += 1
            return fault

    return script


def after_the_first_block(fault: Fault) -> Script:
    """The fault at every request for what is behind the first block of a fetch."""
    return lambda request: fault if (request.start or 0) >= BLOCK else None


def scripted(make: Callable[[Stage], Script]) -> Play:
    def play(stage: Stage) -> None:
        stage.server.script(stage.path, make(stage))

    return play


def passing(fault: Fault) -> Play:
    return scripted(lambda _: at_data(fault, times=1))


def lasting(fault: Fault) -> Play:
    return scripted(lambda _: at_data(fault))


def opening(fault: Fault, *, times: int | None = None) -> Play:
    return scripted(lambda _: lambda request: fault if times is None or request.number <= times else None)


def nothing(_: Stage) -> None:
    """The server does everything right."""


def one_bit(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def zeros(content: bytes, place: int, count: int = 512) -> bytes:
    return content[:place] + bytes(count) + content[place + count :]


Change = Callable[[bytes, int], bytes]


def wrong_once(change: Change) -> Play:
    """One answer with a needed basket is wrong, and those after it are right."""

    def play(stage: Stage) -> None:
        right, place, lock, done = (
            stage.server.files[stage.path],
            in_a_basket(stage.samples),
            threading.Lock(),
            [],
        )

        def script(request: Request) -> None:
            holds = (request.start or 0) <= place < (request.stop or len(right))
            with lock:
                stage.server.files[stage.path] = change(right, place) if holds and not done else right
                done.extend([True] * holds)

        stage.server.script(stage.path, script)

    return play


def wrong_file(change: Change) -> Play:
    """The server's own copy is wrong in a basket that the analysis needs."""

    def play(stage: Stage) -> None:
        right = stage.server.files[stage.path]
        stage.server.files[stage.path] = change(right, in_a_basket(stage.samples))
        stage.heal = lambda: stage.server.files.update({stage.path: right})

    return play


def in_a_basket(samples: Samples) -> int:
    """A place in the compressed content of a basket that the analysis needs."""
    from femtobarn.data.columns.open import open_tree

    with open_tree(samples.folder / samples.faulty) as tree:
        first = tree.stored("lep_pt").first
    assert first is not None
    return first[0] + first[1] // 2


def another_edition(stage: Stage) -> None:
    content = stage.server.files[stage.path]
    stage.server.files[stage.path] = stage.samples.other_edition
    stage.heal = lambda: stage.server.files.update({stage.path: content})


def absent(stage: Stage) -> None:
    content = stage.server.files.pop(stage.path)
    stage.heal = lambda: stage.server.files.update({stage.path: content})


def untrusted(stage: Stage) -> None:
    """The file is at a server whose certificate nobody signed."""
    folder = stage.folder / "certificate"
    folder.mkdir(parents=True)
    cert, key = certificate(folder)
    files = {stage.path: stage.samples.content(stage.samples.faulty)}
    server = stage.resources.enter_context(FaultServer(files, tls=(cert, key)))
    stage.url = server.url(stage.path)
    stage.heal = lambda: stage.environment.update(FEMTOBARN_CA_FILE=str(cert))


def elsewhere(stage: Stage) -> None:
    stage.server.script(stage.path, lambda _: Fault("redirect", target=stage.healthy.url(stage.path)))


def mirrored(stage: Stage) -> None:
    """The server fails for ever in mid-file; another one has the same file."""
    lasting(Fault("status"))(stage)
    stage.environment["FEMTOBARN_MIRRORS"] = f"{stage.server.base}/={stage.healthy.base}/"


def stops(stage: Stage) -> None:
    """The server stops in the middle of an answer, and goes on in time."""
    hold = Hold()
    stage.server.script(stage.path, at_data(Fault("hold", hold=hold), times=1))

    def meanwhile() -> None:
        assert hold.reached.wait(HELD)
        hold.release.set()

    stage.meanwhile = meanwhile


def dies(stage: Stage) -> None:
    """The server ends in the middle of an answer, and nothing listens any more."""
    hold = Hold()
    stage.server.script(stage.path, at_data(Fault("hold", hold=hold), times=1))

    def meanwhile() -> None:
        assert hold.reached.wait(HELD)
        stage.server.stop()

    def heal() -> None:
        files = {stage.path: stage.samples.content(stage.samples.faulty)}
        stage.url = stage.resources.enter_context(FaultServer(files)).url(stage.path)

    stage.meanwhile, stage.heal = meanwhile, heal


def http_cells() -> Iterator[Cell]:
    """All cells of the server with scripted faults."""
    error, reset, cut = Fault("status"), Fault("reset"), Fault("truncated")
    silent, busy = "silent for too long", r"not available \(HTTP 503\)"
    broke, ended, short = "the connection broke", "ended too early|too short", "the answer is too short"
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
        (f"range ignored {always}", opening(Fault("whole")), "only the whole", SAME, SAME),
        ("slow", lasting(Fault("slow")), SAME, SAME, None),
        ("no answer at the open, once", opening(Fault("dropped"), times=1), SAME, SAME, None),
        ("no answer at the open, for ever", opening(Fault("dropped")), broke, broke, None),
        ("404", absent, "there is no such file", "there is no such file", "there is no such file"),
        ("redirect to a private address", elsewhere, "private address", "private address", None),
        ("stopped and continued in mid-read", stops, SAME, SAME, None),
        ("killed in mid-read", dies, "connection refused", "connection refused", None),
        ("503 for ever, with a mirror", mirrored, SAME, SAME, None),
    )
    for fault, play, *reasons in table:
        for way, reason in zip(WAYS, reasons, strict=True):
            if reason is not None:
                yield Cell(fault, way, "http", play, reason)
    for way in WAYS[:2]:
        yield Cell("bad certificate", way, "https", untrusted, "certificate is not trusted")
        yield Cell("no answer to one request", way, "http", passing(Fault("hang")), services=True)
        yield Cell("no answer for ever", way, "http", lasting(Fault("hang")), silent, services=True)
    late = scripted(lambda _: after_the_first_block(error))
    name = "503 for ever, from the second block on"
    yield Cell(name, "cache", "http", late, busy, services=True, large=True, unfinished=True)
    drip = lasting(Fault("drip", pause=0.1))
    yield Cell(
        "a few bytes per second", "stream", "http", drip, "too slowly", content_seconds=6, services=True
    )
    yield from _content_cells()


def _content_cells() -> Iterator[Cell]:
    """What comes is as long as it should be, but wrong."""
    checksum, twice, broken = "expected the checksum adler32", "got different ones", "damaged ROOT file"
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
    yield Cell("another edition on the server", "cache", "http", another_edition, "bytes there, not")


def real(play: Play, *, hold: bool = False) -> tuple[Play, Play]:
    """The play on the real server, by root:// and by http://, with the gate held in mid-read if asked."""

    def by(scheme: str) -> Play:
        def both(stage: Stage) -> None:
            # what is left must be more than fits into the buffers between server and gate
            after = 1024 * 1024 if stage.way == "cache" else 2 * streamed(stage.samples) // 3
            stage.real(scheme, after=after if hold else None)
            play(stage)

        return both

    return by("root"), by("http")


def on_disk(
    change: Change | None = None, *, content: Callable[[Samples], bytes | None] | None = None
) -> Play:
    """The server's copy is changed, replaced, or (None) removed."""

    def play(stage: Stage) -> None:
        samples, server = stage.samples, stage.xrootd
        assert server is not None
        right = samples.content(samples.faulty)
        wrong = content(samples) if content else None
        if change is not None:
            wrong = change(right, in_a_basket(samples))
        if wrong is None:
            (server.files / samples.faulty).unlink()
        else:
            server.put(samples.faulty, wrong)
        stage.heal = lambda: [server.put(samples.faulty, right)].clear()

    return play


def in_mid_read(
    action: Callable[[XRootDServer], None], *, then: Callable[[Gate, XRootDServer], None]
) -> Play:
    """Do something to the server while an answer is under way."""

    def play(stage: Stage) -> None:
        server, gate = stage.xrootd, stage.gate
        assert server is not None
        assert gate is not None

        def meanwhile() -> None:
            assert gate.reached.wait(HELD), "the run ended before the server was to fail"
            action(server)
            gate.open()
            then(gate, server)

        stage.meanwhile = meanwhile

    return play


def _continued(gate: Gate, server: XRootDServer) -> None:
    assert gate.asked.wait(HELD), "the server was not asked again"
    server.resume()


def _left(stage_heal: Callable[[XRootDServer], None], play: Play) -> Play:
    """The server stays as it is until the run is over."""

    def both(stage: Stage) -> None:
        play(stage)
        server = stage.xrootd
        assert server is not None
        stage.heal = lambda: stage_heal(server)

    return both


def _restarted(server: XRootDServer) -> None:
    server.kill()
    server.start()


def _nothing_more(_: Gate, __: XRootDServer) -> None:
    """It stays so."""


def xrootd_cells() -> Iterator[Cell]:
    """All cells of the real XRootD server, by its two protocols."""
    silent, gone = "silent for too long", "connection|nothing answers"
    checksum, broken, size = "expected the checksum adler32", "damaged ROOT file", "bytes there, not"
    absent_there, cut = "there is no such file", "truncated ROOT file"
    stopped = in_mid_read(XRootDServer.pause, then=_continued)
    frozen = _left(XRootDServer.resume, in_mid_read(XRootDServer.pause, then=_nothing_more))
    killed = _left(XRootDServer.start, in_mid_read(XRootDServer.kill, then=_nothing_more))
    restarted = in_mid_read(_restarted, then=_nothing_more)
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
