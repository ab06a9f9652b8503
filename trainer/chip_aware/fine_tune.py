"""Fine-tuning on the device's integers, within limits of synapses, instructions and flash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from elegans.exporter.ir.fixed_model import Model
from elegans.trainer.chip_aware.limits import Limits, Tailor, fitted
from elegans.trainer.chip_aware.on_device import OnDevice
from elegans.trainer.chip_aware.relowering import Write
from elegans.trainer.fit import Fit
from elegans.trainer.progress import Progress, silent

DeviceLoss = Callable[[OnDevice], Tensor]
"""Draws a batch, runs it with `device(x, dt)`, and returns its mean loss."""
PRUNED_AFTER = 0.6
"""The part of the updates after which no synapse is removed any more."""


@dataclass(frozen=True)
class FineTuned:
    """What fine-tuning has done.

    network   with its new weights: the one that was given, unless neurons were removed
    model     of the file that `write` writes now: the bits that the device will compute
    history   the mean loss of each epoch
    synapses  that are left; None if nothing was to be pruned
    """

    network: nn.Module
    model: Model
    history: list[float]
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
    limits: Limits | None = None,
    progress: Progress = silent,
) -> FineTuned:
    """Train `network` on the integers that its export has, with Adam and a cosine schedule.

    network    a trained one, as `export_onnx` takes it, or a `ScaledCircuit`
    write      writes such a network as an ONNX file, with the ranges that its user declares
    loss       called `batches` times an epoch
    weights    int8 or int16
    rate       the first learning rate; it falls to a hundredth of it
    calm       how much of `OnDevice.amplification` on each batch is added to the loss
    limits     of what it may cost: a circuit first loses the neurons that are too many, and then,
               until `PRUNED_AFTER` of the updates, any network the synapses that are

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

    def one_loss() -> Tensor:
        _constrain(network)
        if tailor:
            tailor.advance()
        value = loss(device)
        if calm and device.last is not None:
            value = value + calm * device.amplification(*device.last)
        return value

    fit.stage(f"on {weights}", epochs, one_loss)
    _constrain(network)
    if tailor:
        tailor.finish()
    synapses = tailor.synapses.count if tailor else None
    return FineTuned(network, device.relowering.exported(), fit.history, synapses)


def _constrain(network: nn.Module) -> None:
    """Clip what an update has moved out of its range, as an LTC's conductances."""
    for module in network.modules():
        apply = getattr(module, "apply_constraints", None)
        if apply is not None:
            apply()
