"""Values of corrections that are more than tables, by correctionlib."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.errors import MissingExtraError, TypesError


@lru_cache(maxsize=1024)
def prepared(text: str, name: str) -> Any:
    """Return correctionlib's object for a correction.

    Raises
    ------
    MissingExtraError
        if correctionlib is not installed
    TypesError
        if correctionlib does not understand the text
    """
    try:
        correctionlib = import_module("correctionlib")
    except ImportError as error:
        raise MissingExtraError(f"the correction {name!r}", "corrections") from error
    try:
        json.loads(text)  # refuses what is nested too deeply for a parser without limits
        found = correctionlib.CorrectionSet.from_string(text)
        return found.compound[name] if name in found.compound else found[name]
    except (RuntimeError, ValueError, IndexError, KeyError, RecursionError) as error:
        msg = f"Correction {name!r} is not one that correctionlib can evaluate: {error}"
        raise TypesError(msg) from error


def corrected(
    text: str, name: str, types: Sequence[str], inputs: Sequence[NDArray[Any]], size: int
) -> NDArray[np.float64]:
    """Return a correction for ``size`` events or objects.

    Parameters
    ----------
    text, name
        the file and the correction in it
    types
        ``string``, ``int`` or ``real``, one for each input
    inputs
        arrays of ``size`` values
    """
    evaluate = prepared(text, name).evaluate
    result = np.full(size, np.nan)
    if size == 0:
        return result
    words = [np.asarray(x) for x, kind in zip(inputs, types, strict=True) if kind == "string"]
    # correctionlib takes text one at a time
    _, which = (
        np.unique(np.array(words).T, axis=0, return_inverse=True) if words else (None, np.zeros(size, int))
    )
    for group in np.unique(which):
        chosen = np.flatnonzero(which.reshape(-1) == group)
        given: list[Any] = []
        for x, kind in zip(inputs, types, strict=True):
            if kind == "string":
                given.append(str(x[chosen[0]]))
            else:
                given.append(np.asarray(x)[chosen].astype(np.int64 if kind == "int" else np.float64))
        try:
            result[chosen] = evaluate(*given)
        except (RuntimeError, ValueError, IndexError) as error:
            msg = f"Correction {name!r} could not be evaluated: {error}"
            raise TypesError(msg) from error
    return result
