"""Looking at events: ``fb.open`` and ``fb.explain``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from femtobarn.base.errors import SettingsError, UnknownFieldError, UnknownNameError, UsageError
from femtobarn.data.formats.model import COLLECTIONS, FIELDS
from femtobarn.data.storage.urls import is_remote, shown

if TYPE_CHECKING:
    from femtobarn.data.formats import Format
    from femtobarn.physics.language.explain import Explanation


class Events:
    """The events of one file in the event model; fields are read when they are asked for.

    ``events.lep.pt`` is an awkward array of all events (GeV); ``events[:10]`` the first ten with all
    fields of the file; ``events.arrays(["lep.pt", "met.pt"], stop=1000)`` some of them. ``fields``
    lists what the file has.
    """

    def __init__(self, file: str | Path, fmt: Format, prefix: str = "") -> None:
        self._file, self._format, self._prefix = file, fmt, prefix
        self._name = Path(shown(str(file))).name
        self._fields: tuple[str, ...] | None = None
        self._entries: int | None = None

    @property
    def release(self) -> str:
        """The release whose format the file has."""
        return self._format.release

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of the event model that this file has."""
        self._scan()
        assert self._fields is not None
        return tuple(f for f in self._fields if f.startswith(self._prefix))

    def __len__(self) -> int:
        """Return the number of events."""
        self._scan()
        assert self._entries is not None
        return self._entries

    def _scan(self) -> None:
        if self._fields is not None:
            return
        from femtobarn.base.errors import FormatError
        from femtobarn.data.formats.opening import open_events, reached
        from femtobarn.data.formats.reader import EventReader

        with reached(self._file) as place, open_events(place, self._format) as tree:
            reader = EventReader(tree, self._format)
            self._entries = tree.entries
            found = []
            for path in self._format.paths:
                try:
                    reader.resolve([path])
                except FormatError:
                    continue
                found.append(path)
            self._fields = tuple(found)

    def arrays(
        self, fields: str | Iterable[str] | None = None, *, start: int = 0, stop: int | None = None
    ) -> Any:
        """Return fields of a range of events as one ``ak.Array`` with nested records.

        Parameters
        ----------
        fields
            names such as ``"lep.pt"``, or of a collection such as ``"lep"``; None: all that the file has
        start, stop
            first event, and the one after the last (None: to the end)
        """
        from femtobarn.data.formats.awkward_view import to_awkward
        from femtobarn.data.formats.opening import open_events, reached
        from femtobarn.data.formats.reader import EventReader

        names = [fields] if isinstance(fields, str) else fields
        paths = list(self.fields) if names is None else [p for f in names for p in self._expand(f)]
        end = len(self) if stop is None else min(stop, len(self))
        with reached(self._file) as place, open_events(place, self._format) as tree:
            columns = EventReader(tree, self._format).read(paths, start, max(start, end))
        return to_awkward(columns, paths)

    def _expand(self, name: str) -> list[str]:
        below = [f for f in self.fields if f == name or f.startswith(f"{name}.")]
        if not below:
            raise UnknownNameError(f"field in {self._name}", name, self.fields)
        return below

    def __getattr__(self, name: str) -> Any:
        """Return a field of all events, a collection, or what is below a name."""
        if name.startswith("_"):
            raise AttributeError(name)
        path = f"{self._prefix}{name}"
        if path in COLLECTIONS or path in FIELDS:
            found = self.arrays([path])
            for part in path.split("."):
                found = found[part]
            return found
        if any(f.startswith(f"{path}.") for f in FIELDS):
            return Events(self._file, self._format, f"{path}.")
        raise UnknownFieldError(self._name, path, self.fields)

    def __dir__(self) -> list[str]:
        """Return what can follow."""
        return sorted({*object.__dir__(self), *(f[len(self._prefix) :].split(".")[0] for f in self.fields)})

    def __getitem__(self, where: slice | int) -> Any:
        """Return events with all fields of the file: one by number, or a range."""
        if isinstance(where, slice):
            start, stop, step = where.indices(len(self))
            if step != 1:
                msg = f"Events are taken without a step, but [::{step}] was asked for."
                raise SettingsError(msg)
            return self.arrays(start=start, stop=stop)
        index = where + len(self) if where < 0 else where
        if not 0 <= index < len(self):
            msg = f"{self._name} has events 0 to {len(self) - 1}; there is no event {where}."
            raise IndexError(msg)
        return self.arrays(start=index, stop=index + 1)[0]

    def __repr__(self) -> str:
        """Return file, release, number of events and fields."""
        return f"<{len(self):,} events of {self._name} ({self.release}), {len(self.fields)} fields>"


def open(  # noqa: A001 - fb.open
    file: str | Path,
    *,
    release: str | None = None,
    format: str | Path | None = None,  # noqa: A002 - what the command line calls it
) -> Events:
    """Return the events of a ROOT file; the format is recognised from what is in it unless given.

    Parameters
    ----------
    file
        a path, or an http(s) or root address
    release
        the release of whose format the file is
    format
        a format file for ntuples that the package does not know
    """
    from femtobarn.data.formats import format_of
    from femtobarn.data.formats.opening import reached, recognise_content
    from femtobarn.data.formats.userfile import hand_in

    if format is not None:
        hand_in(Path(format))
    place = existing(file)
    if release is not None:
        return Events(place, format_of(release))
    with reached(place) as found:
        return Events(place, recognise_content(found).format)


def existing(file: str | Path) -> str | Path:
    """Return the path or address of a file; UsageError if it is a path where there is none."""
    if isinstance(file, str) and is_remote(file):
        return file
    if not isinstance(file, str | Path) or not Path(file).exists():
        msg = f"Expected a ROOT file, but {str(file)!r} does not exist. Check the path."
        raise UsageError(msg)
    return Path(file)


def explain(
    analysis: Any,
    file: str | Path,
    entry: int,
    *,
    mode: str = "physics",
    options: Mapping[str, Any] | None = None,
    format: str | Path | None = None,  # noqa: A002 - what the command line calls it
) -> tuple[Explanation, ...]:
    """Return every cut of one event of a file, for every selection of an analysis.

    Parameters
    ----------
    analysis
        a name, a Python file, or an `Analysis`
    file, entry
        which event; the file is a path or an address
    mode, options, format
        as in a run
    """
    from femtobarn.data.formats.userfile import hand_in

    if format is not None:
        hand_in(Path(format))
    from femtobarn.api.runs import find
    from femtobarn.physics.language.analysis import Analysis
    from femtobarn.physics.language.explain import explain_analysis

    found = find(analysis)
    if not isinstance(found, Analysis):
        msg = f"A scan of mass spectra has no cuts to explain, but {found.name} is one. Its cutflow counts the events of each step: cutflow.csv of a run."
        raise UsageError(msg)
    return explain_analysis(found, existing(file), entry, mode=mode, options=options)
