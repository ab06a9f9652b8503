"""Float and fixed point on the user's own data: errors, decisions, and accuracy where known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.data.labels import NO_LABEL, share_of_hits
from elegans.exporter.data.user_data import UserData
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
from elegans.exporter.oracles.reference import Trajectory, run_series


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs of S steps in all of both networks, each free on its own states.

    C stands for the states and then the outputs. The steps of a run stand one after the other.

    error          of all of them, in the figures that `elegans export` states
    names          [C]
    errors         [S, C] as fractions of the range that each one uses
    truth, fixed   [S, C] the values in float64 and of the integers
    run, step      [S] the run to which a step belongs, and its number there
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
    run: Integers
    step: Integers
    float32: tuple[float, float] | None
    float32_fault: str | None
    accuracy: tuple[float, float] | None
    labelled: int

    @property
    def worst_at(self) -> tuple[int, int, int]:
        """The step, the run and the state or output [C] of the worst error."""
        at, channel = np.unravel_index(self.errors.argmax(), self.errors.shape)
        return int(self.step[at]), int(self.run[at]), int(channel)


def compare(
    source: str,
    model: Model,
    network: Network,
    step: OnnxStep | OnnxRuntimeError,
    data: UserData,
) -> Comparison:
    """Run float64, onnxruntime and the integers free on the same inputs.

    source  what the data are called
    step    the same network under onnxruntime, or why it does not run
    """
    x, dt = data.x.swapaxes(0, 1), data.dt.T
    real = to_real(x, model.inputs), elapsed_times(dt, model), to_real(data.h0, model.states)
    y_fixed, h_fixed = run_series(model, data)
    y_float, h_float = real_network.run(network, *real)

    def steps(values: NDArray[Any]) -> NDArray[Any]:
        """[T, N, ...] -> [S, 1, ...]: the steps that belong to a run."""
        return values.swapaxes(0, 1)[data.valid][:, None]

    y, h_next = steps(y_float), steps(h_float)
    h = h_fixed[data.valid][:, None]
    found = Trajectory(y_fixed[data.valid][:, None], h, h)
    channels = (*model.states, *model.outputs)
    truth = np.concatenate([h_next, y], axis=-1)
    fixed = np.concatenate([to_real(h, model.states), to_real(found.y, model.outputs)], -1)
    float32, fault = None, None
    try:
        if isinstance(step, OnnxRuntimeError):
            raise step
        other = steps(np.concatenate(step.run(*real)[::-1], axis=-1))
        gap = np.abs(other - truth) / used_ranges(truth, channels)
        float32 = float(gap.max()), float(np.sqrt(np.mean(gap**2)))
    except OnnxRuntimeError as error:
        fault = str(error)
    accuracy, labelled = None, 0
    if data.labels is not None:
        labels = data.labels[data.valid]
        by_float, by_fixed = (
            share_of_hits(values[:, 0, len(model.states) :], labels) for values in (truth, fixed)
        )
        accuracy, labelled = (by_float, by_fixed), int((labels != NO_LABEL).sum())
    at_run, at_step = np.nonzero(data.valid)
    return Comparison(
        error=measured(source, model, network, (y, h_next), found),
        names=tuple(c.name for c in channels),
        errors=relative_errors(model, network, (y, h_next), found)[:, 0],
        truth=truth[:, 0],
        fixed=fixed[:, 0],
        run=at_run,
        step=at_step,
        float32=float32,
        float32_fault=fault,
        accuracy=accuracy,
        labelled=labelled,
    )
