"""What an imported graph says, before any number format: neurons and what feeds them."""

from __future__ import annotations

from dataclasses import dataclass

from elegans.exporter.algebra import Affine
from elegans.exporter.interface import Interface
from elegans.exporter.model import Window


@dataclass(frozen=True)
class Activation:
    """`function(drive)`, or `function(drive + rate * dt)` where a rate is given."""

    function: str  # "tanh" or "sigmoid"
    drive: Affine
    rate: Affine | None = None

    @property
    def size(self) -> int:
        return self.drive.size


@dataclass(frozen=True)
class Gate:
    """A CfC state: `mix` is f + t (g - f), `gated_sum` is f + t g."""

    kind: str
    f: Window
    g: Window
    t: Window

    @property
    def size(self) -> int:
        return self.f.size


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
        return any(a.rate for a in activations) or any(
            window.vector == "dt" for form in forms for window in form.terms
        )
