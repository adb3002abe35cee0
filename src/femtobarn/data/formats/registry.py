"""Finding formats by the name of their release: those of this package and those registered by others."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from femtobarn.base.errors import SettingsError, UnknownNameError
from femtobarn.data.formats.spec import Format

GROUP = "femtobarn.formats"
"""The entry point group: the name is a release, the object a `Format`."""

_BUILT_IN = {
    "2020e-13tev": "femtobarn.data.formats.release2020:FORMAT",
    "2025e-13tev-beta": "femtobarn.data.formats.release2025:FORMAT",
}


def formats() -> tuple[str, ...]:
    """Return the names of the releases whose format is known, the package's own first."""
    return tuple(_places())


def format_of(release: str) -> Format:
    """Return the format of a release.

    Raises
    ------
    UnknownNameError
        if no format is registered under that name
    SettingsError
        if what is registered is not a format of that release
    """
    places = _places()
    if release not in places:
        raise UnknownNameError("format of a release", release, places)
    return _load(release, places[release])


def _places() -> dict[str, str]:
    # the package's own formats need no installation, and nobody else can take their names
    others = {point.name: point.value for point in entry_points(group=GROUP)}
    return _BUILT_IN | {name: value for name, value in others.items() if name not in _BUILT_IN}


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
