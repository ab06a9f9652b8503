"""f + t (g - f): CfC's default mode, a GRU's new state, a CTRNN's exact and Euler steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.activations.decay import DecayActivation
from elegans.exporter.atoms.activations.euler_share import EulerShareActivation
from elegans.exporter.atoms.activations.linear_map import LinearMapActivation
from elegans.exporter.atoms.activations.sigmoid import SigmoidActivation
from elegans.exporter.atoms.shared.fixed_formats import rest_share
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import DT, Atom, Gate
from elegans.exporter.ir.builder import AtomTable, Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, hull, span_frac, window_span
from elegans.exporter.numbers.fixed import INT16_MAX, INT16_MIN, Integers, Reals, quantise
from elegans.exporter.ops.mix import Mix
from elegans.exporter.ops.relax import Relax

_Q15 = 15


@dataclass(frozen=True)
class MixGate(Gate):
    """f where t = 0, g where t = 1, and between them otherwise; t is in [0, 1]."""

    f: Window
    g: Window
    t: Window

    reason: ClassVar[str] = "between its two heads"
    carriers: ClassVar[tuple[str, ...]] = ("f", "g")

    def real(self, *parts: Reals) -> Reals:
        f, g, t = parts
        return f + t * (g - f)

    @classmethod
    def of_blend(cls, atoms: AtomTable, affine: Affine, t: Window, rate: Affine) -> Gate | None:
        """With f = affine and g = affine + rate, of which one need not be a vector yet."""
        f = affine.window()
        if t == DT:
            return None if f is None else cls._of_euler_step(atoms, f, rate)
        other = rate.plus(affine)
        g = other.window()
        if g is not None:
            return cls(f or atoms.map(affine), g, t)
        if f is not None and not _reads(other, f):
            return cls(f, atoms.map(other), t)
        return None

    @classmethod
    def of_maps(cls, atoms: AtomTable, affine: Affine, t: Window, rate: Affine) -> Gate | None:
        """`affine + rate * t` of two maps, as in a CfC for Keras, whose heads have no tanh.

        The hull of f = affine and g = affine + rate is less wide than the sum of affine's range
        and the product's. None where one is a vector, or a multiple of one element by element: a
        product is then a smaller step, and keeps what else is known of the vector.
        """
        if not (affine.terms and rate.terms) or affine.factor() or rate.factor():
            return None
        return cls(atoms.map(affine), atoms.map(rate.plus(affine)), t)

    @classmethod
    def of_more(
        cls, atoms: AtomTable, affine: Affine, t: Window, rate: Affine
    ) -> tuple[MixGate, Affine] | None:
        """`affine + rate * t` as a blend of the state with something else, and what is added to it.

        FastGRNN's state is such a sum, (1 - z) zeta c + z h + nu c, and so is that of Mamba, of
        which a part is kept and nothing but the rest comes in. None if it is none.
        """
        own = rate.terms.get("h")
        found = None if own is None else Affine(np.zeros(rate.size), {"h": own}).factor()
        if found is None or found[0].size != rate.size or np.ptp(found[1]) or t.vector == "h":
            return None
        h, sign = found[0], float(found[1][0])
        start, end = affine, affine.plus(rate)
        kept, left = (end, start) if sign == 1.0 else (start, end)
        more = kept.plus(atoms.of(h).scaled(np.array([-1.0])))
        other = left.plus(more.scaled(np.array([-1.0])))
        if abs(sign) != 1.0 or "h" in more.terms or "h" in other.terms or not more.terms:
            return None
        g = atoms.map(other)
        return (cls(g, h, t) if sign == 1.0 else cls(h, g, t)), more

    @classmethod
    def _of_euler_step(cls, atoms: AtomTable, f: Window, rate: Affine) -> Gate | None:
        """`f + dt c (g - f)`, an Euler step of the time constants 1 / c > 0."""
        own = rate.terms.get(f.vector)
        if own is None:
            return None
        c = -own[:, f.lo : f.hi].diagonal()
        if not np.all(c > 0):
            return None
        other = rate.plus(atoms.of(f).scaled(c))
        if _reads(other, f) or _multiplies(atoms, other, f):
            return None
        share = atoms.of(DT).pick(np.zeros(f.size, np.int64)).scaled(c)
        return cls(f, atoms.map(other.over(c)), atoms.add(EulerShareActivation(share)))

    @classmethod
    def of_share(cls, atoms: AtomTable, f: Window, rate: Affine, share: Reals) -> Gate | None:
        other = rate.plus(atoms.of(f).scaled(share)).trimmed().over(share)
        constant = EulerShareActivation(Affine.constant(share))
        return cls(f, atoms.map(other), atoms.add(constant))

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        return hull(window_span(self.f, spans), window_span(self.g, spans))

    def result_frac(self, spans: dict[str, Span], own: Span) -> int:
        heads = (window_span(window, spans) for window in (self.f, self.g))
        return min(span_frac(head) for head in heads)

    def state_ends(self, frac: int, lo: float, hi: float) -> tuple[int, int]:
        # A mix of odd functions in Q0.15, as tanh is, never reaches the least int16.
        odd = max(-lo, hi) <= 1.0 and frac == _Q15
        return (-INT16_MAX if odd else INT16_MIN), INT16_MAX

    def part_fracs(self, spans: dict[str, Span], own: Span) -> dict[Window, Integers]:
        frac = np.full(self.size, self.result_frac(spans, own))
        return {self.f: frac, self.g: frac}

    def wide_frac(self, atoms: dict[str, Atom], spans: dict[str, Span], own: Span) -> int:
        """Where what is mixed in can be the least int16, as a map can, there is one bit less."""
        frac = self.state_frac(spans, own)
        heads = [atoms.get(w.vector) for w in (self.f, self.g)]
        mapped = any(isinstance(head, LinearMapActivation) for head in heads)
        return frac - (mapped and int(quantise(own[0].min(), frac)) <= INT16_MIN)

    def share(self, atoms: dict[str, Atom], carried: Window) -> Atom | None:
        """How far h goes towards the other head: 1 - exp(-dt / tau), dt / tau, or a sigmoid."""
        atom = atoms.get(self.t.vector)
        if self.t != Window(self.t.vector, 0, self.size):
            return None
        if isinstance(atom, SigmoidActivation):
            return None if atom.rate is not None else atom
        if carried == self.g and isinstance(atom, DecayActivation):
            assert atom.rate is not None
            return None if atom.rate.terms else atom
        return atom if carried == self.f and isinstance(atom, EulerShareActivation) else None

    def _lower_wide(self, to: Builder, name: str, called: VectorName, carried: Window) -> None:
        own = self.result_frac(to.spans, to.spans[name])
        h = to.halves(f"{called.name}_h", called.layer, carried, own)
        out = np.full(self.size, int(to.fracs(h)[0]))
        other = to.renamed(self.f if carried == self.g else self.g)
        g = to.rescaled(f"{called.name}_g", called.layer, other, out)
        share = self.share(to.atoms, carried)
        keep = carried == self.g
        if isinstance(share, (DecayActivation, EulerShareActivation)):
            s = share.lower_share(to, called)
        elif isinstance(share, SigmoidActivation):
            s = share.lower_share(to, called, 1.0 if keep else -1.0)
        else:
            s = rest_share(to, called, to.renamed(self.t), keep)
        fracs = np.concatenate([out, out + 16])
        to.step(called.name, called.layer, Relax(self.size), ((h,), (g,), (s,)), fracs)

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        if name in to.carried:
            self._lower_wide(to, name, called, to.carried[name])
            return
        out = np.full(self.size, self.result_frac(to.spans, to.spans[name]))
        f, g, t = (to.renamed(w) for w in self.parts)
        f = to.rescaled(f"{called.name}_f", called.layer, f, out)
        g = to.rescaled(f"{called.name}_g", called.layer, g, out)
        to.step(called.name, called.layer, Mix(), ((f,), (g,), (t,)), out)


def _reads(form: Affine, window: Window) -> bool:
    matrix = form.terms.get(window.vector)
    return matrix is not None and bool(matrix[:, window.lo : window.hi].nnz)


def _multiplies(atoms: AtomTable, form: Affine, window: Window) -> bool:
    """Whether a form adds a product of the window, which has no bounds but those of the window."""
    for vector in form.terms:
        gate = atoms.found.get(vector)
        if isinstance(gate, Gate) and any(part.vector == window.vector for part in gate.parts):
            return True
    return False


GATE = MixGate
