"""The analyses we ship, and how analyses are found: by name, or in a user's own file."""

from __future__ import annotations

from femtobarn.physics.analyses.find import analyses, find_analysis, load_file

__all__ = ["analyses", "find_analysis", "load_file"]
