"""tanh: a CfC's two heads, a GRU's candidate, an LSTM's candidate and output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.shared.tabled import TabledActivation
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import DT, Gate
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.numbers.fixed import RangeError, Reals
from elegans.exporter.ops import Op
from elegans.exporter.ops.gated_drive import GatedDrive
from elegans.exporter.ops.tanh import GAIN, Tanh
from elegans.exporter.ops.wide_gated_drive import WideGatedDrive
from elegans.exporter.ops.wide_tanh import FRAC, WideTanh

_HALF = 14  # bits: the gain that leaves an argument as it is
_MOST_SHIFT = 30  # of `WideTanh`, and of what it reads

_Multiple = tuple[Window, int, int]  # as `multiple` gives it


@dataclass(frozen=True, eq=False)
class TanhActivation(TabledActivation):
    """tanh, in [-1, 1]; its argument is in Q3.12, 8/5 of the real one."""

    operator: ClassVar[str | None] = "Tanh"
    effort: ClassVar[int] = 6
    reason: ClassVar[str] = "tanh"
    argument_frac: ClassVar[int] = 12
    gain: ClassVar[float] = GAIN
    limits: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    @property
    def formula(self) -> str:
        return "tanh(z)"

    @staticmethod
    def function(z: Reals) -> Reals:
        result: Reals = np.tanh(z)
        return result

    @staticmethod
    def op() -> Op:
        return Tanh()

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        found = self._in_32_bits(to, name, called) if to.finer else None
        if found is None:
            super().lower(to, name, called)
            return
        source, gain, frac = found
        op = WideTanh(self.size, gain, frac - FRAC)
        fracs = np.full(self.size, self.result_frac)
        to.step(called.name, called.layer, op, ((source,),), fracs)

    def _in_32_bits(self, to: Builder, own: str, called: VectorName) -> _Multiple | None:
        """The argument as a multiple of a vector of 32 bits: of a state, of what a gate multiplies,
        or of what is added to a state in each step; None for any other."""
        drive = self.drive.scaled(np.array([self.gain]))
        if self.rate is not None:
            return self._gated_in_32_bits(to, called, drive)
        found = self.multiple(to, drive)
        frac = int(to.even(drive)[0])
        if found is None and _added(to, own) and frac + _HALF >= FRAC:
            wide = to.wide(f"{called.name}_sum", called.layer, drive, np.full(self.size, frac))
            found = None if wide is None else (wide, 1 << _HALF, frac + _HALF)
        return found if found and 0 <= found[2] - FRAC <= _MOST_SHIFT else None

    def _gated_in_32_bits(self, to: Builder, called: VectorName, drive: Affine) -> _Multiple | None:
        """`rate * factor + drive` as `_gated` has it, with a rate and a sum of 32 bits."""
        if self.rate is None or self.factor is None or self.factor == DT:
            return None
        u, layer = to.renamed(self.factor), called.layer
        rate = self.rate.scaled(np.array([self.gain]))
        finest_a, finest_b = int(to.widest(rate).min()), int(to.widest(drive).min())
        for frac in range(finest_a + int(to.fracs(u)[0]) - 16, FRAC - _HALF - 1, -1):
            a_fracs = np.full(self.size, frac + 16 - int(to.fracs(u)[0]))
            align = max(frac + 16 - finest_b, 0)
            b_map = to.mapped(f"{called.name}_b", drive, a_fracs * 0 + frac + 16 - align, True)
            a_map = to.mapped(f"{called.name}_a", rate, a_fracs, True)
            try:  # with room for what rounds the upper half
                room = GatedDrive(align, 16)
                room.range(to.range_of(a_map), to.range_of(b_map), to.interval(u))
            except RangeError:
                continue
            a = to.wide(f"{called.name}_a", layer, rate, a_fracs)
            if a is None:
                return None
            b, op = to.add(f"{called.name}_b", layer, b_map), WideGatedDrive(self.size, align)
            fracs = np.repeat([frac, frac + 16], self.size)
            z = to.step(f"{called.name}_sum", layer, op, ((a,), (b,), (u,)), fracs)
            return z, 1 << _HALF, frac + _HALF
        return None


def _added(to: Builder, name: str) -> bool:
    """Whether a gate adds this vector to a state in each step."""
    gates = (atom for atom in to.atoms.values() if isinstance(atom, Gate))
    return any(getattr(gate, role).vector == name for gate in gates for role in gate.added)


ACTIVATION = TanhActivation
