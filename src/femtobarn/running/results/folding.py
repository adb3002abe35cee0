"""The parts of one file as one result: folded where they were computed, so that one archive travels and not many.

The fold has a name of its own, made of the names of all its parts: it never takes the place of one, and
equal parts give an equal fold, whoever made it.
"""

from __future__ import annotations

from collections.abc import Sequence

from femtobarn.base.canonical import digest
from femtobarn.base.errors import MergeError
from femtobarn.physics.spectra.sums import merged
from femtobarn.running.results.partial import Partial


def fold_name(tasks: Sequence[str]) -> str:
    """Return the name of the folded result of a file whose parts are ``tasks``, in their order."""
    return digest(["fold", *tasks])


def fold(partials: Sequence[Partial]) -> Partial:
    """Return the parts of one file, in order of entry, as one; their arrays are not changed.

    Raises
    ------
    MergeError
        if there are none, or they hold selected events, which are not summed
    """
    if not partials or any(p.columns for p in partials):
        msg = f"Expected the sums of all parts of one file to fold, but got {len(partials)} parts, or selected events. This is a defect of the executor."
        raise MergeError(msg)
    first = partials[0]
    histograms = {key: values.copy() for key, values in first.histograms.items()}
    cutflow = {key: values.copy() for key, values in first.cutflow.items()}
    spectra = [p.spectra for p in partials if p.spectra is not None]
    total = Partial(
        first.header.model_copy(
            update={
                "task": fold_name([p.header.task for p in partials]),
                "stop": partials[-1].header.stop,
                "parts": tuple(p.header for p in partials),
            }
        ),
        histograms,
        cutflow,
        spectra=merged(spectra) if spectra else None,
    )
    for partial in partials[1:]:
        add(total, partial)
    return total


def add(total: Partial, partial: Partial) -> None:
    """Add the histograms and the cutflow of ``partial`` to those of ``total``, in place."""
    for key, values in partial.histograms.items():
        total.histograms[key][...] += values
    for selection, values in partial.cutflow.items():
        total.cutflow[selection][...] += values
