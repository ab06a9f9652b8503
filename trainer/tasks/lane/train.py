"""Task `lane`: keep to the middle of a winding road despite noise, fog and uneven sampling.

A circuit of 19 neurons sees noisy sensors and imitates an expert who knows the true errors.
It learns first from the expert's own drives, perturbed so that they contain recoveries, then
from its own drives with the steering that the expert would have chosen (DAgger; Ross et al.
2011).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from elegans.exporter.ir.interface import Signal
from elegans.trainer.fit import Fit
from elegans.trainer.networks.scaled_circuit import ScaledCircuit, Scales
from elegans.trainer.onnx_out.signals import trained_interface
from elegans.trainer.progress import Progress
from elegans.trainer.tasks.lane import closed_loop
from elegans.trainer.tasks.lane.car import MAX_STEERING
from elegans.trainer.tasks.lane.closed_loop import Drive
from elegans.trainer.tasks.lane.drive_picture import draw_drives
from elegans.trainer.tasks.lane.journey import DT, SENSORS, Array, Journey, Samples, draw_journey
from elegans.trainer.tasks.registry import TrainOptions
from elegans.trainer.tasks.trained import Metrics, Trained
from elegans.trainer.wiring.ncp import AutoNCP

INTERFACE = trained_interface("lane", SENSORS, DT, [Signal("steering", "rad")])
SCALES = Scales(
    centre=(0.0, 0.0, 11.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    spread=(0.25, 0.05, 3.0, 0.025, 0.025, 0.025, 0.025, 0.025),
    dt_unit=0.05,
    gain=(MAX_STEERING,),
)
TYPICAL_STEERING = 0.06
"""rad: the unit of the training error."""

_WINDOW, _SETTLE = 72, 8
"""Samples in a training window; its first 8 are not counted, as the state starts from 0."""
_BATCH = 48
_TEST_SEEDS = range(9001, 9009)
"""Journeys that are never trained on: training draws seeds from 10,000 up."""
_RECORDED_SEED = 8999


@dataclass(frozen=True)
class Budget:
    """How much the training drives and learns, and how much it is tested."""

    rounds: int
    """Rounds of driving and learning; the expert drives in the first one."""
    cars: int
    """Cars in a round."""
    seconds: float
    """How long each car drives in a round, s."""
    epochs: int
    """Epochs of all rounds together."""
    batches: int
    """Updates in an epoch."""
    test_seconds: float
    """Length of each test drive, s."""
    recorded_seconds: float = 250.0
    """Length of the recorded drive, s; 250 s are about 5,200 samples."""


FULL = Budget(rounds=4, cars=48, seconds=15.0, epochs=28, batches=40, test_seconds=60.0)
SHORT = Budget(rounds=2, cars=32, seconds=12.0, epochs=6, batches=40, test_seconds=30.0)


def train(options: TrainOptions, progress: Progress) -> Trained:
    """Train, test on journeys never seen, and record a drive.

    Journeys are drawn from `options.seed`, weights and batches from torch's global state,
    which the caller seeds.
    """
    budget = SHORT if options.short else FULL
    epochs = budget.epochs if options.epochs is None else options.epochs
    random = np.random.default_rng(options.seed)
    net = ScaledCircuit(AutoNCP(19, 1), SCALES)
    fit = Fit(net, epochs=epochs, batches=budget.batches, rate=1e-2, progress=progress)
    drives: list[Drive] = []
    for turn in range(budget.rounds):
        first = turn == 0
        journeys = _training_journeys(budget, random)
        steer = PerturbedExpert(random, budget.cars) if first else NetworkDriver(net, budget.cars)
        who = "the expert" if first else "the network, the expert beside it"
        progress("drive", len(fit.history), epochs, f"{budget.cars} cars: {who}")
        drives += closed_loop.drive_all(journeys, steer)
        until = round(epochs * (turn + 1) / budget.rounds)
        name = "imitate" if first else f"dagger {turn}"
        fit.stage(name, until, partial(_Imitation(drives).loss, net))
    progress("exam", 0, 1, f"{len(_TEST_SEEDS)} roads never seen")
    return _tested(net, fit, budget)


def _training_journeys(budget: Budget, random: np.random.Generator) -> list[Journey]:
    """A journey for each car of a round, in all kinds of weather."""
    seeds = random.integers(10_000, 2**31, budget.cars)
    fogs = random.uniform(0.0, 1.0, budget.cars)
    return [
        draw_journey(budget.seconds, int(seed), fog=fog, noise=random.uniform(0.5, 1.2))
        for seed, fog in zip(seeds, fogs, strict=True)
    ]


class NetworkDriver:
    """A network that steers B cars; it keeps their states from sample to sample."""

    def __init__(self, net: ScaledCircuit, cars: int = 1) -> None:
        self._step = net.folded()
        self._h = torch.zeros(cars, net.wiring.neurons)

    @torch.inference_mode()
    def __call__(self, x: Samples, dt: Samples, _expert: object = None) -> npt.NDArray[np.float32]:
        """Sensors [B, I], dt [B] in s -> steering [B] in rad."""
        y, self._h = self._step(torch.from_numpy(x), self._h, torch.from_numpy(dt)[:, None])
        steering: npt.NDArray[np.float32] = y[:, 0].numpy()
        return steering


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


class _Imitation:
    """The training set: drives, cut into windows, and the expert's steering as the target."""

    def __init__(self, drives: list[Drive]) -> None:
        samples = min(len(one.dt) for one in drives)
        self._x = torch.from_numpy(np.stack([one.x[:samples] for one in drives]))
        self._dt = torch.from_numpy(np.stack([one.dt[:samples] for one in drives]))
        expert = np.stack([one.expert[:samples] for one in drives])
        self._expert = torch.from_numpy(expert.astype(np.float32))

    def loss(self, net: ScaledCircuit) -> Tensor:
        """Mean square error over a batch of random windows, in units of TYPICAL_STEERING."""
        drives, samples = self._dt.shape
        row = torch.randint(drives, (_BATCH, 1))
        column = torch.randint(samples - _WINDOW + 1, (_BATCH, 1)) + torch.arange(_WINDOW)
        y, _ = net(self._x[row, column], self._dt[row, column])
        error = (y[:, _SETTLE:, 0] - self._expert[row, column[:, _SETTLE:]]) / TYPICAL_STEERING
        return torch.mean(error.square())


def _tested(net: ScaledCircuit, fit: Fit, budget: Budget) -> Trained:
    """Drive the test journeys with the network and with the expert, and record a drive."""
    journeys = [draw_journey(budget.test_seconds, seed) for seed in _TEST_SEEDS]
    alone = closed_loop.drive_all(journeys, NetworkDriver(net, len(journeys)))
    expert = closed_loop.drive_all(journeys, lambda _x, _dt, expert: expert)
    recorded_journey = draw_journey(budget.recorded_seconds, _RECORDED_SEED)
    recorded = closed_loop.drive_all([recorded_journey], NetworkDriver(net))[0]
    metrics: Metrics = {
        "loss": fit.history[-1],
        "lateral_rms_m": float(np.sqrt(np.mean([one.rms**2 for one in alone]))),
        "lateral_worst_m": max(one.worst for one in alone),
        "expert_lateral_rms_m": float(np.sqrt(np.mean([one.rms**2 for one in expert]))),
        "expert_lateral_worst_m": max(one.worst for one in expert),
        "held_the_road": all(one.held for one in (*alone, recorded)),
        "exam_drives": len(journeys),
        "exam_seconds": budget.test_seconds,
        "recorded_steps": len(recorded.dt),
    }
    return Trained(
        circuit=net,
        interface=INTERFACE,
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
