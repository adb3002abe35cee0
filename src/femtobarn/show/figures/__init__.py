"""Figures from results, never from events: compute, draw and save are three steps."""

from femtobarn.show.figures.compute import compute
from femtobarn.show.figures.draw import draw
from femtobarn.show.figures.model import FigureData, HeatPanel, Layer, Points
from femtobarn.show.figures.save import FigurePaths, draw_all, png_bytes, save

__all__ = [
    "FigureData",
    "FigurePaths",
    "HeatPanel",
    "Layer",
    "Points",
    "compute",
    "draw",
    "draw_all",
    "png_bytes",
    "save",
]
