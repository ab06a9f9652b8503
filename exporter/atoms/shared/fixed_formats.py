"""What gates share whose op leaves no choice of formats."""

from __future__ import annotations

import numpy as np

from elegans.exporter.atoms.activations.decay import DecayActivation
from elegans.exporter.atoms.activations.hard_sigmoid import HardSigmoidActivation
from elegans.exporter.atoms.shared.tabled import TabledActivation
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.atom import Gate
from elegans.exporter.ir.builder import AtomTable, Builder, VectorName
from elegans.exporter.ir.fixed_model import Argument, Window
from elegans.exporter.numbers.fixed import q_name
from elegans.exporter.ops import Op
from elegans.exporter.ops.rest_share import RestShare

HEADS = (TabledActivation, HardSigmoidActivation, DecayActivation)  # all in Q0.15


def of_heads(atoms: AtomTable, window: Window) -> bool:
    """Whether a vector is a head, or what a gate of a known cell makes of heads alone."""
    atom = atoms.found.get(window.vector)
    if isinstance(atom, Gate):
        known = atom.in_unit_interval or atom.general is None
        return known and all(of_heads(atoms, part) for part in atom.parts)
    return isinstance(atom, HEADS)


def rest_share(to: Builder, called: VectorName, gate: Window, keep: bool) -> Window:
    """What a gate in Q0.15 leaves open, 1 - t, or with `keep` false t itself, as a share."""
    op, fracs = RestShare(gate.size, int(keep)), np.zeros(2 * gate.size, np.int64)
    return to.step(f"{called.name}_share", called.layer, op, ((gate,),), fracs)


def parts_in_formats(
    op: Op, to: Builder, called: VectorName, parts: tuple[Window, ...], frac: int
) -> tuple[Argument, ...]:
    """Parts of a gate as arguments of its op.

    Raises ElegansError unless each part has `frac` fractional bits, as the op demands.
    """
    windows = [to.renamed(window) for window in parts]
    for part in windows:
        if set(to.fracs(part).tolist()) != {frac}:
            raise ElegansError(
                f"{called.name} ({op.kernel})",
                f"takes {part.vector!r}, which is not in {q_name(frac)}",
                "use the cell's own tanh and sigmoid heads",
            )
    return tuple((part,) for part in windows)
