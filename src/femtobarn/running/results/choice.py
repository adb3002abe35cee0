"""Which keys of a histogram a request for processes, datasets and files stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from femtobarn.base.errors import ResultsError, UnknownNameError
from femtobarn.base.records import AnalysisSpec
from femtobarn.running.results.scaling import Member


def choose(
    members: Sequence[Member],
    spec: AnalysisSpec,
    process: str | Sequence[str] | None,
    datasets: Sequence[int] | None,
    wanted_files: Sequence[str] | None,
) -> list[int]:
    """Return the indices of the members that the request names.

    ``datasets`` restrict simulation and ``wanted_files`` restrict data (or single files of either);
    with one of them alone, the other kind is left out.
    """
    every = range(len(members))
    if process is not None:
        names = (process,) if isinstance(process, str) else tuple(process)
        known = [p.name for p in spec.inputs.processes]
        for name in names:
            if name not in known:
                raise UnknownNameError("process", name, known)
        chosen = [i for i in every if members[i].process in names]
    elif datasets is None and wanted_files is None:
        simulated = [i for i in every if not members[i].data]
        chosen = simulated or list(every)
    else:
        chosen = list(every)
    if datasets is not None or wanted_files is not None:
        by_dataset = _index(members, lambda m: tuple(str(d) for d in m.datasets))
        by_file = _index(members, lambda m: (*m.periods, *m.files))
        keep = _named("dataset", [str(d) for d in datasets or ()], by_dataset)
        keep |= _named("data period or file", list(wanted_files or ()), by_file)
        chosen = [i for i in chosen if i in keep]
        _require_whole([members[i] for i in chosen], datasets or (), wanted_files or ())
    if len({members[i].data for i in chosen}) > 1:
        msg = (
            "Data and simulation were asked for in one histogram, but their sum has no meaning. "
            "Ask for them one after the other, with process=."
        )
        raise ResultsError(msg)
    return chosen


def _require_whole(members: Sequence[Member], datasets: Sequence[int], names: Sequence[str]) -> None:
    """Refuse a request for a part of what a histogram keeps as one sum."""
    for member in members:
        pairs = ((member.datasets, datasets), (member.periods, names), (member.files, names))
        if not any(own and set(own) <= set(asked) for own, asked in pairs):
            msg = (
                f"This histogram keeps one sum for all of {member.key}, so a part of it cannot be shown. "
                "Ask for all of its datasets or files, or declare the histogram with keep='file'."
            )
            raise ResultsError(msg)


def _index(members: Sequence[Member], labels: Any) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = {}
    for i, member in enumerate(members):
        for label in labels(member):
            found.setdefault(label, []).append(i)
    return found


def _named(what: str, names: Sequence[str], known: Mapping[str, Sequence[int]]) -> set[int]:
    for name in names:
        if name not in known:
            raise UnknownNameError(what, name, known)
    return {i for name in names for i in known[name]}
