"""The bodies of the ops as C over int64: what NumPy would compute, without NumPy's cost an array.

A `Traced` is one more kind of `fixed.Value`: a body that runs on it writes the statements that
compute its result, element by element. The C has sizes and offsets in it and the few numbers that
bodies spell out; all constants of a model are in an array beside it, so networks that differ in
their weights share their C, and no text of a model's file gets into it.

    v[]  what is computed: each result has elements of its own
    k[]  the constants

Both are int64, as in NumPy, and sums wrap as they do there. What C does not define is defined here:
a division by zero is 0, as in NumPy, and a place outside of a table
is its first.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from elegans.exporter.ir.fixed_model import Model, Step, walk
from elegans.exporter.numbers.fixed import Integers, Value
from elegans.exporter.numbers.sparse_matrix import SparseMatrix


class Statements:
    """Statements, and the constants that they read. Equal constants are stored once."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.size = 0  # of v
        self._constants: list[Integers] = []
        self._known: dict[tuple[tuple[int, ...], bytes], Traced] = {}
        self._constant_count = 0

    @property
    def constants(self) -> Integers:
        """The elements of k."""
        found: Integers = np.concatenate([np.zeros(0, np.int64), *self._constants])
        return found

    def result(self, *shape: int) -> Traced:
        """Elements of v that nothing has yet."""
        start, self.size = self.size, self.size + prod(shape)
        return Traced(self, "v", start, shape)

    def constant(self, value: Any) -> Traced:
        """A constant array."""
        array = np.ascontiguousarray(value, dtype=np.int64)
        key = array.shape, array.tobytes()
        if key not in self._known:
            self._known[key] = Traced(self, "k", self._constant_count, array.shape)
            self._constants.append(array.ravel())
            self._constant_count += array.size
        return self._known[key]

    def each(self, shape: tuple[int, ...], value: str) -> Traced:
        """An array of this shape, whose element i is what the C expression says."""
        found = self.result(*shape)
        self.lines.append(
            f"for (long i = 0; i < {prod(shape)}; i++) v[{found.start} + i] = {value};"
        )
        return found


class Traced:
    """An array of a program: `shape` elements of v or k, from `start` on, row by row."""

    def __init__(self, to: Statements, space: str, start: int, shape: tuple[int, ...]) -> None:
        self.to, self.space, self.start, self.shape = to, space, start, shape

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    def new_tensor(self, value: Any) -> Traced:
        """A constant of the same program (torch's name for it; see `fixed.constant`)."""
        return self.to.constant(value)

    def at(self, place: str) -> str:
        """The C expression of the element at a place."""
        return f"{self.space}[{self.start} + {place}]"

    def _spread(self, shape: tuple[int, ...]) -> str:
        """The expression of element i, broadcast to a shape."""
        if self.shape == shape:
            return self.at("i")
        if self.size == 1:
            return self.at("0")
        places = np.arange(self.size).reshape(self.shape)
        return self.at(self.to.constant(np.broadcast_to(places, shape).ravel()).at("i"))

    def _with(self, other: Traced | int, value: str) -> Traced:
        """`value` for each pair of elements, a and b."""
        if not isinstance(other, Traced | int):
            other = self.new_tensor(other)
        if isinstance(other, int):
            text = value.format(a=self.at("i"), b=f"INT64_C({other})")
            return self.to.each(self.shape, text)
        shape = np.broadcast_shapes(self.shape, other.shape)
        text = value.format(a=self._spread(shape), b=other._spread(shape))
        return self.to.each(shape, text)

    def __add__(self, other: Traced | int) -> Traced:
        return self._with(other, "{a} + {b}")

    def __sub__(self, other: Traced | int) -> Traced:
        return self._with(other, "{a} - {b}")

    def __mul__(self, other: Traced | int) -> Traced:
        return self._with(other, "{a} * {b}")

    def __rshift__(self, other: Traced | int) -> Traced:
        return self._with(other, "{a} >> ({b} & 63)")

    def __and__(self, other: Traced | int) -> Traced:
        return self._with(other, "{a} & {b}")

    def __floordiv__(self, other: Traced | int) -> Traced:
        return self._with(other, "quotient({a}, {b})")

    def __abs__(self) -> Traced:
        return self.to.each(self.shape, f"{self.at('i')} < 0 ? -{self.at('i')} : {self.at('i')}")

    def clip(self, lo: Traced | int, hi: Traced | int) -> Traced:
        """Saturation to lo..hi."""
        return self._with(lo, "greater({a}, {b})")._with(hi, "less({a}, {b})")

    def times(self, weights: Integers | SparseMatrix) -> Traced:
        """`fixed.product`: a dot product for each row of weights, over what is stored of it."""
        rows, cols = weights.shape
        if isinstance(weights, SparseMatrix):
            starts = self.new_tensor(np.concatenate([[0], np.cumsum(weights.counts)]))
            first, last = starts.at("r"), starts.at("r + 1")
            weight, column = self.new_tensor(weights.values), self.new_tensor(weights.columns)
            term = f"{weight.at('e')} * {self.at(f'{cols} * o + ' + column.at('e'))}"
        else:
            first, last = "0", str(cols)
            weight = self.new_tensor(weights)
            term = f"{weight.at(f'{cols} * r + e')} * {self.at(f'{cols} * o + e')}"
        found = self.to.result(*self.shape[:-1], rows)
        self.to.lines += [
            f"for (long o = 0; o < {found.size // rows}; o++)",
            f"for (long r = 0; r < {rows}; r++) {{",
            "    int64_t sum = 0;",
            f"    for (long e = {first}; e < {last}; e++) sum += {term};",
            f"    {found.at(f'{rows} * o + r')} = sum;",
            "}",
        ]
        return found

    def __getitem__(self, index: Any) -> Traced:
        if isinstance(index, Traced):
            place = f"within({index.at('i')}, {self.size})"
            return self.to.each(index.shape, self.at(place))
        window = index[-1]
        if isinstance(window, np.ndarray):
            return self.to.each(window.shape, self.at(self.new_tensor(window).at("i")))
        return Traced(self.to, self.space, self.start + window.start, (window.stop - window.start,))

    def flattened(self, size: int) -> Traced:
        """`sliding_window.flattened`."""
        return Traced(self.to, self.space, self.start, (size,))


def traced(model: Model) -> tuple[Statements, Traced, Traced]:
    """The program of one step, its y and its h_next. x, dt and h are the first elements of v."""
    program = Statements()
    sizes = {"x": len(model.inputs), "dt": 1, "h": len(model.states)}
    given = {name: program.result(size) for name, size in sizes.items()}
    y, h_next, _ = walk(model, given, _join, _apply)
    return program, y, h_next


def _join(parts: list[Value]) -> Value:
    program, size = parts[0].to, sum(part.size for part in parts)
    start = program.size
    for part in parts:
        program.each(part.shape, part.at("i"))
    return Traced(program, "v", start, (size,))


def _apply(step: Step, args: list[Value]) -> Value:
    return step.op.integer(*args)
