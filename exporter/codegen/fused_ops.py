"""The ops of steps that one kernel executes together: layers of neurons, for speed or size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.ir.fixed_model import Argument
from elegans.exporter.numbers.fixed import Integers
from elegans.exporter.ops.timed_linear import TimedLinear

BLOCK = 4  # rows of a map with tanh that are computed together


@dataclass(frozen=True, eq=False)
class Map:
    """One row a neuron: weights [n, cols] of the windows, bias [n] with rounding, a shift.

    `saturates` tells whether a shifted sum can leave int16.
    """

    windows: Argument
    weights: Integers
    bias: Integers
    shift: int
    saturates: bool


@dataclass(frozen=True, eq=False)
class Layer:
    """The op of a fused step. `maps` are f, g, t and, with elapsed time, t's rate; or one."""

    kernel: ClassVar[str]
    maps: tuple[Map, ...]
    in_place: ClassVar[bool] = False


class CfcLayer(Layer):
    kernel = "cfc"


class CfcFixedLayer(CfcLayer):
    kernel = "cfc_fixed"


class TanhLayer(Layer):
    kernel = "tanh_layer"


class LinearLayer(Layer):
    kernel = "linear_layer"


@dataclass(frozen=True, eq=False)
class CompactLayer:
    """A layer of CfC neurons in the least flash: `sums` are the maps of f, g and t."""

    sums: tuple[Any, ...]
    in_place: ClassVar[bool] = False

    @property
    def timed(self) -> bool:
        return isinstance(self.sums[2], TimedLinear)

    @property
    def kernel(self) -> str:
        return "cfc_compact8" if self.sums[0].weight_bits == 8 else "cfc_compact"

    def maps(self) -> list[tuple[Integers, Integers]]:
        """Weights [neurons, inputs] and biases [neurons] of f, g, t and t's rate."""
        maps = [(np.asarray(op.weights), op.bias) for op in self.sums]
        return maps + ([(self.sums[2].rates, self.sums[2].rate_bias)] if self.timed else [])

    def wired(self) -> NDArray[np.bool_]:
        """[neurons, inputs] of which f or g keep a weight: one at least, as the kernel wants."""
        f, g, *_ = (weights for weights, _ in self.maps())
        wired: NDArray[np.bool_] = (f != 0) | (g != 0)
        wired[~wired.any(axis=1), 0] = True
        return wired


FUSED = (Layer, CompactLayer)
