"""Where a library's failures on a bad file become errors of this package."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from femtobarn.base.errors import DamagedError, FemtobarnError
from femtobarn.data.storage import unusable


@contextmanager
def boundary(name: str, doing: str) -> Iterator[None]:
    """Turn whatever a library raises on a bad file into this package's errors; keep it quiet.

    Parameters
    ----------
    name
        the file, for messages
    doing
        what is being done with it, for instance ``"reading branch 'lep_pt'"``

    Raises
    ------
    DamagedError
        for anything that is not an error of this package or of the operating system
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (FemtobarnError, MemoryError):
        raise
    except OSError as error:
        if error.errno is not None:
            raise unusable(name, error) from error
        raise damaged(name, f"{doing} failed ({_first_line(error)})") from error
    except Exception as error:  # a corrupted file can raise anything: struct, zlib, IndexError, ...
        raise damaged(name, f"{doing} failed ({_first_line(error)})") from error


def damaged(name: str, what: str) -> DamagedError:
    """Return the error that says ``what`` is wrong in the file ``name``."""
    return DamagedError(f"{name}: damaged ROOT file, {what}. Fetch or write the file again.")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
