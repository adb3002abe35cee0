"""When to ask again, whom to ask next, and what to say when all has failed."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from femtobarn.base.errors import AddressError, DataError, FileChangedError, UnavailableError, UnreadableError
from femtobarn.data.storage.failures import Failure
from femtobarn.data.storage.network import Network
from femtobarn.data.storage.urls import parse, shown

_REMEMBERED = 300.0  # seconds for which a host that failed is asked last


@dataclass(slots=True)
class Turn:
    """One attempt: who tries sets ``failure`` if it came to nothing.

    Parameters
    ----------
    address
        whom to ask
    until
        time of ``time.monotonic`` at which to give up
    failure
        why there was no answer
    """

    address: str
    until: float
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """An address that was given up: how often it was asked, and the last reason."""

    address: str
    attempts: int
    failure: Failure


class Unwell:
    """Hosts that failed lately, so that not every file waits for them again."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str, int], float] = {}
        self._lock = threading.Lock()

    def failed(self, address: str) -> None:
        """Remember that the host of ``address`` gave nothing."""
        with self._lock:
            self._since[parse(address).origin] = time.monotonic()

    def worked(self, address: str) -> None:
        """Forget it."""
        if self._since:
            with self._lock:
                self._since.pop(parse(address).origin, None)

    def last(self, addresses: Sequence[str]) -> tuple[str, ...]:
        """Return ``addresses`` with those of unwell hosts at the end."""
        oldest = time.monotonic() - _REMEMBERED
        with self._lock:
            unwell = {origin for origin, since in self._since.items() if since > oldest}
        return tuple(sorted(addresses, key=lambda address: parse(address).origin in unwell))


def turns(
    addresses: Sequence[str],
    network: Network,
    *,
    longest: float,
    wait: Callable[[float], None],
    given_up: Callable[[Tried], None],
) -> Iterator[Turn]:
    """Give one attempt after the other, until the caller stops asking for more.

    Parameters
    ----------
    addresses
        of the same file, in the order in which they are asked
    network
        how often, and how long to wait between
    longest
        seconds that all of them together may take
    wait
        waits so many seconds
    given_up
        is told of each address that is given up

    Yields
    ------
    Turn
        the next one comes after ``failure`` of this one was set
    """
    end = time.monotonic() + longest
    for place, address in enumerate(addresses):
        now = time.monotonic()
        share = now + (end - now) / (len(addresses) - place)  # what is left is for the others too
        for number in range(1, network.attempts + 1):
            turn = Turn(address, share)
            yield turn
            failure = turn.failure or Failure("address", "it was not asked")
            pause = _pause(network, number, failure)
            late = time.monotonic() + pause >= share
            if late and failure.after is not None:
                words = f"{failure.words}; it asks to wait {failure.after:.0f} s, which is too long"
                failure = replace(failure, words=words)
            if failure.kind != "transient" or number == network.attempts or late:
                given_up(Tried(address, number, failure))
                break
            wait(pause)


def conclusion(name: str, tried: Sequence[Tried]) -> DataError:
    """Return the error that says why none of the addresses gave the file ``name``."""
    listed = "; ".join(
        f"{shown(one.address)} ({one.attempts} {'attempt' if one.attempts == 1 else 'attempts'}): {one.failure.words}"
        for one in tried
    )
    causes = {one.failure.cause for one in tried}
    if causes and causes <= {"absent", "denied"}:
        return UnreadableError(
            f"{name}: expected a file that can be read there, but: {listed}. Check the address."
        )
    if causes == {"refused"}:
        return AddressError(
            f"{name}: expected a file at a public or allowed address, but: {listed}. Add the address to FEMTOBARN_PREFIXES if it may be read."
        )
    if "changed" in causes and causes <= {"changed", "absent", "denied"}:
        return FileChangedError(
            f"{name}: expected the file that was planned, but: {listed}. Plan again if the new one is meant."
        )
    return UnavailableError(
        f"{name}: no server gave a right answer: {listed}. Try again later, or name another place of the file in FEMTOBARN_MIRRORS."
    )


def _pause(network: Network, number: int, failure: Failure) -> float:
    chance = random.uniform(0.5, 1.0)  # noqa: S311 - keeps many workers from asking at the same moment
    pause = min(network.backoff * 2.0 ** (number - 1), 60.0) * chance
    return max(pause, failure.after or 0.0)
