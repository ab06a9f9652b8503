"""What recognition and lowering offer to atoms: the table of atoms, and the model in the making."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from elegans.exporter.ir.affine import Affine, Form
from elegans.exporter.ir.fixed_model import Argument, Channel, Window
from elegans.exporter.ir.spans import Span
from elegans.exporter.numbers.fixed import Integers, Interval
from elegans.exporter.ops import Op

if TYPE_CHECKING:
    from elegans.exporter.ir.atom import Atom


@dataclass(frozen=True)
class VectorName:
    """The layer that a vector belongs to, and the vector's name in the generated C."""

    layer: str
    name: str


@dataclass(frozen=True)
class MappedForm:
    """An affine form as a fixed-point op: its inputs, and the fractional bits [rows] it gives."""

    inputs: tuple[Window, ...]
    op: Op
    frac: Integers


class AtomTable(Protocol):
    """The atoms that have been recognised so far (`recogniser.Recogniser`)."""

    found: dict[str, Atom]
    sizes: dict[str, int]

    def of(self, window: Window) -> Affine:
        """A window of a known vector as an affine form."""

    def add(self, atom: Atom) -> Window:
        """A new vector of the network; a gate that is known already is not added again."""

    def map(self, affine: Affine) -> Window:
        """An affine form as a vector; one that several atoms read is computed once."""

    def affine(self, place: str, form: Form) -> Affine:
        """A form as an affine one: products become vectors of their own."""


class Builder(Protocol):
    """The fixed-point model in the making (`lowering.builder.ModelBuilder`)."""

    atoms: dict[str, Atom]
    spans: dict[str, Span]
    wanted: dict[str, Integers]
    dt_range: tuple[float, float]
    dt: Channel | None
    long_times: bool
    """Whether a time gate reads elapsed time as mantissa and exponent."""
    carried: dict[str, Window]
    """By the name of a gate that keeps its result in 32 bits: the part that it carries on."""
    finer: bool
    """Whether what something multiplies, or adds up, in each step shall have 32 bits."""
    results: frozenset[str]
    """The names of atoms whose results shall have 32 bits; `in_halves` gets them as they do."""
    in_halves: set[str]

    @property
    def anything(self) -> Window:
        """An element that is always there: what a constant, which reads nothing, names."""

    def renamed(self, window: Window) -> Window:
        """A window of the real network as one of the fixed-point model."""

    def fracs(self, window: Window) -> Integers:
        """The fractional bits of a window's elements."""

    def interval(self, window: Window) -> Interval:
        """The proved bounds of a window's integers."""

    def widest(self, affine: Affine) -> Integers:
        """For each row of an affine form the finest int16 format that holds it."""

    def even(self, affine: Affine) -> Integers:
        """One format for all rows: the finest that holds every one of them."""

    def direct(self, affine: Affine) -> Window | None:
        """The vector of the real network that an affine form is, if the model has that vector;
        None where the form has to be computed."""

    def image(self, name: str, layer: str, window: Window, channels: int) -> Window:
        """An image in the model, each channel in one format for all of its pixels."""

    def frame(self, name: str, layer: str, vector: str) -> None:
        """Add the image from outside that is the vector of this name."""

    def convolution(self, name: str, layer: str, vector: str) -> None:
        """Add the convolution that is the vector of this name, unless it is part of others."""

    def step(
        self, name: str, layer: str, op: Op, inputs: tuple[tuple[Window, ...], ...], frac: Integers
    ) -> Window:
        """Add a step and prove it. Raises ElegansError if an intermediate could leave int32."""

    def linear(
        self,
        name: str,
        layer: str,
        affine: Affine,
        out_frac: Integers,
        tabled: bool = False,
        alike: bool = False,
        held: bool = False,
    ) -> Window:
        """Add an affine form as a step; `tabled` where a table looks its result up, `alike` where
        its rows shall share a shift, which is faster, if that costs few bits, `held` where an
        image shall have fewer bits than int16, which leaves more to the weights that read it."""

    def mapped(
        self,
        name: str,
        affine: Affine,
        out_frac: Integers,
        tabled: bool = False,
        alike: bool = False,
        held: bool = False,
    ) -> MappedForm:
        """An affine form in integers, not yet added. Raises ElegansError if no scale holds it."""

    def wide(self, name: str, layer: str, affine: Affine, frac: Integers) -> Window | None:
        """Add an affine form as the halves of 32-bit integers, whose upper ones have `frac`
        fractional bits, if results are to be finer; None if not, or where no scale holds it."""

    def sums(self, name: str, layer: str, affine: Affine, frac: Integers) -> Window | None:
        """Add an affine form as the halves of 32-bit integers, of whose upper ones `frac` is or a
        bit less, with all digits of what it reads; None where no scale holds it."""

    def whole(self, name: str, layer: str, window: Window) -> Argument:
        """A window of the real network as the halves of 32-bit integers; those of a vector of 16
        bits are added as a step."""

    def state_of(self, vector: str) -> Window | None:
        """The window of h that is the whole vector of an atom, as the next state of 32 bits; None
        if there is none."""

    def add(self, name: str, layer: str, mapped: MappedForm) -> Window:
        """Add a mapped affine form as a step."""

    def range_of(self, mapped: MappedForm) -> Interval:
        """The bounds that the result of a mapped affine form would have."""

    def timed(self, name: str, layer: str, drive: Affine, rate: Affine, frac: int) -> Window | None:
        """Add `drive + rate * dt` as one step; None where no format holds it, or it is sparse."""

    def rescaled(self, name: str, layer: str, source: Window, frac: Integers) -> Window:
        """A vector in another format; the vector itself where it has that format."""

    def once(
        self, name: str, layer: str, op: Op, inputs: tuple[tuple[Window, ...], ...], frac: Integers
    ) -> Window:
        """A step that is added only if no equal one is there."""

    def constant(self, name: str, layer: str, values: Integers, frac: Integers) -> Window:
        """A constant vector, which lies in flash."""

    def known_halves(self, window: Window) -> Window | None:
        """The halves of a vector that has 32 bits; None for any other, and for a part of one."""

    def halves(self, name: str, layer: str, window: Window, frac: int) -> Window:
        """A whole vector of the real network as the halves of its 32-bit integers."""

    def elapsed(self) -> Window:
        """Elapsed time as mantissa and exponent."""
