"""(C v + dt I) / (C + dt G): one unfold of LTC's fused solver (Hasani et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.activations.linear_map import LinearMapActivation
from elegans.exporter.atoms.shared.weighted_mean import (
    WeightedMeanGate,
    common_fracs,
    form_of,
    may_be_negative,
    ratio_span,
)
from elegans.exporter.atoms.time import mantissas, rate_of_time, scaled_rates
from elegans.exporter.ir.affine import Affine, Form, read
from elegans.exporter.ir.atom import DT, PER_DT, Atom, Gate
from elegans.exporter.ir.builder import AtomTable, Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, hull, integer_ends, reach, window_span
from elegans.exporter.numbers.fixed import INT16_MAX, INT32_MAX, Integers, Reals
from elegans.exporter.ops.fused_step import MARGIN, MOST_UP, FusedStep
from elegans.exporter.ops.step_ratio import MOST_LEFT, StepRatio, ratio_parts
from elegans.exporter.ops.wide_fused_step import WideFusedStep

_TINY = 1e-9
_FAR = 90  # an exponent far beyond what any elapsed time brings back


@dataclass(frozen=True)
class FusedStepGate(WeightedMeanGate):
    """The potential after one semi-implicit Euler step of C v' = I - G v.

    capacity  [size] C times the number of unfolds, in dt's unit times the conductance's
    timed     whether dt is the elapsed time; else it is one, and C is per sample period
    """

    v: Window
    current: Window
    conductance: Window
    capacity: tuple[float, ...]
    timed: bool

    carriers: ClassVar[tuple[str, ...]] = ("v",)
    in_halves: ClassVar[tuple[str, ...]] = ("current",)
    synapses: ClassVar[str | None] = "current"

    def vectors(self) -> frozenset[str]:
        return super().vectors() | ({DT.vector} if self.timed else set())

    def value(self, vectors: dict[str, Reals]) -> Reals:
        v, current, conductance = (read(window, vectors) for window in self.parts)
        dt = vectors[DT.vector] if self.timed else 1.0
        capacity = np.array(self.capacity)
        result: Reals = (capacity * v + dt * current) / (capacity + dt * conductance)
        return result

    def real(self, *parts: Reals) -> Reals:
        """Without elapsed time, which is no part: after a time of one."""
        v, current, conductance = parts
        capacity = np.array(self.capacity)
        result: Reals = (capacity * v + current) / (capacity + conductance)
        return result

    @classmethod
    def of_quotient(cls, atoms: AtomTable, over: Form, under: Form) -> Gate | None:
        """In this form, with both divided by dt, or with dt a constant."""
        if PER_DT in over.products:
            held, rest = over.products[PER_DT], set(over.products) - {PER_DT}
            column = under.affine.terms.get(PER_DT.vector)
            capacity = np.zeros(over.size) if column is None else column.toarray()[:, 0]
            current, conductance = over.affine, under.affine.without(PER_DT.vector)
            known = not rest and not under.products
        elif over.products or under.products or DT.vector in over.affine.terms:
            held, constant = over.affine.without(DT.vector), under.affine.without(DT.vector)
            capacity = constant.bias
            known = not constant.terms and (set(over.products) | set(under.products)) <= {DT}
            current, conductance = rate_of_time(over), rate_of_time(under)
        else:
            return cls._of_period(atoms, over.affine, under.affine)
        v = _held(held, capacity) if known else None
        if v is None:
            return None
        parts = (v, atoms.map(current), atoms.map(conductance))
        return cls(*parts, capacity=tuple(float(c) for c in capacity), timed=True)

    @classmethod
    def _of_period(cls, atoms: AtomTable, over: Affine, under: Affine) -> Gate | None:
        """(C v + I) / (C + G): v is in the numerator only, and C is a part of the constant."""
        for vector in over.terms if not may_be_negative(atoms, under) else ():
            found = Affine(np.zeros(over.size), {vector: over.terms[vector]}).factor()
            if vector in under.terms or found is None or found[0].size != over.size:
                continue
            v, capacity = found
            leak = under.bias - capacity
            if np.all(capacity > 0) and np.all(leak > -_TINY * capacity):
                conductance = Affine(np.maximum(leak, 0.0), under.terms)
                parts = (v, atoms.map(over.without(vector)), atoms.map(conductance))
                return cls(*parts, capacity=tuple(float(c) for c in capacity), timed=False)
        return None

    def least_open(
        self, atoms: dict[str, Atom], vectors: dict[str, Reals]
    ) -> tuple[int, float, float] | None:
        """The neuron with the fewest digits, its least conductance in `vectors` [T, size], and what
        its strongest synapse's gate is then as a part of one: 2^-15, a unit of a gate, counts
        little beside a leak or an open synapse, but much where neither is there."""
        source = atoms.get(self.conductance.vector)
        if not isinstance(source, LinearMapActivation) or not source.drive.terms:
            return None
        rows = [m.max(axis=1).toarray().ravel() for m in source.drive.terms.values()]
        weights = np.max(rows, axis=0)[self.conductance.lo : self.conductance.hi]
        least = read(self.conductance, vectors).min(axis=0)
        with np.errstate(divide="ignore"):
            share = np.where(weights > 0, least / weights, np.inf)
        i = int(share.argmin())
        return i, float(least[i]), float(share[i])

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
        return dict.fromkeys(parts, common_fracs(parts, spans))

    def result_frac(self, spans: dict[str, Span], own: Span) -> int:
        """The upper half has room for what rounding may pass the hull."""
        frac = super().result_frac(spans, own)
        return frac - (float(np.ldexp(reach(own).max(), frac)) > INT16_MAX - MARGIN - 1)

    def state_ends(self, frac: int, lo: float, hi: float) -> tuple[int, int]:
        least, most = integer_ends(frac, lo, hi)
        return least - MARGIN, most + MARGIN

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        current, conductance = self.at_one_scale(to, called, "current", "conductance")
        v = to.halves(
            f"{called.name}_v", called.layer, self.v, self.potential_frac(to, name, called)
        )
        frac = int(to.fracs(v)[0])
        lo, hi = self.hull_in_integers(to, name, frac)
        widest = int((to.interval(conductance).hi * (hi - lo + 2 * MARGIN)).max())
        up = next(u for u in range(MOST_UP, -1, -1) if widest << u <= INT32_MAX)
        r, one = self._ratio(to, called, up, to.fracs(conductance))
        halves = to.known_halves(self.current)
        current, kind = (current, FusedStep) if halves is None else (halves, WideFusedStep)
        op = kind(frac, up, one, lo, hi)
        fracs = np.repeat([frac, frac + 16], self.size)
        to.step(called.name, called.layer, op, ((v,), (current,), (conductance,), (r,)), fracs)

    def _ratio(
        self, to: Builder, called: VectorName, up: int, g_frac: Integers
    ) -> tuple[Window, Integers]:
        """dt / C with the shifts of the op, and the fractional bits of 1 + dt G / C, where
        G has `g_frac`.

        The more of these, the more digits has the divisor, and the fewer the quotient.
        """
        rates = 1.0 / np.array(self.capacity)
        name, layer, quotient = f"{called.layer}_ratio", called.layer, 32 - up
        fracs = np.zeros(3 * self.size, np.int64)
        if not self.timed:
            m, k = mantissas(rates)
            one = _fracs_of_one(k + g_frac, quotient)
            parts = ratio_parts(m, k + g_frac - one, quotient)
            return to.constant(name, layer, np.concatenate(parts), fracs), one
        assert to.dt is not None
        m, k = scaled_rates(rates, to.dt.frac)
        elapsed = to.elapsed()
        one = _fracs_of_one(k + g_frac + int(to.interval(elapsed).lo[1]), quotient)
        op = StepRatio(m, np.clip(k + g_frac - one, -_FAR, _FAR), quotient)
        return to.once(name, layer, op, ((elapsed,),), fracs), one


def _fracs_of_one(exponents: Integers, quotient: int) -> Integers:
    """The fractional bits of 1 + dt G / C of each neuron, whose dt G / C is m G 2^-exponent at the
    longest dt.

    13, or as many as let a quotient be shifted to the left by 16 bits at most, which is one unit of
    the upper half. Where that would leave less than 10, as beyond some ten time constants in a
    step, the quotient gives up two bits, and then the divisor.
    """
    most = exponents - (quotient - 16)
    coarse = np.clip(most + MOST_LEFT - 16, 4, 10)
    result: Integers = np.where(most >= 10, np.minimum(most, 13), coarse)
    return result


def _held(held: Affine, capacity: Reals) -> Window | None:
    """v, where `held` is C v with the denominator's own capacities C > 0; else None."""
    found = held.factor()
    if found is None or np.any(held.bias) or np.any(capacity <= 0):
        return None
    v, c = found
    return v if v.size == held.size and np.allclose(c, capacity, rtol=1e-5) else None


GATE = FusedStepGate
