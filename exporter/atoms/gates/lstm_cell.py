"""f c + i g: the cell of an LSTM (Hochreiter and Schmidhuber, 1997; Gers et al., 2000)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.gates.fixed_formats import parts_in_formats
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Atom, AtomTable, Builder, Gate, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, constant_span
from elegans.exporter.numbers.fixed import INT16_MAX, Reals
from elegans.exporter.ops.lstm_cell import LstmCell

_CELL_FRAC = 11
_CELL = 2.0 ** (15 - _CELL_FRAC)  # where Q4.11 ends: nothing but its gates bounds the cell
_GATE_FRAC = 15  # of the gates and of the candidate


@dataclass(frozen=True)
class LstmCellGate(Gate):
    """The next cell: the old one as far as the forget gate lets it, and the gated candidate."""

    forget: Window
    cell: Window
    input: Window
    candidate: Window

    reason: ClassVar[str] = "nothing bounds an LSTM's cell: it saturates"
    carriers: ClassVar[tuple[str, ...]] = ("cell",)

    def real(self, *parts: Reals) -> Reals:
        forget, cell, opening, candidate = parts
        return forget * cell + opening * candidate

    @classmethod
    def of_sum(cls, atoms: AtomTable, products: dict[Window, Affine]) -> Gate | None:
        """The cell is read from the state, the candidate has been computed in this step."""
        if len(products) != 2:
            return None
        pairs = [(gate, of.window()) for gate, of in products.items()]
        pairs.sort(key=lambda pair: pair[1] is None or pair[1].vector != "h")
        (forget, cell), (opening, candidate) = pairs
        if cell is None or candidate is None or cell.vector != "h":
            return None
        return cls(forget, cell, opening, candidate)

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        return constant_span(self.size, -_CELL, _CELL)

    def result_frac(self, spans: dict[str, Span], own: Span) -> int:
        return _CELL_FRAC

    def wide_ends(self, frac: int, lo: float, hi: float) -> tuple[int, int]:
        most = _most(frac)
        return -most, most

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        c = to.halves(f"{called.name}_cell", called.layer, self.cell, _CELL_FRAC)
        frac = int(to.fracs(c)[0])
        op = LstmCell(self.size, _GATE_FRAC - 1 - frac, _most(frac))
        parts = (self.forget, self.input, self.candidate)
        gates = parts_in_formats(op, to, called, parts, _GATE_FRAC)
        fracs = np.repeat([frac, frac + 16], self.size)
        to.step(called.name, called.layer, op, ((c,), *gates), fracs)


def _most(frac: int) -> int:
    """The greatest upper half of a cell: one step adds up to 1, and must not leave int32."""
    return INT16_MAX - (1 << frac)


GATE = LstmCellGate
