# ruff: noqa: INP001 - Sphinx reads this file, nothing imports it
"""How Sphinx builds these pages: `make docs`."""

from __future__ import annotations

from importlib.metadata import version as installed_version

project = "femtobarn"
author = "The femtobarn developers"
release = version = installed_version("femtobarn")

extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"femtobarn {release}"
html_copy_source = False
