"""Numbers as people read them."""

from __future__ import annotations

import math

from femtobarn.show.wording import UNKNOWN as NONE

__all__ = ["NONE", "amount", "duration", "measured", "share", "shifted"]


def amount(value: float | None) -> str:
    """Return events with four significant digits: ``"1,234"``, ``"12.34"``, ``"0.00123"``."""
    if value is None or not math.isfinite(value):
        return NONE
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) < 1e-3:
        return f"{value:.2e}"
    digits = max(0, 3 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 5)}f}"


def measured(value: float | None, error: float | None, systematic: tuple[float, float] | None = None) -> str:
    """Return value ± error, both to the error's second digit.

    ``systematic`` is a further error downwards and upwards: ``"25.97 ± 0.27 (+1.20 −0.90)"``.
    """
    if value is None or error is None or not (math.isfinite(value) and math.isfinite(error)):
        return amount(value)
    if error <= 0:
        return amount(value)
    digits = min(6, max(0, 1 - math.floor(math.log10(error))))
    words = f"{value:,.{digits}f} ± {error:,.{digits}f}"
    if systematic is None or not all(math.isfinite(s) for s in systematic):
        return words
    down, up = systematic
    return f"{words} (+{up:,.{digits}f} −{down:,.{digits}f})"


def shifted(shift: float | None, nominal: float) -> str:
    """Return a shift in percent of ``nominal`` with its sign; in events where that is not above 0."""
    if shift is None or not math.isfinite(shift):
        return NONE
    if shift == 0:
        return "0"
    if nominal > 0 and math.isfinite(shift / nominal):
        return f"{100 * shift / nominal:+.2f} %".replace("-", "−")
    return f"{shift:+.4g}".replace("-", "−")


def share(part: float | None, whole: float | None) -> str:
    """Return a part in percent."""
    if part is None or whole is None or whole == 0 or not math.isfinite(part / whole):
        return NONE
    return f"{100 * part / whole:.1f} %"


def duration(seconds: float | None) -> str:
    """Return a time: ``"3.2 s"``, ``"2 min 05 s"``, ``"1 h 02 min"``."""
    if seconds is None:
        return NONE
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
