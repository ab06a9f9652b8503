"""What a tensor of the graph of a sequence is to one step of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from elegans.exporter.errors import ElegansError

Shape = tuple[int, ...]
Array = NDArray[Any]
ONE_STEP = "give elegans one step of it: see examples/from_onnx.md"


class When(IntEnum):
    """At which steps a tensor has its elements."""

    STEADY = 0  # the same at each step
    NOW = 1  # inside of a body, or at a single step of an unrolled sequence
    LAST = 2  # after the last step
    SERIES = 3  # at all steps, along an axis


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of the whole graph.

    shape  in the whole graph
    kind   the type of its elements, as TensorProto has it
    names  of the tensors of the step graph that it becomes: one, or one for each unrolled step.
           A series becomes tensors of the same shape with a time axis of length 1
    axis   of time, in a series
    array  its elements, if they are known
    over   its elements at each step, if it follows from the number of the step alone
    items  whether it is ONNX's sequence of such tensors, one for each step
    """

    shape: Shape
    kind: int
    names: tuple[str, ...] = ()
    when: When = When.STEADY
    axis: int | None = None
    array: Array | None = None
    over: tuple[Array, ...] | None = None
    items: bool = False

    @property
    def size(self) -> int:
        """The number of elements that a step has of it."""
        return math.prod(self.step_shape)

    @property
    def step_shape(self) -> Shape:
        """The shape of its tensors in the step graph."""
        return one_step(self.shape, self.axis)

    def at(self, copy: int) -> str:
        """The tensor of an unrolled step."""
        return self.names[copy] if len(self.names) > 1 else self.names[0]


def one_step(shape: Shape, axis: int | None) -> Shape:
    """A shape with a time axis of length 1."""
    return tuple(1 if i == axis else n for i, n in enumerate(shape))


def known(array: Array, kind: int | None = None) -> Value:
    """A constant."""
    kind = helper.np_dtype_to_tensor_dtype(array.dtype) if kind is None else kind
    return Value(array.shape, kind, array=array)


def known_zero(value: Value | None) -> bool:
    """Whether it is absent, or a constant 0."""
    return value is None or (value.array is not None and not np.any(value.array))


def joined(place: str, values: Iterable[Value]) -> When:
    """When a result of these tensors is known.

    Raises `ElegansError` if it would take more than one step.
    """
    found = {v.when for v in values} - {When.STEADY}
    if len(found) <= 1:
        return found.pop() if found else When.STEADY
    fact = (
        "joins the last step with every step, as attention over the past or a decoder does"
        if When.LAST in found
        else "reads the whole sequence at each step, as attention does"
    )
    raise ElegansError(place, fact, f"a step knows its own inputs and its state; {ONE_STEP}")
