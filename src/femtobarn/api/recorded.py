"""What the files of a finished scan were: they stay its inputs until others are named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from femtobarn.base.errors import DataError, RunDirectoryError
from femtobarn.base.records import InputFile, Kind, SkippedFile
from femtobarn.data.storage.urls import is_remote, shown
from femtobarn.running.results.directory import RunDirectory

if TYPE_CHECKING:
    from femtobarn.data.catalogue.resolvers import Remote
    from femtobarn.physics.spectra.scan import Scan
    from femtobarn.running.engine.inputs import Inputs
    from femtobarn.running.engine.submission import Submission

_ADLER = "adler32:"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an earlier command was to read.

    Parameters
    ----------
    directory
        its run directory
    request
        what it asked for
    """

    directory: RunDirectory
    request: Submission

    @property
    def files(self) -> list[Remote]:
        """All files that were given, those that are read first."""
        from femtobarn.data.catalogue.resolvers import Remote

        read = [self._as_given(file) for file in self.request.files]
        return read + [Remote(name=file.name, url=file.url) for file in self.request.skipped]

    @property
    def kind(self) -> Kind | None:
        """What all its files hold; None if they hold both."""
        kinds = {file.kind for file in self.request.files}
        return kinds.pop() if len(kinds) == 1 else None

    def require_readable(self, inputs: Inputs) -> None:
        """Raise `RunDirectoryError` if a file cannot be read now of which there are results."""
        read = _read(self.directory)
        lost = [file for file in inputs.skipped if file.status == "failed" and file.name in read]
        if lost:
            raise _unreadable(self.directory, len(lost), lost[0].reason)

    def require_same(self, inputs: Inputs, scan: Scan) -> None:
        """Raise `RunDirectoryError` if results of files would be replaced that ``scan`` does not name."""
        given = _places((*inputs.files, *inputs.skipped))
        others = [file for file in self.request.files if not _places([file]) <= given]
        if others and self.directory.info.is_file():
            msg = f"{self.directory.path} holds a finished scan of {len(others)} files that {scan.source.name} does not name, such as {shown(others[0].url)}. Name with --data what is to be read in their place, or choose another output directory with --out."
            raise RunDirectoryError(msg)

    def _as_given(self, file: InputFile) -> Remote:
        from femtobarn.data.catalogue.resolvers import Remote

        if not is_remote(file.url):
            return Remote(name=file.name, url=file.url)  # it is looked at again
        return Remote(
            name=file.name,
            url=file.url,
            size=file.size,
            adler32=file.identity.removeprefix(_ADLER) if file.identity.startswith(_ADLER) else None,
            release=self.request.spec.release,
            skim=self.request.spec.inputs.skim,
            kind=file.kind,
            dsid=file.dataset,
            period=file.period,
        )


def recorded_in(out: Path | str | None, scan: Scan) -> Recorded | None:
    """Return what a scan in ``out`` was to read; None if there is none of the same release.

    Raises
    ------
    RunDirectoryError
        if there are results, and it cannot be read of what
    """
    from femtobarn.running.engine.submission import read_submission

    if out is None or not str(out):
        return None
    directory = RunDirectory(Path(out))
    if not directory.plan.is_file():
        return None
    try:
        request = read_submission(directory)
    except RunDirectoryError:
        if directory.info.is_file():
            raise
        return None
    same = request.spec.spectra is not None and request.spec.release in scan.releases
    return Recorded(directory, request) if same else None


def require_unchanged(directory: RunDirectory, files: Iterable[InputFile]) -> None:
    """Raise `RunDirectoryError` if one of ``files`` of which there are results is not there, or another by now."""
    from femtobarn.data.storage import identify

    read = _read(directory)
    for file in files:
        if file.name not in read or is_remote(file.url):
            continue  # of what is elsewhere whoever reads it asks for it
        try:
            found = identify(file.url)
        except DataError as error:
            raise _unreadable(directory, 1, str(error)) from error
        if found.identity != file.identity:
            raise _unreadable(directory, 1, f"{file.url} is another file than it was")


def _read(directory: RunDirectory) -> set[str]:
    """Return the names of the files of which there are results."""
    if not directory.info.is_file():
        return set()
    return {row.name for row in directory.read_info().inputs if row.status == "processed"}


def _unreadable(directory: RunDirectory, number: int, reason: str) -> RunDirectoryError:
    what = "1 file" if number == 1 else f"{number:,} files"
    return RunDirectoryError(
        f"Expected to read again what the scan in {directory.path} was made of, but {what} cannot be read: {reason} Nothing was removed. Bring the files back, or name others with --data."
    )


def _places(files: Iterable[InputFile | SkippedFile]) -> set[str]:
    """Return where files are, in one way of saying it."""
    return {shown(f.url) if is_remote(f.url) else str(Path(f.url).absolute()) for f in files}
