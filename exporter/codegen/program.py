"""The program of a step: what the generated C executes, and in which order.

A program computes what its model computes, to the bit, with other means: several steps of the
model may be one call of a kernel (`LayerCall`), and equal runs of steps a loop (`Loop`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.codegen.solver.unfolds import Unfolds
from elegans.exporter.ir.fixed_model import Argument, Model, Step, Window, formats
from elegans.exporter.numbers.fixed import Integers, Interval, q_name
from elegans.exporter.ops import RELATIVE, WIDE, form, parts
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.linear8 import Linear8
from elegans.exporter.ops.timed_linear import TimedLinear
from elegans.exporter.ops.timed_linear8 import TimedLinear8

BLOCK = 4
"""Rows of a map that the kernels of `TanhLayer` and `LinearLayer` compute together."""


@dataclass(frozen=True, eq=False)
class PartScales:
    """The scales of a map of int8 weights, as in `Linear8` and `TimedLinear8`.

    first   how many of the map's windows are its first part
    lifts   [rows] of the first part; a byte holds 2^lift
    whole   the lift of the whole map
    parted  whether the first part has scales of its own even if they are 1, because other weights
            may need others
    """

    first: int
    lifts: Integers
    whole: int = 0
    parted: bool = False


@dataclass(frozen=True, eq=False)
class FusedMap:
    """One map of a fused layer, with a row for each neuron.

    windows    what it reads, `cols` elements
    weights    [rows, cols]; where there are scales, int8 without their powers of two
    bias       [rows] with the rounding, and half a segment of tanh's table where one follows;
               where there are scales, without the lift of the whole map
    shift      of all rows
    saturates  whether a shifted sum can leave int16
    scales     of int8 weights; None for int16
    """

    windows: Argument
    weights: Integers
    bias: Integers
    shift: int
    saturates: bool
    scales: PartScales | None = None


@dataclass(frozen=True, eq=False)
class FusedLayer:
    """A layer that a core's own kernel computes neuron by neuron in registers.

    `maps` are f, g, t and, with elapsed time, the rate of t; or the one map of other layers.
    With int8 weights they all read the same windows in the same two parts.
    """

    name: ClassVar[str]
    timed: ClassVar[bool] = False  # whether the kernel takes elapsed time
    maps: tuple[FusedMap, ...]

    @property
    def small(self) -> bool:
        """Whether the weights are int8."""
        return self.maps[0].scales is not None

    @property
    def kernel(self) -> str:
        """The name of the kernel, by the bits of a weight."""
        return f"{self.name}8" if self.small else self.name

    @property
    def lifted(self) -> bool:
        """Whether the first part of some row has a scale of its own."""
        scales = [m.scales for m in self.maps if m.scales is not None]
        return any(each.parted or bool(each.lifts.any()) for each in scales)


class CfcLayer(FusedLayer):
    """A layer of CfC neurons whose gate reads elapsed time."""

    name = "cfc"
    timed = True


class CfcFixedLayer(CfcLayer):
    """A layer of CfC neurons with a fixed sample period."""

    name = "cfc_fixed"
    timed = False


class CfcSumLayer(CfcLayer):
    """A layer of CfC neurons without the complementary gate."""

    name = "cfc_sum"


class CfcFixedSumLayer(CfcFixedLayer):
    """A layer of such neurons with a fixed sample period."""

    name = "cfc_fixed_sum"


class TanhLayer(FusedLayer):
    """A map and its tanh."""

    name = "tanh_layer"


@dataclass(frozen=True, eq=False)
class LinearLayer(FusedLayer):
    """A map by itself.

    raised  whether half a segment of tanh's table is added to its results, because an activation
            by that table is all that reads them
    """

    name = "linear_layer"
    raised: bool = False


@dataclass(frozen=True, eq=False)
class CompactLayer:
    """A layer of CfC neurons in the least flash: `sums` are the maps of f, g and t."""

    sums: tuple[Linear | TimedLinear, Linear | TimedLinear, Linear | TimedLinear]

    @property
    def timed(self) -> bool:
        """Whether the gate reads elapsed time."""
        return isinstance(self.sums[2], TimedLinear)

    @property
    def kernel(self) -> str:
        """The name of the kernel, by the bits of a weight."""
        return "cfc_compact8" if self.sums[0].weight_bits == 8 else "cfc_compact"

    def maps(self) -> list[tuple[Integers, Integers]]:
        """Weights [neurons, inputs] and biases [neurons] of f, g, t and t's rate; int8 weights
        without their powers of two."""
        gate, maps = self.sums[2], []
        for op in self.sums:
            weights = op.small() if isinstance(op, Linear8) else np.asarray(op.weights)
            maps.append((weights, op.bias))
        if isinstance(gate, TimedLinear8):
            still, moving = gate.small()
            return [*maps[:2], (still, gate.bias), (moving, gate.rate_bias)]
        return [*maps, (gate.rates, gate.rate_bias)] if isinstance(gate, TimedLinear) else maps

    def lifts(self) -> Integers:
        """[neurons, 4] of the first parts of int8 weights in f, g, t and t's rate."""
        found = [getattr(op, "lifts", np.zeros_like(op.bias)) for op in self.sums]
        gate = self.sums[2]
        moving = getattr(gate, "rate_lifts", np.zeros_like(gate.bias))
        return np.stack([*found, moving], axis=1)

    def whole(self) -> int:
        """The lifts of all int8 weights of f, g, t and t's rate, four bits each from bit 0."""
        gate = self.sums[2]
        still, moving = gate.whole.tolist() if isinstance(gate, TimedLinear8) else (0, 0)
        return (moving << 12) + (still << 8)

    @property
    def split(self) -> int:
        """The size of the first part of the inputs; 0 if no int8 weight of it is lifted.

        Raises ValueError if the maps are not divided alike.
        """
        ops = [op for op in self.sums if isinstance(op, (Linear8, TimedLinear8))]
        splits = {op.split for op in ops}
        if not ops or not self.lifts().any():
            return 0
        (split,) = splits
        return split

    def wired(self) -> NDArray[np.bool_]:
        """[neurons, inputs] where f or g has a weight; the kernel wants at least one a row."""
        f, g, *_ = (weights for weights, _ in self.maps())
        wired: NDArray[np.bool_] = (f != 0) | (g != 0)
        wired[~wired.any(axis=1), 0] = True
        return wired


@dataclass(frozen=True)
class LayerCall:
    """Several steps of a model as one call of a kernel; `name` is the last step's."""

    name: str
    op: FusedLayer | CompactLayer | Unfolds
    inputs: tuple[Argument, ...]
    size: int
    frac: tuple[int, ...]
    group: str = "layers"


ProgramStep = Step | LayerCall


@dataclass(frozen=True)
class Loop:
    """Steps that follow each other in the program and are executed `count` times.

    names    of the steps of the body
    carried  by the name of a vector of the body that the next round reads: the window that the
             first round reads instead. The step that makes it is the last to read its old value.
    """

    count: int
    names: tuple[str, ...]
    carried: dict[str, Window]


@dataclass(frozen=True)
class Program:
    """The steps of a model as they are executed; a loop's body stands in them once."""

    model: Model
    steps: tuple[ProgramStep, ...]
    loops: tuple[Loop, ...] = ()

    @property
    def results(self) -> Argument:
        """What the step gives: the windows of y and of h_next."""
        return (*self.model.y, *self.model.h_next)

    @cached_property
    def index(self) -> dict[str, int]:
        """The position of each step, by name."""
        return {step.name: i for i, step in enumerate(self.steps)}

    @cached_property
    def _bodies(self) -> dict[str, Loop]:
        return {name: loop for loop in self.loops for name in loop.names}

    def loop(self, step: ProgramStep) -> Loop | None:
        """The loop that a step belongs to."""
        return self._bodies.get(step.name)

    def read_by(self, steps: Sequence[ProgramStep]) -> list[Window]:
        """All windows that these steps read, with those with which their loops begin."""
        names = {step.name for step in steps}
        begun = [loop for loop in self.loops if loop.names[0] in names]
        return [*windows_of(steps), *(w for loop in begun for w in loop.carried.values())]

    def read_from(self, first: int) -> list[Window]:
        """All windows whose values are still needed when step `first` is about to run.

        Where the step before it belongs to a loop, the loop may begin another round: that
        round needs what was made outside of the loop, and what the loop carries.
        """
        windows = self.read_by(self.steps[first:])
        loop = self.loop(self.steps[first - 1]) if first else None
        if loop is not None:
            begin = self.index[loop.names[0]]
            made = set(loop.names) - loop.carried.keys()
            windows += [w for w in windows_of(self.steps[begin:first]) if w.vector not in made]
        return [*windows, *self.results]


def elements(step: ProgramStep) -> int:
    """How many elements the result of a step has, of which each may have two parts."""
    return step.size // parts(step.op) if isinstance(step, Step) else step.size


def elementwise(step: ProgramStep) -> bool:
    """Whether each element of a step's result is made of the same element of its inputs."""
    return isinstance(step, Step) and "elementwise" in vars(type(step.op))


def windows_of(steps: Sequence[ProgramStep]) -> list[Window]:
    """All windows that are inputs of these steps; `Program.read_by` knows of loops, too."""
    return [window for step in steps for argument in step.inputs for window in argument]


@dataclass(frozen=True)
class Statement:
    """Lines of `step` with a comment before them; `indent` is that of a loop's body."""

    lines: list[str]
    comment: str = ""
    indent: str = ""


def step_comment(step: ProgramStep, bounds: Interval | None) -> str:
    """The name of a step's vector, its formats and its range, as the generated C prints them."""
    names = tuple(q_name(f) for f in sorted(set(step.frac)))
    size = step.size
    if isinstance(step, Step):
        names = formats(step)
        size = step.size // 2 if form(step.op) == WIDE else step.size
    if RELATIVE in names:
        return f"{step.name}: mantissas and exponents"
    if bounds is None:
        return f"{step.name}: {' '.join(names)}"
    fracs = step.frac[:size]
    lo = min(int(v) / 2.0**f for v, f in zip(bounds.lo[:size], fracs, strict=True))
    hi = max(int(v) / 2.0**f for v, f in zip(bounds.hi[:size], fracs, strict=True))
    return f"{step.name}: {' '.join(names)}, in [{lo:.5g}, {hi:.5g}]"
