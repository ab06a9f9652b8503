"""A car on a winding road, and whoever steers it: the closed loop.

The same loop runs an expert, a network, or a board on the far end of a serial port. The
sensors are noisy, see only as far as the fog allows, and report at irregular times. Pure
numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from elegans.exporter.errors import ElegansError
from elegans.trainer.tasks.lane.car import MAX_STEERING, Cars
from elegans.trainer.tasks.lane.journey import Array, Journey, Samples, journey
from elegans.trainer.tasks.lane.road import SPACING, Road

HALF_WIDTH = 1.75
"""m: a car whose centre is farther out has left its lane."""
UNDER_WAY = 4.0
"""s: a drive is judged from here on; it starts up to a metre off the centreline."""

Steer = Callable[[Samples, Samples, Array], npt.ArrayLike]
"""(sensors [B, I], dt [B], what the expert would do [B]) -> steering [B]"""


@dataclass(frozen=True, eq=False)
class Drive:
    """What happened: T samples of one car."""

    journey: Journey
    t: Array
    """[T], s"""
    x: Samples
    """[T, I], the sensors, each inside its declared range."""
    dt: Samples
    """[T], s"""
    steering: Array
    """[T], rad: the command, within MAX_STEERING."""
    wish: Array
    """[T], rad: what the expert, who sees the truth, would have commanded."""
    lateral_error: Array
    """[T], m: true distance from the centreline."""
    position: Array
    """[T, 2], m"""
    arc: Array
    """[T], m: how far along the road."""

    @property
    def centreline(self) -> Array:
        """[n, 2], m: the road as far as it was driven."""
        return self.journey.road.centreline[: int(self.arc[-1] / SPACING) + 2]

    @property
    def rms(self) -> float:
        """Root mean square of the lateral error once under way, m."""
        return float(np.sqrt(np.mean(self._under_way**2)))

    @property
    def worst(self) -> float:
        """Largest lateral error once under way, m."""
        return float(np.abs(self._under_way).max())

    @property
    def _under_way(self) -> Array:
        """The lateral error without the first seconds, in which chance put the car."""
        settled = self.t > min(UNDER_WAY, 0.5 * self.t[-1])
        return np.asarray(self.lateral_error[settled])

    @property
    def held(self) -> bool:
        """Whether the car stayed in its lane once under way."""
        return self.worst <= HALF_WIDTH


def drive(
    controller: Callable[[Samples, float], float],
    seconds: float,
    seed: int,
    *,
    fog: float = 0.7,
    noise: float = 1.0,
) -> Drive:
    """Let `controller`, (sensors [I], dt in s) -> steering in rad, drive one car.

    Called once a sample, in order, so it may keep state. `fog` runs from 0 (clear) to 1
    (banks where only a few metres are seen), `noise` multiplies the sensors' usual noise.
    """
    trip = journey(seconds, seed, fog=fog, noise=noise)
    return drive_all([trip], lambda x, dt, _: [controller(x[0], float(dt[0]))])[0]


def drive_expert(seconds: float, seed: int, *, fog: float = 0.7, noise: float = 1.0) -> Drive:
    """The same drive with the expert at the wheel: Stanley's law with feed-forward."""
    trip = journey(seconds, seed, fog=fog, noise=noise)
    return drive_all([trip], lambda _x, _dt, wish: wish)[0]


def drive_all(journeys: Sequence[Journey], steer: Steer) -> list[Drive]:
    """Drive many cars side by side, for as many samples as the shortest journey has."""
    samples = min(len(trip.dt) for trip in journeys)
    dt = np.stack([trip.dt[:samples] for trip in journeys])
    cars = Cars(journeys)
    log: list[tuple[Samples, Array, Array, Array, Array]] = []
    for k in range(samples):
        if k:
            cars.move(log[-1][1], dt[:, k].astype(np.float64))
        x, wish = cars.sense(k), cars.expert()
        command = np.asarray(steer(x, dt[:, k], wish), dtype=np.float64)
        if command.shape != wish.shape or not np.isfinite(command).all():
            raise ElegansError(
                f"drive, sample {k}", f"the controller steers {command}", "return a finite angle"
            )
        command = np.clip(command, -MAX_STEERING, MAX_STEERING)
        log.append((x, command, wish, cars.lateral, cars.arc.copy()))
    x_all, commands, wishes, lateral, arc = (
        np.stack(column, axis=1) for column in zip(*log, strict=True)
    )
    t = np.cumsum(dt.astype(np.float64), axis=1)
    return [
        Drive(
            journey=trip,
            t=t[b],
            x=x_all[b],
            dt=dt[b],
            steering=commands[b],
            wish=wishes[b],
            lateral_error=lateral[b],
            position=_position(trip.road, arc[b], lateral[b]),
            arc=arc[b],
        )
        for b, trip in enumerate(journeys)
    ]


def _position(road: Road, arc: Array, lateral: Array) -> Array:
    """Where a car at arc lengths [T] was, so far left of the centreline: [T, 2], m."""
    at = SPACING * np.arange(len(road.heading))
    angle = np.interp(arc, at, road.heading)
    on_line = [np.interp(arc, at, axis) for axis in road.centreline.T]
    left = np.stack([-np.sin(angle), np.cos(angle)], axis=1)
    return np.asarray(np.stack(on_line, axis=1) + lateral[:, None] * left)
