"""What a scan's configuration says of a run of it: places, settings, data or simulation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from femtobarn.base.errors import NothingToDoError
from femtobarn.base.records import Kind, SkippedFile
from femtobarn.data.storage.urls import shown

if TYPE_CHECKING:
    from femtobarn.data.catalogue.resolvers import Remote
    from femtobarn.physics.spectra.scan import Scan
    from femtobarn.running.engine.inputs import Inputs


_ENDINGS = (".yaml", ".yml")


def scan_of(analysis: Any) -> Scan | None:
    """Return the scan that a YAML file describes, or that is given; None for any other analysis."""
    if isinstance(analysis, str | Path) and not str(analysis).lower().endswith(_ENDINGS):
        return None
    from femtobarn.physics.spectra.scan import Scan, load_scan

    if isinstance(analysis, str | Path):
        return load_scan(Path(analysis))
    return analysis if isinstance(analysis, Scan) else None


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
    reason = f"it holds {others[0].kind}, the scan reads {kind}"
    skipped = (SkippedFile(name=f.name, url=shown(f.url), reason=reason) for f in others)
    return replace(
        inputs,
        spec=inputs.spec.model_copy(update={"inputs": wanted}),
        files=files,
        unseen=tuple(f for f in inputs.unseen if (f.dataset is None) == (kind == "data")),
        skipped=(*inputs.skipped, *skipped),
    )
