"""Task `lane`: keep to the middle of a winding road despite noise, fog and uneven sampling.

A circuit of 19 neurons sees noisy sensors and imitates an expert who knows the true errors.
It learns first from the expert's own drives, perturbed so that they contain recoveries, then
from its own drives with the steering that the expert would have chosen (DAgger; Ross et al.
2011).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from elegans.exporter.ir.conversion import to_integers, to_real
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.ir.interface import Signal
from elegans.exporter.oracles import reference
from elegans.trainer.chip_aware.relowering import lowered_file
from elegans.trainer.fit import Fit
from elegans.trainer.networks.scaled_circuit import ScaledCircuit, Scales
from elegans.trainer.onnx_out.export_circuit import export_circuit
from elegans.trainer.onnx_out.signals import trained_interface
from elegans.trainer.progress import Progress
from elegans.trainer.tasks.lane import closed_loop
from elegans.trainer.tasks.lane.car import MAX_STEERING
from elegans.trainer.tasks.lane.closed_loop import Drive
from elegans.trainer.tasks.lane.drive_picture import draw_drives
from elegans.trainer.tasks.lane.imitation import Imitation, PerturbedExpert, training_journeys
from elegans.trainer.tasks.lane.journey import DT, SENSORS, Array, Journey, Samples, draw_journey
from elegans.trainer.tasks.on_chip import TaskLesson, fine_tuned
from elegans.trainer.tasks.registry import TrainOptions
from elegans.trainer.tasks.trained import Metrics, Trained
from elegans.trainer.wiring.ncp import AutoNCP

NEURONS = 19
INTERFACE = trained_interface("lane", SENSORS, DT, [Signal("steering", "rad")])
SCALES = Scales(
    centre=(0.0, 0.0, 11.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    spread=(0.25, 0.05, 3.0, 0.025, 0.025, 0.025, 0.025, 0.025),
    dt_unit=0.05,
    gain=(MAX_STEERING,),
)
TEST_SEEDS = range(9001, 9009)
"""Journeys that are never trained on: training draws seeds from 10,000 up."""
_RECORDED_SEED = 8999
_HELD_SEEDS = range(8001, 8009)
"""Journeys by which fine-tuning chooses its weights."""
_HELD_SECONDS = 30.0


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

    Fine-tuning goes on with the same drives and one more round, which the device's integers
    drive. Journeys are drawn from `options.seed`, weights and batches from torch's global state,
    which the caller seeds.
    """
    budget = SHORT if options.short else FULL
    random = np.random.default_rng(options.seed)
    net = ScaledCircuit(AutoNCP(NEURONS, 1), SCALES)
    fit, drives = learned(net, options.epochs or budget.epochs, budget, random, progress)
    device: dict[str, Any] = {}
    if options.chip.qat:
        model = lowered_file(net, _write, options.chip.qat).model
        progress("drive", 0, 1, f"{budget.cars} cars: the device's integers")
        journeys = training_journeys(budget.cars, budget.seconds, random)
        drives += closed_loop.drive_all(journeys, ModelDriver(model, budget.cars))
        lesson = _lesson(net, drives, budget)
        net, device = fine_tuned(net, lesson, options.chip, options.short, progress)
    progress("exam", 0, 1, f"{len(TEST_SEEDS)} roads never seen")
    return _tested(net, fit, budget, device)


def learned(
    net: ScaledCircuit, epochs: int, budget: Budget, random: np.random.Generator, progress: Progress
) -> tuple[Fit, list[Drive]]:
    """Train `net` on the expert's drives and on its own; how it went, and all drives."""
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
    return fit, drives


def _write(net: nn.Module, path: Path) -> None:
    assert isinstance(net, ScaledCircuit)
    export_circuit(net, INTERFACE, path)


def _lesson(net: ScaledCircuit, drives: list[Drive], budget: Budget) -> TaskLesson:
    seconds = min(_HELD_SECONDS, budget.test_seconds)
    held = [draw_journey(seconds, seed) for seed in _HELD_SEEDS]
    exam = [draw_journey(budget.test_seconds, seed) for seed in TEST_SEEDS]

    def driven(journeys: list[Journey], model: Model) -> list[Drive]:
        return closed_loop.drive_all(journeys, ModelDriver(model, len(journeys)))

    return TaskLesson(
        interface=INTERFACE,
        loss=Imitation.of(drives).loss,
        held=lambda model: lateral_rms(driven(held, model)),
        score=lambda model: _scores(driven(exam, model)),
        score_of_float=_scores(closed_loop.drive_all(exam, NetworkDriver(net, len(exam)))),
        batches=min(budget.batches, 20),
    )


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


class ModelDriver:
    """A model that steers B cars on the device's integers."""

    def __init__(self, model: Model, cars: int = 1) -> None:
        self._model = model
        self._h = np.zeros((cars, len(model.states)), np.int64)

    def __call__(self, x: Samples, dt: Samples, _expert: object = None) -> Array:
        """Sensors [B, I], dt [B] in s -> steering [B] in rad."""
        model, elapsed = self._model, np.zeros((len(dt), 1), np.int64)
        if model.dt is not None:
            elapsed = model.dt.to_integers(dt.astype(np.float64)[:, None])
        given = to_integers(x.astype(np.float64), model.inputs)
        y, self._h = reference.step(model, given, elapsed, self._h)
        return np.asarray(to_real(y, model.outputs)[:, 0])


def lateral_rms(drives: list[Drive]) -> float:
    """Of all drives together, m."""
    return float(np.sqrt(np.mean([one.rms**2 for one in drives])))


def _scores(drives: list[Drive]) -> dict[str, float]:
    return {
        "lateral_rms_m": lateral_rms(drives),
        "lateral_worst_m": max(one.worst for one in drives),
    }


def _tested(net: ScaledCircuit, fit: Fit, budget: Budget, device: dict[str, Any]) -> Trained:
    """Drive the test journeys with the network and with the expert, and record a drive."""
    journeys = [draw_journey(budget.test_seconds, seed) for seed in TEST_SEEDS]
    alone = closed_loop.drive_all(journeys, NetworkDriver(net, len(journeys)))
    expert = closed_loop.drive_all(journeys, lambda _x, _dt, expert: expert)
    recorded_journey = draw_journey(budget.recorded_seconds, _RECORDED_SEED)
    recorded = closed_loop.drive_all([recorded_journey], NetworkDriver(net))[0]
    metrics: Metrics = {
        "loss": fit.history[-1],
        **_scores(alone),
        **{f"expert_{name}": value for name, value in _scores(expert).items()},
        "held_the_road": all(one.held for one in (*alone, recorded)),
        "exam_drives": len(journeys),
        "exam_seconds": budget.test_seconds,
        "recorded_steps": len(recorded.dt),
    }
    who = f"network, {net.wiring.neurons} neurons"
    return Trained(
        circuit=net,
        interface=INTERFACE,
        history=fit.history,
        stages=fit.stages,
        metrics=metrics,
        x=recorded.x,
        dt=recorded.dt,
        device=device,
        plots={
            "drive.png": lambda path: draw_drives(
                {who: alone[0], "expert, who sees the truth": expert[0]}, path
            )
        },
    )
