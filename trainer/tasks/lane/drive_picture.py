"""A picture of drives on one road: positions, distances from the centreline, steering."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from elegans.trainer.plots import BLUE, GREEN, INK, ORANGE, RED, figure
from elegans.trainer.tasks.lane.closed_loop import Drive
from elegans.trainer.tasks.lane.journey import Array

_COLOURS = (BLUE, ORANGE, GREEN, RED)
_WIDTHS = (4.4, 2.6, 1.1, 1.1)
"""Line widths in points: the first line is the widest, and shows on both sides of the others."""
FOGGY = 20.0
"""m: the picture is shaded where the sensors see less far than this."""


def draw_drives(drives: Mapping[str, Drive], path: Path, title: str = "") -> None:
    """Draw one to four named drives of the same journey into a PNG at `path`."""
    first = next(iter(drives.values()))
    with figure(path, 10.0, 6.4) as canvas:
        grid = canvas.add_gridspec(2, 2, height_ratios=(1.15, 1.0))
        road = canvas.add_subplot(grid[0, :])
        off, wheel = canvas.add_subplot(grid[1, 0]), canvas.add_subplot(grid[1, 1])
        rotation = _rotation_to_horizontal(first.centreline)
        _draw_road(road, first, rotation)
        for axes in (off, wheel):
            _shade_fog(axes, first)
            axes.set(xlabel="time, s", xlim=(0.0, first.t[-1]))
        for (name, one), colour, wide in zip(drives.items(), _COLOURS, _WIDTHS, strict=False):
            road.plot(*(one.position @ rotation).T, color=colour, lw=wide, label=name)
            off.plot(one.t, 100 * one.lateral_error, color=colour, lw=wide)
            wheel.plot(one.t, np.degrees(one.steering), color=colour, lw=0.7 * wide)
        road.set_title(title or f"{first.t[-1]:.0f} s of winding road")
        above = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.0}
        road.legend(fontsize=8, ncols=len(drives) + 1, columnspacing=1, handlelength=1.4, **above)
        off.set(title="distance left of the centreline", ylabel="cm")
        wheel.set(title="steering", ylabel="degrees")


def _rotation_to_horizontal(line: Array) -> Array:
    """The rotation [2, 2] that turns a road [n, 2] into the horizontal, its start on the left.

    Rows of points are multiplied from the left: points @ rotation.
    """
    _, _, axes = np.linalg.svd(line - line.mean(axis=0), full_matrices=False)
    along = axes[0] if (line[-1] - line[0]) @ axes[0] > 0 else -axes[0]
    return np.array([[along[0], -along[1]], [along[1], along[0]]])


def _draw_road(axes: Any, one: Drive, rotation: Array) -> None:
    """The road, darker where the drive was in fog, its start, and a scale of 100 m."""
    line = one.centreline @ rotation
    axes.plot(*line.T, color="#dfe3e9", lw=9, solid_capstyle="round", zorder=1)
    foggy = one.journey.sight[: len(one.t)] < FOGGY
    hidden: Array = np.where(foggy[:, None], one.position @ rotation, np.nan)
    axes.plot(*hidden.T, color="#aeb6c1", lw=9, solid_capstyle="butt", zorder=1, label="fog")
    axes.plot(*line[0], "o", color=INK, ms=6, zorder=4)
    low = line.min(axis=0) - 12.0
    axes.plot([low[0], low[0] + 100.0], [low[1], low[1]], color=INK, lw=2)
    axes.text(low[0] + 50.0, low[1] + 3.0, "100 m", ha="center", va="bottom", fontsize=9)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_axis_off()


def _shade_fog(axes: Any, one: Drive) -> None:
    """Shade the times at which the drive was in fog."""
    foggy = one.journey.sight[: len(one.t)] < FOGGY
    axes.fill_between(
        one.t, 0, 1, where=foggy, transform=axes.get_xaxis_transform(), color="#eceff3", lw=0
    )
