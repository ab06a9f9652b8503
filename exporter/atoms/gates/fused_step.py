"""(C v + dt I) / (C + dt G): one unfold of LTC's fused solver (Hasani et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.gates.weighted_mean import (
    CONDUCTANCE_FRACS,
    WeightedMeanGate,
    common_fracs,
    form_of,
    ratio_span,
)
from elegans.exporter.atoms.time import rate_of_time
from elegans.exporter.ir.affine import Affine, Form
from elegans.exporter.ir.atom import DT, PER_DT, Atom, AtomTable, Builder, Gate, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, hull, window_span
from elegans.exporter.numbers.fixed import Integers, Reals, quantise
from elegans.exporter.ops.fused_step import FusedStep

_CAPACITY_BITS = 30  # of an int32: a capacity that needs more is kept 2^lift coarser
_TINY = 1e-9


@dataclass(frozen=True)
class FusedStepGate(WeightedMeanGate):
    """The potential after one semi-implicit Euler step of C v' = I - G v.

    `capacity` [size] is C times the number of unfolds, in dt's unit times the conductance's.
    """

    v: Window
    current: Window
    conductance: Window
    dt: Window
    capacity: tuple[float, ...]

    carried: ClassVar[str | None] = "v"
    synapses: ClassVar[str | None] = "current"

    def real(self, *parts: Reals) -> Reals:
        v, current, conductance, dt = parts
        capacity = np.array(self.capacity)
        result: Reals = (capacity * v + dt * current) / (capacity + dt * conductance)
        return result

    @classmethod
    def of_quotient(cls, atoms: AtomTable, over: Form, under: Form) -> Gate | None:
        """In this form, or with numerator and denominator both divided by dt."""
        if PER_DT in over.products:
            held, rest = over.products[PER_DT], set(over.products) - {PER_DT}
            column = under.affine.terms.get(PER_DT.vector)
            capacity = np.zeros(over.size) if column is None else column.toarray()[:, 0]
            current, conductance = over.affine, under.affine.without(PER_DT.vector)
            known = not rest and not under.products
        else:
            held, constant = over.affine.without(DT.vector), under.affine.without(DT.vector)
            capacity = constant.bias
            known = not constant.terms and (set(over.products) | set(under.products)) <= {DT}
            current, conductance = rate_of_time(over), rate_of_time(under)
        v = _held(held, capacity) if known else None
        if v is None:
            return None
        parts = (v, atoms.map(current), atoms.map(conductance), DT)
        return cls(*parts, capacity=tuple(float(c) for c in capacity))

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        current, conductance = (form_of(w, atoms, spans) for w in self.parts[1:3])
        # Without a leak and without an open synapse a capacity keeps what it has: the quotient
        # is then 0 / 0, and a tiny conductance to zero stands for it.
        isolated = (np.asarray(self.capacity) > 0) & (conductance.bias == 0)
        leaky = conductance.bias + np.where(isolated, _TINY, 0.0)
        drift = ratio_span(current, Affine(leaky, conductance.terms), spans)
        return hull(window_span(self.v, spans), drift)

    def part_fracs(self, spans: dict[str, Span], own: Span) -> dict[Window, Integers]:
        parts = (self.current, self.conductance)
        return dict.fromkeys(parts, common_fracs(parts, spans, CONDUCTANCE_FRACS))

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        """C is kept at the scale of dt G, 2^lift coarser where it needs more than 30 bits."""
        v, current, conductance, dt = (to.renamed(w) for w in self.parts)
        frac = self.potential_frac(to, name, called)
        v = to.rescaled(f"{called.name}_v", called.layer, v, np.full(v.size, frac))
        scale = to.fracs(conductance) + int(to.fracs(dt)[0])
        exact = np.ldexp(np.array(self.capacity), scale)
        lift = np.maximum(np.ceil(np.log2(exact)).astype(np.int64) - _CAPACITY_BITS, 0)
        lo, hi = self.hull_in_integers(to, name, frac)
        op = FusedStep(quantise(exact, -lift), lift, frac, lo, hi)
        arguments = ((v,), (current,), (conductance,), (dt,))
        to.step(called.name, called.layer, op, arguments, np.full(self.size, frac))


def _held(held: Affine, capacity: Reals) -> Window | None:
    """v, where `held` is C v with the denominator's own capacities C > 0; else None."""
    found = held.factor()
    if found is None or np.any(held.bias) or np.any(capacity <= 0):
        return None
    v, c = found
    return v if v.size == held.size and np.allclose(c, capacity, rtol=1e-5) else None


GATE = FusedStepGate
