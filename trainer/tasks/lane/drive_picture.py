"""A picture of drives on one road: where they went, how far off, and how they steered."""

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
"""Points: what was drawn first still shows on both sides of what lies upon it."""
FOGGY = 20.0
"""m: shaded where one sees less far than this."""


def draw_drives(drives: Mapping[str, Drive], path: Path, title: str = "") -> None:
    """Draw named drives of the same journey into a PNG at `path`."""
    first = next(iter(drives.values()))
    with figure(path, 10.0, 6.4) as canvas:
        grid = canvas.add_gridspec(2, 2, height_ratios=(1.15, 1.0))
        road = canvas.add_subplot(grid[0, :])
        off, wheel = canvas.add_subplot(grid[1, 0]), canvas.add_subplot(grid[1, 1])
        turn = _lay_flat(first.centreline)
        _road(road, first, turn)
        for axes in (off, wheel):
            _fog(axes, first)
            axes.set(xlabel="time, s", xlim=(0.0, first.t[-1]))
        for (name, one), colour, wide in zip(drives.items(), _COLOURS, _WIDTHS, strict=False):
            road.plot(*(one.position @ turn).T, color=colour, lw=wide, label=name)
            off.plot(one.t, 100 * one.lateral_error, color=colour, lw=wide)
            wheel.plot(one.t, np.degrees(one.steering), color=colour, lw=0.7 * wide)
        road.set_title(title or f"{first.t[-1]:.0f} s of winding road")
        road.legend(loc="best", fontsize=9)
        off.set(title="distance left of the centreline", ylabel="cm")
        wheel.set(title="steering", ylabel="degrees")


def _lay_flat(line: Array) -> Array:
    """The rotation [2, 2] that lays a road along the page, its start on the left."""
    _, _, axes = np.linalg.svd(line - line.mean(axis=0), full_matrices=False)
    along = axes[0] if (line[-1] - line[0]) @ axes[0] > 0 else -axes[0]
    return np.array([[along[0], -along[1]], [along[1], along[0]]])


def _road(axes: Any, one: Drive, turn: Array) -> None:
    line = one.centreline @ turn
    axes.plot(*line.T, color="#dfe3e9", lw=9, solid_capstyle="round", zorder=1)
    foggy = one.journey.sight[: len(one.t)] < FOGGY
    hidden: Array = np.where(foggy[:, None], one.position @ turn, np.nan)
    axes.plot(*hidden.T, color="#aeb6c1", lw=9, solid_capstyle="butt", zorder=1, label="fog")
    axes.plot(*line[0], "o", color=INK, ms=6, zorder=4)
    low = line.min(axis=0) - 12.0
    axes.plot([low[0], low[0] + 100.0], [low[1], low[1]], color=INK, lw=2)
    axes.text(low[0] + 50.0, low[1] + 3.0, "100 m", ha="center", va="bottom", fontsize=9)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_axis_off()


def _fog(axes: Any, one: Drive) -> None:
    foggy = one.journey.sight[: len(one.t)] < FOGGY
    axes.fill_between(
        one.t, 0, 1, where=foggy, transform=axes.get_xaxis_transform(), color="#eceff3", lw=0
    )
