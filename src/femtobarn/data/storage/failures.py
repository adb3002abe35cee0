"""What went wrong with a server, in our words, and whether asking again can help."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal

import urllib3.exceptions

Kind = Literal["transient", "permanent", "address"]
"""``transient``: ask again; ``permanent``: what the server says of the file; ``address``: of no use here."""

Cause = Literal["absent", "denied", "refused", "changed", "ranges", "other"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request gave nothing.

    Parameters
    ----------
    kind
        whether to ask again, or elsewhere
    words
        the reason, as part of a sentence
    cause
        what decides which error the caller sees in the end
    after
        seconds that the server asks to wait
    """

    kind: Kind
    words: str
    cause: Cause = "other"
    after: float | None = None


class TooSlowError(TimeoutError):
    """An answer that came so slowly that the time for it was over."""


class TransportError(Exception):
    """A request that failed; it never leaves this room."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.words)


def transient(words: str) -> TransportError:
    """Return the error for what may work when tried again."""
    return TransportError(Failure("transient", words))


def elsewhere(words: str, cause: Cause = "other") -> TransportError:
    """Return the error for an address that is of no use, whatever others may be."""
    return TransportError(Failure("address", words, cause))


_STATUS_WORDS = {
    400: "the server does not understand the request",
    401: "permission denied: the server asks for a login",
    403: "permission denied",
    404: "there is no such file",
    407: "the proxy asks for a login",
    410: "there is no such file any more",
    416: "the file is shorter than before",
    429: "the server has too many requests",
    500: "the server failed",
    502: "the server behind the server failed",
    503: "the server is not available",
    504: "the server behind the server is silent",
}
_STATUS_CAUSES: dict[int, Cause] = {
    401: "denied",
    403: "denied",
    404: "absent",
    410: "absent",
    416: "changed",
}


def of_status(status: int, retry_after: str | None = None, now: float = 0.0) -> Failure:
    """Return what an HTTP status other than success means (RFC 9110, section 15).

    Parameters
    ----------
    status
        the number
    retry_after
        the header of that name: seconds, or a date
    now
        the time, in seconds since 1970, that a date is compared with
    """
    words = f"{_STATUS_WORDS.get(status, 'unexpected answer')} (HTTP {status})"
    if status in {408, 425, 429} or 500 <= status < 600:
        return Failure("transient", words, after=_seconds(retry_after, now))
    kind: Kind = "permanent" if 400 <= status < 500 and status != 407 else "address"
    return Failure(kind, words, _STATUS_CAUSES.get(status, "other"))


# the first that is in the chain of causes counts: urllib3 calls a refused connection a timeout, too
_ERRORS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((TooSlowError,), "the answer came too slowly"),
    ((urllib3.exceptions.IncompleteRead, http.client.IncompleteRead), "the answer ended too early"),
    ((socket.gaierror, urllib3.exceptions.NameResolutionError), "the name of the host is not known"),
    ((ConnectionRefusedError,), "nothing answers there (connection refused)"),
    ((ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError), "the connection broke"),
    ((TimeoutError, urllib3.exceptions.ReadTimeoutError), "the server was silent for too long"),
)


def of_error(error: BaseException) -> Failure:
    """Return what an exception of urllib3, ssl or the operating system means."""
    chain = _chain(error)
    who = "the proxy: " if any(isinstance(one, urllib3.exceptions.ProxyError) for one in chain) else ""
    for one in chain:
        if isinstance(one, ssl.SSLCertVerificationError):
            reason = one.verify_message or "not valid"
            words = f"{who}its certificate is not trusted ({reason}); FEMTOBARN_CA_FILE can name one more"
            return Failure("address", words)
    for types, words in _ERRORS:
        if any(isinstance(one, types) for one in chain):
            return Failure("transient", who + words)
    for one in chain:
        if isinstance(one, ssl.SSLError):
            return Failure("address", f"{who}no encrypted connection ({one.reason or one})")
    return Failure("transient", f"{who}the connection failed ({_last(chain)})")


# Numbers of XRootD: XrdCl/XrdClStatus.hh and the protocol specification, "kXR_error".
_XRD_TLS, _XRD_RESPONSE = 110, 400
_XRD_WORDS = {
    102: "no connection",
    103: "the server was silent for too long",
    104: "the connection broke",
    106: "the connection broke",
    107: "nothing answers there",
    108: "nothing answers there",
    109: "the server lost the session",
    206: "the server was silent for too long",
    207: "the connection broke",
}
_XRD_ADDRESS = frozenset({3, 9, 13, 101, 110, 203, 204, 302, 306, 304})
_XRD_ERRORS: dict[int, tuple[Kind, Cause, str]] = {
    3000: ("permanent", "other", "the server does not understand the request"),
    3002: ("permanent", "absent", "the path is too long"),
    3010: ("permanent", "denied", "permission denied"),
    3011: ("permanent", "absent", "there is no such file"),
    3013: ("address", "other", "the server cannot do this"),
    3015: ("permanent", "absent", "it is not a file"),
    3016: ("permanent", "absent", "it is a folder, not a file"),
    3028: ("address", "other", "the server asks for encryption: use roots://"),
    3030: ("permanent", "denied", "the login failed"),
}


def of_xrootd(code: int, errno: int, message: str) -> Failure:
    """Return what a status of the XRootD client means.

    Parameters
    ----------
    code, errno, message
        of ``XRootDStatus``; ``errno`` counts if the server itself answered (code 400)
    """
    text = _clean(message.removeprefix("[ERROR]").removeprefix("[FATAL]"))
    if code == _XRD_RESPONSE:
        kind, cause, words = _XRD_ERRORS.get(errno, ("transient", "other", f"the server failed: {text}"))
        return Failure(kind, f"{words} (XRootD {errno})", cause)
    words = _XRD_WORDS.get(code, text)
    if code == _XRD_TLS:
        words = f"no encrypted connection ({text}); FEMTOBARN_CA_FILE can name certificates"
    return Failure("address" if code in _XRD_ADDRESS else "transient", f"{words} (XRootD client {code})")


def _seconds(text: str | None, now: float) -> float | None:
    """Return the seconds of a ``Retry-After`` header (RFC 9110, 10.2.3); None if it makes no sense."""
    if text is None or len(text) > 64:
        return None
    if text.strip().isdecimal() and text.isascii():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(found) < 20:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            waiting += [getattr(one, "reason", None), getattr(one, "original_error", None)]
            waiting += [one.__cause__, one.__context__, *one.args]
    return found


def _last(chain: list[BaseException]) -> str:
    return _clean(str(chain[-1]) or type(chain[-1]).__name__)


def _clean(text: str) -> str:
    """Return one short line: messages hold what servers say."""
    line = "".join(c if c.isprintable() else " " for c in text).strip()
    return line if len(line) <= 160 else line[:157] + "..."
