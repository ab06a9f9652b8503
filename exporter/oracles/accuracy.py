"""The error of the integers against the float network, both run free on the same inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.ir import real_network
from elegans.exporter.ir.conversion import to_real
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.numbers.fixed import Integers, dequantise
from elegans.exporter.oracles import reference


@dataclass(frozen=True)
class Accuracy:
    """Errors of the states, each as a fraction of the proved range of the state.

    steps       that were compared
    worst, rms  over all steps and states
    state       the name of the state with the worst error
    """

    steps: int
    worst: float
    rms: float
    state: str


def against_float(
    source: Path, model: Model, x: Integers, dt: Integers, period: float | None = None
) -> Accuracy:
    """Run the float network of `source`, in float64, and the model on the same integers.

    x       [N, T, I], N runs of T steps from rest
    dt      [N, T]
    period  the sample period, in dt's unit, where the model has it fixed
    """
    graph = open_graph(source)
    network = read_network(graph, replace(read_interface(graph), dt_fixed=period))
    fixed = reference.run(model, x.swapaxes(0, 1), dt.swapaxes(0, 1)).h_next
    fracs = np.array([c.frac for c in model.states])
    real_x = to_real(x, model.inputs).swapaxes(0, 1)
    elapsed = model.dt.to_real(dt) if model.dt else np.full(dt.shape, period or 0.0)
    _, states = real_network.run(network, real_x, elapsed.T)
    span = np.array([c.range[1] - c.range[0] for c in model.states])
    error = np.abs(dequantise(fixed, fracs) - states) / span
    where = int(np.unravel_index(error.argmax(), error.shape)[-1])
    return Accuracy(
        int(np.prod(x.shape[:2])),
        float(error.max()),
        float(np.sqrt(np.mean(error**2))),
        model.states[where].name,
    )
