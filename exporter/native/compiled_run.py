"""A model's steps one after the other, by the C of `traced`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.native.library import library
from elegans.exporter.native.traced import traced
from elegans.exporter.numbers.fixed import Integers

Run = Callable[[Integers, Integers, Integers], tuple[Integers, Integers]]
"""x [T, I], dt [T], h0 [H] -> y [T, O] and h [T, H], the states after each step."""

_FLAGS = ("-O2", "-fwrapv")  # sums of integers wrap, as NumPy's do
_HEAD = """\
#include <stdint.h>

static int64_t less(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t greater(int64_t a, int64_t b) { return a > b ? a : b; }

/* Rounded down, as in Python. */
static int64_t quotient(int64_t a, int64_t b)
{
    if (b == 0 || b == -1)
        return -a * (b != 0);
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* A place in a table of n; negative ones count from its end. NumPy stops at one that is outside. */
static int64_t within(int64_t i, int64_t n)
{
    i += i < 0 ? n : 0;
    return i < 0 || i >= n ? 0 : i;
}
"""


@dataclass(frozen=True)
class Compiled:
    """The run of a model in compiled C, or None, and the sentence that says why there is none."""

    run: Run | None
    story: str


@lru_cache(maxsize=1)
def compiled_run(model: Model) -> Compiled:
    """The run of a model, compiled if that was not done yet. Raises nothing.

    Images get none: NumPy spends its time on their products, not between them.
    """
    if model.products:
        return Compiled(None, "a network of images is not compiled")
    text, constants, size = _source(model)
    found = library("step", {"step.c": text.encode()}, *_FLAGS)
    if found.library is None:
        return Compiled(None, found.story)
    return Compiled(partial(_run, model, found.library.run, constants, size), found.story)


def _source(model: Model) -> tuple[str, Integers, int]:
    """The C, its constants, and the size of v."""
    found, y, h_next = traced(model)
    ends = np.cumsum([0, len(model.inputs), 1, len(model.states)])
    lines = [
        f"for (long i = 0; i < {ends[1]}; i++) v[i] = x[{ends[1]} * t + i];",
        f"v[{ends[1]}] = dt[t];",
        f"for (long i = 0; i < {h_next.size}; i++) v[{ends[2]} + i] = h[{h_next.size} * t + i];",
        *found.lines,
        f"for (long i = 0; i < {y.size}; i++) y[{y.size} * t + i] = {y.at('i')};",
        f"for (long i = 0; i < {h_next.size}; i++)",
        f"    h[{h_next.size} * (t + 1) + i] = {h_next.at('i')};",
    ]
    body = "\n".join(f"        {line}" for line in lines)
    text = (
        f"{_HEAD}\n"
        "void run(int64_t steps, const int64_t *restrict x, const int64_t *restrict dt,\n"
        "         int64_t *restrict h, int64_t *restrict y,\n"
        "         const int64_t *restrict k, int64_t *restrict v)\n"
        "{\n"
        "    for (int64_t t = 0; t < steps; t++) {\n"
        f"{body}\n"
        "    }\n"
        "}\n"
    )
    return text, found.constants, found.size


def _run(
    model: Model,
    run: Callable[..., None],
    k: Integers,
    size: int,
    x: Integers,
    dt: Integers,
    h0: Integers,
) -> tuple[Integers, Integers]:
    y = np.zeros((len(x), len(model.outputs)), np.int64)
    h = np.zeros((len(x) + 1, len(model.states)), np.int64)
    h[0] = h0
    given = [np.ascontiguousarray(a, np.int64) for a in (x, dt)]
    v = np.zeros(size, np.int64)
    arrays = [ctypes.c_void_p(a.ctypes.data) for a in (*given, h, y, k, v)]
    run(ctypes.c_int64(len(x)), *arrays)
    return y, h[1:]
