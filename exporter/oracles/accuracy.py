"""How far the integers stray from the float network, both running free over the same inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.ir import real_eval
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.numbers.fixed import Integers, dequantise
from elegans.exporter.oracles import reference


@dataclass(frozen=True)
class Accuracy:
    """Errors of the states, as a fraction of what their format proves them to hold.

    `worst` and `rms` are over all steps and neurons, `neuron` is where the worst one is.
    """

    steps: int
    worst: float
    rms: float
    neuron: str


def against_float(
    source: Path, model: Model, x: Integers, dt: Integers, period: float | None = None
) -> Accuracy:
    """Free runs in float64 and of the model on the same integers, x [N, T, I], dt [N, T].

    `period` is the sample period in dt's unit where the model has it fixed.
    """
    graph = open_graph(source)
    network = read_network(graph, replace(read_interface(graph), dt_fixed=period))
    fixed = reference.run(model, x.swapaxes(0, 1), dt.swapaxes(0, 1)).h_next
    fracs = np.array([c.frac for c in model.states])
    real_x = dequantise(x, np.array([c.frac for c in model.inputs])).swapaxes(0, 1)
    elapsed = dequantise(dt, model.dt.frac) if model.dt else np.full(dt.shape, period or 0.0)
    _, states = real_eval.run(network, real_x, elapsed.T)
    span = np.array([c.range[1] - c.range[0] for c in model.states])
    error = np.abs(dequantise(fixed, fracs) - states) / span
    where = int(np.unravel_index(error.argmax(), error.shape)[-1])
    return Accuracy(
        int(np.prod(x.shape[:2])),
        float(error.max()),
        float(np.sqrt(np.mean(error**2))),
        model.states[where].name,
    )
