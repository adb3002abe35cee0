"""Every error femtobarn raises.

::

    FemtobarnError
    ├── UsageError                 the request itself is wrong (exit 2)
    │   ├── UnknownNameError       no such analysis, release, option, histogram, ...
    │   ├── SettingsError          a value outside what is allowed
    │   ├── UnwritableError        a place where nothing can be written
    │   ├── VersionsError          programs that must be of one version, and are not
    │   ├── MissingExtraError      something that another installation of this package can do
    │   └── RunDirectoryError      an output directory of another run, or none
    ├── LanguageError              an analysis file says something that has no meaning (exit 2)
    │   ├── UnitsError             GeV compared with mm
    │   ├── TypesError             a float where a bool is needed
    │   ├── UnknownFieldError      no such field or collection in the event model
    │   ├── AxisError              objects of different collections combined element by element
    │   ├── UseWhereError          `if`, `and`, `or`, `not`, `for` on a column
    │   └── CodeError              @function or @columnar code that cannot be shipped or run
    ├── DataError                  one input cannot be used; the run goes on (ledger: failed)
    │   ├── UnreadableError        absent, not permitted, not a file
    │   ├── NotRootError           empty, or not a ROOT file
    │   ├── DamagedError           a ROOT file that is truncated or corrupted
    │   │   └── ChecksumError      its bytes are not those that the catalogue tells of
    │   ├── UnavailableError       a server gave no right answer, however often it was asked
    │   ├── AddressError           a place that may not be opened
    │   ├── FormatError            a readable file that is not of the expected format
    │   │   ├── TreeMissingError
    │   │   ├── BranchMissingError
    │   │   └── BranchTypeError
    │   ├── FileChangedError       not the file that was planned, or not what its name says
    │   ├── NotFiniteError         weights that are infinite or not numbers
    │   └── TransientDataError     may succeed when tried again
    ├── CatalogueError             an answer from which no catalogue can be made (exit 1)
    ├── RunError                   the machinery of a run (exit 1)
    │   ├── NothingToDoError       no input at all, or nothing done
    │   ├── MemoryLimitError
    │   ├── ExecutorError          whatever runs the tasks elsewhere cannot do its work
    │   │   └── GoneError          it knows nothing of them any more
    │   ├── StoreError             results cannot be left, or had, where they belong
    │   └── MergeError
    └── ResultsError               a question that these results cannot answer (exit 2)
        └── LuminosityUnknownError

Each message says what was expected, what came, and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class FemtobarnError(Exception):
    """Root of all errors; ``exit_code`` is what the command line returns for it."""

    exit_code: ClassVar[int] = 1
    transient: ClassVar[bool] = False


class UsageError(FemtobarnError):
    """The request itself is wrong."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that does not exist; the message gives the nearest that does.

    Parameters
    ----------
    what
        the kind of thing, for instance ``"analysis"``
    name
        the name that was given
    known
        the names that exist
    """

    def __init__(self, what: str, name: object, known: Iterable[object]) -> None:
        self.what, self.name, self.known = what, str(name), tuple(str(k) for k in known)
        super().__init__(f"{self.name!r} is not a known {what}. {suggestion(self.name, self.known)}")


class SettingsError(UsageError):
    """A setting outside what is allowed."""


class UnwritableError(UsageError):
    """A place where nothing can be written."""


class VersionsError(UsageError):
    """Programs work together that would not give the same numbers, or do not understand each other."""


class MissingExtraError(UsageError):
    """Something that needs an extra of this package which is not installed.

    Parameters
    ----------
    doing
        what was wanted, for instance ``"reading root:// addresses"``
    extra
        the extra that brings it
    """

    def __init__(self, doing: str, extra: str) -> None:
        super().__init__(
            f"Expected the extra {extra!r} for {doing}, but it is not installed. Install it: pip install 'femtobarn[{extra}]'"
        )


class RunDirectoryError(UsageError):
    """An output directory that belongs to another run, or holds none."""


class LanguageError(FemtobarnError):
    """An analysis file says something that has no meaning."""

    exit_code = 2


class UnitsError(LanguageError):
    """Quantities of different dimensions are added or compared."""


class TypesError(LanguageError):
    """A value of the wrong type, for instance a float where a bool is needed."""


class UnknownFieldError(LanguageError, AttributeError):
    """The event model has no such field or collection; the message gives the nearest."""

    def __init__(self, owner: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"{owner} has no {name!r}. {suggestion(name, known)}")


class AxisError(LanguageError):
    """Objects of different collections are combined element by element."""


class UseWhereError(LanguageError):
    """Python control flow on a column."""


class CodeError(LanguageError):
    """Code of ``@function`` or ``@columnar`` that cannot be shipped or run."""


class DataError(FemtobarnError):
    """One input cannot be used; the run goes on and the ledger gives the reason."""


class UnreadableError(DataError):
    """A file that is absent, not permitted, or not a file."""


class NotRootError(DataError):
    """An empty file, or one that is not in ROOT format."""


class DamagedError(DataError):
    """A ROOT file that is truncated or corrupted."""


class ChecksumError(DamagedError):
    """A file whose bytes are not those that the catalogue tells of."""


class UnavailableError(DataError):
    """A server gave no right answer, however often and wherever it was asked."""


class AddressError(DataError):
    """A place that may not be opened: outside the allowed prefixes, or a redirect to a private address."""


class FormatError(DataError):
    """A readable ROOT file that is not of the expected ntuple format."""


class TreeMissingError(FormatError):
    """The file has no tree of the expected name."""


class BranchMissingError(FormatError):
    """The tree lacks a branch that the analysis needs."""


class BranchTypeError(FormatError):
    """A branch holds another type than the format allows."""


class FileChangedError(DataError):
    """The file is not the one that was planned, or not what its name says."""


class NotFiniteError(DataError):
    """Weights of events that are infinite or not numbers."""


class TransientDataError(DataError):
    """A failure that may not happen again."""

    transient = True


class CatalogueError(FemtobarnError):
    """An answer, or a table, from which no catalogue can be made."""


class RunError(FemtobarnError):
    """The machinery of a run failed."""


class NothingToDoError(RunError):
    """There is no input, or nothing could be done with it."""


class MemoryLimitError(RunError):
    """The histograms or a chunk would not fit in memory."""


class ExecutorError(RunError):
    """What runs tasks elsewhere cannot do its work: a broker, a scheduler or a batch system that refuses or is gone."""


class GoneError(ExecutorError):
    """What was handed to others is not there any more; nothing is to be expected of it."""


class StoreError(RunError):
    """A place for results elsewhere does not take or give them."""


class MergeError(RunError):
    """Partial results do not fit together."""


class ResultsError(FemtobarnError):
    """A question that these results cannot answer."""

    exit_code = 2


class LuminosityUnknownError(ResultsError):
    """The luminosity of the processed data is not known, so simulation cannot be scaled to it."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the name of ``known`` that ``name`` was most likely meant to be, if any is near."""
    names = list(known)
    folded = {n.casefold(): n for n in names}
    if name.casefold() in folded:
        return folded[name.casefold()]
    if len(name) >= 3:
        starts = [
            n for f, n in folded.items() if f.startswith(name.casefold()) or name.casefold().startswith(f)
        ]
        if starts:
            return max(
                starts, key=lambda n: difflib.SequenceMatcher(None, n.casefold(), name.casefold()).ratio()
            )
    hits = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    return folded[hits[0]] if hits else None


def suggestion(name: str, known: Iterable[str], *, most: int = 12) -> str:
    """Return a sentence that helps someone who wrote ``name`` where one of ``known`` was needed."""
    names = sorted(known)
    near = nearest(name, names)
    if near is not None:
        return f"Did you mean {near!r}?"
    if not names:
        return "None exist here."
    listed = ", ".join(names[:most])
    return f"Choose from: {listed}{', ...' if len(names) > most else ''}."
