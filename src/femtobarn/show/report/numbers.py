"""Numbers as people read them."""

from __future__ import annotations

import math

NONE = "–"


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


def measured(value: float | None, error: float | None) -> str:
    """Return value ± error, both to the error's second digit."""
    if value is None or error is None or not (math.isfinite(value) and math.isfinite(error)):
        return amount(value)
    if error <= 0:
        return amount(value)
    digits = min(6, max(0, 1 - math.floor(math.log10(error))))
    return f"{value:,.{digits}f} ± {error:,.{digits}f}"


def share(part: float | None, whole: float | None) -> str:
    """Return a part in percent."""
    if part is None or whole is None or whole == 0 or not math.isfinite(part / whole):
        return NONE
    return f"{100 * part / whole:.1f} %"


def size(count: float | None) -> str:
    """Return bytes with a decimal prefix: ``"1.23 GB"``."""
    if count is None:
        return NONE
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(value) < 1000 or unit == "TB":
            return f"{value:.0f} B" if unit == "B" else f"{value:.3g} {unit}"
        value /= 1000
    return NONE


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
