"""The network in real numbers: what the integers approximate, in float64.

onnxruntime runs the same step in float32, whose own rounding is in sight of a thousandth
after many steps; this is the yardstick, and it shows every vector on the way.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.real_network import Activation, Atom, Gate, Network
from elegans.exporter.numbers.fixed import Reals


def phi(z: Reals) -> Reals:
    """The normal distribution's cumulative function."""
    from scipy.special import ndtr

    result: Reals = ndtr(z)
    return result


def _sigmoid(z: Reals) -> Reals:
    result: Reals = 0.5 * (1.0 + np.tanh(0.5 * z))
    return result


_FUNCTIONS: dict[str, Callable[[Reals], Reals]] = {
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "relu": lambda z: np.maximum(z, 0.0),
    "abs": np.abs,
    "normal_cdf": phi,
    "exp": lambda z: np.exp(-z),  # its rate counts against it
    "fraction": lambda z: z,
    "identity": lambda z: z,
}


def function(name: str, z: Reals) -> Reals:
    """One of `network.FUNCTIONS`."""
    return _FUNCTIONS[name](z)


def step(network: Network, x: Reals, dt: Reals, h: Reals) -> tuple[Reals, Reals, dict[str, Reals]]:
    """One step: x [N, I], dt [N, 1], h [N, H] -> y [N, O], h_next [N, H], all vectors by name."""
    vectors = {"x": x, "dt": dt, "h": h}
    for name, atom in network.atoms.items():
        vectors[name] = value(atom, vectors)
    h_next = np.concatenate([read(w, vectors) for w in network.h_next], axis=1)
    return affine(network.y, vectors), h_next, vectors


def run(network: Network, x: Reals, dt: Reals, h0: Reals | None = None) -> tuple[Reals, Reals]:
    """Free runs: x [T, N, I], dt [T, N] -> y [T, N, O], h_next [T, N, H]."""
    size = sum(w.size for w in network.h_next)
    h = np.zeros((x.shape[1], size)) if h0 is None else h0
    outputs, states = [], []
    for now, elapsed in zip(x, dt, strict=True):
        y, h, _ = step(network, now, elapsed[:, None], h)
        outputs.append(y)
        states.append(h)
    return np.stack(outputs), np.stack(states)


def read(window: Window, vectors: dict[str, Reals]) -> Reals:
    return vectors[window.vector][:, window.lo : window.hi]


def affine(form: Affine, vectors: dict[str, Reals]) -> Reals:
    total = np.broadcast_to(form.bias, (len(vectors["h"]), form.size))
    for vector, matrix in form.terms.items():
        total = total + (matrix @ vectors[vector].T).T
    return np.asarray(total)


def value(atom: Atom, vectors: dict[str, Reals]) -> Reals:
    """One atom of vectors that are known."""
    if isinstance(atom, Gate):
        return _gate(atom, vectors)
    return _activation(atom, vectors)


def _activation(atom: Activation, vectors: dict[str, Reals]) -> Reals:
    z = affine(atom.drive, vectors)
    if atom.rate is not None:
        rate = affine(atom.rate, vectors)
        z = z + (rate if atom.factor is None else rate * read(atom.factor, vectors))
    return function(atom.function, z)


def _gate(gate: Gate, vectors: dict[str, Reals]) -> Reals:
    parts = [read(w, vectors) for w in gate.parts]
    if gate.kind == "mix":
        f, g, t = parts
        return f + t * (g - f)
    if gate.kind == "gated_sum":
        f, g, t = parts
        return f + t * g
    if gate.kind == "product":
        return parts[0] * parts[1]
    if gate.kind == "lstm_cell":
        f, c, i, g = parts
        return f * c + i * g
    if gate.kind == "quotient":
        return parts[0] / parts[1]
    v, current, conductance, dt = parts
    capacity = np.array(gate.constants)
    return (capacity * v + dt * current) / (capacity + dt * conductance)
