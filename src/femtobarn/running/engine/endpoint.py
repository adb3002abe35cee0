"""Numbers for Prometheus over http: made at each scrape, on this machine only unless told otherwise."""

from __future__ import annotations

import resource
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeAlias

from femtobarn.base.errors import MissingExtraError, SettingsError
from femtobarn.base.text import visible

LOOPBACK = "127.0.0.1"

Family: TypeAlias = Any
"""A metric of prometheus_client with its samples."""

Samples: TypeAlias = Iterable[tuple[Mapping[str, str], float]]
"""Labels and value; labels of one metric have the same names."""

_BUCKETS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)  # seconds of a task
_LONGEST_LABEL = 100  # characters


class Endpoint:
    """A server that tells numbers to whoever asks, until it is closed.

    Parameters
    ----------
    families
        returns the metrics; called at each scrape, from other threads
    host, port
        where to listen; port 0 is any that is free

    Raises
    ------
    MissingExtraError
        if prometheus_client is not installed
    SettingsError
        if it cannot listen there
    """

    def __init__(self, families: Callable[[], Iterable[Family]], host: str = LOOPBACK, port: int = 0) -> None:
        client = _client()
        registry = client.CollectorRegistry()
        registry.register(_Collector(families))
        try:
            self._server, self._thread = client.start_http_server(port, host, registry)
        except (OSError, OverflowError) as error:
            msg = f"Expected to tell metrics at {host} port {port}, but cannot listen there ({error}). Choose another address of this machine, or port 0 for any that is free."
            raise SettingsError(msg) from error
        self.host, self.port = host, int(self._server.server_port)

    @property
    def address(self) -> str:
        """Where to scrape."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/metrics"

    def close(self) -> None:
        """End the server; when this returns nobody listens any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Durations:
    """How long tasks took, counted in buckets."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_BUCKETS) + 1)
        self._sum = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self._counts[bisect_left(_BUCKETS, seconds)] += 1
        self._sum += seconds

    def family(self, name: str, words: str) -> Family:
        """Return the histogram."""
        bounds = [*map(str, _BUCKETS), "+Inf"]
        buckets = list(zip(bounds, accumulate(self._counts), strict=True))
        return _core().HistogramMetricFamily(name, words, buckets=buckets, sum_value=self._sum)


def counter(name: str, words: str, samples: Samples) -> Family:
    """Return a counter; its name gets ``_total``."""
    return _filled(_core().CounterMetricFamily, name, words, samples)


def gauge(name: str, words: str, samples: Samples) -> Family:
    """Return a gauge."""
    return _filled(_core().GaugeMetricFamily, name, words, samples)


def info(name: str, words: str, **labels: str) -> Family:
    """Return a metric that is 1 and whose labels tell something; its name gets ``_info``."""
    own = {key: label(value) for key, value in labels.items()}
    return _core().InfoMetricFamily(name, words, value=own)


def label(text: str) -> str:
    """Return ``text`` as the value of a label: visible characters, and not too many."""
    return visible(text, most=_LONGEST_LABEL)


def resident_memory() -> int:
    """Return the bytes of memory this process holds; where the system does not tell, the most it held."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * resource.getpagesize()


class _Collector:
    """What a registry asks at each scrape."""

    def __init__(self, families: Callable[[], Iterable[Family]]) -> None:
        self._families = families

    def describe(self) -> Sequence[Family]:
        """Return no names, so that nothing is collected before somebody asks."""
        return ()

    def collect(self) -> Iterable[Family]:
        return self._families()


def _filled(kind: Any, name: str, words: str, samples: Samples) -> Family:
    given = list(samples)
    names = list(given[0][0]) if given else []
    family = kind(name, words, labels=names)
    for labels, value in given:
        family.add_metric([label(labels[key]) for key in names], value)
    return family


def _client() -> Any:
    try:
        import prometheus_client
    except ImportError as error:
        msg = "telling metrics to Prometheus"
        raise MissingExtraError(msg, "metrics") from error
    return prometheus_client


def _core() -> Any:
    from prometheus_client import core

    return core
