"""The training loop: early stopping, a checkpoint at the end of every epoch, and resuming."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch

from elegans.exporter.data.recordings.time_series import TimeSeries
from elegans.exporter.errors import ElegansError
from elegans.trainer.checkpoint import (
    checkpoint_of,
    read_checkpoint,
    restore,
    weights_of,
)
from elegans.trainer.data.normalise import Normalisation
from elegans.trainer.data.windows import Batch, WindowPlan, sample_window, stacked
from elegans.trainer.fit import update
from elegans.trainer.learn.build_network import PhysicalNetwork
from elegans.trainer.learn.keeping import StoppedError, Store
from elegans.trainer.learn.loss import Loss, Scored
from elegans.trainer.learn.tensorboard_log import Log, no_log
from elegans.trainer.learn.train_settings import AFTERWARDS, TrainSettings
from elegans.trainer.networks.sequence_layer import State
from elegans.trainer.progress import Progress

_TOGETHER = 64
"""Whole recordings that are run side by side to evaluate."""


@dataclass
class Course:
    """How a training has gone so far.

    epoch                 epochs done
    training, validation  the mean loss of each
    best_epoch            the one with the lowest loss on the validation part; 0 before the first
    """

    epoch: int = 0
    training: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    best_epoch: int = 0

    @property
    def best_loss(self) -> float:
        """The lowest loss on the validation part."""
        return self.validation[self.best_epoch - 1] if self.best_epoch else math.inf


class TrainingLoop:
    """Trains `net` on stretches of recordings until `settings.epochs` or until it overfits.

    The state after each epoch is written to `store` before the next one begins, so a process
    that is killed loses at most one epoch; going on from there gives the same bytes as never
    having been killed. `course` tells how it went.
    """

    def __init__(
        self,
        net: PhysicalNetwork,
        loss: Loss,
        units: Normalisation,
        plan: WindowPlan,
        settings: TrainSettings,
        store: Store | None = None,
    ) -> None:
        self.course = Course()
        self._net, self._loss, self._units, self._plan = net, loss, units, plan
        self._settings, self._store = settings, store
        self._optimizer = _optimizer(net, settings)
        self._random = np.random.default_rng(settings.seed)
        self._best = weights_of(net)
        if store is not None and store.resume and store.last.exists():
            self._go_on(store)

    def run(
        self,
        training: Sequence[TimeSeries],
        validation: Sequence[TimeSeries],
        stage: str,
        progress: Progress,
        log: Log = no_log,
    ) -> None:
        """Train, and leave the best weights in the network.

        Raises ElegansError when a loss is NaN or infinite, and `StoppedError` for Ctrl-C.
        """
        held = whole_batches(validation, self._units)
        updates, epochs = self._plan.batches(training), self._settings.epochs
        course, scored = self.course, Carrying(self._net)
        if self._store is not None and not course.epoch:
            self._write(self._store)  # so that there is a checkpoint from the first second on
        try:
            while course.epoch < epochs and not self._overfits():
                total = 0.0
                batches = self._plan.epoch(
                    training, self._units, self._settings.augmentation, self._random
                )
                for done, batch in enumerate(batches):
                    note = f"epoch {course.epoch + 1} of {epochs}" + self._so_far()
                    progress(stage, course.epoch * updates + done, epochs * updates, note)
                    self._set_rate((course.epoch * updates + done) / (epochs * updates))
                    net = scored.of(batch) if self._plan.carry else self._net
                    total += update(self._net, self._optimizer, self._loss(net, batch))
                self._end_epoch(total / updates, mean_loss(self._net, self._loss, held))
                log(
                    course.epoch,
                    {
                        f"loss/{stage}": course.training[-1],
                        f"loss/{stage}_validation": course.validation[-1],
                    },
                )
        except KeyboardInterrupt:
            raise self._stopped() from None
        note = f"{course.epoch} epochs" + self._so_far()
        progress(stage, epochs * updates, epochs * updates, note)
        self._net.load_state_dict(self._best)

    def _so_far(self) -> str:
        course = self.course
        return f", validation loss {course.validation[-1]:.4f}" if course.validation else ""

    def _overfits(self) -> bool:
        return self.course.epoch - self.course.best_epoch >= self._settings.patience

    def _set_rate(self, share: float) -> None:
        """Half a cosine from the first rate to a hundredth of it, `share` of the way."""
        rate = self._settings.lr * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * share)))
        for group in self._optimizer.param_groups:
            group["lr"] = rate

    def _end_epoch(self, training: float, validation: float) -> None:
        course = self.course
        if not (math.isfinite(training) and math.isfinite(validation)):
            raise ElegansError(
                f"training, epoch {course.epoch + 1}",
                f"the loss became {training if not math.isfinite(training) else validation}",
                "try a lower --lr or another seed",
            )
        best_before = course.best_loss
        course.epoch += 1
        course.training.append(training)
        course.validation.append(validation)
        if validation < best_before:
            course.best_epoch = course.epoch
            self._best = weights_of(self._net)
        if self._store is not None:
            self._write(self._store)

    def _write(self, store: Store) -> None:
        """The best weights first: where the process is killed in between, the last state is one
        epoch older, and that epoch is computed again with the same result."""
        document = {
            "course": asdict(self.course),
            "settings": self._settings.as_dict(),
            "data": store.digest,
            "random": self._random.bit_generator.state,
        }
        last = checkpoint_of(self._net, self._optimizer, document)
        if self.course.best_epoch == self.course.epoch:
            last.write(store.best)
        last.write(store.last)

    def _go_on(self, store: Store) -> None:
        last = read_checkpoint(store.last)
        _check_same(store, self._settings, last.document)
        try:
            self.course = Course(**last.document["course"])
            self._random.bit_generator.state = last.document["random"]
        except (KeyError, TypeError, ValueError) as error:
            fact = f"is damaged ({error!s:.60})"
            raise ElegansError(store.last, fact, "leave --resume out") from None
        restore(read_checkpoint(store.best), self._net)
        self._best = weights_of(self._net)
        restore(last, self._net, self._optimizer)

    def _stopped(self) -> StoppedError:
        done = f"stopped after {self.course.epoch} of {self._settings.epochs} epochs"
        if self._store is None:
            return StoppedError("training", done, "give fit a folder for checkpoints to resume")
        remedy = "give the same command with --resume to go on"
        if self.course.epoch:
            remedy += f", or with --resume --epochs {self.course.epoch} to end here"
        return StoppedError("training", f"{done}; {self._store.last} has them", remedy)


class Carrying:
    """A network that begins each stretch in the state behind the one before: `loss.Scored`.

    Gradients end where a stretch begins (truncated backpropagation through time).
    """

    def __init__(self, net: PhysicalNetwork) -> None:
        self._net = net
        self._state: State | None = None

    def of(self, batch: Batch) -> Carrying:
        """The same for the next batch."""
        self._lengths, going = torch.from_numpy(batch.lengths), torch.from_numpy(~batch.fresh)
        rows = going[:, None]
        if isinstance(self._state, tuple):
            h, c = self._state
            self._state = h[: len(going)] * rows, c[: len(going)] * rows
        elif self._state is not None:
            self._state = self._state[: len(going)] * rows
        return self

    def scores(self, x: torch.Tensor, dt: torch.Tensor) -> torch.Tensor:
        """Physical x [B, T, J] and dt [B, T], s -> the network's own outputs [B, T, O]."""
        y, h = self._net.run(x, dt, self._state, self._lengths)
        self._state = (h[0].detach(), h[1].detach()) if isinstance(h, tuple) else h.detach()
        return y

    def __call__(self, x: torch.Tensor, dt: torch.Tensor) -> torch.Tensor:
        """The same in physical units."""
        return self.scores(x, dt) * self._net.gain + self._net.offset


def whole_batches(series: Sequence[TimeSeries], units: Normalisation) -> list[Batch]:
    """Whole stretches, side by side in batches of similar lengths."""
    ordered = sorted(series, key=len)
    batches = []
    for first in range(0, len(ordered), _TOGETHER):
        chosen = ordered[first : first + _TOGETHER]
        windows = [sample_window(o.t, o.x, o.y, np.ones(len(o), bool), units) for o in chosen]
        batches.append(stacked(windows))
    return batches


@torch.no_grad()
def mean_loss(net: Scored, loss: Loss, batches: Sequence[Batch]) -> float:
    """The mean over all samples that count."""
    sizes = [int(batch.counts.sum()) for batch in batches]
    losses = [float(loss(net, batch)) for batch in batches]
    return sum(a * b for a, b in zip(losses, sizes, strict=True)) / max(sum(sizes), 1)


def _optimizer(net: PhysicalNetwork, settings: TrainSettings) -> torch.optim.Optimizer:
    given: dict[str, Any] = {"lr": settings.lr, "weight_decay": settings.weight_decay}
    if settings.optimizer == "sgd":
        return torch.optim.SGD(net.parameters(), momentum=0.9, **given)
    kind = torch.optim.AdamW if settings.optimizer == "adamw" else torch.optim.Adam
    return kind(net.parameters(), **given)


def _check_same(store: Store, settings: TrainSettings, document: dict[str, Any]) -> None:
    """Raise unless the checkpoint is of the same data and settings, but for `AFTERWARDS`."""
    before, now = document.get("settings") or {}, settings.as_dict()
    changed = [n for n in now if n not in AFTERWARDS and before.get(n) != now[n]]
    if changed:
        name = changed[0]
        raise ElegansError(
            store.last,
            f"was trained with {name} {before.get(name)}, not {now[name]}",
            "repeat the options of the first command, or leave --resume out",
        )
    if document.get("data") != store.digest:
        raise ElegansError(
            store.last,
            "was trained on other data, or with another split",
            "give the same, or leave --resume out",
        )
