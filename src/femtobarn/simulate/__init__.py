"""Toy Monte Carlo in the formats of the releases: data to try everything with, without a network."""

from __future__ import annotations

from femtobarn.simulate.demo import write_demo_data

__all__ = ["write_demo_data"]
