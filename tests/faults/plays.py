"""What is done to servers while a run reads from them."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.storage.servers import Fault, FaultServer, Hold, Request, Script, XRootDServer, certificate

from femtobarn.data.storage.download import BLOCK

from .gate import Gate
from .samples import Samples
from .stage import HELD, Stage, streamed

Play = Callable[[Stage], None]
Change = Callable[[bytes, int], bytes]

HEAD = 32 * 1024
"""Bytes that come with opening a file; a request for others is one for data."""


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
    from femtobarn.data.columns.readers import open_reader

    with open_reader(samples.folder / samples.faulty, None) as tree:
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
        stage.heal = lambda: server.put(samples.faulty, right)

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


def continued(gate: Gate, server: XRootDServer) -> None:
    assert gate.asked.wait(HELD), "the server was not asked again"
    server.resume()


def left(stage_heal: Callable[[XRootDServer], None], play: Play) -> Play:
    """The server stays as it is until the run is over."""

    def both(stage: Stage) -> None:
        play(stage)
        server = stage.xrootd
        assert server is not None
        stage.heal = lambda: stage_heal(server)

    return both


def restarts(server: XRootDServer) -> None:
    server.kill()
    server.start()


def stays(_: Gate, __: XRootDServer) -> None:
    """It stays so."""
