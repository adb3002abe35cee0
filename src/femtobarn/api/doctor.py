"""Whether this machine has what it takes: versions, cache, codecs, extras, network."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Literal
from urllib.request import getproxies

from femtobarn.base import settings
from femtobarn.base.errors import FemtobarnError
from femtobarn.data.catalogue import release, releases
from femtobarn.data.storage import Cache, Network, identify_remote, shown
from femtobarn.data.storage.private import private_folder
from femtobarn.data.storage.urls import MIRRORS, alternatives, parse

State = Literal["good", "note", "bad"]

NEEDED = (
    "uproot",
    "awkward",
    "numpy",
    "numba",
    "boost-histogram",
    "hist",
    "matplotlib",
    "pyarrow",
    "urllib3",
)
EXTRAS = {"xrootd": ("XRootD", "files at root:// addresses"), "lab": ("jupyterlab", "notebooks")}
PATIENCE = 5.0
"""Seconds that a server may take to answer."""

_CODECS = ("ZLIB", "LZ4", "ZSTD", "LZMA")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    topic, name
        what it is
    state
        ``good``; ``note``: not needed, or not found out; ``bad``: something essential is broken
    words
        what was found, and what to do about it
    """

    topic: str
    name: str
    state: State
    words: str


def doctor(*, network: bool = True) -> tuple[Check, ...]:
    """Look at this machine. What is wrong is told, never raised.

    Parameters
    ----------
    network
        whether servers are tried; none of them is essential
    """
    looks: list[Callable[[], Iterator[Check]]] = [
        _versions,
        _machine,
        _cache,
        _shared,
        _codecs,
        _extras,
        _trust,
    ]
    if network:
        looks += [_servers]
    return tuple(check for look in looks for check in _safely(look))


def _safely(look: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from look()
    except FemtobarnError as error:
        yield Check(look.__name__.strip("_"), "", "bad", str(error))


def _versions() -> Iterator[Check]:
    from femtobarn import __version__

    yield Check("version", "femtobarn", "good", __version__)
    yield Check("version", "python", "good", f"{platform.python_version()} on {platform.platform()}")
    for name in NEEDED:
        try:
            yield Check("version", name, "good", version(name))
        except PackageNotFoundError:
            yield Check("version", name, "bad", "not installed. Install femtobarn again.")


def _machine() -> Iterator[Check]:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    yield Check("machine", "", "good", f"{settings.cores()} cores, {memory / 1e9:.1f} GB of memory")


def _cache() -> Iterator[Check]:
    cache = Cache.from_environment()
    private_folder(cache.folder)
    held = sum(e.info.size for e in cache.entries()) + sum(u.done for u in cache.unfinished())
    free = shutil.disk_usage(cache.folder).free
    words = (
        f"{cache.folder}: yours alone to write, {held / 1e9:.2f} of at most {cache.limit_bytes / 1e9:.1f} GB, "
        f"{free / 1e9:.1f} GB free on its disk"
    )
    yield Check("cache", "", "good" if free > 1e9 else "note", words)


def _shared() -> Iterator[Check]:
    for path in settings.shared_caches():
        if os.access(path / "files", os.R_OK | os.X_OK):
            yield Check("shared cache", "", "good", f"{path}: readable")
        else:
            words = f"{path}: no cache that can be read. Look at FEMTOBARN_SHARED_CACHE."
            yield Check("shared cache", "", "note", words)


def _codecs() -> Iterator[Check]:
    import numpy as np
    from uproot import compression
    from uproot.source.chunk import Chunk
    from uproot.source.cursor import Cursor

    content = bytes(range(256)) * 16
    for name in _CODECS:
        try:
            packed = compression.compress(content, getattr(compression, name)(1))
            chunk = Chunk.wrap(None, np.frombuffer(packed, np.uint8))
            opened = compression.decompress(chunk, Cursor(0), {}, len(packed), len(content))
            right = bytes(opened.raw_data) == content
        except (ImportError, ValueError, OSError) as error:
            yield Check("codec", name.lower(), "bad", f"cannot be read: {error}. Install femtobarn again.")
        else:
            words = "reads back what was written" if right else "reads something else than what was written"
            yield Check("codec", name.lower(), "good" if right else "bad", words)


def _extras() -> Iterator[Check]:
    for extra, (module, use) in EXTRAS.items():
        if find_spec(module) is not None:
            yield Check("extra", extra, "good", f"installed: {use}")
        else:
            words = f"not installed: {use}. If you need it: pip install 'femtobarn[{extra}]'"
            yield Check("extra", extra, "note", words)


def _trust() -> Iterator[Check]:
    proxies = {k: v for k, v in getproxies().items() if k in {"http", "https", "all"}}
    words = ", ".join(f"{kind}: {shown(place)}" for kind, place in sorted(proxies.items())) or "none"
    yield Check("network", "proxy", "good", words)
    file = settings.certificate_file()
    yield Check(
        "network", "certificates", "good", "the system's" if file is None else f"the system's and {file}"
    )


def _servers() -> Iterator[Check]:
    known = Network.from_environment()
    network = replace(
        known,
        attempts=1,
        timeout=min(PATIENCE, known.timeout),
        longest=2 * PATIENCE,
        mirrors=tuple((place, place) for place, _ in MIRRORS),  # each address for itself
    )
    file = _smallest()
    for address in alternatives(file, known):
        yield _reaches(address, network)
    for address in (settings.metadata_api(), settings.portal_api()):
        yield _answers(address, network)


def _reaches(address: str, network: Network) -> Check:
    """Read the first bytes of a published file."""
    where = f"{parse(address).scheme}://{parse(address).host}"
    try:
        begun = time.monotonic()
        identify_remote(address, (address,), network)
    except FemtobarnError as error:
        return Check(
            "network", where, "note", f"no data from there: {str(error).removeprefix(f'{address}: ')}"
        )
    return Check("network", where, "good", f"gives data, in {time.monotonic() - begun:.1f} s")


def _answers(address: str, network: Network) -> Check:
    """Ask a server for anything at all."""
    from femtobarn.data.storage.failures import TransportError
    from femtobarn.data.storage.web import Web

    where = shown(address)
    web = Web(network, ())
    try:
        web.get(parse(address), {}, time.monotonic() + 2 * PATIENCE)[0].close()
    except TransportError as error:
        return Check("network", where, "note", f"no answer: {error}")
    except FemtobarnError as error:
        return Check("network", where, "note", str(error))
    finally:
        web.close()
    return Check("network", where, "good", "answers")


def _smallest() -> str:
    """Return where the smallest published file is."""
    files = (f for name in releases() for skim in release(name).skims for f in release(name).files(skim))
    return min(files, key=lambda f: f.size).url
