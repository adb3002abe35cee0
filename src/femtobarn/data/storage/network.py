"""How this machine talks to servers: how long it waits, how often it asks, whom it trusts."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from femtobarn.base import settings
from femtobarn.base.errors import SettingsError

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True, slots=True)
class Network:
    """Limits and addresses for everything that goes over the network.

    Parameters
    ----------
    timeout
        seconds that a server may be silent: while connecting, before an answer, within one
    attempts
        how often one address is asked before the next one is
    backoff
        seconds before the second attempt; doubled for each further one, with some chance in it
    longest
        seconds that one read may take with all its attempts at all addresses
    minimum_rate
        bytes per second below which an answer is given up
    connections
        requests at once to one host, of all processes of the user
    ca_file
        certificates (PEM) to trust besides those of the system
    mirrors
        pairs of beginnings of URLs: what is below the first is also below the second
    slots
        folder of the locks that count connections; None: only those of this process are counted
    """

    timeout: float = settings.TIMEOUT
    attempts: int = settings.ATTEMPTS
    backoff: float = 0.5
    longest: float = 900.0
    minimum_rate: float = 20_000.0
    connections: int = settings.CONNECTIONS
    ca_file: Path | None = None
    mirrors: tuple[tuple[str, str], ...] = ()
    slots: Path | None = None

    @classmethod
    def from_environment(cls) -> Network:
        """Return what the environment variables say (`femtobarn.base.settings`).

        Raises
        ------
        SettingsError
            if one of them has no sense
        """
        return cls(
            timeout=settings.network_timeout(),
            attempts=settings.network_attempts(),
            connections=settings.network_connections(),
            ca_file=settings.certificate_file(),
            mirrors=settings.mirrors(),
            slots=settings.cache_folder() / "slots",
        )

    def seconds_for(self, count: int) -> float:
        """Return how long one answer of ``count`` bytes may take."""
        return self.timeout + count / self.minimum_rate


@functools.lru_cache(maxsize=8)  # reading the system's certificates takes longer than a request
def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return the trust for https: the system's certificates and those of ``ca_file``.

    Raises
    ------
    SettingsError
        if that file holds no certificates
    """
    import ssl

    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            msg = f"FEMTOBARN_CA_FILE: expected certificates in PEM format in {ca_file}, but: {error.strerror or error}. Give a file that begins with -----BEGIN CERTIFICATE-----."
            raise SettingsError(msg) from error
    return context


def proxy_for(scheme: str, host: str) -> str | None:
    """Return the proxy of the environment for ``scheme`` and ``host``, or None.

    This machine itself is never reached through a proxy.

    Raises
    ------
    SettingsError
        if the proxy is not one for http
    """
    from urllib.request import getproxies, proxy_bypass

    from femtobarn.data.storage.guard import is_loopback

    if is_loopback(host) or proxy_bypass(host):
        return None
    known = getproxies()
    proxy = known.get(scheme) or known.get("all")
    if not proxy:
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    if not proxy.lower().startswith(("http://", "https://")):
        kind = proxy.partition("://")[0]
        msg = f"{scheme.upper()}_PROXY: expected an http:// or https:// proxy, got one for {kind}://. Set another, or name {host} in NO_PROXY."
        raise SettingsError(msg)
    return proxy
