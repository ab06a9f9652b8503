"""An exam of controllers of the lane's car: how far off the centreline they are on unseen roads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elegans.exporter.ir.conversion import to_integers, to_real
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.oracles import reference
from elegans.trainer.tasks.lane.closed_loop import Drive, Steer, drive_all
from elegans.trainer.tasks.lane.journey import Array, Samples, draw_journey

SEEDS = tuple(range(9001, 9009))
"""Of the roads; training draws seeds from 10,000 up."""
SECONDS = 60.0
NOISES = (0.0, 1.0, 3.0)
"""Factors of the sensors' usual noise."""


@dataclass(frozen=True)
class Score:
    """The lateral error over all roads of an exam, after the settling time, in m.

    held  on how many of the roads the car stayed in its lane
    """

    noise: float
    rms: float
    worst: float
    held: int
    roads: int


def exam(model: Model, clock: bool = False, noises: tuple[float, ...] = NOISES) -> list[Score]:
    """Let the integers of a model drive, at each noise. `clock` as in `integer_driver`."""
    return scores(integer_driver(model, clock), noises)


def expert_exam() -> list[Score]:
    """The exam of the expert whom all imitate; it sees the true errors."""
    return scores(lambda _x, _dt, expert: expert, NOISES)


def scores(steer: Steer, noises: tuple[float, ...]) -> list[Score]:
    """The exam of a controller, a score for each noise."""
    journeys = [draw_journey(SECONDS, seed, noise=noise) for noise in noises for seed in SEEDS]
    drives = drive_all(journeys, steer)
    count = len(SEEDS)
    parts = [drives[i * count : (i + 1) * count] for i in range(len(noises))]
    return [_score(noise, part) for noise, part in zip(noises, parts, strict=True)]


def integer_driver(model: Model, clock: bool = False) -> Steer:
    """A controller that runs the integer reference, from the state 0.

    clock  whether the elapsed time is the model's last input, and not its `dt`
    """
    h: Integers | None = None

    def steer(x: Samples, dt: Samples, _expert: Array) -> Reals:
        nonlocal h
        if h is None:
            h = np.zeros((len(x), len(model.states)), np.int64)
        elapsed = dt[:, None].astype(np.float64)
        given = np.concatenate([x, elapsed], axis=1) if clock else x.astype(np.float64)
        time = to_integers(elapsed, [model.dt]) if model.dt else np.zeros_like(h[:, :1])
        y, h = reference.step(model, to_integers(given, model.inputs), time, h)
        return to_real(y, model.outputs)[:, 0]

    return steer


def _score(noise: float, drives: Sequence[Drive]) -> Score:
    return Score(
        noise=noise,
        rms=float(np.sqrt(np.mean([one.rms**2 for one in drives]))),
        worst=max(one.worst for one in drives),
        held=sum(one.held for one in drives),
        roads=len(drives),
    )
