"""Task `lane`: hold the middle of a winding road through noise, fog and uneven sampling.

A circuit of 19 neurons imitates an expert who sees the truth, while it itself sees only
noisy sensors: first from the expert's drives, jostled so that recoveries are seen too,
then from its own drives with the expert's corrections (DAgger; Ross et al., 2011), until
it holds the road alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from elegans.trainer.fit import Fit
from elegans.trainer.networks.scaled_circuit import Circuit
from elegans.trainer.onnx_out.signals import Contract, Output
from elegans.trainer.progress import Progress
from elegans.trainer.tasks.lane import closed_loop
from elegans.trainer.tasks.lane.car import MAX_STEERING
from elegans.trainer.tasks.lane.closed_loop import Drive
from elegans.trainer.tasks.lane.drive_picture import draw_drives
from elegans.trainer.tasks.lane.journey import DT, SENSORS, Samples, journey
from elegans.trainer.tasks.trained import Metrics, Trained
from elegans.trainer.wiring.ncp import AutoNCP

CONTRACT = Contract("lane", SENSORS, DT, (Output("steering", "rad"),))
CENTRE = (0.0, 0.0, 11.0, 0.0, 0.0, 0.0, 0.0, 0.0)
SPREAD = (0.25, 0.05, 3.0, 0.025, 0.025, 0.025, 0.025, 0.025)
TYPICAL_STEERING = 0.06
"""rad: one unit of training error."""

_WINDOW, _SETTLE = 72, 8
"""Samples in a training window, and how many of them the state may take to settle."""
_BATCH = 48
_EXAM = range(9001, 9009)
"""Journeys never trained on."""


@dataclass(frozen=True)
class Scale:
    """How much of everything: driving to learn from, training, and driving alone."""

    rounds: int
    """Of driving and learning; the expert drives the first one."""
    cars: int
    seconds: float
    """Cars in a round, and how long each drives."""
    epochs: int
    batches: int
    exam_seconds: float
    recorded_seconds: float = 250.0
    """250 s are some 5,200 samples."""


FULL = Scale(rounds=4, cars=48, seconds=15.0, epochs=28, batches=40, exam_seconds=60.0)
SHORT = Scale(rounds=2, cars=32, seconds=12.0, epochs=6, batches=40, exam_seconds=30.0)


def circuit() -> Circuit:
    """The untrained network, drawn from torch's current random state."""
    return Circuit(AutoNCP(19, 1), centre=CENTRE, spread=SPREAD, dt_unit=0.05, gain=(MAX_STEERING,))


def train(seed: int, short: bool, epochs: int | None, progress: Progress) -> Trained:
    """Train, examine and record; everything about the result follows from `seed`."""
    scale = SHORT if short else FULL
    total = scale.epochs if epochs is None else epochs
    random = np.random.default_rng(seed)
    net = circuit()
    fit = Fit(net, epochs=total, batches=scale.batches, rate=1e-2, progress=progress)
    experience: list[Drive] = []
    for turn in range(scale.rounds):
        trips = [
            journey(scale.seconds, int(s), fog=fog, noise=random.uniform(0.5, 1.2))
            for s, fog in zip(
                random.integers(10_000, 2**31, scale.cars),
                random.uniform(0.0, 1.0, scale.cars),
                strict=True,
            )
        ]
        steer = _Jostled(random, scale.cars) if turn == 0 else Wheel(net, scale.cars)
        experience += closed_loop.drive_all(trips, steer)
        until = round(total * (turn + 1) / scale.rounds)
        name = "imitate" if turn == 0 else f"dagger {turn}"
        fit.stage(name, until, partial(_Lesson(experience).loss, net))
    return _examined(net, fit, scale)


class Wheel:
    """A network at the wheels of B cars; keeps their states from sample to sample."""

    def __init__(self, net: Circuit, cars: int = 1) -> None:
        self._step = net.folded()
        self._h = torch.zeros(cars, net.wiring.neurons)

    @torch.inference_mode()
    def __call__(self, x: Samples, dt: Samples, _wish: object = None) -> npt.NDArray[np.float32]:
        """Sensors [B, I], dt [B] -> steering [B], rad."""
        y, self._h = self._step(torch.from_numpy(x), self._h, torch.from_numpy(dt)[:, None])
        steering: npt.NDArray[np.float32] = y[:, 0].numpy()
        return steering


class _Jostled:
    """The expert with a wandering error in the arms, to be seen recovering."""

    def __init__(self, random: np.random.Generator, cars: int) -> None:
        self._random = random
        self._push = np.zeros(cars)

    def __call__(
        self, _x: Samples, _dt: Samples, wish: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        fresh = self._random.normal(0.0, 0.012, len(wish))
        self._push = 0.92 * self._push + fresh
        return wish + self._push


class _Lesson:
    """Drives cut into windows of sensors, elapsed times and the expert's wishes."""

    def __init__(self, drives: list[Drive]) -> None:
        samples = min(len(one.dt) for one in drives)
        self._x = torch.from_numpy(np.stack([one.x[:samples] for one in drives]))
        self._dt = torch.from_numpy(np.stack([one.dt[:samples] for one in drives]))
        wish = np.stack([one.wish[:samples] for one in drives])
        self._wish = torch.from_numpy(wish.astype(np.float32))

    def loss(self, net: Circuit) -> Tensor:
        """Mean square error over a batch of random windows, in typical steerings."""
        drives, samples = self._dt.shape
        row = torch.randint(drives, (_BATCH, 1))
        column = torch.randint(samples - _WINDOW + 1, (_BATCH, 1)) + torch.arange(_WINDOW)
        y, _ = net(self._x[row, column], self._dt[row, column])
        error = (y[:, _SETTLE:, 0] - self._wish[row, column[:, _SETTLE:]]) / TYPICAL_STEERING
        return torch.mean(error.square())


def _examined(net: Circuit, fit: Fit, scale: Scale) -> Trained:
    trips = [journey(scale.exam_seconds, seed) for seed in _EXAM]
    alone = closed_loop.drive_all(trips, Wheel(net, len(trips)))
    expert = closed_loop.drive_all(trips, lambda _x, _dt, wish: wish)
    recorded = closed_loop.drive_all([journey(scale.recorded_seconds, 8999)], Wheel(net))[0]
    metrics: Metrics = {
        "loss": fit.history[-1],
        "lateral_rms_m": float(np.sqrt(np.mean([one.rms**2 for one in alone]))),
        "lateral_worst_m": max(one.worst for one in alone),
        "expert_lateral_rms_m": float(np.sqrt(np.mean([one.rms**2 for one in expert]))),
        "expert_lateral_worst_m": max(one.worst for one in expert),
        "held_the_road": all(one.held for one in (*alone, recorded)),
        "exam_drives": len(trips),
        "exam_seconds": scale.exam_seconds,
        "recorded_steps": len(recorded.dt),
    }
    return Trained(
        circuit=net,
        contract=CONTRACT,
        history=fit.history,
        stages=fit.stages,
        metrics=metrics,
        x=recorded.x,
        dt=recorded.dt,
        plots={
            "drive.png": lambda path: draw_drives(
                {"network, 19 neurons": alone[0], "expert, who sees the truth": expert[0]}, path
            )
        },
    )
