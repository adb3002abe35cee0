"""Known resonances as they are marked in plots."""

from __future__ import annotations

from femtobarn.base.spectra import SpectraRecord, WindowRecord
from femtobarn.physics.spectra.presets import WINDOWS
from femtobarn.running.results.spectra.windows import bins_of


def windows_of(record: SpectraRecord) -> tuple[WindowRecord, ...]:
    """Return the windows of a scan; known resonances are marked also where nothing is made of them."""
    return record.processing.windows or tuple(WINDOWS.values())


def edges(record: SpectraRecord, window: WindowRecord) -> tuple[float, float]:
    """Return lower and upper edge of what is marked, in GeV."""
    if record.processing.mode == "windows":  # whole bins are emptied or kept
        low, high = bins_of(window, record.width)
        return low * record.width, high * record.width
    return window.centre - window.half_width, window.centre + window.half_width
