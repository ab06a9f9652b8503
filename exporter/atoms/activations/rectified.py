"""What relu and |x| share: they keep the format of their argument, each element its own."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from elegans.exporter.ir.atom import Activation
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.spans import element_fracs
from elegans.exporter.ops import Op


@dataclass(frozen=True, eq=False)
class RectifiedActivation(Activation):
    """An activation whose op gives its result in the format of its argument."""

    @staticmethod
    @abstractmethod
    def op() -> Op:
        """The op that computes the function."""

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        window = self.drive.window()
        if window is not None:
            z = to.renamed(window)
        else:
            # Formats for the result: an argument beyond them saturates where relu makes it zero.
            frac = element_fracs(to.spans[name])
            z = to.linear(f"{called.name}_sum", called.layer, self.drive, frac, alike=True)
        to.step(called.name, called.layer, self.op(), ((z,),), to.fracs(z))
