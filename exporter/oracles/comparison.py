"""Float and fixed point on the user's own data: errors, decisions, and accuracy where known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elegans.exporter.ir import real_network
from elegans.exporter.ir.conversion import to_real
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.ir.real_network import Network
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.oracles.free_run import (
    FreeRunError,
    elapsed_times,
    measured,
    relative_errors,
    used_ranges,
)
from elegans.exporter.oracles.onnx_float import OnnxRuntimeError, OnnxStep
from elegans.exporter.oracles.reference import run
from elegans.exporter.oracles.user_data import NO_LABEL


@dataclass(frozen=True, eq=False)
class Comparison:
    """N runs of T steps of both networks, each free on its own states.

    C stands for the states and then the outputs.

    error          of all of them, in the figures that `elegans export` states
    names          [C]
    errors         [T, N, C] as fractions of the range that each one uses
    truth, fixed   [T, N, C] the values in float64 and of the integers
    float32        worst and rms difference of onnxruntime from float64, as such fractions; None
                   where onnxruntime does not run the graph
    float32_fault  why it does not, or None
    accuracy       shares of the labels that float and fixed point hit; None without labels
    labelled       the number of steps that have a label
    """

    error: FreeRunError
    names: tuple[str, ...]
    errors: Reals
    truth: Reals
    fixed: Reals
    float32: tuple[float, float] | None
    float32_fault: str | None
    accuracy: tuple[float, float] | None
    labelled: int

    @property
    def worst_at(self) -> tuple[int, int, int]:
        """The step, the run and the state or output [C] of the worst error."""
        step, run_, channel = np.unravel_index(self.errors.argmax(), self.errors.shape)
        return int(step), int(run_), int(channel)


def compare(
    source: str,
    model: Model,
    network: Network,
    step: OnnxStep | OnnxRuntimeError,
    data: tuple[Integers, Integers, Integers],
    labels: Integers | None,
) -> Comparison:
    """Run float64, onnxruntime and the integers free on the same inputs.

    source  what the data are called
    step    the same network under onnxruntime, or why it does not run
    data    x [N, T, I], dt [N, T] and the first state h0 [H], as the device receives them
    labels  [N, T] as `user_data.load_labels` gives them, or None
    """
    x, dt = data[0].swapaxes(0, 1), data[1].swapaxes(0, 1)
    h0 = np.broadcast_to(data[2], (x.shape[1], len(model.states)))
    real = to_real(x, model.inputs), elapsed_times(dt, model), to_real(h0, model.states)
    found = run(model, x, dt, h0)
    y, h_next = real_network.run(network, *real)
    channels = (*model.states, *model.outputs)
    truth = np.concatenate([h_next, y], axis=-1)
    fixed = np.concatenate(
        [to_real(found.h_next, model.states), to_real(found.y, model.outputs)], -1
    )
    float32, fault = None, None
    try:
        if isinstance(step, OnnxRuntimeError):
            raise step
        other = np.concatenate(step.run(*real)[::-1], axis=-1)
        gap = np.abs(other - truth) / used_ranges(truth, channels)
        float32 = float(gap.max()), float(np.sqrt(np.mean(gap**2)))
    except OnnxRuntimeError as error:
        fault = str(error)
    accuracy, labelled = None, 0
    if labels is not None:
        given, size = labels.T != NO_LABEL, len(model.states)
        by_float, by_fixed = (
            float(np.mean((values[..., size:].argmax(-1) == labels.T)[given]))
            for values in (truth, fixed)
        )
        accuracy, labelled = (by_float, by_fixed), int(given.sum())
    return Comparison(
        error=measured(source, model, (y, h_next), found),
        names=tuple(c.name for c in channels),
        errors=relative_errors(model, (y, h_next), found),
        truth=truth,
        fixed=fixed,
        float32=float32,
        float32_fault=fault,
        accuracy=accuracy,
        labelled=labelled,
    )
