"""The step that was found in the graph of a sequence, beside that graph under onnxruntime.

The graph of the sequence runs once on random inputs; the step runs as often as it has steps, each
time on its own outputs. Both must give the same outputs and the same last states.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.import_graph import StepGraph
from elegans.exporter.frontend.recurrent.find import FoundStep
from elegans.exporter.frontend.recurrent.series.values import ONE_STEP
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.oracles.onnx_float import OnnxRuntimeError, runnable, session

if TYPE_CHECKING:  # it takes a third of a second to load
    import onnxruntime as ort

_TOLERANCE = 1e-4  # of the largest value of an output; float32 in another order differs by less
_NUDGE = 1e-6  # of the inputs, to see what the network makes of rounding
_AMPLIFIED = 30.0  # so many times what the nudge changes may be rounding
_MOST_PRODUCTS = 1 << 32  # weights times steps: some seconds
_DT = (0.1, 1.0)  # elapsed times
Arrays = dict[str, Reals]


def check_sequence(graph: StepGraph) -> None:
    """Compare the step of a sequence with the sequence; nothing if the file is a step itself.

    A graph that onnxruntime does not run, as one in half precision, is not compared. Raises
    `ElegansError` if they differ, or if the sequence is too long to be compared.
    """
    found = graph.found
    if found is None or not runnable(found.whole):
        return
    weights = sum(int(np.prod(t.dims)) for t in found.model.graph.initializer)
    if weights * found.length > _MOST_PRODUCTS:
        fact = f"is a sequence of {found.length:,} steps, too long to be compared with its step"
        raise ElegansError(graph.path, fact, "export a shorter sequence, or one of any length")
    given = _inputs(graph, found)
    try:
        whole, step = session(found.whole), session(found.model)
        wanted = _outputs(whole, {n: given[n] for n in _names(found.whole)})
        ours = _repeated(step, found, given)
        nudged = {
            n: (v * (1 + _NUDGE)).astype(v.dtype) if v.dtype.kind == "f" else v
            for n, v in given.items()
        }
        other = _repeated(step, found, nudged)
    except OnnxRuntimeError:
        return
    for name, value in wanted.items():
        largest = max(float(np.abs(value).max(initial=0.0)), 1e-3)
        rounding = float(np.abs(ours[name] - other[name]).max(initial=0.0))
        gap = float(np.abs(ours[name].reshape(value.shape) - value).max(initial=0.0))
        if not gap <= max(_TOLERANCE * largest, _AMPLIFIED * rounding):
            raise ElegansError(
                f"{graph.path}, {name!r}",
                f"{found.told} was found, but after {found.length} steps it differs from the "
                f"file by {gap:.2g}, of values up to {largest:.2g}: the file may start from a "
                "state that is not 0, or compute over time what no step does",
                ONE_STEP,
            )


def _inputs(graph: StepGraph, found: FoundStep) -> Arrays:
    """Random inputs of the whole graph; states start anywhere if they are its inputs."""
    random = np.random.default_rng(0)
    times = {p.name for p in graph.ports.inputs if p.vector == "dt"}
    read = {p.name for p in graph.ports.inputs}
    values = {}
    for port in found.whole.graph.input:
        shape = [d.dim_value for d in port.type.tensor_type.shape.dim]
        dtype = helper.tensor_dtype_to_np_dtype(port.type.tensor_type.elem_type)
        if dtype.kind != "f":  # the lengths of sequences
            values[port.name] = np.full(shape, found.length, dtype)
        elif port.name not in read:  # a state that the step keeps itself, from 0
            values[port.name] = np.zeros(shape, dtype)
        else:
            span = _DT if port.name in times else (-1.0, 1.0)
            values[port.name] = random.uniform(*span, shape).astype(dtype)
    for before, _ in found.states:
        if before not in values:
            port = next(p for p in graph.ports.inputs if p.name == before)
            values[before] = np.zeros(port.shape, np.float32)
    return values


def _repeated(step: ort.InferenceSession, found: FoundStep, given: Arrays) -> Arrays:
    """The outputs of the whole graph, by running the step: series along their axes of time."""
    names = _names(found.model)
    states = {before: given[before] for before, _ in found.states}
    series: dict[str, list[Reals]] = {
        n: [] for n, axis in found.outputs.items() if axis is not None
    }
    outputs: Arrays = {}
    for number in range(found.length):
        sample = {
            name: np.take(given[name], [number], axis) if axis is not None else given[name]
            for name, axis in found.inputs.items()
        }
        feed = {**{n: given[n] for n in names if n in given}, **sample, **states}
        outputs = _outputs(step, {name: feed[name] for name in names})
        states = {before: outputs[after] for before, after in found.states}
        for name, values in series.items():
            values.append(outputs[name])
    joined = {n: np.concatenate(v, found.outputs[n] or 0) for n, v in series.items()}
    return outputs | joined


def _outputs(runs: ort.InferenceSession, feed: Arrays) -> Arrays:
    """Every output by its name."""
    names = [port.name for port in runs.get_outputs()]
    try:
        return dict(zip(names, map(np.asarray, runs.run(names, feed)), strict=True))
    except Exception as error:  # onnxruntime has many error classes without a common base
        raise OnnxRuntimeError(str(error)) from None


def _names(model: onnx.ModelProto) -> list[str]:
    held = {tensor.name for tensor in model.graph.initializer}
    return [port.name for port in model.graph.input if port.name not in held]
