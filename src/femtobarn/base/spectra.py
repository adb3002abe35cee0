"""What a scan of mass spectra is: objects, final states, combinations, histograms, and what is made of them.

Energies are in GeV. Kinds of objects have one letter each, in the order of final states: e m j g t b.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from femtobarn.base.record import Record

Letter = Literal["e", "m", "j", "g", "t", "b"]
LETTERS: tuple[Letter, ...] = ("e", "m", "j", "g", "t", "b")
"""Kinds of objects in the order in which a final state counts them."""

NAMED: tuple[Letter, ...] = ("e", "m", "j", "b", "g", "t")
"""Kinds of objects in the order in which the name of a combination has them."""

Quantity = Literal["mass", "os", "ss", "met"]
"""What a spectrum is of: the invariant mass of a combination; the same where its two leptons have opposite,
or the same, sign; its transverse mass with the missing transverse momentum."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Number = Annotated[int, Field(ge=0, le=255)]


class IsolationRecord(Record):
    """The largest activity around an object that is allowed, relative to its pt; None: any.

    ``track`` and ``calorimeter`` are the cones ``ptcone`` and ``etcone`` over pt; ``relative`` is the
    release's own relative isolation.
    """

    track: NotNegative | None = None
    calorimeter: Finite | None = None
    relative: NotNegative | None = None


class ObjectRecord(Record):
    """Which objects count as one of a kind, and how many of them an event may have.

    Parameters
    ----------
    letter
        the kind
    collection
        of the event model
    pt_min, eta_max, crack
        objects with less pt, with larger or (between the limits of ``crack``) excluded absolute eta
        are dropped
    identification
        a decision of the collection that objects must pass, such as ``medium_id``
    isolation
        objects with more activity around them are dropped
    least, most
        numbers of selected objects that an event may have; ``most`` None: any
    """

    letter: Letter
    collection: str
    pt_min: NotNegative = 0.0
    eta_max: NotNegative | None = None
    crack: tuple[NotNegative, NotNegative] | None = None
    identification: str | None = None
    isolation: IsolationRecord = IsolationRecord()
    least: Number = 0
    most: Number | None = None


class TagRecord(Record):
    """Which jets are b: those whose ``discriminant`` is at least ``threshold``.

    Parameters
    ----------
    discriminant
        a field of jets, or ``dl1d``: ln(p_b / (f_c p_c + (1 - f_c) p_light)) of their three
        probabilities, with ``charm_fraction`` f_c
    least, most
        numbers of b jets that an event may have
    """

    discriminant: str
    threshold: Finite
    charm_fraction: Annotated[float, Field(ge=0, le=1)] = 0.018
    least: Number = 0
    most: Number | None = None


class OverlapRecord(Record):
    """Objects of ``remove`` nearer than ``delta_r`` to one of ``near`` go; jets are ``j``, b or not.

    If ``sliding`` (GeV) is not 0 the distance is min(``delta_r``, 0.04 + ``sliding`` / pt).
    """

    remove: Letter
    near: Letter
    delta_r: Positive
    sliding: NotNegative = 0.0


class StatesRecord(Record):
    """Which final states are kept: numbers of kinds that occur, and of objects of each that does."""

    least_kinds: Number = 1
    most_kinds: Number = 6
    least_count: Number = 1
    most_count: Number = 255


class CombinationsRecord(Record):
    """Which combinations of objects have a spectrum.

    Parameters
    ----------
    letters
        kinds that take part
    least_kinds, most_kinds
        how many kinds a combination has
    least_count, most_count
        how many objects of each
    most_total
        how many objects in all; at least two (with missing momentum one)
    subleading
        windows of leading objects, and all others that end at this rank or before
    exact_leading
        a window that begins at rank 0 takes all objects of its kind; else there may be more of them
    """

    letters: tuple[Letter, ...] = ("e", "m", "j", "g")
    least_kinds: Annotated[int, Field(ge=1, le=6)] = 1
    most_kinds: Annotated[int, Field(ge=1, le=6)] = 4
    least_count: Annotated[int, Field(ge=1, le=20)] = 1
    most_count: Annotated[int, Field(ge=1, le=20)] = 4
    most_total: Annotated[int, Field(ge=1, le=20)] = 4
    subleading: Annotated[int, Field(ge=0, le=9)] = 0
    exact_leading: bool = False


IN_ORDER = r"^e*m*j*g*t*b*$"
"""Letters of objects in the order of final states."""


class WindowRecord(Record):
    """A known resonance: ``centre`` and half the ``width`` around it that counts as its peak, in GeV.

    ``particles`` are the letters of what it decays to, sorted as in final states (``"ee"``, ``"mm"``,
    ``"eemm"``): spectra of just these objects have it; none: all spectra.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+-]+$")]
    centre: Positive
    half_width: Positive
    particles: tuple[Annotated[str, Field(pattern=IN_ORDER, min_length=1)], ...] = ()


class ProcessingRecord(Record):
    """What is made of a full spectrum, beside it.

    Parameters
    ----------
    mode
        ``none``; ``windows``: bins of known resonances are emptied, or kept alone, or both results are
        written; ``compatible``: from the rightmost fullest bin on, split at the first empty bin
    windows
        the known resonances
    keep
        ``veto`` empties their bins, ``only`` empties all others, ``both`` writes both
    width
        width of the bins in which ``compatible`` looks for the fullest; None: that of the spectra
    cutoff
        values above are no part of what ``compatible`` makes; None: all are
    pair_cutoff
        nor are values below of combinations with two electrons or two muons at least; None: all are
    """

    mode: Literal["none", "windows", "compatible"] = "windows"
    windows: tuple[WindowRecord, ...] = ()
    keep: Literal["veto", "only", "both"] = "veto"
    width: Positive | None = None
    cutoff: Positive | None = None
    pair_cutoff: Positive | None = None


class OutputRecord(Record):
    """How spectra are written.

    Parameters
    ----------
    layout
        ``flat``: BumpNet's names at the top of the file; ``directories``: in one directory per final state
    files
        ``kind``: one file for data, one for simulation; ``process``: one for each process
    scale
        simulation is written as the sum of its event weights, or scaled to the luminosity of the run
    storage
        ``TH1F`` or ``TH1D``
    maximum
        upper edge of written histograms in GeV, a multiple of the width; more is in the overflow bin
    axis
        ``common``: bins from 0 to ``maximum``; ``filled``: from the first to the last that is not empty, as
        BumpNet wants them, which passes over histograms that begin with an empty bin
    outliers
        whether what ``compatible`` splits off is written too
    figures, gallery
        whether plots and the gallery are made
    """

    layout: Literal["flat", "directories"] = "flat"
    files: Literal["kind", "process"] = "kind"
    scale: Literal["none", "luminosity"] = "none"
    storage: Literal["TH1F", "TH1D"] = "TH1F"
    maximum: Positive = 14_000.0
    axis: Literal["common", "filled"] = "filled"
    outliers: bool = False
    figures: bool = True
    gallery: bool = True


class SpectraRecord(Record):
    """A scan of mass spectra: the first fields decide what is filled, the last three what is made of it.

    Parameters
    ----------
    objects
        one for each kind, in the order of `LETTERS`; b is made of jets by ``tag``
    overlap
        steps of overlap removal, in order; none: an object may count as two
    quantities
        what is filled for each combination
    met
        the missing momentum is that of the file, or minus the vector sum of the selected objects
    width
        of the bins in GeV; edges are its multiples
    weight
        fields whose product weighs simulated events
    values
        whether single values are kept
    least_events
        final states with fewer events in the whole input are not written; all data count together, and all
        simulation
    """

    objects: tuple[ObjectRecord, ...]
    tag: TagRecord | None = None
    overlap: tuple[OverlapRecord, ...] = ()
    states: StatesRecord = StatesRecord()
    combinations: CombinationsRecord = CombinationsRecord()
    quantities: tuple[Quantity, ...] = ("mass",)
    met: Literal["file", "objects"] = "file"
    width: Positive = 10.0
    weight: tuple[str, ...] = ("mc.generator",)
    values: bool = False
    least_events: Annotated[int, Field(ge=0)] = 0
    processing: ProcessingRecord = ProcessingRecord()
    output: OutputRecord = OutputRecord()

    @property
    def letters(self) -> tuple[Letter, ...]:
        """The kinds that a final state counts."""
        there = {o.letter for o in self.objects} | ({"b"} if self.tag is not None else set())
        return tuple(letter for letter in LETTERS if letter in there)

    def content(self) -> dict[str, object]:
        """Return what decides the numbers of a partial result."""
        after = {"least_events", "processing", "output"}
        return self.model_dump(mode="json", exclude=after)
