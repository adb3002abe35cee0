"""What a file says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SampleKind = Literal["data", "mc"]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a file says of itself; None where it does not.

    Parameters
    ----------
    entries
        events in the file
    uuid
        ROOT's identifier of the file
    title
        title of its tree
    simulated_demo
        whether it is demo data of this package and no measurement
    cross_section_fb
        cross-section with k-factor and filter efficiency, in fb, of the first event; data hold
        placeholders (0, or 1 pb)
    sum_of_weights, num_events
        of the dataset before any preselection, of the first event; 1 is a placeholder
    channel
        dataset id of the first event in simulation, its run number in data
    run
        run number of the first event
    kind
        whether it is data or simulation; None if nothing in it tells
    """

    entries: int
    uuid: str
    title: str
    simulated_demo: bool
    cross_section_fb: float | None = None
    sum_of_weights: float | None = None
    num_events: float | None = None
    channel: int | None = None
    run: int | None = None
    kind: SampleKind | None = None

    @property
    def dataset(self) -> int | None:
        """The dataset id of simulation; None in data, where the channel is the run number, or if unknown."""
        return None if self.kind == "data" or self.channel == self.run else self.channel
