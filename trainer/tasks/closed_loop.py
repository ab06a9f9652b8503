"""A car on a winding road, and whoever steers it: the closed loop.

A kinematic bicycle with a steering lag, simulated in road coordinates: arc length s,
lateral error e (left is positive), heading error p. Its sensors are noisy, see only as
far as the fog allows, and report at irregular times. The same loop runs an expert, a
network, or a board on the far end of a serial port. Pure numpy; many cars at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from elegans.exporter.errors import ElegansError
from elegans.trainer.contract import Signal
from elegans.trainer.tasks.road import SPACING, Road, winding_road

Array = npt.NDArray[np.float64]
Samples = npt.NDArray[np.float32]

LOOK_AHEAD = (3.0, 8.0, 15.0, 24.0, 36.0)
"""Distances in metres at which the car looks at the road's curvature."""
SENSORS = (
    Signal("lateral_error", "m", -2.0, 2.0),
    Signal("heading_error", "rad", -0.5, 0.5),
    Signal("speed", "m/s", 0.0, 20.0),
    *(Signal(f"curvature_{d:.0f}m", "1/m", -0.0625, 0.0625) for d in LOOK_AHEAD),
)
DT = Signal("dt", "s", 0.02, 0.1)
MAX_STEERING = 0.35
"""rad, either way"""
HALF_WIDTH = 1.75
"""m: a car whose centre is farther out has left its lane."""

UNDER_WAY = 4.0
"""s: a drive is judged from here on; it starts up to a metre off the centreline."""

_NOISE = np.array([0.08, 0.012, 0.2, *(0.0012 + 0.0001 * d for d in LOOK_AHEAD)])
_CLEAR_SIGHT, _LEAST_SIGHT = 45.0, 4.0
_WHEELBASE, _LAG, _RAIL = 2.7, 0.1, 6.0
_SUBSTEPS = 5
_LOW = np.array([signal.low for signal in SENSORS])
_HIGH = np.array([signal.high for signal in SENSORS])

Steer = Callable[[Samples, Samples, Array], npt.ArrayLike]
"""(sensors [B, I], dt [B], what the expert would do [B]) -> steering [B]"""


@dataclass(frozen=True, eq=False)
class Journey:
    """All that chance decides about a drive, drawn before it starts."""

    road: Road
    dt: Samples
    """[T], s: time since the sample before."""
    sight: Array
    """[T], m: how far the fog lets one see."""
    noise: Array
    """[T, I], added to the sensors."""
    start: tuple[float, float]
    """Lateral and heading error at the start, m and rad."""


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

    @property
    def centreline(self) -> Array:
        """[n, 2], m: the road as far as it was driven."""
        road = self.journey.road.centreline
        last = np.argmin(np.linalg.norm(road - self.position[-1], axis=1))
        return road[: int(last) + 1]

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
        """Whether the car stayed in its lane throughout."""
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


def journey(seconds: float, seed: int, *, fog: float = 0.7, noise: float = 1.0) -> Journey:
    """Draw road, weather, sensor noise and sampling times for a drive of `seconds`."""
    if not (seconds > 0 and 0 <= fog <= 1 and noise >= 0):
        raise ElegansError(
            "drive",
            f"{seconds} s with fog {fog} and noise {noise}",
            "give seconds > 0, fog from 0 to 1 and noise >= 0",
        )
    random = np.random.default_rng(seed)
    road = winding_road(_HIGH[2] * seconds + 100.0, random)
    start = (random.normal(0.0, 0.3), random.normal(0.0, 0.03))
    most = int(np.ceil(seconds / DT.low))
    # One sample in five comes late; both ends keep clear of the declared range's.
    late = random.random(most) < 0.2
    dt = np.where(late, random.uniform(0.06, 0.099, most), random.uniform(0.021, 0.06, most))
    dt = dt[np.cumsum(dt) < seconds + DT.high].astype(np.float32)
    t = np.cumsum(dt.astype(np.float64))
    # Fog comes in banks: two slow waves out of step, clipped so that some air is clear.
    phase, period = random.uniform(0.0, 2 * np.pi, 2), random.uniform(7.0, 19.0, 2)
    waves = np.sin(2 * np.pi * t[:, None] / period + phase).sum(axis=1)
    bank = np.clip(0.5 + 0.6 * waves, 0.0, 1.0)
    sight = np.maximum(_CLEAR_SIGHT * (1.0 - fog * bank), _LEAST_SIGHT)
    errors = noise * _NOISE * random.normal(size=(len(t), len(SENSORS)))
    return Journey(road, dt, sight, errors, start)


def drive_all(journeys: Sequence[Journey], steer: Steer) -> list[Drive]:
    """Drive many cars side by side, for as many samples as the shortest journey has."""
    samples = min(len(trip.dt) for trip in journeys)
    dt = np.stack([trip.dt[:samples] for trip in journeys])
    cars = _Cars(journeys)
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
        )
        for b, trip in enumerate(journeys)
    ]


class _Cars:
    """The state of B cars, each on its own road."""

    def __init__(self, journeys: Sequence[Journey]) -> None:
        self._journeys = journeys
        points = min(len(trip.road.curvature) for trip in journeys)
        self._curvature = np.stack([trip.road.curvature[:points] for trip in journeys])
        self._row = np.arange(len(journeys))
        self.lateral, self._heading = np.array([trip.start for trip in journeys]).T.copy()
        self.arc = np.full(len(journeys), 10.0)
        self._speed = np.full(len(journeys), 10.0)
        self._wheel = np.zeros(len(journeys))

    def curvature(self, ahead: float | Array) -> Array:
        """The road's curvature [B] so many metres ahead, 1/m."""
        place = (self.arc + ahead) / SPACING
        below = place.astype(np.intp)
        here, there = self._curvature[self._row, below], self._curvature[self._row, below + 1]
        return np.asarray(here + (place - below) * (there - here))

    def sense(self, k: int) -> Samples:
        """Sensors [B, I]: noisy, blind beyond the fog, clipped into their ranges."""
        sight = np.array([trip.sight[k] for trip in self._journeys])
        noise = np.array([trip.noise[k] for trip in self._journeys])
        road = np.stack([self.curvature(d) for d in LOOK_AHEAD], axis=1)
        x = np.column_stack([self.lateral, self._heading, self._speed, road]) + noise
        x[:, 3:][np.array(LOOK_AHEAD) > sight[:, None]] = 0.0
        return np.asarray(np.clip(x, _LOW, _HIGH), dtype=np.float32)

    def expert(self) -> Array:
        """Stanley's law on the true errors, with the bend ahead fed forward."""
        bend = np.arctan(_WHEELBASE * self.curvature(1.5 * _LAG * self._speed))
        back = -0.8 * self._heading - np.arctan(0.9 * self.lateral / (self._speed + 1.0))
        return np.asarray(np.clip(bend + back, -MAX_STEERING, MAX_STEERING))

    def move(self, command: Array, dt: Array) -> None:
        """Hold `command` for dt; the driver slows for bends so that they stay comfortable."""
        tightest = np.max([np.abs(self.curvature(d)) for d in (0.0, *LOOK_AHEAD)], axis=0)
        wanted = np.clip(np.sqrt(3.0 / np.maximum(tightest, 1e-3)), 5.0, 17.0)
        step = dt / _SUBSTEPS
        for _ in range(_SUBSTEPS):
            bend = self.curvature(0.0)
            self._wheel += (command - self._wheel) * (1.0 - np.exp(-step / _LAG))
            self._speed += step * np.clip(wanted - self._speed, -4.0, 2.0)
            way = step * self._speed
            along = way * np.cos(self._heading) / (1.0 - self.lateral * bend)
            self.lateral = self.lateral + way * np.sin(self._heading)
            self._heading += way * np.tan(self._wheel) / _WHEELBASE - bend * along
            self.arc += np.maximum(along, 0.0)
            # A rail beside the road: a lost car scrapes along it and stays in the world.
            self.lateral = np.clip(self.lateral, -_RAIL, _RAIL)
            self._heading = np.clip(self._heading, -1.2, 1.2)


def _position(road: Road, arc: Array, lateral: Array) -> Array:
    """Where a car at arc lengths [T] was, so far left of the centreline: [T, 2], m."""
    at = SPACING * np.arange(len(road.heading))
    angle = np.interp(arc, at, road.heading)
    on_line = [np.interp(arc, at, axis) for axis in road.centreline.T]
    left = np.stack([-np.sin(angle), np.cos(angle)], axis=1)
    return np.asarray(np.stack(on_line, axis=1) + lateral[:, None] * left)
