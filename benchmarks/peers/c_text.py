"""C of constant matrices, with interleaved rows: what the tuned float cells consist of.

A vector has as many floats as `float_kernels.h` says: one, or four on a core with Helium. Rows
are padded with zeros to whole vectors. Several vectors of rows are computed together, so that
each input is loaded once for all of them; the weights lie in the order in which they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Reals = NDArray[np.float64]
_TOGETHER = {1: 8, 4: 4}  # vectors of rows at once, by lanes: what the registers hold
_MOST_UNROLLED, _MOST_AT_ONCE = 20, 10  # columns


@dataclass(frozen=True)
class Columns:
    """Where the inputs of a matrix lie: ``places`` in ``length`` consecutive floats."""

    places: tuple[int, ...]
    length: int


@dataclass
class CText:
    """The constants and functions of a program that is being written, for vectors of `lanes`."""

    lanes: int
    parts: list[str] = field(default_factory=list)

    def padded(self, count: int) -> int:
        """The floats of whole vectors that hold so many."""
        return -(-count // self.lanes) * self.lanes

    def floats(self, name: str, values: Any) -> None:
        """A constant array."""
        self._array("float", name, [real(v) for v in np.ravel(values)])

    def places(self, name: str, values: Any) -> None:
        """A constant array of indices."""
        self._array("place", name, [str(int(v)) for v in np.ravel(values)])

    def vector(self, values: Reals) -> Reals:
        """The values, and zeros up to a whole vector."""
        return np.pad(values, (0, self.padded(len(values)) - len(values)))

    def matrix(
        self, name: str, maps: Sequence[tuple[Reals, Reals]], columns: Columns
    ) -> Sequence[int]:
        """The function ``name(x, y)`` of maps ``(weights [rows, inputs], biases [rows])`` of the
        same inputs; the offset of each map's results in y, and at the end the floats of y."""
        sizes = [self.padded(len(bias)) for _, bias in maps]
        weights = np.zeros((columns.length + 1, sum(sizes)))  # the biases are the first row
        offsets = [sum(sizes[:i]) for i in range(len(sizes) + 1)]
        for (weight, bias), offset in zip(maps, offsets, strict=False):
            rows = slice(offset, offset + len(bias))
            weights[0, rows] = bias
            weights[1 + np.array(columns.places), rows] = weight.T
        unrolled, used = self._unrolled(_used(weights[1:]), columns.length)
        weights = weights[: 1 + used]
        groups = _groups(offsets[-1] // self.lanes, _TOGETHER[self.lanes])
        order, start = [], 0
        for size in groups:
            order.append(weights[:, start : start + size * self.lanes].ravel())
            start += size * self.lanes
        self.floats(f"{name}_w", np.concatenate(order))
        body = [
            f"static void {name}(const float *x, float *y)",
            "{",
            f"    const float *w = {name}_w;",
        ]
        for size in sorted(set(groups), reverse=True):
            body += _together(size, groups.count(size), used, unrolled)
        self.parts += ["\n".join([*body, "}"])]
        return offsets

    def dot(self, name: str, weights: Reals, bias: float, columns: Columns) -> None:
        """The function ``name(x)`` that returns one row of a matrix."""
        row = np.zeros(self.padded(columns.length))
        row[np.array(columns.places)] = weights
        self.floats(f"{name}_w", row)
        self.parts.append(
            f"""static float {name}(const float *x)
{{
    vf a = load({name}_w), b = load(x);
    a = mul(a, b);
#pragma GCC unroll {len(row) // self.lanes}
    for (int c = LANES; c < {len(row)}; c += LANES) {{
        a = madd(a, load({name}_w + c), load(x + c));
    }}
    return sum(a) + {real(bias)};
}}"""
        )

    def _unrolled(self, least: int, most: int) -> tuple[int, int]:
        """How often a loop over columns is unrolled, and how many columns it has: fully if they
        are few, else by a divisor, so that no rest is left. Helium has too few registers for the
        inputs of a loop that is unrolled fully."""
        if self.lanes == 1 and least <= _MOST_UNROLLED:
            return least, least
        pairs = [
            (n, count) for n in range(_MOST_AT_ONCE, 2, -1) for count in range(least, most + 1)
        ]
        return next(((n, count) for n, count in pairs if count % n == 0), (1, least))

    def _array(self, kind: str, name: str, values: Sequence[str]) -> None:
        rows = "\n".join(_wrapped(values))
        self.parts.append(f"static const {kind} {name}[{len(values)}] = {{\n{rows}\n}};")


@dataclass
class Step:
    """What a cell's step consists of.

    floats    of the memory `v` that is kept from step to step; x is its beginning
    segments  (place in v, count) of the states, in the order of h
    body      the statements of a step, which may use `v`, `x` and `dt`
    output    where the outputs lie after it, as an expression in C, and in what columns
    """

    floats: int
    segments: list[tuple[int, int]]
    body: list[str] = field(default_factory=list)
    output: str = ""
    columns: Columns = Columns((), 0)


def loop(text: CText, count: int, lines: list[str]) -> list[str]:
    """The lines for each vector of `count` elements, which begins at i."""
    head = f"for (int i = 0; i < {text.padded(count)}; i += LANES) {{"
    return [head, *(f"    {line}" for line in lines), "}"]


def values(tensor: Tensor) -> Reals:
    """A tensor in float64."""
    return tensor.detach().double().numpy()


def real(value: float) -> str:
    """A float as C."""
    text = f"{np.float32(value):.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def _used(weights: Reals) -> int:
    """The columns up to the last one with a weight."""
    return int(np.flatnonzero(weights.any(axis=1))[-1]) + 1


def _groups(vectors: int, most: int) -> list[int]:
    """Vectors in as few groups of nearly the same size as there can be, the larger ones first."""
    count = -(-vectors // most)
    return [vectors // count + (i < vectors % count) for i in range(count)]


def _together(size: int, times: int, columns: int, unrolled: int) -> list[str]:
    """A loop over groups of `size` vectors of rows each."""
    names = [f"a{i}" for i in range(size)]
    first = ", ".join(f"{name} = load(w + {i} * LANES)" for i, name in enumerate(names))
    step = f"w += {size} * LANES;"
    lines = [f"for (int group = 0; group < {times}; group++) {{", f"    vf {first};", f"    {step}"]
    lines += [f"#pragma GCC unroll {unrolled}"]
    lines += [f"    for (int c = 0; c < {columns}; c++) {{", "        const float v = x[c];"]
    lines += [
        f"        {name} = madd1({name}, load(w + {i} * LANES), v);" for i, name in enumerate(names)
    ]
    lines += [f"        {step}", "    }"]
    lines += [f"    store(y + {i} * LANES, {name});" for i, name in enumerate(names)]
    lines += [f"    y += {size} * LANES;", "}"]
    return [line if line.startswith("#") else f"    {line}" for line in lines]


def _wrapped(words: Iterable[str]) -> list[str]:
    rows, row = [], "   "
    for word in words:
        if len(row) + len(word) > 96:
            rows.append(row)
            row = "   "
        row += f" {word},"
    return [*rows, row]
