"""Recognition of cells: normal forms become activations and gates, the atoms of a network.

A nonlinearity ends a form. So does a product of vectors: a gate may recognise it as its own
(`of_blend`, `of_sum`, `of_quotient`), and what none does is a product or a quotient of vectors.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from elegans.exporter.atoms.activations.linear_map import LinearMapActivation
from elegans.exporter.atoms.activations.soft_relu import SoftReluActivation, is_tanh_of_softplus
from elegans.exporter.atoms.gates.mix import MixGate
from elegans.exporter.atoms.gates.part import PartGate
from elegans.exporter.atoms.gates.product import ProductGate
from elegans.exporter.atoms.gates.ratio import RatioGate
from elegans.exporter.atoms.gates.vector_product import VectorProductGate
from elegans.exporter.atoms.next_states import advanced, kept
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine, Form
from elegans.exporter.ir.atom import DT, PER_DT, Activation, Atom, Gate
from elegans.exporter.ir.fixed_model import Window

_PER_DT = "divide by elapsed time only as LTC's solver does: (C / dt v + I) / (C / dt + G)"


class Recogniser:
    """The atoms found so far, and the size of every vector; it recognises the given gates."""

    def __init__(self, sizes: dict[str, int], gates: Sequence[type[Gate]]) -> None:
        self.found: dict[str, Atom] = {}
        self.sizes = sizes | {PER_DT.vector: 1}
        self._gates = gates
        self._maps: list[tuple[Affine, Window]] = []
        # Results by the identity of the form; the form is kept, so that its id is not reused.
        self._settled: dict[int, tuple[Form, Form]] = {}
        self._affine: dict[int, tuple[Form, Affine]] = {}

    def of(self, window: Window) -> Affine:
        """A window of a known vector as an affine form."""
        return Affine.of(window, self.sizes[window.vector])

    def form(self, window: Window) -> Form:
        """A window of a known vector as a normal form."""
        return Form(self.of(window), {})

    def may_multiply(self, window: Window) -> bool:
        """Whether a liquid cell may multiply by it: elapsed time, or a vector in [0, 1]."""
        atom = self.found.get(window.vector)
        gate = atom is not None and (atom.in_unit_interval or is_tanh_of_softplus(self, atom))
        return window in (DT, PER_DT) or gate

    def add(self, atom: Atom) -> Window:
        """A new vector of the network; a gate that is known already is not added again."""
        for name, known in self.found.items():
            if isinstance(atom, Gate) and known == atom:
                return Window(name, 0, atom.size)
        name = f"a{len(self.found)}"
        self.found[name] = atom
        self.sizes[name] = atom.size
        return Window(name, 0, atom.size)

    def map(self, affine: Affine) -> Window:
        """An affine form as a vector; one that several atoms read is computed once."""
        if (window := affine.window()) is not None:
            return window
        for known, at in self._maps:
            if known.close_to(affine):
                return at
        self._maps.append((affine, self.add(LinearMapActivation(affine))))
        return self._maps[-1][1]

    def activate(self, place: str, activation: type[Activation], form: Form) -> Form:
        """The function of a form; a product with time or with a gate may stay inside it."""
        if activation.takes_rate and len(form.products) == 1 and PER_DT not in form.products:
            ((factor, rate),) = form.products.items()
            settled = form if factor == DT else self.settled(form)
            if settled.products and (factor == DT or not _is_zero(form.affine)):
                return self.form(self.add(activation(form.affine, rate, factor)))
        return self.form(self.add(activation(self.affine(place, form))))

    def affine(self, place: str, form: Form) -> Affine:
        """The form as an affine one: products become vectors of their own.

        Raises ElegansError for a product that is no gate's.
        """
        form = self.settled(form)
        known = self._affine.get(id(form))
        if known is None:
            known = self._affine[id(form)] = (form, self._with_products(place, form))
        return known[1]

    def _with_products(self, place: str, form: Form) -> Affine:
        if not form.products:
            return form.affine
        if PER_DT in form.products:
            raise ElegansError(place, "multiplies by what was divided by elapsed time", _PER_DT)
        if any(u == DT or u.size != form.size for u in form.products):
            return self._with_vector_products(form)
        if _is_zero(form.affine):
            gate = self._first(lambda kind: kind.of_sum(self, form.products))
            if gate is not None:
                return self.of(self.add(gate))
        elif len(form.products) == 1:
            ((u, p),) = form.products.items()
            if self.may_multiply(u) and not SoftReluActivation.of_product(self, u, p):
                gate = MixGate.of_maps(self, form.affine, u, p)
                if gate is not None:
                    return self.of(self.add(gate))
        total = form.affine
        for u, p in form.products.items():
            total = total.plus(ProductGate.of_product(self, u, p))
        return total

    def _with_vector_products(self, form: Form) -> Affine:
        """A form whose factors are elapsed time or single elements: each is multiplied as it is."""
        total = form.affine
        for u, p in form.products.items():
            spread = self.of(u).pick(np.resize(np.arange(u.size), form.size))
            total = total.plus(VectorProductGate.of(self, spread, p))
        return total

    def settled(self, form: Form) -> Form:
        """The blended state that the form is, if a gate recognises it; else the form itself."""
        known = self._settled.get(id(form))
        if known is None:
            known = self._settled[id(form)] = (form, self._blended(form))
        return known[1]

    def _blended(self, form: Form) -> Form:
        if len(form.products) != 1 or _is_zero(form.affine):
            return form
        ((t, rate),) = form.products.items()
        if t == PER_DT or not self.may_multiply(t):
            return form
        if t != DT and t.size != form.size:  # the kernels do not broadcast
            return form
        soft = SoftReluActivation.of_product(self, t, rate)
        if soft is not None:
            return Form(form.affine.plus(soft), {})
        gate = self._first(lambda kind: kind.of_blend(self, form.affine, t, rate))
        if gate is not None:
            return self.form(self.add(gate))
        found = None if t == DT else MixGate.of_more(self, form.affine, t, rate)
        return form if found is None else Form(self.of(self.add(found[0])).plus(found[1]), {})

    def quotient(self, place: str, over: Form, under: Form) -> Form:
        """The gate that divides these. Raises ElegansError if one is divided by elapsed time."""
        over, under = (self._only_timed(place, form) for form in (over, under))
        gate = self._first(lambda kind: kind.of_quotient(self, over, under))
        if gate is None:
            if PER_DT.vector in {*over.affine.terms, *under.affine.terms}:
                raise ElegansError(place, "divides what was divided by elapsed time", _PER_DT)
            n, d = (self.affine(place, form) for form in (over, under))
            gate = PartGate.of(self, n, d, place) or RatioGate(self.map(n), self.map(d), place)
        return self.form(self.add(gate))

    def _only_timed(self, place: str, form: Form) -> Form:
        """The form with no products left but those with time."""
        timed = {u: p for u, p in form.products.items() if u in (DT, PER_DT)}
        rest = {u: p for u, p in form.products.items() if u not in timed}
        return Form(self.affine(place, Form(form.affine, rest)), timed) if rest else form

    def _first(self, recognised: Callable[[type[Gate]], Gate | None]) -> Gate | None:
        """The first gate that recognises a form as its own."""
        return next((gate for kind in self._gates if (gate := recognised(kind))), None)

    def _carried(self, affine: Affine, start: int) -> Window | None:
        """The states from `start` on, if an affine form makes them and each keeps a share of its
        own: a leaky integrator whose sample period is fixed has no product left. What else it
        reads of h would leave it without a bound, so it must not read any.
        """
        h = Window("h", start, start + affine.size)
        own = affine.terms.get("h")
        if own is None:
            return None
        kept = own[:, h.lo : h.hi].diagonal()
        if not np.all((kept > 0) & (kept < 1)) or own.nnz > affine.size:
            return None
        rate = affine.plus(self.of(h).scaled(np.array([-1.0])))
        gate = self._first(lambda kind: kind.of_share(self, h, rate, 1 - kept))
        return None if gate is None else self.add(gate)

    def states(self, affine: Affine) -> tuple[Window, ...]:
        """The next states as windows; what is an affine form becomes a vector."""
        windows: list[Window] = []
        sources = affine.sources()
        start = 0
        while start < affine.size:
            end = start + 1
            while end < affine.size and (sources[end] is None) == (sources[start] is None):
                end += 1
            part = affine.pick(np.arange(start, end))
            made = part.windows()
            if made is not None:
                made = tuple(
                    kept(self, window, at)
                    for window, at in zip(made, _starts(made, start), strict=True)
                )
            else:
                carried = self._carried(part, start)
                made = advanced(self, part, start) if carried is None else (carried,)
            windows += made
            start = end
        return tuple(windows)


def _is_zero(affine: Affine) -> bool:
    return not (affine.terms or np.any(affine.bias))


def _starts(windows: tuple[Window, ...], start: int) -> list[int]:
    """Where windows that lie end to end begin."""
    return [start + at for at in itertools.accumulate((w.size for w in windows[:-1]), initial=0)]
