"""The layouts of a model's C: from fewest instructions to least flash, all with the same bits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CodeLayout:
    """What the C of a layout consists of. Nothing else asks for the name of a layout.

    fused      layers are calls of the cores' kernels
    maps       so are maps by themselves
    looped     these kernels are loops over inputs, which read two weights from each word
    compact    layers of CfC neurons are one loop, which stores only synapses that exist, where
               that takes less than all weights
    solvers    an LTC's solver is one kernel
    unrolled   maps with few synapses are written out
    pointwise  element-wise steps that follow each other are one loop in the step itself
    few        so are dense maps of few rows
    plain      inputs that may have any value are copied by a call
    level      at which the C is compiled unless the user says otherwise
    estimated  `exporter/cost` knows what the C costs
    """

    fused: bool = False
    maps: bool = False
    looped: bool = False
    compact: bool = False
    solvers: bool = False
    unrolled: bool = False
    pointwise: bool = False
    few: bool = False
    plain: bool = False
    level: str = "2"
    estimated: bool = False


LAYOUTS = {
    "speed": CodeLayout(
        fused=True, maps=True, solvers=True, unrolled=True, pointwise=True, few=True, estimated=True
    ),
    "balanced": CodeLayout(
        fused=True, maps=True, looped=True, solvers=True, pointwise=True, few=True
    ),
    "size": CodeLayout(fused=True, looped=True, compact=True, plain=True, level="s"),
}
"""By name, from the fewest instructions to the least flash; of a small dense network `balanced` may
take less flash than `size` does (docs/size.md)."""


@dataclass(frozen=True)
class Allowed:
    """Which kernels the C of a model may be made of: what follows from the layout, and from whether
    other weights shall fit the same code.

    Code that other weights shall fit must not depend on what these weights are: on their values,
    and on ranges that were proved of them. Whatever has its weights in tables is open to it.

    replaceable  whether the weights are a block that the code is given
    """

    layout: CodeLayout
    replaceable: bool = False

    @property
    def decays(self) -> bool:
        """Decays that are known to stay within their bounds."""
        return self.layout.maps and not self.replaceable

    @property
    def unrolled(self) -> bool:
        """Maps of few synapses, written out."""
        return self.layout.unrolled and not self.replaceable

    @property
    def compact(self) -> bool:
        """The loop over all layers of CfC neurons, which lists the weights that are not zero."""
        return self.layout.compact and not self.replaceable
