"""One-dimensional ROOT histograms as bytes: a template that uproot makes, filled in for each."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from femtobarn.base.errors import SettingsError
from femtobarn.physics.spectra.sums import Sums
from femtobarn.running.results.spectra.rootfile import root_string

_NAME, _TITLE = "name of a histogram", "title of a histogram"
_NUMBERS = (1.25e-101, 2.5e-101, 5e-101, 7.5e-101, 9.5e-101)  # entries and statistics of the template
_LIMITS = (-3.5e-103, 3.5e-103)
_CELLS = 0x2BADCE11
_SUMW2 = 6.25e-107
_CONTENT = (1.0, 3.0, 5.0)
_COUNTED = 0x40000000  # marks a number of bytes
_TEXTS = 28  # name and title come after three headers of 6 bytes and a TObject of 10


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a histogram.

    Parameters
    ----------
    name, title
        of the histogram
    lower, upper
        limits of its axis
    values
        (bins + 2,) with what lies below and above
    variances
        the same, or None if they are the values
    entries, statistics
        number of values; sums of w, w^2, w x and w x^2 between the limits
    """

    name: str
    title: str
    lower: float
    upper: float
    values: Sums
    variances: Sums | None
    entries: float
    statistics: tuple[float, float, float, float]


class Template:
    """Makes the bytes of histograms that differ in their numbers only.

    Parameters
    ----------
    storage
        ``TH1F`` or ``TH1D``
    weighted
        whether variances are kept beside the contents
    x, y
        titles of the axes
    """

    def __init__(self, storage: str, *, weighted: bool, x: str, y: str) -> None:
        self.classname = storage
        self._type = ">f4" if storage == "TH1F" else ">f8"
        self._weighted = weighted
        self.model = _model(self._type, weighted=weighted, x=x, y=y)
        data: bytes = self.model.serialize(name=_NAME)
        texts = root_string(_NAME) + root_string(_TITLE)
        array = struct.pack(">i3f" if storage == "TH1F" else ">i3d", 3, *_CONTENT)
        sumw2 = struct.pack(">id", 1, _SUMW2) if weighted else b""
        marks = (
            texts,
            struct.pack(">i", _CELLS),
            struct.pack(">i2d", 1, *_LIMITS),
            struct.pack(">5d", *_NUMBERS),
            *((sumw2,) if weighted else ()),
            array,
        )
        self._pieces = _between(data, marks)
        # bytes of the whole, of its TH1, and of the TNamed in it, without texts, variances and contents
        self._whole = len(data) - 4 - len(texts) - len(sumw2) - len(array)
        self._th1 = _count(data, 6) - len(texts) - len(sumw2)
        self._named = _count(data, 12) - len(texts)
        self._versions = data[4:6], data[10:12], data[16:_TEXTS]

    def make(self, one: Contents) -> bytes:
        """Return the bytes of a histogram."""
        texts = root_string(one.name) + root_string(one.title)
        array = struct.pack(">i", len(one.values)) + one.values.astype(self._type).tobytes()
        sumw2 = b""
        if one.variances is not None:
            sumw2 = struct.pack(">i", len(one.variances)) + one.variances.astype(">f8").tobytes()
        added = len(texts) + len(sumw2)
        head = (
            struct.pack(">I", _COUNTED | (self._whole + added + len(array))) + self._versions[0]
            + struct.pack(">I", _COUNTED | (self._th1 + added)) + self._versions[1]
            + struct.pack(">I", _COUNTED | (self._named + len(texts))) + self._versions[2]
        )  # fmt: skip
        fill = (
            texts,
            struct.pack(">i", len(one.values)),
            struct.pack(">i2d", len(one.values) - 2, one.lower, one.upper),
            struct.pack(">5d", one.entries, *one.statistics),
            *((sumw2,) if self._weighted else ()),
            array,
        )
        parts = [head]
        for mark, piece in zip(fill, self._pieces, strict=True):
            parts += (mark, piece)
        return b"".join(parts)


def _model(kind: str, *, weighted: bool, x: str, y: str) -> Any:
    import numpy as np
    from uproot.writing import identify

    return identify.to_TH1x(
        fName=None,
        fTitle=_TITLE,
        data=np.array(_CONTENT, kind),
        fEntries=_NUMBERS[0],
        fTsumw=_NUMBERS[1],
        fTsumw2=_NUMBERS[2],
        fTsumwx=_NUMBERS[3],
        fTsumwx2=_NUMBERS[4],
        fSumw2=np.array([_SUMW2], ">f8") if weighted else None,
        fXaxis=identify.to_TAxis(fName="xaxis", fTitle=x, fNbins=1, fXmin=_LIMITS[0], fXmax=_LIMITS[1]),
        fYaxis=identify.to_TAxis(fName="yaxis", fTitle=y, fNbins=1, fXmin=0.0, fXmax=1.0),
        fNcells=_CELLS,
    )


def _between(data: bytes, marks: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return what comes after each mark up to the next; each is once in ``data``, the first after the headers."""
    places = [data.find(mark) for mark in marks]
    if (
        places != sorted(places)
        or places[0] != _TEXTS
        or any(data.count(mark) != 1 for mark in marks)
        or not data.endswith(marks[-1])
    ):
        msg = "Expected uproot to write histograms as it did, but their layout is another. Use the version of the lock file."
        raise SettingsError(msg)
    ends = [*places[1:], len(data)]
    return tuple(data[place + len(mark) : end] for place, mark, end in zip(places, marks, ends, strict=True))


def _count(data: bytes, place: int) -> int:
    number: int = struct.unpack_from(">I", data, place)[0]
    return number & ~_COUNTED
