"""u v: an LSTM's output, and CfC's pure mode, where u is a decay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.activations.absolute import AbsoluteActivation
from elegans.exporter.atoms.activations.decay import DecayActivation
from elegans.exporter.atoms.activations.soft_relu import SoftReluActivation
from elegans.exporter.atoms.activations.tanh import TanhActivation
from elegans.exporter.atoms.gates.lstm_cell import LstmCellGate
from elegans.exporter.atoms.shared import in_32_bits
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import DT, Atom, Gate
from elegans.exporter.ir.builder import AtomTable, Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, element_fracs, reach, window_span, with_zero
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.ops.product import Product

_GATE_FRAC = 15


@dataclass(frozen=True)
class ProductGate(Gate):
    """u v with u in [0, 1]."""

    u: Window
    v: Window

    effort: ClassVar[int] = 8
    reason: ClassVar[str] = "its gate opens no further than one"

    @property
    def formula(self) -> str:
        return "(u * v)"

    def real(self, *parts: Reals) -> Reals:
        u, v = parts
        return u * v

    @classmethod
    def of_product(cls, atoms: AtomTable, u: Window, p: Affine) -> Affine:
        """`p * u` as a vector; a constant that scales p scales the product instead.

        Where u is a function of what it multiplies, as in silu, both are one function.
        """
        soft = SoftReluActivation.of_product(atoms, u, p)
        if soft is not None:
            return soft
        found = p.factor()
        if found is None or np.any(p.bias) or found[0].size != u.size:
            return atoms.of(atoms.add(cls(u, atoms.map(p))))
        v, c = found
        return atoms.of(atoms.add(cls(u, v))).scaled(c)

    def names(self, atoms: dict[str, Atom]) -> tuple[str, ...]:
        """u and v, or the output gate and tanh of the cell where it is the output of an LSTM."""
        v = atoms.get(self.v.vector)
        source = v.drive.window() if isinstance(v, TanhActivation) else None
        cell = None if source is None else atoms.get(source.vector)
        return ("output", "tanh_cell") if isinstance(cell, LstmCellGate) else self.roles()

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        lo, hi = with_zero(window_span(self.v, spans))
        most = self._damped(atoms, spans)
        return np.maximum(lo, -most), np.minimum(hi, most)

    def _damped(self, atoms: dict[str, Atom], spans: dict[str, Span]) -> Reals:
        """The bound of exp(-dt (w + c |v|)) v, CfC's pure mode, beyond that of v alone.

        |v| exp(-s |v|) is greatest at |v| = 1/s, with s = c dt, and only falls with w and dt.
        An element whose own |v| is not in its rate, as after pruning, has its bound from w.
        """
        free = np.full(self.size, np.inf)
        decay = atoms.get(self.u.vector)
        if not isinstance(decay, DecayActivation) or decay.rate is None:
            return free
        if len(decay.rate.terms) != 1 or self.u.size != self.size:
            return free
        ((vector, matrix),) = decay.rate.terms.items()
        absolute = atoms.get(vector)
        if not isinstance(absolute, AbsoluteActivation) or matrix.min() < 0:
            return free
        c, of, entries = np.zeros(self.size), absolute.drive.sources(), matrix.tocoo()
        for row, column, value in zip(entries.row, entries.col, entries.data, strict=True):
            if of[column] == (self.v.vector, self.v.lo + row):
                c[row] = value
        shortest = spans[DT.vector][0][0] if decay.factor is not None else 1.0
        slope = np.maximum(c * shortest, 1e-30)
        at = np.minimum(reach(window_span(self.v, spans)), 1.0 / slope)
        bound: Reals = at * np.exp(-slope * at - shortest * np.maximum(decay.rate.bias, 0.0))
        return bound

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        """Each element has the format of its v; where v is damped, as in CfC's pure mode, all are
        finer by as many bits as the least damped one allows."""
        if name in to.results:
            in_32_bits.product(to, name, called, self.u, self.v)
            return
        u, v = (to.renamed(w) for w in self.parts)
        fracs = to.fracs(v)
        finer = int((element_fracs(to.spans[name]) - fracs).min())
        gain = min(max(finer, 0), _GATE_FRAC)
        to.step(called.name, called.layer, Product(_GATE_FRAC - gain), ((u,), (v,)), fracs + gain)


GATE = ProductGate
