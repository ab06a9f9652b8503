"""Fine-tuning on the device's integers, within limits of synapses, instructions and flash."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.fixed_model import Model
from elegans.trainer.checkpoint import checkpoint_of, read_checkpoint, restore, weights_of
from elegans.trainer.chip_aware.limits import Limits, Tailor, fitted
from elegans.trainer.chip_aware.on_device import OnDevice
from elegans.trainer.chip_aware.relowering import Write
from elegans.trainer.fit import Fit
from elegans.trainer.progress import Progress, silent

DeviceLoss = Callable[[OnDevice], Tensor]
"""Draws a batch, runs it with `device(x, dt)`, and returns its mean loss."""
Held = Callable[[OnDevice], float]
"""What is to become small, on data that are not trained on."""
PRUNED_AFTER = 0.6
"""The part of the updates after which no synapse is removed any more."""
_BEST, _KEPT = "best.", "kept."


@dataclass(frozen=True)
class Ledger:
    """Where the state of a fine-tuning is kept after every epoch.

    path    of the file
    of      what is fine-tuned, and how: a file of something else is not gone on from
    resume  whether to go on from the file, where it is there
    """

    path: Path
    of: str
    resume: bool = False


@dataclass(frozen=True)
class FineTuned:
    """What fine-tuning has done.

    network   with its new weights: the one that was given, unless neurons were removed
    model     of the file that `write` writes now: the bits that the device will compute
    history   the mean loss of each epoch
    held      of the network before the first update, and after each epoch; NaN while synapses
              were still removed; empty without `held`
    best      the epoch whose weights these are; 0 for those of before the first update
    synapses  that are left; None if nothing was to be pruned
    """

    network: nn.Module
    model: Model
    history: list[float]
    held: list[float]
    best: int
    synapses: int | None


def fine_tune(
    network: nn.Module,
    write: Write,
    loss: DeviceLoss,
    *,
    weights: str = "int8",
    epochs: int,
    batches: int,
    rate: float = 5e-4,
    calm: float = 0.0,
    held: Held | None = None,
    limits: Limits | None = None,
    ledger: Ledger | None = None,
    progress: Progress = silent,
) -> FineTuned:
    """Train `network` on the integers that its export has, with Adam and a cosine schedule.

    network    a trained one, as `export_onnx` takes it, or a `ScaledCircuit`
    write      writes such a network as an ONNX file, with the ranges that its user declares
    loss       called `batches` times an epoch
    weights    int8 or int16
    rate       the first learning rate; it falls to a hundredth of it
    calm       how much of `OnDevice.amplification` on each batch is added to the loss
    held       the weights with the lowest value of it are taken, those of before the first update
               included where they keep the limits: so training is never worse than rounding
    limits     of what it may cost: a circuit first loses the neurons that are too many, and then,
               until `PRUNED_AFTER` of the updates, any network the synapses that are
    ledger     for a state after each epoch, from which the same bits follow as without a stop if
               all randomness of `loss` comes from torch's

    Raises ElegansError as `OnDevice` does, for limits that cannot be kept, and for a loss that is
    not finite.
    """
    whole = network
    if limits:
        network = fitted(network, write, weights, limits)
        if network is not whole and limits.synapses is None:
            limits = None  # without neurons it keeps them
    device = OnDevice(network, write, weights)
    tailor = Tailor(device, limits, round(PRUNED_AFTER * epochs * batches)) if limits else None
    fit = Fit(device, epochs=epochs, batches=batches, rate=rate, progress=progress)
    course = _Course(device, fit, tailor, held, ledger)

    def one_loss() -> Tensor:
        _constrain(network)
        if tailor:
            tailor.advance()
        value = loss(device)
        if calm and device.last is not None:
            value = value + calm * device.amplification(*device.last)
        return value

    for epoch in range(len(fit.history), epochs):
        fit.stage(f"on {weights}", epoch + 1, one_loss)
        _constrain(network)
        course.end_epoch()
    course.take_best()
    if tailor:
        tailor.finish()
    synapses = tailor.synapses.count if tailor else None
    model = device.relowering.exported()
    return FineTuned(network, model, fit.history, course.held, course.best, synapses)


def _constrain(network: nn.Module) -> None:
    """Clip what an update has moved out of its range, as an LTC's conductances."""
    for module in network.modules():
        apply = getattr(module, "apply_constraints", None)
        if apply is not None:
            apply()


class _Course:
    """How a fine-tuning has gone so far, its best weights, and its file."""

    def __init__(
        self,
        device: OnDevice,
        fit: Fit,
        tailor: Tailor | None,
        measure: Held | None,
        ledger: Ledger | None,
    ) -> None:
        self._device, self._fit, self._tailor = device, fit, tailor
        self._measure, self._ledger = measure, ledger
        self.held: list[float] = []
        self.best = 0
        self._weights = weights_of(device.network)
        if not self._go_on():
            self._measured()

    def end_epoch(self) -> None:
        """Measure, remember the best weights, and write the file."""
        self._measured()
        if self._ledger is not None:
            self._write(self._ledger)

    def take_best(self) -> None:
        """Give the network the best weights so far."""
        if self.held:
            self._device.network.load_state_dict(self._weights)
        else:
            self.best = len(self._fit.history)

    @torch.no_grad()
    def _measured(self) -> None:
        if self._measure is None:
            return
        pruned = self._tailor is None or self._tailor.done
        now = self._measure(self._device) if pruned else math.nan
        before = [value for value in self.held if not math.isnan(value)]
        if pruned and (not before or now < min(before)):
            self.best, self._weights = len(self.held), weights_of(self._device.network)
        self.held.append(now)

    def _write(self, ledger: Ledger) -> None:
        document = {"of": ledger.of, "held": self.held, "best": self.best, **self._fit.state()}
        state = checkpoint_of(self._device.network, self._fit.optimizer, document)
        state.tensors.update({_BEST + name: value for name, value in self._weights.items()})
        for index, kept in enumerate(self._tailor.synapses.kept if self._tailor else ()):
            state.tensors[f"{_KEPT}{index}"] = kept
        state.write(ledger.path)

    def _go_on(self) -> bool:
        """Take the state of the file, if it is one of the same fine-tuning."""
        ledger = self._ledger
        if ledger is None or not ledger.resume or not ledger.path.exists():
            return False
        state = read_checkpoint(ledger.path)
        document: dict[str, Any] = state.document
        if document.get("of") != ledger.of:
            return False
        try:
            self._fit.go_on(document)
            self.held, self.best = list(document["held"]), int(document["best"])
            if self._tailor:
                synapses = self._tailor.synapses
                synapses.kept = [state.tensors[f"{_KEPT}{k}"] for k in range(len(synapses.maps))]
                self._tailor.updates_done = self._fit.updates_done
        except (KeyError, TypeError, ValueError) as error:
            fact = f"is damaged ({error!s:.60})"
            raise ElegansError(ledger.path, fact, "remove it") from None
        restore(state, self._device.network, self._fit.optimizer)
        found = state.tensors.items()
        self._weights = {n.removeprefix(_BEST): v for n, v in found if n.startswith(_BEST)}
        return True
