"""Stores of results that are not the run directory: a folder that machines share, or a server."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from femtobarn.base import settings
from femtobarn.base.errors import AddressError, SettingsError, StoreError
from femtobarn.data.storage.local import local_path
from femtobarn.data.storage.urls import is_remote, parse, permitted, shown
from femtobarn.running.results.partial import Partial, to_bytes
from femtobarn.running.results.store import FolderStore, Sink

if TYPE_CHECKING:
    from femtobarn.data.storage.attempts import Tried

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{7,127}")
_PATIENCE = 2  # a result is worth more attempts than a file of which there are others
_LISTED = 8  # so many wanted names in a folder are worth asking for its list

T = TypeVar("T")


class Shelf(Protocol):
    """A place elsewhere that holds results as bytes, by name; safe for several threads."""

    @property
    def led_on(self) -> bool:
        """Whether it has led to other servers, of whose results `among` may not know."""
        ...

    def get(self, name: str) -> bytes | None:
        """Return the content of ``name``, or None if there is none; it may be half of one being written."""
        ...

    def among(self, names: frozenset[str]) -> frozenset[str]:
        """Return those of ``names``, all of one folder, that seem to be there; all, if that cannot be told."""
        ...

    def close(self) -> None:
        """Release connections; whoever waits to ask again gives up."""
        ...


def sink_of(store: str, *, allowed: tuple[str, ...] = ()) -> Sink:
    """Return where results go for ``store``.

    Parameters
    ----------
    store
        a folder, as a whole path, or an http(s):// or root(s):// address
    allowed
        beginnings of addresses and folders below which may be written; none: everywhere

    Raises
    ------
    AddressError
        if it is not below ``allowed``
    SettingsError
        as `check_store`
    MissingExtraError
        if it needs the XRootD client and that is not installed
    """
    check_store(store)
    if allowed:
        _may_write(store, allowed)
    return RemoteStore(store, prefixes=allowed) if is_remote(store) else FolderStore(local_path(store))


def shelf_of(store: str) -> Shelf:
    """Return what gives the results that were left in ``store``.

    Raises
    ------
    SettingsError, MissingExtraError
        as `sink_of`
    """
    check_store(store)
    return RemoteStore(store) if is_remote(store) else SharedFolder(local_path(store))


def check_store(store: str) -> None:
    """Do nothing if ``store`` can be a store.

    Raises
    ------
    SettingsError
        for an address that holds a secret, has a query, or would be written to without encryption
        beyond this machine; for a path that means another folder in another process
    """
    if not is_remote(store):
        if "://" in store and not store.startswith("file://"):
            msg = f"A store must be a folder or an address that begins with https://, http://, root:// or roots://, not {shown(store)}."
            raise SettingsError(msg)
        if not local_path(store).is_absolute():
            msg = f"A store must be a whole path, which is the same folder for all workers, not {store!r}. Write it from the first slash on."
            raise SettingsError(msg)
        return
    from femtobarn.data.storage.guard import encrypted_or_allowed

    try:
        address = parse(store)
    except AddressError as error:
        msg = f"The store is no address that can be used: {error}"
        raise SettingsError(msg) from error
    if address.user or "?" in store or "#" in store:
        msg = f"The address of a store is kept and shown, so it must not hold a user, a password or a query: {shown(store)}. Give a token in FEMTOBARN_STORE_TOKEN_FILE."
        raise SettingsError(msg)
    if not encrypted_or_allowed(address):
        secure = {"http": "https", "root": "roots"}[address.scheme]
        msg = f"{shown(store)}: expected {secure}://, since results would be sent to {address.host} without encryption. Name the host in FEMTOBARN_PLAIN_HOSTS if that network is to be trusted."
        raise SettingsError(msg)


class RemoteStore:
    """Results at ``<url>/<ab>/<name>`` of a server that takes them by PUT or by XRootD; safe for several threads.

    Parameters
    ----------
    url
        the address; its folders are made when the first result is written
    prefixes
        beginnings of addresses to which servers may send us on though they are not public, besides
        ``url`` and ``FEMTOBARN_PREFIXES``

    Raises
    ------
    MissingExtraError
        if it needs the XRootD client and that is not installed
    """

    def __init__(self, url: str, *, prefixes: tuple[str, ...] = ()) -> None:
        from femtobarn.data.storage.network import Network
        from femtobarn.data.storage.objects import objects

        network = Network.from_environment()
        self.url = url
        self._name = shown(url)
        self._network = replace(network, attempts=_PATIENCE * network.attempts)
        self._objects = objects(parse(url), network, (url, *prefixes, *settings.prefixes()))
        self._closed = threading.Event()

    @property
    def led_on(self) -> bool:
        """Whether the server has led to others, of whose results its lists may not tell."""
        return self._objects.led_on

    def write(self, partial: Partial) -> None:
        """Keep ``partial``; when this returns the server has all of it."""
        self.put(partial.header.task, to_bytes(partial))

    def put(self, name: str, data: bytes) -> None:
        """Keep ``data``; what was there before under this name is replaced.

        Raises
        ------
        StoreError
            if the server did not take it, however often it was asked
        """
        _checked(name)
        longest = self._network.longest + self._network.seconds_for(len(data))
        self._done("take a result", longest, lambda end: self._objects.put(name[:2], name, data, end))

    def get(self, name: str) -> bytes | None:
        """Return what is kept under ``name``, or None; it may be half of what is being written.

        Raises
        ------
        StoreError
            if the server gave no answer, however often it was asked
        """
        _checked(name)
        longest = self._network.longest
        return self._done("give a result", longest, lambda end: self._objects.get(name[:2], name, end))

    def among(self, names: frozenset[str]) -> frozenset[str]:
        """Return those of ``names``, all of one folder, that its list holds; all, if there is no list.

        Raises
        ------
        StoreError
            as `get`
        """
        folders = {_checked(name)[:2] for name in names}
        if len(names) < _LISTED or len(folders) != 1:
            return names
        (folder,) = folders
        longest = self._network.longest
        listed = self._done("list results", longest, lambda end: self._objects.listed(folder, end))
        return names if listed is None else names & listed

    def close(self) -> None:
        """Close connections; a call that waits to ask again gives up."""
        self._closed.set()
        self._objects.close()

    def _done(self, what: str, longest: float, ask: Callable[[float], T]) -> T:
        """Ask until there is an answer."""
        from femtobarn.data.storage.attempts import turns
        from femtobarn.data.storage.failures import TransportError

        tried: list[Tried] = []
        for turn in turns(
            (self.url,), self._network, longest=longest, wait=self._wait, given_up=tried.append
        ):
            try:
                return ask(turn.until)
            except TransportError as error:
                turn.failure = error.failure
        last = tried[-1]
        times = "attempt" if last.attempts == 1 else "attempts"
        msg = f"Expected {self._name} to {what}, but ({last.attempts} {times}): {last.failure.words}. {_advice(last)}"
        raise StoreError(msg)

    def _wait(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            msg = f"Nothing more is asked of {self._name}, which was closed."
            raise StoreError(msg)


class SharedFolder:
    """Results in a folder that others write, as `FolderStore` names them; a `Shelf`."""

    led_on = False

    def __init__(self, folder: Path) -> None:
        self._store = FolderStore(folder)

    def get(self, name: str) -> bytes | None:
        """Return the content of ``name``, or None if there is none."""
        try:
            return self._store.path(_checked(name)).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            msg = f"Expected {self._store.folder} to give a result, but: {error.strerror or error}. Check its permissions."
            raise StoreError(msg) from error

    def among(self, names: frozenset[str]) -> frozenset[str]:
        """Return ``names``: asking a folder is quick."""
        return names

    def close(self) -> None:
        """Do nothing."""


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        msg = f"Expected the id of a task as the name of a result, got {name[:200]!r}."
        raise StoreError(msg)
    return name


def _may_write(store: str, allowed: tuple[str, ...]) -> None:
    inside = store if is_remote(store) else str(local_path(store) / "result")  # a link is what it leads to
    try:
        permitted(inside, allowed)
    except AddressError as error:
        places = ", ".join(shown(place) for place in allowed)
        msg = f"{shown(store)}: expected a store below {places}, where results may be written. Allow it where this worker is started, or choose another store."
        raise AddressError(msg) from error


def _advice(tried: Tried) -> str:
    if tried.failure.cause == "denied":
        return "Check FEMTOBARN_STORE_TOKEN_FILE and what its token may do."
    if tried.failure.cause == "refused":
        return "Name that address in FEMTOBARN_PREFIXES if it belongs to the store."
    return "Check the address and the server; the same command tries again."
