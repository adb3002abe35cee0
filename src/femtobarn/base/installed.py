"""What is installed beside this package: versions, and what other packages register."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from functools import cache
from os import scandir
from types import MappingProxyType

_FOLDER = re.compile(r"(.+?)-([^-]+)\.dist-info")


@cache
def registered(group: str) -> Mapping[str, str]:
    """Return what packages register in an entry point group: ``module:object`` by name.

    Every installed package is asked, which takes time: look at what is built in first.
    """
    from importlib.metadata import entry_points

    return MappingProxyType({point.name: point.value for point in entry_points(group=group)})


@cache
def results_version() -> int:
    """Return RESULTS_VERSION: raised whenever the same task would give other numbers than before."""
    from importlib import resources

    place = resources.files("femtobarn").joinpath("running", "results", "RESULTS_VERSION")
    return int(place.read_text(encoding="ascii"))


@cache
def version(name: str) -> str:
    """Return the installed version of a package, or ``"not installed"``.

    The name of the folder with its metadata tells it; where that is not clear, ``importlib.metadata`` is asked.
    """
    found = _versions().get(_normalised(name), ())
    if len(found) == 1:
        return found[0]
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


@cache
def _versions() -> Mapping[str, tuple[str, ...]]:
    """Return the versions of all packages in the folders of the module path, by normalised name."""
    versions: dict[str, tuple[str, ...]] = {}
    for folder in dict.fromkeys(sys.path):
        try:
            names = [entry.name for entry in scandir(folder or ".")]
        except OSError:
            continue
        for match in filter(None, map(_FOLDER.fullmatch, names)):
            key = _normalised(match[1])
            versions[key] = (*versions.get(key, ()), match[2])
    return versions


def _normalised(name: str) -> str:
    # https://packaging.python.org/en/latest/specifications/name-normalization/
    return re.sub(r"[-_.]+", "-", name).lower()
