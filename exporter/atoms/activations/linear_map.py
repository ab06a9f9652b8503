"""An affine form that is a vector of its own: a state, or what a gate reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.activations.relu import clipped
from elegans.exporter.atoms.images.image import channels_of
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.atom import Activation, Atom, Gate
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.spans import Span, element_fracs, with_zero
from elegans.exporter.numbers.fixed import INT16_MAX, INT16_MIN, Integers, Reals, quantise
from elegans.exporter.ops.constant import Constant

_MOST_COARSER = 8
"""Bits that a vector may lose for weights that are large against its range, where what reads it
brings it to the format that it wants."""


@dataclass(frozen=True, eq=False)
class LinearMapActivation(Activation):
    """The drive itself. Its format is the one that the gate that reads it, or the state, wants."""

    open_ended: ClassVar[bool] = True
    effort: ClassVar[int] = 0
    reason: ClassVar[str] = "an interval that no step leaves"

    @property
    def formula(self) -> str:
        return "z"

    @staticmethod
    def function(z: Reals) -> Reals:
        return z

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        lo, hi = self.argument_span(spans, name)
        found = clipped(atoms, self.drive) if len(self.drive.terms) in (1, 2) else None
        return (lo, hi) if found is None else (np.clip(lo, *found[1]), np.clip(hi, *found[1]))

    def state_fracs(self, spans: dict[str, Span], own: Span) -> Integers:
        return element_fracs(with_zero(own))

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        frac = to.wanted.get(name)
        frac = to.widest(self.drive) if frac is None else frac
        if not self.drive.terms:
            values = np.clip(quantise(self.drive.bias, frac), INT16_MIN, INT16_MAX)
            to.step(called.name, called.layer, Constant(values), ((to.anything,),), frac)
            return
        if channels_of(to.atoms, name) is not None:
            to.linear(called.name, called.layer, self.drive, frac, held=True)
            return
        if name in to.results and to.sums(called.name, called.layer, self.drive, frac) is not None:
            return
        readers = [a for a in to.atoms.values() if isinstance(a, Gate) and name in a.vectors()]
        finer = {getattr(gate, role).vector for gate in readers for role in gate.in_halves}
        if name in finer and to.wide(called.name, called.layer, self.drive, frac) is not None:
            return
        bits = _MOST_COARSER if all(gate.general for gate in readers) else 0
        for coarser in range(bits):
            try:
                mapped = to.mapped(called.name, self.drive, frac - coarser)
            except ElegansError:
                continue
            to.add(called.name, called.layer, mapped)
            return
        to.linear(called.name, called.layer, self.drive, frac)


ACTIVATION = LinearMapActivation
