"""The reference: a model executed with NumPy integers. These are the bits that count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elegans.exporter.ir.fixed_model import Model, Step, walk
from elegans.exporter.numbers.fixed import Integers, Value


def _join(parts: list[Value]) -> Integers:
    return np.concatenate(parts, axis=-1)


def _apply(step: Step, args: list[Value]) -> Value:
    return step.op.integer(*args)


def step(model: Model, x: Integers, dt: Integers, h: Integers) -> tuple[Integers, Integers]:
    """One step of any number of independent runs.

    x [..., I], dt [..., 1], h [..., H] -> y [..., O], h_next [..., H], all int16 values in
    int64. dt is ignored where the sample period is fixed.
    """
    given = {"x": _wide(x), "dt": _wide(dt), "h": _wide(h)}
    y, h_next, _ = walk(model, given, _join, _apply)
    return y, h_next


@dataclass(frozen=True)
class Run:
    """A free run: what went in, and every output and state that came out.

    y [T, ..., O], h [T, ..., H] (the state before each step), h_next [T, ..., H].
    """

    y: Integers
    h: Integers
    h_next: Integers


def run(model: Model, x: Integers, dt: Integers, h0: Integers | None = None) -> Run:
    """Run free over time: x [T, ..., I], dt [T, ...], h0 [..., H] (zeros if None)."""
    steps, lanes = x.shape[0], x.shape[1:-1]
    h = np.zeros((*lanes, len(model.states)), np.int64) if h0 is None else _wide(h0)
    y = np.zeros((steps, *lanes, len(model.outputs)), np.int64)
    states = np.zeros((steps + 1, *lanes, len(model.states)), np.int64)
    states[0] = h
    for t in range(steps):
        y[t], states[t + 1] = step(model, x[t], dt[t][..., None], states[t])
    return Run(y, states[:-1], states[1:])


def _wide(values: Integers) -> Integers:
    return np.asarray(values, dtype=np.int64)
