"""What a scan's configuration says of a run of it: places, settings, data or simulation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from femtobarn.base.errors import LuminosityUnknownError, NothingToDoError, ResultsError
from femtobarn.base.records import Kind, SkippedFile
from femtobarn.data.storage.urls import shown

if TYPE_CHECKING:
    from femtobarn.data.catalogue.resolvers import Remote
    from femtobarn.physics.spectra.scan import Scan
    from femtobarn.running.engine.inputs import Inputs


_ENDINGS = (".yaml", ".yml")
_OTHER_KIND = "it holds "


def scan_of(analysis: Any) -> Scan | None:
    """Return the scan that a YAML file describes, or that is given; None for any other analysis."""
    if isinstance(analysis, str | Path) and not str(analysis).lower().endswith(_ENDINGS):
        return None
    from femtobarn.physics.spectra.scan import Scan, load_scan

    if isinstance(analysis, str | Path):
        return load_scan(Path(analysis))
    return analysis if isinstance(analysis, Scan) else None


def names_files(scan: Scan) -> bool:
    """Tell whether the configuration names files, and not only their release."""
    return bool(scan.config.inputs.files or scan.config.inputs.records)


def require_some(inputs: Inputs, scan: Scan) -> None:
    """Raise `NothingToDoError` if none of the files of ``scan`` can be read."""
    if inputs.files:
        return
    first = inputs.skipped[0]
    one = inputs.given == 1
    which = (
        "the only file that was given cannot"
        if one
        else f"none of the {inputs.given:,} files that were given can"
    )
    other = any(file.reason.startswith(_OTHER_KIND) for file in inputs.skipped)
    advice = f" Set inputs.kind in {scan.source.name} to what is to be read." if other else ""
    msg = f"There is nothing to scan: {which} be used. The first reason: {first.name}: {first.reason.rstrip('.')}.{advice}"
    raise NothingToDoError(msg)


def check_scaling(inputs: Inputs, luminosity: float | None) -> None:
    """Raise what scaling simulation to the luminosity would, as far as that is known before files are read.

    Parameters
    ----------
    luminosity
        that is given (fb^-1); None: that of the data

    Raises
    ------
    LuminosityUnknownError
        if the luminosity of the data is not known
    ResultsError
        if a dataset has no cross-section, or no sum of weights: neither in the catalogue nor in files of its release
    """
    from femtobarn.data.formats import format_of
    from femtobarn.running.results import normalise

    spec, simulated = inputs.spec, [f for f in inputs.files if f.kind == "mc"]
    if spec.spectra is None or spec.spectra.output.scale != "luminosity" or not simulated:
        return
    uses = [normalise.FileUse(file, None, 1) for file in inputs.files]  # as if each were read
    found = normalise.luminosity(spec, uses, inputs.unseen, luminosity)
    if found.value is None:
        msg = f"Simulation is to be scaled (scale: luminosity), but the luminosity of the data is not known ({found.note}). Give it with --luminosity, or set scale: none."
        raise LuminosityUnknownError(msg)
    fmt = format_of(spec.release)
    for one in normalise.normalisations(spec, uses, inputs.unseen):
        known = one.cross_section is not None or fmt.offers("mc.cross_section")
        if not known or (one.sum_of_weights is None and not fmt.offers("mc.sum_of_weights")):
            what = "sum of weights" if known else "cross-section"
            msg = f"Simulation is to be scaled (scale: luminosity), but neither files nor catalogue know the {what} of dataset {one.dataset}. Leave its files out, or set scale: none."
            raise ResultsError(msg)


def files_of(scan: Scan) -> list[Remote]:
    """Return the files that the configuration names; of records that hold data and simulation, those of its kind.

    Raises
    ------
    UsageError
        if a place does not exist, or the catalogue does not know its files
    NothingToDoError
        if there are none
    """
    from femtobarn.running.engine.places import given_files

    found: list[Remote] = []
    for place in scan.data:
        those = given_files([place])
        if place.startswith("record:"):
            those = [f for f in those if None in {scan.kind, f.kind} or f.kind == scan.kind]
        found += those
    if not found:
        msg = f"Expected files of {scan.kind} in {', '.join(scan.data)}, but there are none. Change inputs of {scan.source.name}."
        raise NothingToDoError(msg)
    return found


def only(inputs: Inputs, kind: Kind | None) -> Inputs:
    """Return ``inputs`` without files of another kind than ``kind``, which are listed with the reason."""
    others = [f for f in inputs.files if kind not in {None, f.kind}]
    if not others:
        return inputs
    files = tuple(f for f in inputs.files if f.kind == kind)
    read = {f.process for f in files}
    wanted = inputs.spec.inputs.model_copy(
        update={"processes": tuple(p for p in inputs.spec.inputs.processes if p.name in read)}
    )
    reason = f"{_OTHER_KIND}{others[0].kind}, the scan reads {kind}"
    skipped = (SkippedFile(name=f.name, url=shown(f.url), reason=reason) for f in others)
    return replace(
        inputs,
        spec=inputs.spec.model_copy(update={"inputs": wanted}),
        files=files,
        unseen=tuple(f for f in inputs.unseen if (f.dataset is None) == (kind == "data")),
        skipped=(*inputs.skipped, *skipped),
    )
