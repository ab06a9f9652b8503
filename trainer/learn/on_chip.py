"""After the training: fine-tuning on the device's integers, within limits of cost."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from elegans.exporter.files import write_file
from elegans.trainer.checkpoint import weights_of
from elegans.trainer.chip_aware.fine_tune import Ledger, fine_tune
from elegans.trainer.chip_aware.limits import cost_of, limits_of
from elegans.trainer.chip_aware.on_device import OnDevice
from elegans.trainer.data.normalise import Normalisation
from elegans.trainer.data.series import DataSet
from elegans.trainer.data.split import Parts
from elegans.trainer.data.windows import Batch, WindowPlan
from elegans.trainer.learn.build_network import PhysicalNetwork
from elegans.trainer.learn.evaluate import decide
from elegans.trainer.learn.keeping import Keeping, StoppedError
from elegans.trainer.learn.loss import Loss
from elegans.trainer.learn.model_file import model_bytes
from elegans.trainer.learn.train_settings import TrainSettings
from elegans.trainer.learn.training_loop import mean_loss, whole_batches
from elegans.trainer.progress import Progress

DEVICE_FILE = "device_last.safetensors"
"""The state of the fine-tuning, among the checkpoints."""
_EPOCHS = 4
_MOST_UPDATES = 40
"""Of an epoch: each lowers the network again, which takes as long as the run."""
_SHARE_OF_RATE = 0.05
"""Of the first learning rate of the training: the weights are nearly right already."""
_LIMITED_EPOCHS, _LIMITED_SHARE = 2, 0.5
"""Within limits: what was taken away must be made up for. Times as many epochs, and the share."""
_EARLIER = ("epochs", "patience")
"""Settings that fine-tuning does not know of: they led to the weights from which it begins."""


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
    net: PhysicalNetwork, lesson: Lesson, progress: Progress, keeping: Keeping | None = None
) -> tuple[PhysicalNetwork, dict[str, Any]]:
    """The network fine-tuned on integers of `settings.qat`, within its limits, and the figures.

    The weights with the lowest loss on the validation part, computed on the integers, are taken:
    the untouched ones, where none is lower and they keep the limits.

    The figures: `float`, `untrained` and `test` are the scores on the test part of the float
    network, of its integers, and of the fine-tuned network's integers; `kept` says whether
    weights of the fine-tuning were taken; what the step costs on `settings.core` is estimated.
    Raises ElegansError for limits that cannot be kept, and `StoppedError` for Ctrl-C.
    """
    settings, parts = lesson.settings, lesson.parts
    held = whole_batches(parts.validation, lesson.units)
    before = lesson.on(OnDevice(net, lesson.write, settings.qat))
    unrounded = decide(net, parts.test, lesson.units, lesson.data.goal)
    untrained = decide(before, parts.test, lesson.units, lesson.data.goal)
    batches = min(lesson.plan.batches(parts.training), _MOST_UPDATES)
    ledger = None if keeping is None else _ledger(net, lesson, keeping)
    torch.manual_seed(settings.seed)  # the same bits after a training and after one resumed
    lessons = _lessons(lesson, batches)
    try:
        tuned = fine_tune(
            net,
            lesson.write,
            lambda device: lesson.loss(lesson.on(device), next(lessons)),
            weights=settings.qat,
            epochs=_EPOCHS * (_LIMITED_EPOCHS if settings.limited else 1),
            batches=batches,
            rate=settings.lr * (_LIMITED_SHARE if settings.limited else _SHARE_OF_RATE),
            calm=settings.calm,
            held=lambda device: mean_loss(lesson.on(device), lesson.loss, held),
            limits=limits_of(settings),
            ledger=ledger,
            progress=progress,
        )
    except KeyboardInterrupt:
        raise _stopped(ledger) from None
    new = tuned.network
    assert isinstance(new, PhysicalNetwork)
    after = lesson.on(OnDevice(new, lesson.write, settings.qat))
    test = decide(after, parts.test, lesson.units, lesson.data.goal)
    cost = cost_of(after.device.relowering.lowered(), settings.core)
    losses = tuned.held[0], tuned.held[tuned.best]
    return new, {
        "weights": settings.qat,
        "kept": tuned.best > 0,
        "validation_loss": [None if math.isnan(value) else value for value in losses],
        "float": unrounded.scores(lesson.data.goal),
        "untrained": untrained.scores(lesson.data.goal),
        "test": test.scores(lesson.data.goal),
        "core": settings.core,
        "instructions_estimated": cost.instructions,
        "flash_estimated": cost.flash,
        "synapses": tuned.synapses,
    }


def _ledger(net: PhysicalNetwork, lesson: Lesson, keeping: Keeping) -> Ledger:
    """The file of the fine-tuning of these weights on these data with these settings."""
    weights = save(weights_of(net))
    settings = sorted((k, v) for k, v in lesson.settings.as_dict().items() if k not in _EARLIER)
    of = hashlib.sha256(weights + repr((lesson.data.digest, settings)).encode()).hexdigest()
    return Ledger(keeping.folder / DEVICE_FILE, of, keeping.resume)


def _stopped(ledger: Ledger | None) -> StoppedError:
    remedy = "give the same command with --resume to go on"
    return StoppedError(
        "training on the device's integers",
        "stopped" if ledger is None else f"stopped; {ledger.path.parent} has what was done",
        "give fit a folder for checkpoints to resume" if ledger is None else remedy,
    )


def _lessons(lesson: Lesson, batches: int) -> Iterator[Batch]:
    """The first `batches` of an epoch of its own after the other; the seed of each is torch's, so
    that torch's random state is all that a checkpoint needs."""
    augmentation = lesson.settings.augmentation
    plan = replace(lesson.plan, carry=False)
    while True:
        random = np.random.default_rng(int(torch.randint(2**62, ())))
        epoch = plan.epoch(lesson.parts.training, lesson.units, augmentation, random)
        yield from itertools.islice(epoch, batches)
