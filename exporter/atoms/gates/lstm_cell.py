"""f c + i g: the cell of an LSTM (Hochreiter and Schmidhuber, 1997; Gers et al., 2000)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.activations.sigmoid import SigmoidActivation
from elegans.exporter.atoms.shared.fixed_formats import of_heads, parts_in_formats, rest_share
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Atom, Gate
from elegans.exporter.ir.builder import AtomTable, Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, reach, times, window_span
from elegans.exporter.numbers.fixed import INT16_MAX, Reals
from elegans.exporter.ops.lstm_cell import LstmCell

WIDEST_CELL = 8190.0
"""The greatest magnitude of a cell: its format then still has 18 fractional bits."""
_NARROW_FRAC = 11  # of a cell that is no state, which has 16 bits
_MOST_FRAC = 14  # the product of two gates has 30 fractional bits, 16 of them below
_GATE_FRAC = 15  # of the gates and of the candidate


@dataclass(frozen=True)
class LstmCellGate(Gate):
    """The next cell: the old one as far as the forget gate lets it, and the gated candidate."""

    forget: Window
    cell: Window
    input: Window
    candidate: Window

    reason: ClassVar[str] = "proved from its gates: |c| <= |i g| / (1 - f)"
    open_ended: ClassVar[bool] = True
    carriers: ClassVar[tuple[str, ...]] = ("cell",)
    added: ClassVar[tuple[str, ...]] = ("candidate",)

    def real(self, *parts: Reals) -> Reals:
        forget, cell, opening, candidate = parts
        return forget * cell + opening * candidate

    @classmethod
    def of_sum(cls, atoms: AtomTable, products: dict[Window, Affine]) -> Gate | None:
        """The cell is read from the state, the candidate has been computed in this step; the op
        takes heads only, so the cell of another candidate is a sum of two products."""
        if len(products) != 2:
            return None
        pairs = [(gate, of.window()) for gate, of in products.items()]
        pairs.sort(key=lambda pair: pair[1] is None or pair[1].vector != "h")
        (forget, cell), (opening, candidate) = pairs
        if cell is None or candidate is None or cell.vector != "h":
            return None
        if not all(of_heads(atoms, part) for part in (forget, opening, candidate)):
            return None
        return cls(forget, cell, opening, candidate)

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        """The gates' arguments are bounded, so the forget gate stays below one; how far below says
        how far the cell can go (|c| <= |i g| / (1 - f))."""
        forget, opening = (_opening(w, atoms, spans) for w in (self.forget, self.input))
        kept = times(forget, window_span(self.cell, spans))
        added = times(opening, window_span(self.candidate, spans))
        return kept[0] + added[0], kept[1] + added[1]

    def result_frac(self, spans: dict[str, Span], own: Span) -> int:
        return _NARROW_FRAC

    def wide_frac(self, atoms: dict[str, Atom], spans: dict[str, Span], own: Span) -> int:
        """One step adds up to 1 to the cell, and must not leave int32."""
        most = float(reach(own).max())
        if most > WIDEST_CELL:
            raise ElegansError(
                "an LSTM's cell",
                f"can reach {most:.3g}, which no format holds",
                "declare where it saturates with --state-range LO:HI",
            )
        return next(f for f in range(_MOST_FRAC, 0, -1) if (most + 1.0) * 2**f <= INT16_MAX)

    def share(self, atoms: dict[str, Atom], carried: Window) -> Atom | None:
        """The forget gate, if it is a sigmoid: what it leaves open is what is forgotten."""
        atom = atoms.get(self.forget.vector)
        whole = self.forget == Window(self.forget.vector, 0, self.size)
        plain = isinstance(atom, SigmoidActivation) and atom.rate is None
        return atom if whole and plain else None

    def wide_ends(self, frac: int, lo: float, hi: float) -> tuple[int, int]:
        most = min(math.ceil(max(-lo, hi) * 2**frac), _most(frac))
        return -most, most

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        c = to.halves(f"{called.name}_cell", called.layer, self.cell, _NARROW_FRAC)
        frac = int(to.fracs(c)[0])
        most = min(int(to.interval(c).hi[: self.size].max()), _most(frac))
        op = LstmCell(self.size, _MOST_FRAC - frac, most)
        share = self.share(to.atoms, self.cell)
        if isinstance(share, SigmoidActivation):
            s = share.lower_share(to, called, 1.0)
        else:
            ((forget,),) = parts_in_formats(op, to, called, (self.forget,), _GATE_FRAC)
            s = rest_share(to, called, forget, keep=True)
        gates = parts_in_formats(op, to, called, (self.input, self.candidate), _GATE_FRAC)
        fracs = np.repeat([frac, frac + 16], self.size)
        to.step(called.name, called.layer, op, ((c,), (s,), *gates), fracs)


def _most(frac: int) -> int:
    return INT16_MAX - (1 << frac)


def _opening(window: Window, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
    """The span of a gate: that of its sigmoid, which its argument may bound more tightly."""
    atom = atoms.get(window.vector)
    if not isinstance(atom, SigmoidActivation):
        return window_span(window, spans)
    lo, hi = (atom.function(end[window.lo : window.hi]) for end in atom.argument_span(spans))
    return lo, hi


GATE = LstmCellGate
