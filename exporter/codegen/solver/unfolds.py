"""LTC's fused solver as one call: a list of synapses, neuron by neuron.

A model writes a solver as maps: every synapse's argument, its sigmoid, then the sums of currents
and of conductances. Where each sigmoid goes to one neuron only, as in every LTC, a kernel can take
a neuron's synapses one after the other and keep its sums in registers, and the instructions of a
step grow with the synapses and with nothing else. The bits are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import Integers
from elegans.exporter.ops.fused_step import FusedStep


@dataclass(frozen=True, eq=False)
class SynapseGroup:
    """SynapseGroup with one potential or input each, whose arguments have one scale.

    at      [n] the element that each reads
    weight  [n] of its argument
    bias    [n] of its argument, with what rounds and half a segment of the table
    shift   of all arguments
    target  [n] the neuron that reads the sigmoid
    current, conductance  [n] the weights of the sigmoid there
    """

    at: Integers
    weight: Integers
    bias: Integers
    shift: int
    target: Integers
    current: Integers
    conductance: Integers

    def by_neuron(self, neurons: int) -> list[list[list[int]]]:
        """The synapses of each neuron, each as the arguments of `EL_SYNAPSES1`."""
        parts = self.bias, self.weight, self.at, self.current, self.conductance
        found: list[list[list[int]]] = [[] for _ in range(neurons)]
        for target, synapse in zip(self.target.tolist(), np.stack(parts, 1).tolist(), strict=True):
            found[target].append(synapse)
        return found


@dataclass(frozen=True, eq=False)
class Unfolds:
    """All unfolds of a solver.

    count    of the unfolds
    sensed   synapses from inputs, which are the same in each unfold; by the scale of arguments,
             which differs where formats of inputs do
    counted  synapses from potentials
    current, conductance  (biases with what rounds, shifts), of each neuron's sums
    left     how far currents are then shifted left, `EL_LEFT`
    step     the change of the potentials
    held     whether a current, and a conductance, can leave int16 and is saturated
    bits     of the largest quotient
    """

    kernel: ClassVar[str] = "unfolds"

    count: int
    sensed: tuple[SynapseGroup, ...]
    counted: SynapseGroup
    current: tuple[Integers, Integers]
    conductance: tuple[Integers, Integers]
    left: int
    step: FusedStep
    held: tuple[bool, bool]
    bits: int

    @property
    def order(self) -> Integers:
        """The neurons as the kernel takes them: first those that no potential reaches."""
        return np.argsort(self._reached, kind="stable")

    @property
    def still(self) -> int:
        """How many neurons no potential reaches."""
        return int(np.count_nonzero(self._reached == 0))

    @property
    def _reached(self) -> Integers:
        neurons = len(self.step.lo)
        return np.minimum(np.bincount(self.counted.target, minlength=neurons), 1)
