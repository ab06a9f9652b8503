"""Winding roads: curvature along the arc, and where the centreline lies.

Straights and bends of random length and tightness, joined by clothoids as built roads
are, so that curvature never jumps. Pure numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

SPACING = 0.5
"""Metres of arc between two points of a centreline."""
TIGHTEST = 0.045
"""Largest curvature of a road, 1/m: a bend of 22 m radius."""
_CLOTHOID = 18.0
"""Metres over which curvature passes from one stretch to the next."""


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
    """A road of `length` metres that starts straight, at the origin, towards +x."""
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
    # The trapezium rule; headings at the middle of each piece give its direction.
    heading = _integral(curvature)
    middle = 0.5 * (heading[1:] + heading[:-1])
    steps = SPACING * np.stack([np.cos(middle), np.sin(middle)], axis=1)
    return Road(curvature, heading, np.vstack([np.zeros((1, 2)), np.cumsum(steps, axis=0)]))


def _integral(values: Array) -> Array:
    pieces = 0.5 * SPACING * (values[1:] + values[:-1])
    return np.concatenate([[0.0], np.cumsum(pieces)])
