"""Finding formats by the name of their release: those of this package, those of others, those handed in."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from femtobarn.base.errors import SettingsError, UnknownNameError
from femtobarn.base.installed import registered
from femtobarn.data.formats.spec import Format

GROUP = "femtobarn.formats"
"""The entry point group: the name is a release, the object a `Format`."""

_BUILT_IN = {
    "2016e-8tev": "femtobarn.data.formats.release2016:FORMAT",
    "2020e-13tev": "femtobarn.data.formats.release2020:FORMAT",
    "2025e-13tev-beta": "femtobarn.data.formats.release2025:FORMAT",
    "2024r-pp": "femtobarn.data.formats.physlite:FORMAT",
    "2024r-hi": "femtobarn.data.formats.heavyion:FORMAT",
    "cms-nanoaod": "femtobarn.data.formats.nanoaod:FORMAT",
}

_OF_OURS = {"femtobarn-skim": "femtobarn.data.formats.skimmed:FORMAT"}
"""Formats of files that this package writes: of no release, and recognised by a mark of their own."""

_handed_in: dict[str, Format] = {}
_texts: dict[str, str] = {}


def formats() -> tuple[str, ...]:
    """Return the names of the releases whose format is known, the package's own first."""
    return (*_places(), *_handed_in)


def handed_in() -> tuple[str, ...]:
    """Return the names of the formats that were handed in by `register`."""
    return tuple(_handed_in)


def text_of(release: str) -> str | None:
    """Return the text with which a format was handed in; None if it was not."""
    return _texts.get(release)


def register(fmt: Format, text: str = "") -> None:
    """Make a format known to this process, for instance one that a user wrote.

    ``text`` is what workers are given to know it too.

    A format that was handed in before under the same name is replaced.

    Raises
    ------
    SettingsError
        if its name is that of a format of this package, or of an installed one
    """
    if fmt.release in _OF_OURS | _places():
        msg = (
            f"Expected a name of its own for the format, but {fmt.release!r} is the name of a known one. "
            "Choose another for 'release' in the format file."
        )
        raise SettingsError(msg)
    _handed_in[fmt.release] = fmt
    _texts[fmt.release] = text


def format_of(release: str) -> Format:
    """Return the format of a release.

    Raises
    ------
    UnknownNameError
        if no format is registered under that name
    SettingsError
        if what is registered is not a format of that release
    """
    if release in _handed_in:
        return _handed_in[release]
    own = _OF_OURS | _BUILT_IN
    places = own if release in own else own | _places()
    if release not in places:
        raise UnknownNameError("format of a release", release, formats())
    return _load(release, places[release])


def _places() -> dict[str, str]:
    # the package's own formats need no installation, and nobody else can take their names
    return _BUILT_IN | {name: value for name, value in registered(GROUP).items() if name not in _BUILT_IN}


@cache
def _load(release: str, place: str) -> Format:
    module, _, attribute = place.partition(":")
    found = getattr(import_module(module), attribute, None)
    if not isinstance(found, Format) or found.release != release:
        msg = (
            f"Entry point {release!r} of group {GROUP!r}: expected a Format of that release at {place}, "
            f"got {found!r}. Correct or remove the package that registers it."
        )
        raise SettingsError(msg)
    return found
