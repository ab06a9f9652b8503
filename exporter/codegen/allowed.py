"""Which kernels the C of a model may be made of: the one place that decides it."""

from __future__ import annotations

from dataclasses import dataclass

from elegans.exporter.delivery.layouts import CodeLayout


@dataclass(frozen=True)
class Allowed:
    """What follows from the layout, and from whether other weights shall fit the same code.

    Code that other weights shall fit must not depend on what these weights are: on their values,
    and on ranges that were proved of them. Whatever has its weights in tables is open to it.

    replaceable  whether the weights are a block that the code is given
    """

    layout: CodeLayout
    replaceable: bool = False

    @property
    def kernels(self) -> bool:
        """Fused layers: those of cores."""
        return self.layout.fused

    @property
    def pointwise(self) -> bool:
        """Loops over elements."""
        return self.layout.pointwise

    @property
    def solvers(self) -> bool:
        """LTC's solver."""
        return self.layout.solvers and not self.replaceable

    @property
    def decays(self) -> bool:
        """Decays that are known to stay within their bounds."""
        return self.layout.fused and not self.replaceable

    @property
    def unrolled(self) -> bool:
        """Maps of few synapses, written out."""
        return self.layout.unrolled and not self.replaceable

    @property
    def compact(self) -> bool:
        """The loop over all layers of CfC neurons, which lists the weights that are not zero."""
        return self.layout.compact and not self.replaceable
