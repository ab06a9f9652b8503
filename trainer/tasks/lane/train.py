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

from elegans.exporter.ir.interface import Signal
from elegans.trainer.fit import Fit
from elegans.trainer.networks.scaled_circuit import ScaledCircuit, Scales
from elegans.trainer.onnx_out.signals import trained_interface
from elegans.trainer.progress import Progress
from elegans.trainer.tasks.lane import closed_loop
from elegans.trainer.tasks.lane.car import MAX_STEERING
from elegans.trainer.tasks.lane.closed_loop import Drive
from elegans.trainer.tasks.lane.drive_picture import draw_drives
from elegans.trainer.tasks.lane.imitation import Imitation, PerturbedExpert, training_journeys
from elegans.trainer.tasks.lane.journey import DT, SENSORS, Samples, draw_journey
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
        journeys = training_journeys(budget.cars, budget.seconds, random)
        steer = PerturbedExpert(random, budget.cars) if first else NetworkDriver(net, budget.cars)
        who = "the expert" if first else "the network, the expert beside it"
        progress("drive", len(fit.history), epochs, f"{budget.cars} cars: {who}")
        drives += closed_loop.drive_all(journeys, steer)
        until = round(epochs * (turn + 1) / budget.rounds)
        name = "imitate" if first else f"dagger {turn}"
        fit.stage(name, until, partial(Imitation.of(drives).loss, net))
    progress("exam", 0, 1, f"{len(_TEST_SEEDS)} roads never seen")
    return _tested(net, fit, budget)


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
