"""A Dask cluster that is ready to be used, however it came to be."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from femtobarn.base.errors import ExecutorError
from femtobarn.base.records import Notice
from femtobarn.running.executors.dask.options import DaskOptions, scheduler_address

if TYPE_CHECKING:
    from distributed import Client, Security

CONNECT = 30.0
"""Seconds for a scheduler to answer."""


_LOGGERS = ("distributed", "tornado", "asyncio", "bokeh")


@dataclass(frozen=True, slots=True)
class Site:
    """A connection to a scheduler, and what is known of its cluster.

    Parameters
    ----------
    client
        the connection
    what
        the cluster in words
    words
        what whoever waits should know at once
    state
        says what the cluster knows of workers that do not come; may take seconds
    news
        gives what has happened to the cluster since it was asked last, at once
    queued
        tells whether jobs are in a queue that may become workers; may take seconds
    """

    client: Client
    what: str
    words: tuple[str, ...] = ()
    state: Callable[[], str] = str
    news: Callable[[], tuple[Notice, ...]] = tuple
    queued: Callable[[], bool] = bool


@contextmanager
def running(options: DaskOptions) -> Iterator[Site]:
    """Give the cluster of a scheduler that runs already; it is left as it was.

    Raises
    ------
    SettingsError
        if the scheduler may not be used
    ExecutorError
        if it does not answer
    """
    from distributed import Security

    address = scheduler_address(options)
    security = None
    if options.tls_ca:
        security = Security(
            tls_ca_file=options.tls_ca,
            tls_client_cert=options.tls_cert,
            tls_client_key=options.tls_key,
            require_encryption=True,
        )
    with connected(address, security) as client:
        yield Site(
            client,
            f"the Dask scheduler at {address}",
            state=lambda: f"Start some: dask worker {address}.",
        )


@contextmanager
def connected(address: str, security: Security | None) -> Iterator[Client]:
    """Give a connection to the scheduler at ``address``.

    Raises
    ------
    ExecutorError
        if it does not answer
    """
    from distributed import Client

    with quiet(), warnings.catch_warnings(), ThreadPoolExecutor(1) as thread:
        warnings.simplefilter("ignore")  # versions are compared, and told, by ourselves
        try:
            # a client waits for ever for a scheduler that takes connections and says nothing
            thread.submit(asyncio.run, _greet(address, security)).result()
            client = Client(address, security=security, timeout=CONNECT, set_as_default=False)
        except (OSError, TypeError, ValueError) as error:
            what = str(error) or type(error).__name__
            msg = f"Expected a Dask scheduler at {address}, but: {what}. Check that it runs, its address and its certificates."
            raise ExecutorError(msg) from error
    try:
        yield client
    finally:
        with quiet(), suppress(OSError, TimeoutError):
            client.close(timeout=5)


async def _greet(address: str, security: Security | None) -> None:
    """See that a scheduler answers; in an event loop of its own, for there may be one already (notebooks)."""
    from distributed.core import rpc

    arguments = security.get_connection_args("client") if security is not None else {}
    async with asyncio.timeout(CONNECT), rpc(address, connection_args=arguments) as scheduler:
        await scheduler.identity(n_workers=0)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what Dask writes to its log from the terminal: what matters of it is told as notices and reasons."""
    import distributed  # noqa: F401 - its log is set up when it is loaded

    known = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in _LOGGERS]
    loggers = [logging.getLogger(name) for name in {*known, *_LOGGERS}]
    before = [(logger, logger.propagate, logger.handlers[:]) for logger in loggers]
    for logger in loggers:
        logger.handlers[:] = [logging.NullHandler()]
        logger.propagate = False
    try:
        yield
    finally:
        for logger, propagate, handlers in before:
            logger.propagate = propagate
            logger.handlers[:] = handlers
