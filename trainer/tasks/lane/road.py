"""Winding roads: their curvature, heading and centreline as functions of the arc length.

Straights and bends of random length and curvature, joined by clothoids (curvature that
changes linearly along the arc), as real roads are. Pure numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

SPACING = 0.5
"""Arc length between two points of a centreline, m."""
TIGHTEST = 0.045
"""Largest curvature of a road, 1/m: a bend of 22 m radius."""
_CLOTHOID = 18.0
"""Length of a clothoid between two stretches of constant curvature, m."""


@dataclass(frozen=True, eq=False)
class Road:
    """A centreline sampled every SPACING metres; left bends have positive curvature."""

    curvature: Array
    """[n], 1/m"""
    heading: Array
    """[n], rad"""
    centreline: Array
    """[n, 2], m"""


def winding_road(length: float, random: np.random.Generator) -> Road:
    """A road of `length` metres that starts at the origin, straight along +x."""
    points = int(np.ceil(length / SPACING)) + 1
    curvature = np.zeros(points)
    start, side = int(30 / SPACING), random.choice([-1.0, 1.0])
    while start < points:
        bend = random.random() < 0.75
        stretch = int(random.uniform(25.0, 70.0) / SPACING)
        if bend:
            curvature[start : start + stretch] = side * random.uniform(0.2, 1.0) * TIGHTEST
            side = -side if random.random() < 0.8 else side
        start += stretch
    window = int(_CLOTHOID / SPACING)
    curvature = np.convolve(curvature, np.full(window, 1.0 / window), mode="same")
    return road_of(curvature)


def road_of(curvature: Array) -> Road:
    """The road of a curvature [n], 1/m, every SPACING metres along the arc."""
    # Each piece of the centreline has the heading of its middle.
    heading = _integral(curvature)
    middle = 0.5 * (heading[1:] + heading[:-1])
    steps = SPACING * np.stack([np.cos(middle), np.sin(middle)], axis=1)
    return Road(curvature, heading, np.vstack([np.zeros((1, 2)), np.cumsum(steps, axis=0)]))


def _integral(values: Array) -> Array:
    """The integral along the arc from 0 to each point, by the trapezoidal rule: [n] -> [n]."""
    pieces = 0.5 * SPACING * (values[1:] + values[:-1])
    return np.concatenate([[0.0], np.cumsum(pieces)])
