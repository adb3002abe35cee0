"""Skims: ``fb.skim`` writes the selected events of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from femtobarn.api.runs import Data, Skimming, run

if TYPE_CHECKING:
    from femtobarn.physics.language.analysis import Analysis
    from femtobarn.running.results.reader import RunResults


def skim(
    analysis: str | Path | Analysis,
    selection: str,
    data: Data = None,
    *,
    columns: str | Sequence[str] | None = None,
    to: str = "root",
    out: str | Path | None = None,
    **others: Any,
) -> RunResults:
    """Run an analysis and write the events that pass one of its selections, one file for each input.

    A skim is an input like any other: it keeps the sums that normalisation needs, so that an analysis of
    a skim, or of a skim of a skim, is scaled as one of the whole files.

    Parameters
    ----------
    selection
        which events are written: those that pass it, nominally or under any variation
    columns
        fields (``"lep.pt"``), collections (``"lep"``) and names of histograms of one value per event or
        object; None: all fields that the analysis reads
    to
        ``"root"``, or ``"parquet"`` for other programs
    others
        as in `run`

    Returns
    -------
    RunResults
        the skim is in the folder ``skim`` of its directory
    """
    if isinstance(columns, str):
        columns = [name.strip() for name in columns.split(",") if name.strip()]
    return run(
        analysis,
        data,
        out=out,
        skimming=Skimming(selection, None if columns is None else tuple(columns), to),
        **others,
    )
