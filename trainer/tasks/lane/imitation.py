"""What the task `lane` learns from: drives of an expert, and its steering beside the network's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from elegans.trainer.tasks.lane.closed_loop import Drive
from elegans.trainer.tasks.lane.journey import Array, Journey, Samples, draw_journey

TYPICAL_STEERING = 0.06
"""rad: the unit of the training error."""

_WINDOW, _SETTLE = 72, 8
"""Samples in a training window; its first 8 are not counted, as the state starts from 0."""
_BATCH = 48


def training_journeys(cars: int, seconds: float, random: np.random.Generator) -> list[Journey]:
    """A journey for each car of a round, in all kinds of weather."""
    seeds = random.integers(10_000, 2**31, cars)
    fogs = random.uniform(0.0, 1.0, cars)
    return [
        draw_journey(seconds, int(seed), fog=fog, noise=random.uniform(0.5, 1.2))
        for seed, fog in zip(seeds, fogs, strict=True)
    ]


class PerturbedExpert:
    """The expert's steering of B cars plus noise, so that the drives contain recoveries.

    The noise is a first-order autoregressive process with a standard deviation of
    0.012 / sqrt(1 - 0.92^2) = 0.031 rad.
    """

    def __init__(self, random: np.random.Generator, cars: int) -> None:
        self._random = random
        self._noise = np.zeros(cars)

    def __call__(self, _x: Samples, _dt: Samples, expert: Array) -> Array:
        """The expert's steering [B] -> steering [B], both in rad."""
        self._noise = 0.92 * self._noise + self._random.normal(0.0, 0.012, len(expert))
        return expert + self._noise


class Imitation:
    """The training set: drives, cut into windows, and the expert's steering as the target."""

    def __init__(self, x: Samples, dt: Samples, expert: Samples) -> None:
        """x [N, T, I], dt [N, T] in s, expert [N, T] in rad, of N drives."""
        self._x, self._dt, self._expert = (torch.from_numpy(v) for v in (x, dt, expert))

    @classmethod
    def of(cls, drives: Sequence[Drive]) -> Imitation:
        """What drives recorded, as many samples of each as the shortest one has."""
        samples = min(len(one.dt) for one in drives)
        x, dt, expert = (
            np.stack([getattr(one, name)[:samples] for one in drives])
            for name in ("x", "dt", "expert")
        )
        return cls(x, dt, expert.astype(np.float32))

    def loss(self, net: Callable[[Tensor, Tensor], tuple[Tensor, object]]) -> Tensor:
        """Mean square error over a batch of random windows, in units of TYPICAL_STEERING.

        net  x [B, T, I], dt [B, T] -> (steering [B, T, 1] in rad, anything)
        """
        drives, samples = self._dt.shape
        row = torch.randint(drives, (_BATCH, 1))
        window = min(_WINDOW, samples)
        column = torch.randint(samples - window + 1, (_BATCH, 1)) + torch.arange(window)
        y, _ = net(self._x[row, column], self._dt[row, column])
        error = (y[:, _SETTLE:, 0] - self._expert[row, column[:, _SETTLE:]]) / TYPICAL_STEERING
        return torch.mean(error.square())
