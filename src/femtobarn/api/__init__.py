"""What ``import femtobarn as fb`` offers besides the language: plan, run, look, show."""

from __future__ import annotations

from femtobarn.api import spectra
from femtobarn.api.inspect import inspect
from femtobarn.api.look import Events, explain, open  # noqa: A004 - fb.open is meant to read like open
from femtobarn.api.runs import (
    analyses,
    collect,
    demo_data,
    figures,
    load,
    plan,
    report,
    run,
    status,
    submit,
)
from femtobarn.api.skims import skim

__all__ = [
    "Events",
    "analyses",
    "collect",
    "demo_data",
    "explain",
    "figures",
    "inspect",
    "load",
    "open",
    "plan",
    "report",
    "run",
    "skim",
    "spectra",
    "status",
    "submit",
]
