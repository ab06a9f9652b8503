"""What an imported graph says, before any number format: neurons and what feeds them."""

from __future__ import annotations

from dataclasses import dataclass

from elegans.exporter.algebra import Affine
from elegans.exporter.interface import Interface
from elegans.exporter.model import Window

_DT = Window("dt", 0, 1)


@dataclass(frozen=True)
class Activation:
    """`function(drive)`, or `function(drive + rate * factor)` where a rate is given.

    The factor is elapsed time (CfC) or a gate (GRU's reset); `identity` names a plain map.
    """

    function: str  # tanh, sigmoid, relu or identity
    drive: Affine
    rate: Affine | None = None
    factor: Window | None = None

    @property
    def size(self) -> int:
        return self.drive.size

    def reads(self) -> tuple[Window, ...]:
        """The windows that this is computed from."""
        rate = () if self.rate is None else (*self.rate.terms,)
        return (*self.drive.terms, *rate, *((self.factor,) if self.factor else ()))


# What a gate is computed from, in the order of its op's inputs.
GATES: dict[str, tuple[str, ...]] = {
    "mix": ("f", "g", "t"),  # f + t (g - f): CfC, GRU
    "gated_sum": ("f", "g", "t"),  # f + t g: CfC without the complementary gate
    "product": ("u", "v"),  # u v: LSTM's output, silu
    "lstm_cell": ("f", "c", "i", "g"),  # f c + i g
}


@dataclass(frozen=True)
class Gate:
    """Vectors multiplied element by element; `GATES` says what the parts of a kind are."""

    kind: str
    parts: tuple[Window, ...]

    @property
    def size(self) -> int:
        return self.parts[0].size

    def reads(self) -> tuple[Window, ...]:
        """The windows that this is computed from."""
        return self.parts


Atom = Activation | Gate


@dataclass(frozen=True)
class Network:
    """A step of real numbers: named atoms in the order of their computation.

    Windows refer to atoms by name, and to the given vectors `x` and `h`.
    """

    interface: Interface
    atoms: dict[str, Atom]
    y: Affine
    h_next: tuple[Window, ...]

    @property
    def timed(self) -> bool:
        """Whether elapsed time is read anywhere, as a factor or as one more input."""
        activations = [a for a in self.atoms.values() if isinstance(a, Activation)]
        forms = [self.y, *(a.drive for a in activations)]
        return any(a.factor == _DT for a in activations) or any(
            window.vector == "dt" for form in forms for window in form.terms
        )
