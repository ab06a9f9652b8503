"""The network of one step in real numbers: named atoms, and the forms that read them."""

from __future__ import annotations

from dataclasses import dataclass

from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Atom
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.interface import Interface


@dataclass(frozen=True)
class Network:
    """A step of real numbers: named atoms in the order of their computation.

    Affine forms and windows refer to atoms by name, and to the given vectors `x`, `h`
    and `dt`.
    """

    interface: Interface
    atoms: dict[str, Atom]
    y: Affine
    h_next: tuple[Window, ...]

    @property
    def timed(self) -> bool:
        """Whether elapsed time is read anywhere, as a factor or as one more input."""
        return "dt" in self.y.terms or any("dt" in a.vectors() for a in self.atoms.values())
