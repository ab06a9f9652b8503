"""Task `lane` as a `Problem`: a network of any cell imitates the expert, then drives by itself.

As in `tasks.lane.train`, the expert's perturbed drives come first and then the network's own with
the expert's steering beside them, but with any cell. The error is measured in closed loop: the
fixed-point model steers, integer for integer as the device would.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import torch
from torch import Tensor

from elegans.exporter.ir.fixed_model import Model
from elegans.trainer.data.augment import Augmentation
from elegans.trainer.data.normalise import Normalisation
from elegans.trainer.fit import Fit
from elegans.trainer.learn.build_network import PhysicalNetwork, build_network
from elegans.trainer.learn.train_settings import TrainSettings
from elegans.trainer.search.problem import Learner, Recorded, Watch
from elegans.trainer.tasks.lane import closed_loop
from elegans.trainer.tasks.lane.closed_loop import Drive
from elegans.trainer.tasks.lane.imitation import TYPICAL_STEERING, PerturbedExpert
from elegans.trainer.tasks.lane.journey import (
    DT,
    DT_RANGE,
    SENSORS,
    Array,
    Journey,
    Samples,
    draw_journey,
)
from elegans.trainer.tasks.lane.train import INTERFACE, SCALES, ModelDriver

_ROUNDS, _CARS, _SECONDS = 3, 32, 12.0
_BATCHES, _BATCH, _WINDOW, _SETTLE = 40, 48, 72, 8
_HELD_SEED = 7000
"""Of the expert's drives by whose loss a training is watched."""
_PARTS = {"validation": (range(8001, 8009), 30.0), "test": (range(9001, 9009), 60.0)}
"""Journeys and their length in s; those of the test are the exam of `elegans train lane`."""
_RECORDED_STEPS = 600
_SEED_OF_DISTURBANCE = 7
Controller = Callable[[Samples, Samples, Array], Array]


@dataclass(frozen=True)
class LaneProblem:
    """Keeping to the middle of a winding road. The error is the lateral one.

    seed  of the journeys that the networks learn from
    """

    seed: int = 1
    name: str = "lane"
    metric: str = "root mean square lateral error, m"
    outputs: int = 1
    augmentations: tuple[str, ...] = ("noise",)

    @property
    def digest(self) -> str:
        """Of the journeys."""
        return f"lane {self.seed} {_ROUNDS} {_CARS} {_SECONDS}"

    def build(self, settings: TrainSettings) -> Learner:
        """A network with random weights, drawn from torch's global state."""
        centre, spread = np.array(SCALES.centre), np.array(SCALES.spread)
        units = Normalisation(
            centre=centre,
            spread=spread,
            fill=centre,
            masked=(),
            period=SCALES.dt_unit,
            gain=np.array(SCALES.gain),
            offset=np.zeros(1),
            signals=SENSORS,
            dt=DT,
        )
        net, wiring = build_network(settings, len(SENSORS), 1)
        return Learner(PhysicalNetwork(net, units, wiring), units, INTERFACE)

    def train(self, learner: Learner, settings: TrainSettings, watch: Watch) -> None:
        """Imitate, drive, imitate. `watch` gets the loss on drives of the expert alone."""
        net, noise = learner.net, settings.augmentation.noise
        fit = Fit(net, epochs=settings.epochs, batches=_BATCHES, rate=settings.lr)
        held = _windows(_expert_drives(_HELD_SEED), step=_WINDOW)
        drives = list(_expert_drives(self.seed))
        for turn in range(_ROUNDS):
            if turn:
                journeys = _journeys(self.seed + turn)
                drives += closed_loop.drive_all(journeys, _steered_by(net, _CARS))
            windows = _windows(drives)
            for epoch in range(len(fit.history), round(settings.epochs * (turn + 1) / _ROUNDS)):
                fit.stage("imitate", epoch + 1, partial(_imitation, net, windows, noise))
                watch(epoch + 1, _held_loss(net, held))

    def recorded(self, learner: Learner) -> Recorded:
        """The sensors of a drive by the expert."""
        drive = closed_loop.drive_expert(30.0, 8999)
        return Recorded(drive.x[:_RECORDED_STEPS], drive.dt[:_RECORDED_STEPS])

    def errors(
        self, model: Model, learner: Learner, part: str, disturbance: Augmentation | None = None
    ) -> float:
        """The root mean square of all drives' lateral errors, m."""
        seeds, seconds = _PARTS[part]
        journeys = [draw_journey(seconds, seed) for seed in seeds]
        steer: Controller = ModelDriver(model, len(journeys))
        if disturbance is not None:
            steer = _Disturbed(steer, learner.units.spread, disturbance)
        drives = closed_loop.drive_all(journeys, steer)
        return float(np.sqrt(np.mean([one.rms**2 for one in drives])))


class _Disturbed:
    """Sensors with more noise, and samples that never arrive: the wheel then stays as it is, and
    the next sample comes after the longer time, as far as its declared range goes."""

    def __init__(self, steer: Controller, spread: Array, how: Augmentation) -> None:
        self._steer, self._spread, self._how = steer, spread, how
        self._random = np.random.default_rng(_SEED_OF_DISTURBANCE)
        self._last: Array | None = None
        self._waited: Array | None = None

    def __call__(self, x: Samples, dt: Samples, expert: Array) -> Array:
        waited = np.asarray(dt, np.float64)
        waited = waited if self._waited is None else waited + self._waited
        # All cars lose the same samples, so that the model is called for all or for none.
        if self._last is not None and self._random.random() < self._how.dropout:
            self._waited = waited
            return self._last
        noise = self._how.noise * self._spread * self._random.standard_normal(x.shape)
        given = np.clip(waited, *DT_RANGE).astype(np.float32)
        self._last = self._steer((x + noise).astype(np.float32), given, expert)
        self._waited = None
        return self._last


def _journeys(seed: int) -> list[Journey]:
    random = np.random.default_rng(seed)
    return [
        draw_journey(
            _SECONDS,
            int(random.integers(10_000, 2**31)),
            fog=random.uniform(0.0, 1.0),
            noise=random.uniform(0.5, 1.2),
        )
        for _ in range(_CARS)
    ]


@cache
def _expert_drives(seed: int) -> tuple[Drive, ...]:
    """The perturbed expert's drives, which are the same for all trials of a sweep."""
    random = np.random.default_rng([seed, 1])
    return tuple(closed_loop.drive_all(_journeys(seed), PerturbedExpert(random, _CARS)))


def _steered_by(net: PhysicalNetwork, cars: int) -> Controller:
    """The float network at the wheel."""
    h = torch.zeros(cars, net.state_size)

    @torch.inference_mode()
    def steer(x: Samples, dt: Samples, _expert: Array) -> Array:
        nonlocal h
        y, h = net.step(torch.from_numpy(x), h, torch.from_numpy(dt)[:, None])
        return np.asarray(y[:, 0].numpy(), np.float64)

    return steer


Windows = tuple[Tensor, Tensor, Tensor]
"""x [N, T, I], dt [N, T] and the expert's steering [N, T]."""


def _windows(drives: list[Drive] | tuple[Drive, ...], step: int = 4) -> Windows:
    """All windows of the drives that begin `step` samples apart."""
    samples = min(len(one.dt) for one in drives)
    columns = []
    for part in ("x", "dt", "expert"):
        whole = np.stack([getattr(one, part)[:samples] for one in drives]).astype(np.float32)
        cut = [whole[:, a : a + _WINDOW] for a in range(0, samples - _WINDOW + 1, step)]
        columns.append(torch.from_numpy(np.concatenate(cut)))
    return columns[0], columns[1], columns[2]


def _imitation(net: PhysicalNetwork, windows: Windows, noise: float) -> Tensor:
    """The loss of a random batch, with noise on its sensors in units of their spread."""
    rows = torch.randint(len(windows[0]), (_BATCH,))
    x, dt, wanted = (part[rows] for part in windows)
    return _loss(net, (x + noise * net.spread * torch.randn_like(x), dt, wanted))


def _loss(net: PhysicalNetwork, windows: Windows) -> Tensor:
    """Mean square error of the steering in units of `TYPICAL_STEERING`."""
    x, dt, wanted = windows
    y = net(x, dt)
    error = (y[:, _SETTLE:, 0] - wanted[:, _SETTLE:]) / TYPICAL_STEERING
    loss: Tensor = error.square().mean()
    return loss


def _held_loss(net: PhysicalNetwork, windows: Windows) -> float:
    with torch.no_grad():
        return float(_loss(net, windows))
