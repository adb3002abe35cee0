"""The words that figures, the report and the terminal share, so that none claims more than another."""

from __future__ import annotations

import re
import unicodedata

from femtobarn.base.records import RunInfo
from femtobarn.data.catalogue import known

SIMULATED = "Simulated demo data"
OTHER = "Data of unknown origin"
UNKNOWN = "–"


def event_source(info: RunInfo) -> str:
    """Say what the events are; only those of a catalogued release may bear the experiment's name."""
    if info.simulated:
        return SIMULATED
    published = known(info.release)
    return OTHER if published is None else published.title


def completeness(info: RunInfo) -> tuple[str, ...]:
    """Say ``"3 of 40 files"`` if inputs are missing, and whether only some events were used."""
    if info.complete:
        return ()
    words = [f"incomplete: {info.files_processed} of {max(info.files_wanted, info.files_processed)} files"]
    settings = info.settings
    if settings.max_events is not None:
        words.append(f"at most {settings.max_events:,} events per file")
    if settings.fraction is not None and settings.fraction < 1:
        words.append(f"{100 * settings.fraction:g} % of the events of each file")
    return (", ".join(words),)


def mode_words(info: RunInfo) -> tuple[str, ...]:
    """Say ``"notebook mode: quirk, quirk"`` where published quirks are reproduced."""
    if info.mode != "notebook":
        return ()
    quirks = ", ".join(info.analysis.quirks)
    return (f"notebook mode: {quirks}" if quirks else "notebook mode",)


_COMMANDS = {
    "rightarrow": " → ",
    "to": " → ",
    "ell": "ℓ",
    "mu": "μ",
    "tau": "τ",
    "nu": "ν",
    "gamma": "γ",
    "alpha": "α",
    "beta": "β",
    "eta": "η",
    "phi": "φ",
    "pi": "π",
    "Delta": "Δ",
    "Sigma": "Σ",
    "Upsilon": "ϒ",
    "psi": "ψ",
    "pm": "±",
    "mp": "∓",
    "times": "×",
    "cdot": "·",
    "geq": "≥",
    "leq": "≤",
    "sqrt": "√",
    "int": "∫",
    "infty": "∞",
    "prime": "′",
}


def plain_label(label: str) -> str:
    r"""Return a label without mathtext, for pages and terminals: ``$H \to 4\ell$`` becomes H → 4ℓ.

    Unknown commands keep their name; control characters and bidirectional overrides become spaces.
    """
    text = label
    if "$" in text:
        text = re.sub(r"\\(?:bar|overline)\s*\{?(\w)\}?", "\\1\N{COMBINING MACRON}", text)
        text = re.sub(r"\\(?:mathrm|mathit|text|rm|mathbf)\s*\{([^{}]*)\}", r"\1", text)
        text = re.sub(r"\\([A-Za-z]+)\s*", lambda m: _COMMANDS.get(m[1], m[1]), text)
        text = re.sub(r"[{}$]", "", re.sub(r"[\^_](?=[\w{*±+-])", "", text))
    return plain(text)


def plain(text: str) -> str:
    """Return ``text`` on one line: control characters, overrides and lone surrogates become spaces."""
    bad = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return " ".join("".join(" " if unicodedata.category(c) in bad else c for c in text).split())


def size(count: float | None) -> str:
    """Return bytes with a decimal prefix: ``"1.23 GB"``."""
    if count is None:
        return UNKNOWN
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(value) < 1000 or unit == "TB":
            return f"{value:.0f} B" if unit == "B" else f"{value:.3g} {unit}"
        value /= 1000
    return UNKNOWN
