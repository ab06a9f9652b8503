"""The car: a kinematic bicycle model with a lag in the steering, in road coordinates.

Its state is the arc length s along the road, the lateral error e (left of the centreline is
positive), the heading error p, the speed and the angle of the front wheels. The controller
steers only: the speed follows the bends. Many cars at once; pure numpy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elegans.trainer.onnx_out.signals import limits
from elegans.trainer.tasks.lane.journey import LOOK_AHEAD, SENSORS, Array, Journey, Samples
from elegans.trainer.tasks.lane.road import SPACING

MAX_STEERING = 0.35
"""The largest steering angle to either side, rad."""

_WHEELBASE = 2.7  # m
_LAG = 0.1  # s: time constant of the steering
_RAIL = 6.0  # m: distance of the guard rails from the centreline
_SUBSTEPS = 5  # Euler steps in each sample: at most 20 ms, a fifth of the lag
_LOW, _HIGH = limits(SENSORS)
_HERE, _SEEN = np.zeros(1), np.array(LOOK_AHEAD)
_HERE_AND_SEEN = np.concatenate([_HERE, _SEEN])


class Cars:
    """The state of B cars, each on its own journey. `lateral` [B] and `arc` [B] are in m."""

    def __init__(self, journeys: Sequence[Journey]) -> None:
        self._journeys = journeys
        points = min(len(journey.road.curvature) for journey in journeys)
        self._curvature = np.stack([journey.road.curvature[:points] for journey in journeys])
        self._row = np.arange(len(journeys))[:, None]
        self.lateral, self._heading = np.array([journey.start for journey in journeys]).T.copy()
        self.arc = np.full(len(journeys), 10.0)
        self._speed = np.full(len(journeys), 10.0)
        self._wheel = np.zeros(len(journeys))
        self._haste = np.array([journey.haste for journey in journeys])

    def curvature(self, ahead: Array) -> Array:
        """The road's curvature at distances `ahead`, [D] or [B, D] in m -> [B, D] in 1/m."""
        place = (self.arc[:, None] + ahead) / SPACING
        below = place.astype(np.intp)
        here, there = self._curvature[self._row, below], self._curvature[self._row, below + 1]
        return np.asarray(here + (place - below) * (there - here))

    def sense(self, k: int) -> Samples:
        """Sensors [B, I] at sample k: noisy, 0 beyond the fog, clipped to their ranges."""
        sight = np.array([journey.sight[k] for journey in self._journeys])
        noise = np.array([journey.noise[k] for journey in self._journeys])
        road = self.curvature(_SEEN)
        x = np.column_stack([self.lateral, self._heading, self._speed, road]) + noise
        x[:, 3:][sight[:, None] < _SEEN] = 0.0
        return np.asarray(np.clip(x, _LOW, _HIGH), dtype=np.float32)

    def expert(self) -> Array:
        """The expert's steering [B], rad: the Stanley controller (Hoffmann et al. 2007).

        It reads the true errors, and adds the angle that the bend ahead needs.
        """
        bend = np.arctan(_WHEELBASE * self.curvature(1.5 * _LAG * self._speed[:, None])[:, 0])
        correction = -0.8 * self._heading - np.arctan(0.9 * self.lateral / (self._speed + 1.0))
        return np.asarray(np.clip(bend + correction, -MAX_STEERING, MAX_STEERING))

    def move(self, command: Array, dt: Array) -> None:
        """Move on with the steering command [B], rad, held for dt [B], s.

        The speed goes for 5 to 17 m/s with at most 3 m/s^2 sideways in the bends ahead, times the
        journey's haste; it rises by at most 2 m/s^2 and falls by at most 4 m/s^2.
        """
        tightest = np.abs(self.curvature(_HERE_AND_SEEN)).max(axis=1)
        wanted = np.clip(np.sqrt(3.0 / np.maximum(tightest, 1e-3)), 5.0, 17.0)
        wanted = self._haste * wanted
        step = dt / _SUBSTEPS
        for _ in range(_SUBSTEPS):
            bend = self.curvature(_HERE)[:, 0]
            self._wheel += (command - self._wheel) * (1.0 - np.exp(-step / _LAG))
            self._speed += step * np.clip(wanted - self._speed, -4.0, 2.0)
            distance = step * self._speed
            along = distance * np.cos(self._heading) / (1.0 - self.lateral * bend)
            self.lateral = self.lateral + distance * np.sin(self._heading)
            self._heading += distance * np.tan(self._wheel) / _WHEELBASE - bend * along
            self.arc += np.maximum(along, 0.0)
            # Guard rails: a car that left the road slides along them, and the model stays valid.
            self.lateral = np.clip(self.lateral, -_RAIL, _RAIL)
            self._heading = np.clip(self._heading, -1.2, 1.2)
