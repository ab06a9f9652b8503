"""Atoms: what the network of a step is made of, in real numbers, before any number format.

An atom computes one vector: an activation is a function of an affine form, a gate multiplies
vectors element by element. `exporter.atoms` has one file for each kind; this module has what all
of them share.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from elegans.exporter.ir.affine import Affine, Form, affine_value, read
from elegans.exporter.ir.builder import AtomTable, Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import (
    Span,
    affine_span,
    argument_of,
    span_frac,
    times,
    window_span,
    with_zero,
)
from elegans.exporter.numbers.fixed import INT16_MAX, INT16_MIN, Integers, Reals

DT = Window("dt", 0, 1)
# Elapsed time in a denominator, as LTC has it: C / dt. It never leaves its quotient.
PER_DT = Window("1/dt", 0, 1)


class Atom(ABC):
    """One vector of the network: what it is computed from, its value, its range, its formats.

    A subclass is one kind of activation or gate, with everything that is known of it. Its
    vector has `size` elements; windows and affine forms refer to vectors by name.
    """

    in_unit_interval: ClassVar[bool] = False
    """Whether every element lies in [0, 1], so that a cell may multiply another vector by it."""

    general: ClassVar[str | None] = None
    """What the report counts it as, if it is no part of a known cell: a product, a table."""
    jumps: ClassVar[bool] = False
    """Whether its value jumps where its argument moves by nothing, as that of a comparison does."""
    open_ended: ClassVar[bool] = False
    """Whether a state that it computes may saturate where nothing else bounds it."""

    effort: ClassVar[int] = 0
    """Instructions that an element takes on an M4, about, where it is a part of a chain."""

    @property
    def formula(self) -> str | None:
        """The value as an expression (`numbers.expressions`), of z for an activation and of the
        roles of a gate's parts; None where it is no function that is worth composing."""
        return None

    reason: ClassVar[str]
    """Why a state that this atom computes is bounded, as the range report prints it."""

    @property
    @abstractmethod
    def size(self) -> int:
        """The number of elements."""

    @abstractmethod
    def vectors(self) -> frozenset[str]:
        """The names of the vectors that this one is computed from."""

    @abstractmethod
    def value(self, vectors: dict[str, Reals]) -> Reals:
        """The vector [N, size] in float64, from vectors [N, ...] that are known."""

    @abstractmethod
    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        """The interval of each element, from the intervals of the vectors that it reads.

        `name` is this vector's own name, for errors; `atoms` are those of the network. Raises
        ElegansError where the cell would be unstable or undefined for inputs in the declared
        ranges.
        """

    @abstractmethod
    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        """Add the fixed-point steps that compute this vector; the last is named `called.name`."""

    def state_frac(self, spans: dict[str, Span], own: Span) -> int:
        """The fractional bits of a state that this atom computes; `own` is the state's span."""
        return span_frac(own)

    def state_fracs(self, spans: dict[str, Span], own: Span) -> Integers:
        """The same for each element [size]: one format for all, unless each may have its own."""
        return np.full(self.size, self.state_frac(spans, own))

    def state_ends(self, frac: int, lo: float, hi: float) -> tuple[int, int]:
        """The least and the greatest integer of a state that lies in [lo, hi].

        What saturates may hold any int16, so that is the default.
        """
        return INT16_MIN, INT16_MAX


@dataclass(frozen=True, eq=False)
class Activation(Atom):
    """`function(drive)`, or `function(drive + rate * factor)` where a rate is given.

    drive   affine form of `size` rows
    rate    affine form of as many rows, or None
    factor  elapsed time (CfC), a window of one element, or a vector in [0, 1] (GRU's reset
            gate); None where a fixed sample period has been folded into the rate
    """

    drive: Affine
    rate: Affine | None = None
    factor: Window | None = None

    operator: ClassVar[str | None] = None
    """The ONNX operator that is this function and nothing else, if there is one."""
    takes_rate: ClassVar[bool] = False
    """Whether it is lowered with `rate * factor` inside; if not, products become vectors first."""

    @abstractmethod
    def function(self, z: Reals) -> Reals:
        """The function in float64, element by element."""

    @property
    def size(self) -> int:
        return self.drive.size

    def vectors(self) -> frozenset[str]:
        rate = () if self.rate is None else (*self.rate.terms,)
        factor = () if self.factor is None else (self.factor.vector,)
        return frozenset((*self.drive.terms, *rate, *factor))

    def value(self, vectors: dict[str, Reals]) -> Reals:
        z = affine_value(self.drive, vectors)
        if self.rate is not None:
            rate = affine_value(self.rate, vectors)
            z = z + (rate if self.factor is None else rate * read(self.factor, vectors))
        return self.function(z)

    def window(self, name: str) -> Window:
        """The whole vector, which is called `name`."""
        return Window(name, 0, self.size)

    def image(self, spans: dict[str, Span], name: str) -> Span:
        """The interval of the values for the arguments that there can be, in real numbers: `spans`
        may have that of all arguments, where a wider one costs no digits."""
        return spans[name]

    def argument_span(self, spans: dict[str, Span], name: str = "") -> Span:
        """The interval of the function's argument; `name` is this vector's own name."""
        if (known := spans.get(argument_of(name))) is not None:
            return known
        lo, hi = affine_span(self.drive, spans)
        if self.rate is None or self.factor is None:
            return lo, hi
        more = times(affine_span(self.rate, spans), window_span(self.factor, spans))
        return lo + more[0], hi + more[1]


@dataclass(frozen=True)
class Gate(Atom):
    """Vectors multiplied element by element.

    The fields of a subclass that are windows are the gate's parts, in the order in which its
    op takes them; a field's name is the part's role, and appears in the generated C.
    """

    carriers: ClassVar[tuple[str, ...]] = ()
    """The roles of parts that may be the gate's own old value, of which the new one is a part.

    A state that is carried on so, from step to step or from one unfold of a solver to the next,
    has 32 bits (`lowering.wide_states`)."""

    added: ClassVar[tuple[str, ...]] = ()
    """The roles of parts that it adds to a carried state, so that the state sums their errors."""

    wide_alone: ClassVar[bool] = False
    """Whether its result may be a state of 32 bits although it carries no state on."""

    in_halves: ClassVar[tuple[str, ...]] = ()
    """The roles of parts that the gate also takes as halves of 32-bit integers."""

    synapses: ClassVar[str | None] = None
    """The role of a part that is a sum over synapses, which are named after it."""

    @classmethod
    def roles(cls) -> tuple[str, ...]:
        """The names of the parts, in their order."""
        return tuple(f.name for f in dataclasses.fields(cls) if f.type in ("Window", Window))

    def names(self, atoms: dict[str, Atom]) -> tuple[str, ...]:
        """What the parts are called in the generated C, in their order; their roles by default."""
        return self.roles()

    @property
    def parts(self) -> tuple[Window, ...]:
        """The windows that the gate reads, in the order of `roles`."""
        return tuple(getattr(self, role) for role in self.roles())

    def with_parts(self, parts: tuple[Window, ...]) -> Self:
        """The same gate of other windows."""
        return dataclasses.replace(self, **dict(zip(self.roles(), parts, strict=True)))

    @property
    def size(self) -> int:
        return self.parts[0].size

    def vectors(self) -> frozenset[str]:
        return frozenset(window.vector for window in self.parts)

    def value(self, vectors: dict[str, Reals]) -> Reals:
        return self.real(*(read(window, vectors) for window in self.parts))

    @abstractmethod
    def real(self, *parts: Reals) -> Reals:
        """The gate in float64, from its parts [N, size]."""

    def affine(self, *parts: Affine) -> Affine | None:
        """The gate as an affine form, from its parts as such; None where it is none."""
        return None

    def result_frac(self, spans: dict[str, Span], own: Span) -> int:
        """The fractional bits of the result; `own` is its span."""
        return span_frac(own)

    def state_frac(self, spans: dict[str, Span], own: Span) -> int:
        return self.result_frac(spans, with_zero(own))

    def wide_frac(self, atoms: dict[str, Atom], spans: dict[str, Span], own: Span) -> int:
        """The fractional bits of the upper half of a state that this gate carries on."""
        return self.state_frac(spans, own)

    def wide_ends(self, frac: int, lo: float, hi: float) -> tuple[int, int]:
        """The least and the greatest upper half of such a state. -2^15 is not allowed."""
        least, most = self.state_ends(frac, lo, hi)
        return max(least, -INT16_MAX), most

    def share(self, atoms: dict[str, Atom], carried: Window) -> Atom | None:
        """The activation that says how far the carried part goes in an elapsed time, if there is
        one that is computed as a share (`ops.relax`) and not in its own format."""
        return None

    def part_fracs(self, spans: dict[str, Span], own: Span) -> dict[Window, Integers]:
        """The formats [size] that this gate wants of parts that are affine forms; {} for any.

        `own` is the span of the gate's result.
        """
        return {}

    @classmethod
    def of_blend(cls, atoms: AtomTable, affine: Affine, t: Window, rate: Affine) -> Gate | None:
        """This gate, if it computes `affine + rate * t` for a t in [0, 1] or elapsed time."""
        return None

    @classmethod
    def of_share(cls, atoms: AtomTable, f: Window, rate: Affine, share: Reals) -> Gate | None:
        """This gate, if it computes `f + rate` where -share [size] is f's own factor in `rate`."""
        return None

    @classmethod
    def of_sum(cls, atoms: AtomTable, products: dict[Window, Affine]) -> Gate | None:
        """This gate, if it computes the sum of P * u over the items u: P of `products`."""
        return None

    @classmethod
    def of_quotient(cls, atoms: AtomTable, over: Form, under: Form) -> Gate | None:
        """This gate, if it computes `over / under`, whose only products are with time."""
        return None
