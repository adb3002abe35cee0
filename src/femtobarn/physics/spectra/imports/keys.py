"""The keys of a configuration, each taken once, with a note of what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from femtobarn.base.record import Record
from femtobarn.base.text import visible
from femtobarn.physics.spectra.faults import shown

NOT_NEEDED = "not needed"
NOT_TAKEN = "not taken over"
UNKNOWN = "unknown key"

Path = tuple[str, ...]

PARSING = "parsing_task_config"
MASSES = "mass_calculation_task_config"
POST = "post_processing_task_config"
HISTOGRAMS = "histogram_creation_task_config"


class Note(Record):
    """What became of a key.

    Parameters
    ----------
    key
        its path: ``tasks.do_parsing``
    became
        our key that took its place, or `NOT_NEEDED`, `NOT_TAKEN`, `UNKNOWN`
    words
        the value, or why
    """

    key: str
    became: str
    words: str = ""

    @property
    def left_behind(self) -> bool:
        """Whether what it asked for is not in the new configuration."""
        return self.became in {NOT_TAKEN, UNKNOWN}


class Keys:
    """The values of a configuration by their paths; what is never asked for is reported as unknown.

    Parameters
    ----------
    content
        mappings of texts, down to values and lists
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._values = dict(_leaves(content, ()))
        self._notes: dict[Path, list[Note]] = {path: [] for path in self._values}
        self._absent: list[Note] = []

    def note(self, path: Path, became: str, words: str = "") -> None:
        """Say what became of a key."""
        note = Note(key=_dotted(path), became=became, words=visible(words))
        if path in self._notes:
            self._notes[path].append(note)
        else:
            self._absent.append(note)

    def notes(self) -> tuple[Note, ...]:
        """Return what became of each key; of those that nobody asked for, that they are unknown."""
        found: list[Note] = []
        for path, notes in self._notes.items():
            value = f"its value is {shown(self._values[path])}"
            found += notes or [Note(key=_dotted(path), became=UNKNOWN, words=value)]
        return (*found, *self._absent)

    def below(self, *path: str) -> list[Path]:
        """Return the paths of all values below a section, or the section's own if it is a value."""
        return [p for p in self._values if p[: len(path)] == path]

    def has(self, *path: str) -> bool:
        """Return whether there is a value that is not empty."""
        return self._values.get(path) is not None

    def raw(self, *path: str) -> Any:
        """Return a value as it is; None if there is none."""
        return self._values.get(path)

    def number(self, *path: str, least: float | None = None) -> float | None:
        """Return a number; None if there is none, after a note if there is something else."""
        value = self._value(path)
        good = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
        if value is not None and good and (least is None or value >= least):
            return float(value)
        self._wrong(path, "a number" if least is None else f"a number of at least {least:g}")
        return None

    def whole(self, *path: str, least: int = 0) -> int | None:
        """Return a whole number; None if there is none, after a note if there is something else."""
        value = self._value(path)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value < 2**53:
            return value
        self._wrong(path, f"a whole number of at least {least}")
        return None

    def switch(self, *path: str) -> bool | None:
        """Return true or false; None if there is none, after a note if there is something else."""
        value = self._value(path)
        if isinstance(value, bool):
            return value
        self._wrong(path, "true or false")
        return None

    def words(self, *path: str) -> list[str] | None:
        """Return a list of texts; None if there is none, after a note if there is something else."""
        value = self._value(path)
        values = [value] if isinstance(value, str) else value
        if isinstance(values, list) and values and all(isinstance(v, str) for v in values):
            return values
        self._wrong(path, "a list of texts")
        return None

    def not_needed(self, path: Path, words: str) -> None:
        """Say that nothing is lost without a key, if it is there."""
        if path in self._values:
            self.note(path, NOT_NEEDED, words)

    def not_taken(self, path: Path, words: str) -> None:
        """Say that what a key asks for is not done, if it is there."""
        if path in self._values:
            self.note(path, NOT_TAKEN, words)

    def _value(self, path: Path) -> Any:
        """Return a value; after a note if it is empty."""
        value = self._values.get(path)
        if value is None or value in ([], {}):
            self.not_needed(path, "it has no value")
            return None
        return value

    def _wrong(self, path: Path, wanted: str) -> None:
        value = self._values.get(path)
        if value is not None and value not in ([], {}):
            self.note(path, NOT_TAKEN, f"expected {wanted}, got {shown(value)}")


def _leaves(content: Mapping[str, Any], above: Path) -> Iterator[tuple[Path, Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _dotted(path: Path) -> str:
    return visible(".".join(path))
