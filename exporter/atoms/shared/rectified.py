"""What relu and |x| share: they keep the format of their argument, each element its own."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from elegans.exporter.atoms.images.image import by_channel
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
        window = to.direct(self.drive)
        if window is not None:
            z = to.renamed(window)
        else:
            # Formats for the result: an argument beyond them saturates where relu makes it zero.
            frac = element_fracs(to.spans[name])
            if by_channel(to.atoms, self.drive) is not None:
                mapped = to.mapped(f"{called.name}_sum", self.drive, frac, held=True)
                whole = self.within(mapped.op)
                if whole is not None:
                    to.step(called.name, called.layer, whole, (mapped.inputs,), mapped.frac)
                    return
            z = to.linear(f"{called.name}_sum", called.layer, self.drive, frac, alike=True)
        to.step(called.name, called.layer, self.op(), ((z,),), to.fracs(z))

    def within(self, op: Op) -> Op | None:
        """The op of the argument with the function in it; None where it cannot have it."""
        return None
