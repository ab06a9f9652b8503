"""Operators that only move elements, applied to tensors that have a time axis.

They are run twice on integers in place of the elements: on the step that each belongs to, and on
its number within its step. The results tell which steps each output has, and where.
"""

from __future__ import annotations

import math

import numpy as np
import onnx
from numpy.typing import NDArray

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.reader import Reader
from elegans.exporter.frontend.recurrent.series.step_nodes import StepNodes
from elegans.exporter.frontend.recurrent.series.values import (
    ONE_STEP,
    Array,
    Shape,
    Value,
    When,
    one_step,
)

MOVING = frozenset(
    (
        *("Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "GatherElements", "GatherND"),
        *("Identity", "Reshape", "ReverseSequence", "Slice", "SpaceToDepth", "Split", "Squeeze"),
        *("Tile", "Transpose", "Unsqueeze"),
    )
)
_MOST_ELEMENTS = 1 << 22  # of a tensor of the whole sequence
_ANY_STEP = -1  # the step of an element that is the same at each step
Integers = NDArray[np.int64]


def sources(node: onnx.NodeProto, inputs: list[Value | None]) -> dict[str, Value]:
    """Those of a node's inputs whose elements it moves; the others are indices and shapes."""
    named = list(zip(node.input, inputs, strict=True))
    moved = named if node.op_type == "Concat" else named[:1]
    return {name: value for name, value in moved if value is not None}


class Movement:
    """What one node does with the elements of its sources.

    length  the number of steps of the sequence
    picked  the steps that it takes out of an unrolled series, each by itself
    """

    def __init__(
        self, reader: Reader, nodes: StepNodes, place: str, node: onnx.NodeProto, length: int
    ) -> None:
        self._reader, self._nodes, self._length = reader, nodes, length
        self._place, self._node = place, node
        self.picked: set[int] = set()

    def outputs(self, inputs: list[Value | None], copies: int) -> list[Value]:
        """The values of the node's outputs, of which a series has so many copies."""
        moved = sources(self._node, inputs)
        kept = {n: v for n, v in zip(self._node.input, inputs, strict=True) if v is not None}
        if any(v.over is not None for v in kept.values()):
            return self._of_a_body(moved, kept)
        made = self._run(moved, {n: v.array for n, v in kept.items()})
        return [
            self._of_all_steps(list(moved.values()), times, within, name, copies)
            for name, (times, within) in zip(self._node.output, made, strict=True)
        ]

    def _of_a_body(self, moved: dict[str, Value], kept: dict[str, Value]) -> list[Value]:
        """The step that a body picks from a series by the number of the step."""
        found: list[tuple[Integers, Integers]] = []
        for step in sorted({0, 1, self._length // 2, self._length - 1}):
            arrays = {n: v.array if v.over is None else v.over[step] for n, v in kept.items()}
            found = self._run(moved, arrays)
            steps = {int(t) for times, _ in found for t in np.unique(times)} - {_ANY_STEP}
            if steps == {self._length - 1 - step} and step != self._length - 1 - step:
                raise self._backwards()
            if not steps <= {step}:
                raise self._error(f"reads step {min(steps)} of the sequence at step {step}")
        given = list(moved.values())
        return [self._picked(given, within, within.shape, When.NOW) for _, within in found]

    def _of_all_steps(
        self, given: list[Value], times: Integers, within: Integers, name: str, copies: int
    ) -> Value:
        steps = np.unique(times[times != _ANY_STEP])
        if not steps.size:
            return self._picked(given, within, within.shape, When.STEADY)
        if steps.size == 1:
            step = int(steps[0])
            if copies > 1:
                self.picked.add(step)
                return self._picked(given, within, within.shape, When.NOW, step)
            if step != self._length - 1:
                raise self._error(f"takes step {step} of {self._length} by itself")
            return self._picked(given, within, within.shape, When.LAST)
        axis = self._axis(times)
        shape = one_step(times.shape, axis)
        pattern = np.take(within, [0], axis)
        if np.any(within != pattern):
            raise self._error("gives the elements of a step another order at each step")
        kind, node = given[0].kind, self._node
        names = []
        for copy in range(copies):
            if node.op_type in ("Transpose", "Concat") and len(given) == len(node.input):
                inputs = [self._nodes.name_of(v, copy) for v in given]
                names.append(self._nodes.copy(node, inputs)[0])
            else:
                names.append(self._pick(given, pattern, shape, copy, name))
        return Value(times.shape, kind, tuple(names), When.SERIES, axis)

    def _axis(self, times: Integers) -> int:
        """The axis along which the steps lie in their order. Raises `ElegansError` if none is."""
        for axis, size in enumerate(times.shape):
            along = np.arange(size).reshape([-1 if i == axis else 1 for i in range(times.ndim)])
            if size == self._length and np.all((times == along) | (times == _ANY_STEP)):
                return axis
            if size == self._length and np.all(times == size - 1 - along):
                raise self._backwards()
        steps = times[times != _ANY_STEP]
        raise self._error(
            f"takes steps {steps.min()} to {steps.max()} of {self._length} together, as a window "
            "or a pooling over time does"
        )

    def _picked(
        self, given: list[Value], within: Integers, shape: Shape, when: When, copy: int = 0
    ) -> Value:
        name = self._pick(given, within, shape, copy, self._node.output[0])
        return Value(shape, given[0].kind, (name,), when)

    def _pick(
        self, given: list[Value], pattern: Integers, shape: Shape, copy: int, base: str
    ) -> str:
        """A tensor of these elements of the sources of one step, which are counted end to end."""
        nodes, starts = self._nodes, np.cumsum([0, *(v.size for v in given)])
        for value, lo, hi in zip(given, starts, starts[1:], strict=False):
            if np.array_equal(pattern.ravel(), np.arange(lo, hi)):
                return nodes.shaped(nodes.name_of(value, copy), shape)
        flat = [nodes.shaped(nodes.name_of(v, copy), (v.size,)) for v in given]
        whole = nodes.add("Concat", *flat, axis=0) if len(flat) > 1 else flat[0]
        picked = nodes.add("Gather", whole, nodes.constant(pattern.ravel()), axis=0, base=base)
        return nodes.shaped(picked, shape)

    def _run(
        self, moved: dict[str, Value], arrays: dict[str, Array | None]
    ) -> list[tuple[Integers, Integers]]:
        """Of each output: the step of each element, and its number among those of its step."""
        times, within, start = dict(arrays), dict(arrays), 0
        for name, value in moved.items():
            if math.prod(value.shape) > _MOST_ELEMENTS:
                fact = f"moves a sequence of {math.prod(value.shape):,} elements"
                raise ElegansError(self._place, fact, "export a shorter sequence")
            times[name], within[name] = _steps(value), _numbers(value) + start
            start += value.size
        unknown = next((n for n, a in times.items() if a is None), None)
        if unknown is not None:
            raise self._error(f"moves elements by {unknown!r}, which is no constant")
        of_times, of_numbers = (
            self._reader.evaluate(self._place, self._node, each) for each in (times, within)
        )
        pairs = zip(of_times, of_numbers, strict=True)
        return [(np.asarray(t, np.int64), np.asarray(w, np.int64)) for t, w in pairs]

    def _backwards(self) -> ElegansError:
        return self._error("reads the sequence backwards, from a future that a step does not know")

    def _error(self, fact: str) -> ElegansError:
        return ElegansError(self._place, fact, ONE_STEP)


def _steps(value: Value) -> Integers:
    """The step of each element."""
    if value.when is not When.SERIES or value.axis is None:
        return np.full(value.shape, _ANY_STEP, np.int64)
    along = [-1 if i == value.axis else 1 for i in range(len(value.shape))]
    steps = np.arange(value.shape[value.axis], dtype=np.int64).reshape(along)
    return np.broadcast_to(steps, value.shape).copy()


def _numbers(value: Value) -> Integers:
    """The number of each element within its step."""
    numbers = np.arange(value.size, dtype=np.int64).reshape(value.step_shape)
    return np.broadcast_to(numbers, value.shape).copy()


def without_time(value: Value, nodes: StepNodes, axis: int, when: When) -> Value:
    """The step of a series, without the axis of time."""
    shape = tuple(n for i, n in enumerate(value.shape) if i != axis)
    name = nodes.shaped(value.names[0], shape)
    return Value(shape, value.kind, (name,), when)


def with_time(value: Value, nodes: StepNodes, axis: int, length: int, when: When) -> Value:
    """A series of what each step gives, along a new axis."""
    shape = (*value.shape[:axis], length, *value.shape[axis:])
    name = nodes.shaped(nodes.name_of(value), one_step(shape, axis))
    of_time = axis if when is When.SERIES else None
    return Value(shape, value.kind, (name,), when, of_time)
