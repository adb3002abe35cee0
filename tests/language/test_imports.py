"""The language is light: declaring an analysis loads no machinery."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("awkward", "uproot", "numba", "matplotlib", "scipy")


@pytest.mark.parametrize("module", ["femtobarn.physics.language", "femtobarn.physics.analyses.hzz"])
def test_declaring_loads_nothing_heavy(module: str) -> None:
    code = (
        f"import {module}, sys\n"
        f"from femtobarn.physics.analyses import find_analysis\n"
        f"find_analysis('zll').freeze()\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.strip() == "[]"
