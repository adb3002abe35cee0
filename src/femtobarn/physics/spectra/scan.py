"""A scan as the command line and the engine take it: what a configuration file declares."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from femtobarn.base.errors import FemtobarnError, SettingsError, UsageError
from femtobarn.base.records import AnalysisSpec, InputsRecord, Kind
from femtobarn.base.spectra import SpectraRecord
from femtobarn.data.storage.urls import is_remote
from femtobarn.physics.spectra import places
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.config import ScanConfig
from femtobarn.physics.spectra.convert import record_of
from femtobarn.physics.spectra.faults import checked, shown, wrong
from femtobarn.physics.spectra.spec import spec_of
from femtobarn.physics.spectra.yamltext import dump, parse, read


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A scan of mass spectra, where an analysis may stand: it can be planned and run.

    Parameters
    ----------
    config
        what the file says
    record
        what is run
    source
        the file; its folder is that of relative paths
    """

    config: ScanConfig
    record: SpectraRecord
    source: Path

    @property
    def name(self) -> str:
        """Its short name."""
        return self.config.name or _name(self.source)

    @property
    def title(self) -> str:
        """What people call it."""
        return self.config.title or f"Mass spectra: {self.name}"

    @property
    def inputs(self) -> dict[str, InputsRecord]:
        """Nothing: which files are read is said by `data`."""
        return {}

    @property
    def releases(self) -> tuple[str, ...]:
        """The release that is scanned."""
        return (self.config.release,)

    @property
    def options(self) -> Mapping[str, str]:
        """Nothing: a configuration has keys instead."""
        return {}

    @property
    def kind(self) -> Kind | None:
        """What is read: data, or simulation; None: both."""
        return None if self.config.inputs.kind == "both" else self.config.inputs.kind

    @property
    def data(self) -> tuple[str, ...]:
        """Places of the files that are read if no others are given: paths, addresses, ``record:N``.

        Raises
        ------
        UsageError
            if the configuration names none, and the catalogue has none of its release
        """
        given = self.config.inputs
        named = self.files
        named += tuple(f"record:{number}" for number in given.records)
        return named or places.of_release(self.config.release, self.kind, given.skim)

    @property
    def files(self) -> tuple[str, ...]:
        """The places that the configuration names itself, as they are found from anywhere.

        Raises
        ------
        SettingsError
            if one is below the home of a user who is not there
        """
        return tuple(self._beside(i, place) for i, place in enumerate(self.config.inputs.files, 1))

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the run that the configuration gives: fields of `femtobarn.base.records.Settings`."""
        given = {key: value for key, value in self.config.run if value is not None}
        options = given.pop("executor_options")
        if options:
            given["executor_options"] = tuple(options.items())
        if not self.record.output.figures:
            given["figures"] = False
        return given

    def freeze(
        self, *, release: str | None = None, mode: str = "physics", options: Mapping[str, Any] | None = None
    ) -> AnalysisSpec:
        """Return the scan as the engine runs it.

        Raises
        ------
        SettingsError
            for another release, another mode, and options: a scan has none of them
        """
        if release not in {None, self.config.release}:
            msg = f"Scan {self.name} is of release {self.config.release}, not {release}. Write another configuration: femtobarn spectra init {release}"
            raise SettingsError(msg)
        if mode != "physics":
            msg = f"Scan {self.name} has no mode {mode!r} to be run in: {self.source.name} says what it is, with mode: right or mode: compatible. Leave --mode out."
            raise SettingsError(msg)
        if options:
            msg = f"Scan {self.name} has no options, but got {', '.join(options)}. Change {self.source.name}."
            raise SettingsError(msg)
        return spec_of(
            self.record, self.config.release, name=self.name, title=self.title, skim=self.config.inputs.skim
        )

    def _beside(self, number: int, place: str) -> str:
        """Return a place as it is found from anywhere: relative paths are beside the configuration."""
        if is_remote(place) or re.match(r"[A-Za-z][A-Za-z0-9_.+-]+:", place):
            return place
        try:
            return os.path.normpath(self.source.parent / Path(place).expanduser())
        except RuntimeError:
            wrong(
                f"inputs.files[{number}]",
                "a place, or ~ before a user of this machine",
                shown(place),
                "Write the whole path.",
            )


def load_scan(path: Path | str) -> Scan:
    """Return the scan that a configuration file describes, checked against its release.

    Raises
    ------
    SettingsError
        with the file and the key, if it cannot be read or says something that cannot be done
    """
    source = Path(path)
    if not source.is_file():
        msg = f"There is no configuration {source}. Write one: femtobarn spectra init RELEASE"
        raise UsageError(msg)
    return scan_of(checked(ScanConfig, parse(read(source), source.name), source.name), source)


def scan_of(config: ScanConfig, source: Path) -> Scan:
    """Return the scan of a configuration; ``source`` is where it is, or would be.

    Raises
    ------
    SettingsError
        with the file and the key, if it says something that cannot be done
    """
    try:
        scan = Scan(config, record_of(config), source)
        places.check(config.inputs, config.release)
        combinations(scan.record)
        _ = scan.files  # a home that is not there is told now
        scan.freeze()
    except FemtobarnError as error:
        error.args = (f"{source.name}: {error}",)
        raise
    return scan


def text_of(config: ScanConfig) -> str:
    """Return a configuration as the text of a YAML file, without what is as by default."""
    return dump(config.model_dump(mode="json", exclude_defaults=True))


def _name(source: Path) -> str:
    """Return the name of a file as that of a scan."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "-", source.stem).lstrip(".-")
    return plain[:100] or "scan"
