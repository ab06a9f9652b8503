"""f(z) for any function of one argument that a table of pieces can hold on its range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.gates.weighted_mean import with_images
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Activation, Atom
from elegans.exporter.ir.builder import AtomTable, Builder, VectorName
from elegans.exporter.ir.spans import Span, affine_span, span_frac
from elegans.exporter.numbers.fixed import INT16_MAX, INT16_MIN, Reals, q_name, quantise
from elegans.exporter.numbers.function_tables import MOST_PIECES, fitted
from elegans.exporter.numbers.real_functions import FUNCTIONS
from elegans.exporter.ops.any_function import AnyFunction

_FAR = 1e5  # an argument beyond which a range is only a guess of the search for bounds


@dataclass(frozen=True, eq=False)
class AnyFunctionActivation(Activation):
    """A function of `numbers.real_functions`, with its constant.

    place  of the node that computes it, for errors
    """

    kind: str = "exp"
    parameter: float = 0.0
    place: str = ""

    general: ClassVar[str | None] = "table"
    open_ended: ClassVar[bool] = True
    reason: ClassVar[str] = "a function of an interval that the step leads back into"

    def function(self, z: Reals) -> Reals:
        with np.errstate(all="ignore"):
            found: Reals = FUNCTIONS[self.kind].function(z, self.parameter)
        return found

    @classmethod
    def of(
        cls, atoms: AtomTable, kind: str, z: Affine, place: str, parameter: float = 0.0
    ) -> Affine:
        """The function of z as a vector; one that is known already is not added again."""
        for name, known in atoms.found.items():
            same = isinstance(known, cls) and (known.kind, known.parameter) == (kind, parameter)
            if same and isinstance(known, cls) and known.drive.close_to(z):
                return Affine.of(known.window(name), known.size)
        return atoms.of(atoms.add(cls(z, kind=kind, parameter=parameter, place=place)))

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        lo, hi = self._arguments(name, atoms, spans)
        what = FUNCTIONS[self.kind]
        if not what.holds(float(lo.min()), float(hi.max())):
            if np.abs([lo, hi]).max() > _FAR:
                return np.full(self.size, -np.inf), np.full(self.size, np.inf)
            raise ElegansError(
                self.place or self.kind,
                f"its argument can be {lo.min():.4g}..{hi.max():.4g}, and {self.kind} is defined "
                f"in {what.lo:g}..{what.hi:g}{' only' if what.closed else ', without these ends'}",
                "keep it there, by a Clip or a Max in front of it, or declare narrower ranges",
            )
        with np.errstate(all="ignore"):
            ends = [what.span(a, b, self.parameter) for a, b in zip(lo, hi, strict=True)]
        return np.array([e[0] for e in ends]), np.array([e[1] for e in ends])

    def _arguments(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        """The arguments that there can be; of gates what these reach, where the domain asks."""
        lo, hi = self.argument_span(spans, name)
        if FUNCTIONS[self.kind].holds(float(lo.min()), float(hi.max())):
            return lo, hi
        least, most = affine_span(self.drive, with_images(self.drive, atoms, spans))
        return np.maximum(lo, least), np.minimum(hi, most)

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        """One format for all arguments and one for all results: they share the table."""
        lo, hi = self._arguments(name, to.atoms, to.spans)
        z_frac, y_frac = span_frac((lo, hi)), span_frac(to.spans[name])
        least, most = (
            int(np.clip(quantise(end, z_frac), INT16_MIN, INT16_MAX))
            for end in (lo.min(), hi.max())
        )
        least, most = self._inside(least, most, z_frac)

        def in_units(z: Reals) -> Reals:
            return np.ldexp(self.function(np.ldexp(z, -z_frac)), y_frac)

        pieces = fitted(in_units, least, most) if least <= most else None
        if pieces is None:
            raise ElegansError(
                self.place or called.name,
                f"{self.kind} of {lo.min():.4g}..{hi.max():.4g} in {q_name(z_frac)} takes more "
                f"than {MOST_PIECES} pieces of a table to be within a unit of {q_name(y_frac)}",
                "narrow its argument by a Clip, or scale it down",
            )
        size = self.size
        window = to.direct(self.drive)
        z_fracs, y_fracs = np.full(size, z_frac), np.full(size, y_frac)
        argument = f"{called.name}_sum"
        if window is None:
            z = to.linear(argument, called.layer, self.drive, z_fracs, alike=True)
        else:
            z = to.rescaled(argument, called.layer, to.renamed(window), z_fracs)
        fracs, ends = (z_frac, y_frac), (least, most)
        op = AnyFunction.of(self.kind, self.parameter, fracs, ends, pieces)
        to.step(called.name, called.layer, op, ((z,),), y_fracs)

    def _inside(self, least: int, most: int, z_frac: int) -> tuple[int, int]:
        """The ends moved to where the function is defined: an argument may be rounded out of it."""
        what, one = FUNCTIONS[self.kind], np.ldexp(1.0, -z_frac)
        while least < most and not what.holds(least * one, least * one):
            least += 1
        while least < most and not what.holds(most * one, most * one):
            most -= 1
        return least, most


ACTIVATION = AnyFunctionActivation
