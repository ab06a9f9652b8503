"""What relu and |x| share: they keep the format of their argument."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from elegans.exporter.ir.atom import Activation, Builder, VectorName
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
            z = to.linear(f"{called.name}_sum", called.layer, self.drive, to.even(self.drive))
        to.step(called.name, called.layer, self.op(), ((z,),), to.fracs(z))
