"""Which kernels the C of a model may be made of: the one place that decides it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Allowed:
    """What follows from the layout, and from whether other weights shall fit the same code.

    Code that other weights shall fit must not depend on what these weights are: on their values,
    and on ranges that were proved of them. Whatever has its weights in tables is open to it.

    layout       speed: a layer at a time by a core's own kernel; size: all layers by one loop
    replaceable  whether the weights are a block that the code is given
    """

    layout: str
    replaceable: bool = False

    @property
    def kernels(self) -> bool:
        """Fused layers, LTC's solver, loops over elements: those of cores."""
        return self.layout == "speed"

    @property
    def known_weights(self) -> bool:
        """Kernels for speed that rely on these weights: maps unrolled into code, short forms of
        functions whose arguments are known to be near, decays within their bounds."""
        return self.layout == "speed" and not self.replaceable

    @property
    def compact(self) -> bool:
        """The loop over all layers of CfC neurons, which lists the weights that are not zero."""
        return self.layout == "size" and not self.replaceable
