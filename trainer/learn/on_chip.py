"""After the training: fine-tuning on the device's integers, within limits of cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from elegans.exporter.files import write_file
from elegans.trainer.chip_aware.fine_tune import fine_tune
from elegans.trainer.chip_aware.limits import Limits, cost_of
from elegans.trainer.chip_aware.on_device import OnDevice
from elegans.trainer.data.normalise import Normalisation
from elegans.trainer.data.series import DataSet
from elegans.trainer.data.split import Parts
from elegans.trainer.data.windows import WindowPlan
from elegans.trainer.learn.build_network import PhysicalNetwork
from elegans.trainer.learn.checkpoint import weights_of
from elegans.trainer.learn.evaluate import decide
from elegans.trainer.learn.loss import Loss
from elegans.trainer.learn.model_file import model_bytes
from elegans.trainer.learn.train_settings import TrainSettings
from elegans.trainer.learn.training_loop import mean_loss, whole_batches
from elegans.trainer.progress import Progress

_EPOCHS = 4
_MOST_UPDATES = 40
"""Of an epoch: each lowers the network again, which takes as long as the run."""
_SHARE_OF_RATE = 0.05
"""Of the first learning rate of the training: the weights are nearly right already."""


@dataclass(frozen=True)
class Lesson:
    """What the network was trained on, and how."""

    data: DataSet
    parts: Parts
    units: Normalisation
    plan: WindowPlan
    loss: Loss
    settings: TrainSettings

    def write(self, network: nn.Module, path: Path) -> None:
        """Write the network as its export does."""
        assert isinstance(network, PhysicalNetwork)
        write_file(path, model_bytes(network, self.units.interface("model", self.data)))

    def on(self, device: OnDevice) -> ScoredOnDevice:
        """The network on the device's integers, as a loss and an evaluation take it."""
        return ScoredOnDevice(device, self.units)


class ScoredOnDevice(nn.Module):
    """A network that runs on the device's integers: `loss.Scored`."""

    def __init__(self, device: OnDevice, units: Normalisation) -> None:
        super().__init__()
        self.device = device
        self._gain = torch.tensor(units.gain, dtype=torch.float32)
        self._offset = torch.tensor(units.offset, dtype=torch.float32)

    def forward(self, x: Tensor, dt: Tensor) -> Tensor:
        """Physical x [B, T, J] and dt [B, T], s -> physical y [B, T, O]."""
        y: Tensor = self.device(x, dt)[0]
        return y

    def scores(self, x: Tensor, dt: Tensor) -> Tensor:
        """The same before the outputs got their units."""
        y: Tensor = (self(x, dt) - self._offset) / self._gain
        return y


def fine_tuned(
    net: PhysicalNetwork, lesson: Lesson, progress: Progress
) -> tuple[PhysicalNetwork, dict[str, Any]]:
    """The network fine-tuned on integers of `settings.qat`, within its limits, and the figures.

    Where there are no limits and the loss on the validation part, computed on the integers, is
    not lower than before, the weights stay what they were.

    The figures: `untrained` and `test` are the scores on the test part, on integers, before and
    after; `kept` says whether the new weights were; what the step costs on `settings.core` is
    estimated. Raises ElegansError for limits that cannot be kept.
    """
    settings, parts = lesson.settings, lesson.parts
    held = whole_batches(parts.validation, lesson.units)
    before = lesson.on(OnDevice(net, lesson.write, settings.qat))
    untrained = decide(before, parts.test, lesson.units, lesson.data.goal)
    loss_before, weights = mean_loss(before, lesson.loss, held), weights_of(net)

    random = np.random.default_rng(settings.seed)
    batches = _endless(lesson, random)
    tuned = fine_tune(
        net,
        lesson.write,
        lambda device: lesson.loss(lesson.on(device), next(batches)),
        weights=settings.qat,
        epochs=_EPOCHS,
        batches=min(lesson.plan.batches(parts.training), _MOST_UPDATES),
        rate=_SHARE_OF_RATE * settings.lr,
        limits=_limits(settings),
        progress=progress,
    )
    new = tuned.network
    assert isinstance(new, PhysicalNetwork)
    after = lesson.on(OnDevice(new, lesson.write, settings.qat))
    loss_after = mean_loss(after, lesson.loss, held)
    kept = _limits(settings) is not None or loss_after < loss_before
    if not kept:
        new.load_state_dict(weights)
    test = decide(after, parts.test, lesson.units, lesson.data.goal)
    cost = cost_of(after.device.relowering.lowered(), settings.core)
    return new, {
        "weights": settings.qat,
        "kept": kept,
        "validation_loss": [loss_before, loss_after],
        "untrained": untrained.scores(lesson.data.goal),
        "test": test.scores(lesson.data.goal),
        "core": settings.core,
        "instructions_estimated": cost.instructions,
        "flash_estimated": cost.flash,
        "synapses": tuned.synapses,
    }


def _limits(settings: TrainSettings) -> Limits | None:
    most = settings.max_synapses, settings.max_instructions, settings.max_flash
    return Limits(*most, core=settings.core) if any(n is not None for n in most) else None


def _endless(lesson: Lesson, random: np.random.Generator) -> Any:
    """The batches of one epoch after the other."""
    while True:
        augmentation = lesson.settings.augmentation
        yield from lesson.plan.epoch(lesson.parts.training, lesson.units, augmentation, random)
