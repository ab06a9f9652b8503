"""The layouts of a model's C: from fewest instructions to least flash, all with the same bits."""

from __future__ import annotations

from dataclasses import dataclass, replace


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

    def for_any_weights(self) -> CodeLayout:
        """The same without what depends on the weights, for those that can be replaced."""
        return replace(self, compact=False, solvers=False, unrolled=False, pointwise=False)


LAYOUTS = {
    "speed": CodeLayout(
        fused=True, maps=True, solvers=True, unrolled=True, pointwise=True, few=True, estimated=True
    ),
    "balanced": CodeLayout(
        fused=True, maps=True, looped=True, solvers=True, pointwise=True, few=True
    ),
    "size": CodeLayout(fused=True, looped=True, compact=True, plain=True, level="s"),
}
"""By name, each with less flash and more instructions than the one before it."""
