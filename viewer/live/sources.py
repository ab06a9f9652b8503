"""Where the samples of a monitored board come from: a simulated car, or the user's data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from elegans.exporter.data.user_data import UserData
from elegans.exporter.ir.conversion import to_integers, to_real
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.numbers.fixed import Integers
from elegans.trainer.tasks.lane.car import MAX_STEERING, Cars
from elegans.trainer.tasks.lane.journey import draw_journey

_JOURNEY_S = 600.0


@dataclass(frozen=True)
class Sample:
    """One step's integers: inputs x [I], elapsed time; `first` begins a run, at rest."""

    x: Integers
    dt: int
    first: bool = False


class Source(Protocol):
    """Gives samples; before each but the first, `answer` takes what the board made of the last."""

    def __iter__(self) -> Iterator[Sample]:
        """The samples in their order."""

    def answer(self, y: Integers) -> None:
        """The outputs [O] of the last sample."""


class LaneSource:
    """The car of the task `lane`, steered by the board: one road after the other, without end."""

    def __init__(self, model: Model, seed: int) -> None:
        self._model, self._seed = model, seed
        self._command = np.zeros(1)

    def __iter__(self) -> Iterator[Sample]:
        """See `Source`."""
        dt_channel = self._model.dt
        assert dt_channel is not None
        while True:
            journey = draw_journey(_JOURNEY_S, self._seed)
            cars = Cars([journey])
            for k, dt in enumerate(journey.dt.astype(np.float64)):
                if k:
                    cars.move(self._command, np.array([dt]))
                x = to_integers(cars.sense(k)[0].astype(np.float64), self._model.inputs)
                yield Sample(x, int(dt_channel.to_integers(dt)), first=k == 0)
            self._seed += 1

    def answer(self, y: Integers) -> None:
        """See `Source`."""
        steering = to_real(y, self._model.outputs)[:1]
        self._command = np.clip(steering, -MAX_STEERING, MAX_STEERING)


class DataSource:
    """The user's series, one after the other."""

    def __init__(self, data: UserData) -> None:
        self._data = data

    def __iter__(self) -> Iterator[Sample]:
        """See `Source`."""
        for i, length in enumerate(self._data.lengths):
            for k in range(int(length)):
                yield Sample(self._data.x[i, k], int(self._data.dt[i, k]), first=k == 0)

    def answer(self, y: Integers) -> None:
        """See `Source`; the data do not depend on it."""
