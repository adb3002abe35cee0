"""The command line: one thin command per verb."""

from __future__ import annotations

from femtobarn.cli.main import main

__all__ = ["main"]
