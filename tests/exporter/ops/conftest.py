"""Executes an op by NumPy, torch, onnxruntime, intervals, and C from every host compiler."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper

from elegans.exporter.native.traced import Statements
from elegans.exporter.numbers.fixed import Integers, Interval, Value, join_intervals
from elegans.exporter.ops import WIDE, Op, form, parts
from elegans.exporter.ops.elapsed import Elapsed
from elegans.exporter.ops.quotient import Quotient
from elegans.exporter.ops.short_time import ShortTime
from elegans.exporter.ops.time_share import MOST_EXPONENT
from elegans.exporter.oracles.integer_onnx import GraphBuilder, Node
from elegans.tests.places import RUNTIME
from elegans.tests.shared import locked

_COMPILERS = {
    "gcc": ["gcc"],
    "clang": ["clang"],
    "zig": [sys.executable, "-m", "ziglang", "cc", "-fno-sanitize=undefined"],
}
_FLAGS = "-std=c99 -shared -fPIC -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Werror"
_CTYPES = {
    "int8_t": np.int8,
    "int16_t": np.int16,
    "int32_t": np.int32,
    "uint8_t": np.uint8,
    "uint16_t": np.uint16,
    "el_window": np.uint16,
}
_LEVELS = {"gcc": ("2s", "03"), "clang": ("03", "2s"), "zig": ("2s", "03")}
"""The levels of optimisation with which each run compiles the kernels, and those of a soak."""
_BUILDS, _SOAKED = (
    [
        f"{compiler}-O{level}"
        for compiler, command in _COMPILERS.items()
        if shutil.which(command[0])
        for level in _LEVELS[compiler][soak]
    ]
    for soak in (False, True)
)
_FIRST = next(build for build in _BUILDS if build.endswith("2"))

_ROUNDED = 3.0
"""Units between an op and its meaning in real numbers, with its saturation: half a unit for what
only rounds, and up to three for a curve from a table."""
_COARSE = {"timed_linear", "timed_linear8", "short_time"}
"""A rate is rounded before it is multiplied by the elapsed time, and a short time drops 16 bits."""

_UNHELD = {"fused_step", "wide_fused_step", "elapsed", "step_ratio", "decay_share", "lstm_cell"}
"""Tests of their own compare them with what they mean, within the ends that they are used with."""

Everywhere = Callable[..., Integers]


@pytest.fixture(
    scope="session",
    params=[
        pytest.param([_FIRST], id=_FIRST),
        pytest.param(
            [build for build in _BUILDS if build != _FIRST], id="others", marks=pytest.mark.slow
        ),
        pytest.param(_SOAKED, id="soaked", marks=pytest.mark.soak),
    ],
)
def kernels(request: pytest.FixtureRequest, shared: Path) -> dict[str, ctypes.CDLL]:
    """The runtime's kernels from every compiler; with a soak, at every level of optimisation."""
    return {build: ctypes.CDLL(str(_library(build, shared))) for build in request.param}


def _library(build: str, shared: Path) -> Path:
    compiler, level = build.split("-")
    library = shared / f"kernels-{build}.so"
    with locked(library):
        if not library.exists():
            sources = sorted(str(path) for path in (RUNTIME / "src").glob("*.c"))
            flags = [*_FLAGS.split(), f"-{level}", "-I", f"{RUNTIME}/include"]
            made = library.with_suffix(".made")
            command = [*_COMPILERS[compiler], *flags, *sources, "-o", str(made)]
            subprocess.run(command, check=True)
            made.rename(library)
    return library


@pytest.fixture
def everywhere(kernels: dict[str, ctypes.CDLL]) -> Everywhere:
    """A function that executes an op on inputs [N, size] in every way, and returns the outputs.

    All executions must give the same bits, within the bounds that `range` gives for the inputs,
    and near what `real` says that they mean. The parts of a result are joined, as a model has
    them.
    """

    def execute(op: Op, *inputs: Integers) -> Integers:
        expected = _joined(op.integer(*inputs))
        tensors = [torch.from_numpy(np.ascontiguousarray(x)) for x in inputs]
        found = _parts(op.integer(*tensors))
        np.testing.assert_array_equal(torch.cat(found, -1).numpy(), expected, "torch")
        np.testing.assert_array_equal(_onnx(op, inputs), expected, "onnxruntime")
        _trace(op, expected, inputs)
        for build, library in kernels.items():
            found = _c(library, op, inputs, expected.shape)
            np.testing.assert_array_equal(found, expected, f"C by {build}")
        args = (Interval.of(x.min(axis=0), x.max(axis=0)) for x in inputs)
        bounds = join_intervals(_parts(op.range(*args)))
        assert np.all((bounds.lo <= expected) & (expected <= bounds.hi)), "interval"
        if isinstance(op.integer(*inputs), tuple):
            _means(op, inputs)
        elif op.kernel not in _COARSE:
            with np.errstate(divide="ignore", invalid="ignore"):
                real = op.real(*(x.astype(np.float64) for x in inputs))
            held = np.clip(real, op.lo, op.hi) if isinstance(op, Quotient) else real
            gap = np.abs(np.clip(held, -32768, 32767) - expected)[np.isfinite(real)]
            assert gap.max() <= _ROUNDED, "what the op means in real numbers"
        return expected

    return execute


def _means(op: Op, inputs: tuple[Integers, ...]) -> None:
    """Compare the parts of a result with what they mean in real numbers.

    The lower halves of 32 bits are part of the real upper ones, and exponents are the same numbers.
    """
    with np.errstate(all="ignore"):
        first, *others = op.real(*(x.astype(np.float64) for x in inputs))
    found, *rest = op.integer(*inputs)
    wide = form(op) == WIDE
    for real, whole in zip(others, rest, strict=True):
        shown = np.broadcast_to(real, whole.shape)
        np.testing.assert_array_equal(shown, 0 * whole if wide else whole, "the other parts")
    if op.kernel in _UNHELD:
        return
    held = np.clip(np.broadcast_to(first, found.shape), -32768 if wide else 0, 32767)
    off = np.abs(held - found - (rest[0] * 2.0**-16 if wide else 0))
    near = np.isfinite(off) & ((rest[0] < MOST_EXPONENT) | wide)
    assert off[near].max(initial=0) <= _ROUNDED, "what the op means in real numbers"


def _parts(result: Value) -> list[Value]:
    return list(result) if isinstance(result, tuple) else [result]


def _joined(result: Value) -> Integers:
    return np.concatenate(_parts(result), axis=-1)


def _onnx(op: Op, inputs: tuple[Integers, ...]) -> Integers:
    graph = GraphBuilder()
    names = [f"in{i}" for i in range(len(inputs))]
    results = _parts(op.integer(*(Node(graph, name) for name in names)))
    ports = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["N", x.shape[1]])
        for name, x in zip(names, inputs, strict=True)
    ]
    outputs = [
        helper.make_tensor_value_info(result.name, TensorProto.INT64, ["N", None])
        for result in results
    ]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "op", ports, outputs, list(graph.constants.values())),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=8,
    )
    onnx.checker.check_model(model)
    session = ort.InferenceSession(model.SerializeToString())
    feed = {name: np.ascontiguousarray(x) for name, x in zip(names, inputs, strict=True)}
    return _joined(tuple(session.run(None, feed)))


def _trace(op: Op, expected: Integers, inputs: tuple[Integers, ...]) -> None:
    """Trace the body as C. It is not compiled: the reference compares the C with NumPy, always."""
    to = Statements()
    results = _parts(op.integer(*(to.result(x.shape[1]) for x in inputs)))
    assert sum(result.size for result in results) == expected.shape[1]


@pytest.fixture
def repeat(kernels: dict[str, ctypes.CDLL]) -> Everywhere:
    """A function that executes an op in C 1,000,000 times on what it gave before, in place."""

    def execute(op: Op, first: Integers, *inputs: Integers) -> Integers:
        function = getattr(next(iter(kernels.values())), f"el_{op.kernel}")
        function.restype = None
        held = first.astype(np.int16)
        constants = [t.values.astype(_CTYPES[t.ctype]) for t in op.tables()]
        arrays = [held, held, *(x.astype(np.int16) for x in inputs), *constants]
        numbers = [*op.scalars(), len(first) // parts(op)]
        arguments = [ctypes.c_void_p(a.ctypes.data) for a in arrays]
        arguments += [ctypes.c_uint32(n) for n in numbers]
        for _ in range(1_000_000):
            function(*arguments)
        return held.astype(np.int64)

    return execute


def _c(
    kernels: ctypes.CDLL, op: Op, inputs: tuple[Integers, ...], shape: tuple[int, ...]
) -> Integers:
    """The C kernel, row by row, with a guard value behind its output.

    Elapsed time is given by value, and with its range as int32_t; a kernel on vectors takes the
    length of one part of its result.
    """
    function = getattr(kernels, f"el_{op.kernel}")
    function.restype = None
    time = isinstance(op, Elapsed | ShortTime)
    tables = [np.ascontiguousarray(t.values, dtype=_CTYPES[t.ctype]) for t in op.tables()]
    told = time or any(hasattr(op, name) for name in ("weights", "window", "pixels"))
    lengths = [] if told else [shape[1] // parts(op)]
    numbers = [ctypes.c_int32(n) for n in op.scalars()]
    numbers += [ctypes.c_uint32(n) for n in lengths]
    found = np.zeros(shape, np.int64)
    for n in range(shape[0]):
        out = np.full(shape[1] + 1, 0x5A5A, np.int16)
        rows = [] if time else [np.ascontiguousarray(x[n], dtype=np.int16) for x in inputs]
        values = [ctypes.c_int32(int(x[n, 0])) for x in inputs] if time else []
        arrays = [a.ctypes.data_as(ctypes.c_void_p) for a in (out, *rows)]
        constants = [a.ctypes.data_as(ctypes.c_void_p) for a in tables]
        function(*arrays, *values, *constants, *numbers)
        assert out[-1] == 0x5A5A, "the kernel wrote beyond its output"
        found[n] = out[:-1]
    return found
