"""f(z) for any function of one argument that a table of pieces can hold on its range."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.shared.weighted_mean import with_images
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Activation, Atom
from elegans.exporter.ir.builder import AtomTable, Builder, VectorName
from elegans.exporter.ir.spans import Span, affine_span, span_frac
from elegans.exporter.numbers.expressions import Expression, function_named
from elegans.exporter.numbers.fixed import FRACS, INT16_MAX, INT16_MIN, Reals, q_name, quantise
from elegans.exporter.numbers.function_tables import MOST_PIECES, Pieces, fitted
from elegans.exporter.numbers.real_functions import FUNCTIONS
from elegans.exporter.ops.any_function import AnyFunction

_FLAT = 0.5  # units of the result, by which a function that saturates may still move
_MOST_FINER = 8  # bits that an argument may gain where the function saturates
_FAR = 1e5  # an argument beyond which a range is only a guess of the search for bounds


@dataclass(frozen=True, eq=False)
class AnyFunctionActivation(Activation):
    """A function of `numbers.real_functions`, with its constant, or an expression.

    place   of the node that computes it, for errors
    finest  the most fractional bits of its result: what reads a gate takes Q0.15 only
    """

    kind: str = "exp"
    parameter: float = 0.0
    place: str = ""
    finest: int = FRACS[1]

    general: ClassVar[str | None] = "table"
    open_ended: ClassVar[bool] = True
    effort: ClassVar[int] = 38
    reason: ClassVar[str] = "a function of an interval that no step leaves"

    @property
    def formula(self) -> str:
        known = FUNCTIONS.get(self.kind)
        if known is None:
            return f"({self.kind})"
        return f"{self.kind}(z, {self.parameter!r})" if known.constant else f"{self.kind}(z)"

    def function(self, z: Reals) -> Reals:
        with np.errstate(all="ignore"):
            found: Reals = function_named(self.kind).function(z, self.parameter)
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
        what = function_named(self.kind)
        if isinstance(what, Expression):
            return what.spans(lo, hi)
        if not what.holds(float(lo.min()), float(hi.max())):
            if np.abs([lo, hi]).max() > _FAR:
                return np.full(self.size, -np.inf), np.full(self.size, np.inf)
            raise ElegansError(
                self.place or self.kind,
                f"its argument can be {lo.min():.4g}..{hi.max():.4g}, and {self.kind} is defined "
                f"in {what.lo:g}..{what.hi:g}{' only' if what.closed else ', without these ends'}",
                "keep it there, by a Clip or a Max in front of it, or declare narrower ranges",
            )
        return what.spans(lo, hi, self.parameter)

    def _arguments(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        """The arguments that there can be; of gates what these reach, where the domain asks."""
        lo, hi = self.argument_span(spans, name)
        if function_named(self.kind).holds(float(lo.min()), float(hi.max())):
            return lo, hi
        least, most = affine_span(self.drive, with_images(self.drive, atoms, spans))
        return np.maximum(lo, least), np.minimum(hi, most)

    def table(
        self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]
    ) -> AnyFunction | None:
        """The op; None where no table holds the function on this range."""
        lo, hi = self._arguments(name, atoms, spans)
        y_frac = min(span_frac(spans[name]), self.finest)
        z_frac = self._argument_frac(lo, hi, y_frac)
        least, most = (
            int(np.clip(quantise(end, z_frac), INT16_MIN, INT16_MAX))
            for end in (lo.min(), hi.max())
        )
        least, most = self._inside(least, most, z_frac)
        if least > most:
            return None
        ends = INT16_MIN, INT16_MAX
        if self.kind not in FUNCTIONS:  # the function's own ends, which a gate never passes
            low, high = spans[name]
            ends = _whole_ends(float(low.min()), float(high.max()), y_frac)
        pieces = _pieces(self.kind, self.parameter, (z_frac, y_frac), (least, most), ends)
        if pieces is None:
            return None
        fracs = z_frac, y_frac
        return AnyFunction.of(self.kind, self.parameter, fracs, (least, most), pieces)

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        """One format for all arguments and one for all results: they share the table."""
        op = self.table(name, to.atoms, to.spans)
        if op is None:
            raise self._too_many_pieces(called.name, name, to)
        size = self.size
        window = to.direct(self.drive)
        z_fracs, y_fracs = np.full(size, op.z_frac), np.full(size, op.y_frac)
        argument = f"{called.name}_sum"
        if window is None:
            z = to.linear(argument, called.layer, self.drive, z_fracs, alike=True)
        else:
            z = to.rescaled(argument, called.layer, to.renamed(window), z_fracs)
        to.step(called.name, called.layer, op, ((z,),), y_fracs)

    def _too_many_pieces(self, called: str, name: str, to: Builder) -> ElegansError:
        lo, hi = self._arguments(name, to.atoms, to.spans)
        z_frac, y_frac = span_frac((lo, hi)), span_frac(to.spans[name])
        return ElegansError(
            self.place or called,
            f"{self.kind} of {lo.min():.4g}..{hi.max():.4g} in {q_name(z_frac)} takes more "
            f"than {MOST_PIECES} pieces of a table to be within a unit of {q_name(y_frac)}",
            "narrow its argument by a Clip, or scale it down",
        )

    def _argument_frac(self, lo: Reals, hi: Reals, y_frac: int) -> int:
        """The finest format that holds all arguments, or all beyond which nothing changes."""
        z_frac = span_frac((lo, hi))
        what = function_named(self.kind)
        if not isinstance(what, Expression):
            return z_frac
        least, most = float(lo.min()), float(hi.max())
        for finer in range(z_frac + 1, z_frac + _MOST_FINER + 1):
            reach = np.ldexp(1.0, 15 - finer)
            flat = [(least, -reach)] if least < -reach else []
            flat += [(reach, most)] if most > reach else []
            ends = np.array(flat or [(0.0, 0.0)]).T
            low, high = what.spans(ends[0], ends[1])
            if np.ldexp(high - low, y_frac).max() > _FLAT:
                return finer - 1
        return z_frac + _MOST_FINER

    def _inside(self, least: int, most: int, z_frac: int) -> tuple[int, int]:
        """The ends moved to where the function is defined: an argument may be rounded out of it."""
        what, one = function_named(self.kind), np.ldexp(1.0, -z_frac)
        while least < most and not what.holds(least * one, least * one):
            least += 1
        while least < most and not what.holds(most * one, most * one):
            most -= 1
        return least, most


def _whole_ends(lo: float, hi: float, frac: int) -> tuple[int, int]:
    """The integers around a range; never the least of int16, which no gate gives."""
    ends = np.array([np.floor(np.ldexp(lo, frac)), np.ceil(np.ldexp(hi, frac))])
    least, most = (int(end) for end in np.clip(ends, -INT16_MAX, INT16_MAX))
    return least, most


@lru_cache(maxsize=64)
def _pieces(
    kind: str,
    parameter: float,
    fracs: tuple[int, int],
    arguments: tuple[int, int],
    ends: tuple[int, int],
) -> Pieces | None:
    """The pieces of a function of arguments of these ends, with results between these ends."""
    z_frac, y_frac = fracs
    function = function_named(kind).function

    def in_units(z: Reals) -> Reals:
        with np.errstate(all="ignore"):
            found: Reals = function(np.ldexp(z, -z_frac), parameter)
        return np.ldexp(found, y_frac)

    return fitted(in_units, *arguments, *ends)


ACTIVATION = AnyFunctionActivation
