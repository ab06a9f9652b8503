"""The closed loop of a car on a winding road and the controller that steers it.

The controller may be the expert, a network, or a board at a serial port. The sensors are
noisy, see only as far as the fog allows, and report at irregular times. Pure numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from elegans.exporter.errors import ElegansError
from elegans.trainer.tasks.lane.car import MAX_STEERING, Cars
from elegans.trainer.tasks.lane.journey import Array, Journey, Samples, draw_journey
from elegans.trainer.tasks.lane.road import SPACING, Road

HALF_WIDTH = 1.75
"""m: a car whose centre is farther from the centreline has left its lane."""
SETTLING_TIME = 4.0
"""s: errors before it are not counted; a drive starts up to a metre off the centreline."""

Steer = Callable[[Samples, Samples, Array], npt.ArrayLike]
"""(sensors [B, I], dt [B] in s, the expert's steering [B] in rad) -> steering [B] in rad"""


@dataclass(frozen=True, eq=False)
class Drive:
    """The log of one car over T samples."""

    journey: Journey
    t: Array
    """[T], s"""
    x: Samples
    """[T, I], the sensors, each inside its declared range."""
    dt: Samples
    """[T], s"""
    steering: Array
    """[T], rad: the controller's command, clipped to MAX_STEERING."""
    expert: Array
    """[T], rad: what the expert, who knows the true errors, would have commanded."""
    lateral_error: Array
    """[T], m: true distance from the centreline, positive to the left."""
    position: Array
    """[T, 2], m"""
    arc: Array
    """[T], m: arc length along the road."""

    @property
    def centreline(self) -> Array:
        """[n, 2], m: the road as far as it was driven."""
        return self.journey.road.centreline[: int(self.arc[-1] / SPACING) + 2]

    @property
    def rms(self) -> float:
        """Root mean square of the lateral error after the settling time, m."""
        return float(np.sqrt(np.mean(self._settled_error**2)))

    @property
    def worst(self) -> float:
        """Largest absolute lateral error after the settling time, m."""
        return float(np.abs(self._settled_error).max())

    @property
    def _settled_error(self) -> Array:
        """The lateral error after the settling time, or half of a drive that is shorter."""
        settled = self.t > min(SETTLING_TIME, 0.5 * self.t[-1])
        return np.asarray(self.lateral_error[settled])

    @property
    def held(self) -> bool:
        """Whether the car stayed in its lane after the settling time."""
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

    It is called once a sample, in order, so it may keep state. The other arguments, and the
    errors raised, are those of `draw_journey`; a controller that does not return a finite
    angle also raises ElegansError.
    """
    journey = draw_journey(seconds, seed, fog=fog, noise=noise)
    return drive_all([journey], lambda x, dt, _: [controller(x[0], float(dt[0]))])[0]


def drive_expert(seconds: float, seed: int, *, fog: float = 0.7, noise: float = 1.0) -> Drive:
    """The same drive steered by the expert (`Cars.expert`)."""
    journey = draw_journey(seconds, seed, fog=fog, noise=noise)
    return drive_all([journey], lambda _x, _dt, expert: expert)[0]


def drive_all(journeys: Sequence[Journey], steer: Steer) -> list[Drive]:
    """Drive one car on each journey, for as many samples as the shortest journey has.

    Raises ElegansError where `steer` returns another shape than [B], or NaN or infinity.
    """
    samples = min(len(journey.dt) for journey in journeys)
    dt = np.stack([journey.dt[:samples] for journey in journeys])
    cars = Cars(journeys)
    log: list[tuple[Samples, Array, Array, Array, Array]] = []
    for k in range(samples):
        if k:
            cars.move(log[-1][1], dt[:, k].astype(np.float64))
        x, expert = cars.sense(k), cars.expert()
        command = np.asarray(steer(x, dt[:, k], expert), dtype=np.float64)
        if command.shape != expert.shape or not np.isfinite(command).all():
            raise ElegansError(
                f"drive, sample {k}", f"the controller steers {command}", "return a finite angle"
            )
        command = np.clip(command, -MAX_STEERING, MAX_STEERING)
        log.append((x, command, expert, cars.lateral, cars.arc.copy()))
    x_all, commands, experts, lateral, arc = (
        np.stack(column, axis=1) for column in zip(*log, strict=True)
    )
    t = np.cumsum(dt.astype(np.float64), axis=1)
    return [
        Drive(
            journey=journey,
            t=t[b],
            x=x_all[b],
            dt=dt[b],
            steering=commands[b],
            expert=experts[b],
            lateral_error=lateral[b],
            position=_position(journey.road, arc[b], lateral[b]),
            arc=arc[b],
        )
        for b, journey in enumerate(journeys)
    ]


def _position(road: Road, arc: Array, lateral: Array) -> Array:
    """The position [T, 2], m, at arc lengths [T] and distances [T] left of the centreline."""
    points = SPACING * np.arange(len(road.heading))
    angle = np.interp(arc, points, road.heading)
    on_line = [np.interp(arc, points, axis) for axis in road.centreline.T]
    left = np.stack([-np.sin(angle), np.cos(angle)], axis=1)
    return np.asarray(np.stack(on_line, axis=1) + lateral[:, None] * left)
