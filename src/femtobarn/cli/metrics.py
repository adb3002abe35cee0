"""``--metrics-port``: numbers for Prometheus while a command runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from femtobarn.running.engine import endpoint

if TYPE_CHECKING:
    from femtobarn.running.engine.observer import Observer

LOOPBACK = endpoint.LOOPBACK

PortOption = Annotated[
    int | None,
    typer.Option(
        metavar="PORT",
        min=0,
        max=65535,
        help="Tell numbers to Prometheus at this port; 0 takes any that is free.",
    ),
]
HostOption = Annotated[str, typer.Option(metavar="HOST", help="Address on which that port is open.")]


@contextmanager
def observed(observer: Observer, port: int | None, host: str) -> Iterator[Observer]:
    """Give an observer that tells ``observer`` all and Prometheus its numbers; without a port, ``observer``."""
    if port is None:
        yield observer
        return
    from femtobarn.running.engine.observer import Observers
    from femtobarn.running.engine.telemetry import RunTelemetry

    telemetry = RunTelemetry()
    with closing(telemetry.serve(host, port)) as served:
        observer.notice(f"metrics: {served.address}")
        yield Observers(observer, telemetry)
