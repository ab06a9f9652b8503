"""How far the integers stray from the float network, both running free over the same inputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from elegans.exporter import reference
from elegans.exporter.fixed import Integers, Reals, dequantise
from elegans.exporter.model import Model


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
    source: Path, model: Model, x: Integers, dt: Integers, period: float | None
) -> Accuracy:
    """Free runs of the ONNX file and of its model on the same integers, x [N, T, I], dt [N, T].

    `period` is the sample period in dt's unit where the model has it fixed.
    """
    fixed = reference.run(model, x.swapaxes(0, 1), dt.swapaxes(0, 1)).h_next
    fracs = np.array([c.frac for c in model.states])
    real_x = dequantise(x, np.array([c.frac for c in model.inputs]))
    real_dt = dequantise(dt, model.dt.frac) if model.dt else np.full(dt.shape, period or 0.0)
    runs = [
        _float_run(source, a, b, len(model.states)) for a, b in zip(real_x, real_dt, strict=True)
    ]
    span = np.array([c.range[1] - c.range[0] for c in model.states])
    error = np.abs(dequantise(fixed, fracs) - np.stack(runs, axis=1)) / span
    where = int(np.unravel_index(error.argmax(), error.shape)[-1])
    return Accuracy(
        int(np.prod(x.shape[:2])),
        float(error.max()),
        float(np.sqrt(np.mean(error**2))),
        model.states[where].name,
    )


def _float_run(source: Path, x: Reals, dt: Reals, neurons: int) -> Reals:
    session = ort.InferenceSession(str(source), providers=["CPUExecutionProvider"])
    timed = any(i.name == "dt" for i in session.get_inputs())
    h = np.zeros((1, neurons), np.float32)
    states = np.zeros((len(x), neurons))
    for t in range(len(x)):
        feed = {"x": x[t : t + 1].astype(np.float32), "h": h}
        if timed:
            feed["dt"] = np.array([[dt[t]]], np.float32)
        h = session.run(["h_next"], feed)[0]
        states[t] = h[0]
    return states
