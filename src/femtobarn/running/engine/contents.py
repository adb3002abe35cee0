"""What a file holds, from what is in it: for files whose names and addresses do not tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from femtobarn.base.errors import FormatError
from femtobarn.base.records import Access, AnalysisSpec, Kind, Origin
from femtobarn.data import catalogue
from femtobarn.data.catalogue.resolvers import Remote
from femtobarn.data.formats.skimmed import NAME, SkimFacts
from femtobarn.data.storage import FileIdentity, opened
from femtobarn.data.storage.urls import shown
from femtobarn.running.engine.places import prefix_of


@dataclass(frozen=True, slots=True)
class Found:
    """What a file holds, from its name or its content.

    Parameters
    ----------
    kind, dataset, period
        data of a period, or simulation of a dataset; None if not known
    format
        name of its format; empty: that of the release
    origin
        where its events are from, if it is a skim
    """

    kind: Kind
    dataset: int | None
    period: str | None
    format: str = ""
    origin: Origin | None = None


def look_inside(
    file: Remote,
    spec: AnalysisSpec,
    access: Access,
    identities: Mapping[str, FileIdentity],
    kind: Kind | None,
) -> Found | str:
    """Return what ``file`` says of itself, or why the analysis does not read it.

    Parameters
    ----------
    identities
        of remote files that were asked for theirs, by address
    kind
        what it holds if it does not say so

    Raises
    ------
    DataError
        if it cannot be opened, is of no known format, or does not say what it holds
    """
    from femtobarn.data.formats.opening import open_events, provisional, recognise_content
    from femtobarn.data.formats.reader import EventReader

    with opened(provisional(file, identities.get(file.url)), access_to(file, access)) as got:
        inside = recognise_content(got.place)
        if inside.release != spec.release:
            return f"it is of release {inside.release}, the analysis reads {spec.release}"
        if inside.skim is not None:
            return _from_skim(inside.skim, spec)
        with open_events(got.place, inside.format) as tree:
            facts = EventReader(tree, inside.format).facts()
    said = facts.kind
    if said is None and facts.channel is not None:
        known = catalogue.known(spec.release)
        wanted = {d for process in spec.inputs.processes for d in process.datasets}
        simulated = facts.channel in wanted or (known is not None and facts.channel in known.datasets)
        said = "mc" if simulated else "data"
    said = said or kind
    if said is None:
        msg = (
            f"{shown(file.url)}: expected a file that says whether it is data or simulation, but neither its name nor "
            "its content does. Say it with --kind data or --kind mc, or give it the name under which it was published."
        )
        raise FormatError(msg)
    return Found("mc", facts.channel, None) if said == "mc" else Found("data", None, None)


def release_inside(file: Remote, access: Access) -> str:
    """Return the release of a file from what is in it.

    Raises
    ------
    DataError
        if it cannot be opened, or is of no known format
    """
    from femtobarn.data.formats.opening import reached, recognise_content

    with reached(file, access) as place:
        return recognise_content(place).release


def access_to(file: Remote, access: Access) -> Access:
    """Return ``access`` with the place of ``file`` permitted: whoever named it may look at it."""
    return access.model_copy(update={"prefixes": (*access.prefixes, prefix_of(file.url))})


def _from_skim(skim: SkimFacts, spec: AnalysisSpec) -> Found | str:
    assert skim.facts.origin is not None
    name, wanted = catalogue.recognise(skim.facts.origin.name), spec.inputs.skim
    if name is not None and wanted not in {None, name.skim}:
        return f"its events are of skim {name.skim}, the analysis reads {wanted}"
    return Found(skim.kind, skim.dataset, skim.period, NAME, skim.facts.origin)
