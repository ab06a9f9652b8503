"""The network of one step in real numbers: named atoms, the forms that read them, and its run.

onnxruntime runs the same step in float32, whose own rounding comes close to 1e-3 after many
steps. Float64 is therefore the reference for errors, and it gives every vector on the way.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from elegans.exporter.ir.affine import Affine, affine_value, read
from elegans.exporter.ir.atom import Atom
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.interface import Interface
from elegans.exporter.numbers.fixed import Reals


@dataclass(frozen=True)
class Network:
    """A step of real numbers: named atoms in the order of their computation.

    Affine forms and windows refer to atoms by name, and to the given vectors `x`, `h`
    and `dt`.
    """

    interface: Interface
    atoms: dict[str, Atom]
    y: Affine
    h_next: tuple[Window, ...]

    @property
    def timed(self) -> bool:
        """Whether elapsed time is read anywhere, as a factor or as one more input."""
        return "dt" in self.y.terms or any("dt" in a.vectors() for a in self.atoms.values())


def general_work(network: Network) -> str:
    """What of a network is no part of a known cell: `3 products, 1 table`; empty if nothing is."""
    kinds = Counter(atom.general for atom in network.atoms.values() if atom.general)
    return ", ".join(f"{n} {kind}{'s' * (n > 1)}" for kind, n in sorted(kinds.items()))


def step(network: Network, x: Reals, dt: Reals, h: Reals) -> tuple[Reals, Reals, dict[str, Reals]]:
    """One step: x [N, I], dt [N, 1], h [N, H] -> y [N, O], h_next [N, H], all vectors by name."""
    vectors = {"x": x, "dt": dt, "h": h}
    for name, atom in network.atoms.items():
        vectors[name] = atom.value(vectors)
    h_next = np.concatenate([read(w, vectors) for w in network.h_next], axis=1)
    return affine_value(network.y, vectors), h_next, vectors


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
