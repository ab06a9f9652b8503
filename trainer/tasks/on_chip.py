"""The fine-tuning of a task's circuit on the device's integers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from elegans.exporter.ir.conversion import to_real
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.ir.interface import Interface
from elegans.exporter.oracles import reference
from elegans.trainer.chip_aware.fine_tune import fine_tune
from elegans.trainer.chip_aware.limits import cost_of, limits_of
from elegans.trainer.chip_aware.on_device import OnDevice, device_inputs
from elegans.trainer.chip_aware.relowering import lowered_file
from elegans.trainer.chip_aware.settings import ChipSettings
from elegans.trainer.networks.scaled_circuit import ScaledCircuit
from elegans.trainer.onnx_out.export_circuit import export_circuit
from elegans.trainer.progress import Progress

_EPOCHS, _RATE = 4, 5e-4
_LIMITED_EPOCHS, _LIMITED_RATE = 8, 1e-2
"""Within limits: what was taken away must be made up for."""


@dataclass(frozen=True)
class TaskLesson:
    """What a task's circuit is fine-tuned on, and how it is judged.

    interface  of its export
    loss       of a batch that it draws, for the circuit on the device's integers
    held       of the model: what is to become small, on data that are not trained on
    score      of the model on the test data: metrics by name
    score_of_float
               the same of the float circuit
    batches    updates of an epoch
    """

    interface: Interface
    loss: Callable[[OnDevice], Tensor]
    held: Callable[[Model], float]
    score: Callable[[Model], dict[str, Any]]
    score_of_float: dict[str, Any]
    batches: int

    def write(self, network: nn.Module, path: Path) -> None:
        """Export a circuit of this task."""
        assert isinstance(network, ScaledCircuit)
        export_circuit(network, self.interface, path)


def fine_tuned(
    circuit: ScaledCircuit, lesson: TaskLesson, chip: ChipSettings, short: bool, progress: Progress
) -> tuple[ScaledCircuit, dict[str, Any]]:
    """The circuit fine-tuned on integers of `chip.qat`, within its limits, and the figures.

    The figures are those of `learn.on_chip.fine_tuned`; `held` is what `lesson.held` gave before
    and after. Raises ElegansError for limits that cannot be kept.
    """
    untrained = lesson.score(lowered_file(circuit, lesson.write, chip.qat).model)
    tuned = fine_tune(
        circuit,
        lesson.write,
        lesson.loss,
        weights=chip.qat,
        epochs=1 if short else _LIMITED_EPOCHS if chip.limited else _EPOCHS,
        batches=lesson.batches,
        rate=_LIMITED_RATE if chip.limited else _RATE,
        calm=chip.calm,
        held=lambda device: lesson.held(device.model),
        limits=limits_of(chip),
        progress=progress,
    )
    found = tuned.network
    assert isinstance(found, ScaledCircuit)
    cost = cost_of(lowered_file(found, lesson.write, chip.qat), chip.core)
    first = tuned.held[0]
    return found, {
        "weights": chip.qat,
        "kept": tuned.best > 0,
        "held": [None if first != first else first, tuned.held[tuned.best]],
        "float": lesson.score_of_float,
        "untrained": untrained,
        "test": lesson.score(tuned.model),
        "core": chip.core,
        "instructions_estimated": cost.instructions,
        "flash_estimated": cost.flash,
        "synapses": tuned.synapses,
    }


def run_on_integers(
    model: Model, x: npt.NDArray[np.floating], dt: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """What the device gives for x [N, T, I] and dt [N, T], s, from rest: y [N, T, O]."""
    given = device_inputs(model, torch.from_numpy(x), torch.from_numpy(dt))
    return to_real(reference.run(model, *given).y, model.outputs).swapaxes(0, 1)
