"""The cells in a graph: normal forms become activations and gates, the atoms of a network.

A nonlinearity ends a form. So does a product of vectors, which must be one of those that
cells are made of; `_settled` and `quotient` are the whole list.
"""

from __future__ import annotations

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine, Form
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.real_network import DT, GATE_FUNCTIONS, Activation, Atom, Gate
from elegans.exporter.numbers.fixed import Reals

# Elapsed time in a denominator, as LTC has it: C / dt. It never leaves its quotient.
PER_DT = Window("1/dt", 0, 1)

_WRITE = "write a cell with f + t (g - f), f + t g, u v, f c + i g or (C v + dt I) / (C + dt G)"


class Atoms:
    """The atoms found so far, and the size of every vector."""

    def __init__(self, sizes: dict[str, int]) -> None:
        self.found: dict[str, Atom] = {}
        self.sizes = sizes | {PER_DT.vector: 1}
        self._maps: list[tuple[Affine, Window]] = []
        # By identity, each with the form itself, so that its id stays its own.
        self._settled: dict[int, tuple[Form, Form]] = {}
        self._affine: dict[int, tuple[Form, Affine]] = {}

    def of(self, window: Window) -> Affine:
        return Affine.of(window, self.sizes[window.vector])

    def form(self, window: Window) -> Form:
        return Form(self.of(window), {})

    def is_gate(self, window: Window) -> bool:
        """Elapsed time, or a vector in [0, 1]: what a liquid cell multiplies by."""
        atom = self.found.get(window.vector)
        return window in (DT, PER_DT) or (
            isinstance(atom, Activation) and atom.function in GATE_FUNCTIONS
        )

    def affine(self, place: str, form: Form) -> Affine:
        """The form as an affine one: products become vectors of their own."""
        form = self.settled(form)
        known = self._affine.get(id(form))
        if known is None:
            known = self._affine[id(form)] = (form, self._with_products(place, form))
        return known[1]

    def _with_products(self, place: str, form: Form) -> Affine:
        if not form.products:
            return form.affine
        if any(u in (DT, PER_DT) or u.size != form.size for u in form.products):
            raise ElegansError(place, "multiplies vectors as no cell does", _WRITE)
        cell = self._lstm_cell(form)
        if cell is not None:
            return cell
        total = form.affine
        for u, p in form.products.items():
            total = total.plus(self._product(u, p))
        return total

    def _product(self, u: Window, p: Affine) -> Affine:
        """`u p`; a constant that scales p scales the product instead."""
        found = p.factor()
        if found is None or np.any(p.bias) or found[0].size != u.size:
            return self.of(self._add(Gate("product", (u, self.map(p)))))
        v, c = found
        return self.of(self._add(Gate("product", (u, v)))).scaled(c)

    def _lstm_cell(self, form: Form) -> Affine | None:
        """`f c + i g`: c is read from the state, what enters it was computed in this step."""
        if len(form.products) != 2 or form.affine.terms or np.any(form.affine.bias):
            return None
        pairs = [(u, p.window()) for u, p in form.products.items()]
        pairs.sort(key=lambda pair: pair[1] is None or pair[1].vector != "h")
        (f, c), (i, g) = pairs
        if c is None or g is None or c.vector != "h":
            return None
        return self.of(self._add(Gate("lstm_cell", (f, c, i, g))))

    def activate(self, place: str, function: str, form: Form) -> Form:
        """The function of a form; a product with time or with a gate may stay inside it."""
        if len(form.products) == 1 and PER_DT not in form.products:
            ((factor, rate),) = form.products.items()
            settled = form if factor == DT else self.settled(form)
            alone = not (form.affine.terms or np.any(form.affine.bias))
            if settled.products and (factor == DT or not alone):
                return self.form(self._add(Activation(function, form.affine, rate, factor)))
        return self.form(self._add(Activation(function, self.affine(place, form))))

    def decay(self, place: str, form: Form) -> Form:
        """exp(-rate dt), a vector in (0, 1]; exp(-rate) where time went into the constants."""
        zero = Affine.constant(np.zeros(form.size))
        if "dt" not in self.sizes:
            rate = self.affine(place, form).scaled(np.array([-1.0]))
            return self.form(self._add(Activation("exp", zero, rate)))
        rest = form.affine.without("dt")
        if rest.terms or np.any(rest.bias) or set(form.products) - {DT}:
            raise ElegansError(place, "is not exp(-rate dt)", "let a state decay as exp(-dt / tau)")
        rate = self._per_time(form).scaled(np.array([-1.0]))
        return self.form(self._add(Activation("exp", zero, rate, DT)))

    def settled(self, form: Form) -> Form:
        """The blended state that the form is, if it is one; otherwise the form itself.

        `f + t (g - f)` is a mix; one of f and g may be affine, and becomes a vector then.
        """
        known = self._settled.get(id(form))
        if known is None:
            known = self._settled[id(form)] = (form, self._blended(form))
        return known[1]

    def _blended(self, form: Form) -> Form:
        if len(form.products) != 1 or not (form.affine.terms or np.any(form.affine.bias)):
            return form
        ((t, rate),) = form.products.items()
        if t == PER_DT or not self.is_gate(t):
            return form
        if t == DT:
            return self._euler(form, rate)
        if t.size != form.size:  # the kernels do not broadcast
            return form
        f, other = form.affine.window(), rate.plus(form.affine)
        g = other.window()
        if f is not None and g is not None:
            return self._gate("mix", f, g, t)
        if f is not None and (g := rate.window()) is not None:
            return self._gate("gated_sum", f, g, t)
        if g := other.window():
            return self._gate("mix", self.map(form.affine), g, t)
        if f is not None and self._holds(other, f):
            return self._gate("mix", f, self.map(other), t)
        return form

    def _holds(self, rate: Affine, f: Window) -> bool:
        """Whether P + f no longer reads f: P was g - f with an affine g."""
        read = rate.terms.get(f.vector)
        return read is None or not read[:, f.lo : f.hi].nnz

    def _euler(self, form: Form, rate: Affine) -> Form:
        """`f + dt c (g - f)`, an Euler step of the time constants 1 / c: a mix."""
        f = form.affine.window()
        own = rate.terms.get(f.vector) if f is not None else None
        if f is None or own is None:
            return form
        c = -own[:, f.lo : f.hi].diagonal()
        if not np.all(c > 0):
            return form
        other = rate.plus(self.of(f).scaled(c))
        if not self._holds(other, f):
            return form
        share = self.of(DT).pick(np.zeros(form.size, np.int64)).scaled(c)
        return self._gate(
            "mix", f, self.map(other.over(c)), self._add(Activation("fraction", share))
        )

    def quotient(self, place: str, over: Form, under: Form) -> Form:
        """`(C v + dt I) / (C + dt G)`, or both over dt: the fused semi-implicit Euler step.

        With a fixed sample period time has gone into the constants, and it is the
        quotient of two affine forms.
        """
        over, under = (self._only_timed(place, form) for form in (over, under))
        timed = {PER_DT, DT} & (set(over.products) | set(under.products))
        if not timed and not {"dt", PER_DT.vector} & set(under.affine.terms):
            if over.products or under.products:
                raise ElegansError(place, "divides vectors as no cell does", _WRITE)
            return self._gate("quotient", self.map(over.affine), self.map(under.affine))
        if PER_DT in over.products:
            held, rest = over.products[PER_DT], set(over.products) - {PER_DT}
            column = under.affine.terms.get(PER_DT.vector)
            capacity = np.zeros(over.size) if column is None else column.toarray()[:, 0]
            current, conductance = over.affine, under.affine.without(PER_DT.vector)
            known = not rest and not under.products
        else:
            held, constant = over.affine.without("dt"), under.affine.without("dt")
            capacity, known = constant.bias, not constant.terms
            known = known and (set(over.products) | set(under.products)) <= {DT}
            current, conductance = self._per_time(over), self._per_time(under)
        v = self._held(held, capacity) if known else None
        if v is None:
            raise ElegansError(place, "divides vectors as no cell does", _WRITE)
        parts = (v, self.map(current), self.map(conductance), DT)
        return self._gate("fused_step", *parts, constants=tuple(float(c) for c in capacity))

    def _only_timed(self, place: str, form: Form) -> Form:
        """The form with no products left but those with time."""
        timed = {u: p for u, p in form.products.items() if u in (DT, PER_DT)}
        rest = {u: p for u, p in form.products.items() if u not in timed}
        return Form(self.affine(place, Form(form.affine, rest)), timed) if rest else form

    def _per_time(self, form: Form) -> Affine:
        """What a form multiplies dt by: the products with it, and its own column."""
        zero = Affine.constant(np.zeros(form.size))
        column = form.affine.terms.get("dt")
        alone = zero if column is None else Affine.constant(column.toarray()[:, 0])
        return form.products.get(DT, zero).plus(alone)

    @staticmethod
    def _held(held: Affine, capacity: Reals) -> Window | None:
        """v, where `held` is C v with the denominator's own capacities C."""
        found = held.factor()
        if found is None or np.any(held.bias) or np.any(capacity <= 0):
            return None
        v, c = found
        return v if v.size == held.size and np.allclose(c, capacity, rtol=1e-5) else None

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
            windows += part.windows() or (self.map(part),)
            start = end
        return tuple(windows)

    def map(self, affine: Affine) -> Window:
        """An affine form as a vector; one that several read is computed once."""
        if (window := affine.window()) is not None:
            return window
        for known, at in self._maps:
            if known.close_to(affine):
                return at
        self._maps.append((affine, self._add(Activation("identity", affine))))
        return self._maps[-1][1]

    def _gate(self, kind: str, *parts: Window, constants: tuple[float, ...] = ()) -> Form:
        return self.form(self._add(Gate(kind, parts, constants)))

    def _add(self, atom: Atom) -> Window:
        for name, known in self.found.items():
            if isinstance(atom, Gate) and known == atom:
                return Window(name, 0, atom.size)
        name = f"a{len(self.found)}"
        self.found[name] = atom
        self.sizes[name] = atom.size
        return Window(name, 0, atom.size)
