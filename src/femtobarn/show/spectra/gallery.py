"""gallery.html: one page with all spectra of a scan, to search, to look at and to link to.

It holds all that it shows, fetches nothing and works as a file. `write_gallery` takes the spectra of a run
(`Spectra.load`) and what was made of them (`read_processed`); a link such as
``gallery.html#data/ROI_mass_e0e1_cat_2ex_0mx_0jx_0gx_0tx_0bx_width_10.0`` opens one of them.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import islice
from pathlib import Path
from string import Template
from typing import Any

from femtobarn.base.atomic import replacing
from femtobarn.base.spectra import LETTERS, WindowRecord
from femtobarn.physics.spectra import states
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.running.results.spectra.reader import Spectra, Spectrum
from femtobarn.running.results.spectra.windows import matching
from femtobarn.show.spectra import known, packing, words
from femtobarn.show.spectra.catalogue import FULL, VARIANTS, Entry, Made, entries
from femtobarn.show.wording import plain, plain_label

FILE_NAME = "gallery.html"
BLOCK = 32
"""How many entries are inflated at once; they lie side by side, so that equal bins pack well."""

_SCRIPTS = ("data.js", "search.js", "plot.js", "list.js", "view.js", "main.js")


def write_gallery(spectra: Spectra, processed: Made, path: Path, *, title: str = "Mass spectra") -> Path:
    """Write the page with all spectra to ``path`` in one step and return it.

    Parameters
    ----------
    spectra
        the full spectra of a scan
    processed
        by group what was made of them; may be empty
    path
        the page; its folder is made if needed
    title
        what was scanned; any text, it is escaped
    """
    index = _Index(spectra)
    blocks = list(_blocks(index, entries(spectra, processed)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", errors="replace") as out:
        out.write(_page(index, title))
        for number, block in enumerate(blocks):
            out.write(f'<script type="text/plain" id="block-{number}">{block}</script>\n')
        out.write("</body>\n</html>\n")
    return path


@dataclass
class _Index:
    """What the page knows of all spectra before it looks at their bins."""

    spectra: Spectra
    windows: tuple[WindowRecord, ...] = ()
    states: dict[int, int] = field(default_factory=dict)
    sets: dict[tuple[int, ...], int] = field(default_factory=dict)
    widths: dict[float, int] = field(default_factory=dict)
    peaks: dict[int, list[int]] = field(default_factory=dict)
    columns: dict[str, list[Any]] = field(default_factory=lambda: {"state": [], "combination": [], "set": []})
    variants: set[str] = field(default_factory=lambda: {FULL})

    def __post_init__(self) -> None:
        """Look up the windows, and make room for each group."""
        self.windows = known.windows_of(self.spectra.record)
        for name in ("entries", "end"):
            self.columns[name] = [[] for _ in self.spectra.groups]

    def add(self, entry: Entry) -> list[packing.Layer]:
        """Note an entry; return its layers."""
        layers = [self._layer(one) for one in entry.spectra]
        numbers = tuple(layer.number for layer in layers)
        self.columns["state"].append(self.states.setdefault(entry.state, len(self.states)))
        self.columns["combination"].append(entry.combination)
        self.columns["set"].append(self.sets.setdefault(numbers, len(self.sets)))
        full = {one.group: one for one in entry.spectra if one.variant == FULL}
        for i, group in enumerate(self.spectra.groups):
            one = full.get(group)
            self.columns["entries"][i].append(0 if one is None else one.entries)
            self.columns["end"][i].append(0 if one is None else float(one.edges[-1]))
        if entry.combination not in self.peaks:
            found = matching(self.windows, entry.spectra[0])
            self.peaks[entry.combination] = [self.windows.index(w) for w in found]
        return layers

    def _layer(self, one: Spectrum) -> packing.Layer:
        self.variants.add(one.variant)
        number = self.spectra.groups.index(one.group) * len(VARIANTS) + VARIANTS.index(one.variant)
        return packing.Layer(number, self.widths.setdefault(one.width, len(self.widths)), one)

    def content(self) -> dict[str, Any]:
        """Return what the page reads as its index."""
        record = self.spectra.record
        groups = [{"name": plain(g), "kind": self.spectra.group(g).kind} for g in self.spectra.groups]
        found = [
            {
                "name": one.name,
                "quantity": one.quantity,
                "words": words.of_combination(one),
                "windows": self.peaks.get(i, []),
            }
            for i, one in enumerate(combinations(record))
        ]
        return {
            "groups": groups,
            "variants": list(VARIANTS),
            "shown": [v for v in VARIANTS if v in self.variants],
            "letters": "".join(LETTERS),
            "kinds": [words.KINDS[letter] for letter in LETTERS],
            "quantities": words.QUANTITIES,
            "combinations": found,
            "states": [list(states.counts(state).values()) for state in self.states],
            "windows": [self._window(w) for w in self.windows],
            "width": str(record.width),
            "widths": list(self.widths),
            "maximum": record.output.maximum,
            "unscaled": record.output.scale == "none",
            "sets": [list(numbers) for numbers in self.sets],
            "block": BLOCK,
            "columns": self.columns,
        }

    def _window(self, window: WindowRecord) -> dict[str, Any]:
        low, high = known.edges(self.spectra.record, window)
        return {"name": window.name, "low": low, "high": high}

    def sentence(self) -> str:
        """Return the numbers of the scan in words."""
        record = self.spectra.record
        parts = [
            f"{len(self.columns['state']):,} spectra",
            f"{len(self.states):,} final states",
            f"{len(combinations(record)):,} combinations",
            f"bins of {record.width:g} GeV",
            words.mode_of(record),
        ]
        if record.least_events:
            parts.append(f"final states with at least {record.least_events:,} events")
        if words.is_unscaled(record, (self.spectra.group(g).kind for g in self.spectra.groups)):
            parts.append(words.UNSCALED)
        return " · ".join(parts)


def _blocks(index: _Index, found: Iterator[Entry]) -> Iterator[str]:
    while layers := [index.add(entry) for entry in islice(found, BLOCK)]:
        yield packing.block(layers)


def _page(index: _Index, title: str) -> str:
    """Return the page up to the blocks; scripts and styles are this package's own."""
    script = "(() => {\n'use strict';\n" + "\n".join(_asset(name) for name in _SCRIPTS) + "})();\n"
    style = _asset("gallery.css")
    shown = html.escape(plain_label(title) or "Mass spectra")
    return Template(_asset("gallery.html")).substitute(
        title=shown,
        words=html.escape(index.sentence()),
        style=style,
        script=script,
        policy=_policy([script], [style]),
        # no text in it may end its element
        index=json.dumps(index.content(), separators=(",", ":")).replace("<", "\\u003c"),
    )


def _asset(name: str) -> str:
    return files(__package__).joinpath("page", name).read_text(encoding="utf-8")


def _policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    return (
        f"default-src 'none'; script-src {_digests(scripts)}; style-src {_digests(styles)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _digests(texts: Iterable[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(t.encode()).digest()).decode("ascii") for t in texts)
    return " ".join(f"'sha256-{d}'" for d in digests)
