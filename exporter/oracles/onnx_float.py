"""The ONNX file itself under onnxruntime: the second truth beside float64.

Float64 runs the network that the import has understood; onnxruntime runs the graph that the user
gave. Where one step of the two, from one state, differs by more than rounding explains, the
import has understood another network. Only single steps can tell: in a free run a network that
amplifies its own rounding parts from itself.
"""

from __future__ import annotations

import contextlib
import math
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.dialects.standard import rounded
from elegans.exporter.frontend.import_graph import StepGraph
from elegans.exporter.ir import real_network
from elegans.exporter.ir.conversion import to_real
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.ir.real_network import Network
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.oracles.free_run import elapsed_times, used_ranges
from elegans.exporter.oracles.onnx_series import IN, OUT, as_series

if TYPE_CHECKING:  # it takes a third of a second to load
    import onnxruntime as ort

_MISREAD = 1e-3
"""The difference of one step, as a fraction of the range used, that float32 cannot explain."""
_MOST_STEPS = 32  # single steps that are compared
_MOST_PRODUCTS = 1 << 25  # weights times steps, so that a large network is compared at fewer
_MOST_WEIGHTS = 1 << 24  # onnxruntime stores sparse tensors as dense ones: 64 MiB
_SHARE = 0.8  # of single steps that must agree where a network compares or rounds
_HALVES = (TensorProto.FLOAT16, TensorProto.BFLOAT16)


class OnnxRuntimeError(Exception):
    """onnxruntime cannot run the graph; the text is its reason."""


class OnnxStep:
    """One step of a graph under onnxruntime, in the graph's own types, as float32.

    period  the fixed sample period, in dt's unit, or None

    Raises `OnnxRuntimeError` if onnxruntime refuses the graph.
    """

    def __init__(self, graph: StepGraph, period: float | None = None) -> None:
        self._graph, self._session = graph, session(graph.given)
        kinds = {v.name: v.type.tensor_type.elem_type for v in graph.given.graph.input}
        self._ports = graph.ports
        self._types = {
            port.name: helper.tensor_dtype_to_np_dtype(kinds[port.name])
            for port in graph.ports.inputs
        }
        self._period = period

    def __call__(self, x: Reals, dt: float, h: Reals) -> tuple[Reals, Reals]:
        """x [I], dt and h [H] -> y [O] and h_next [H].

        Raises `OnnxRuntimeError` if the graph does not run.
        """
        elapsed = np.array([dt if self._period is None else self._period])
        given = {"x": x, "dt": elapsed, "h": h}
        feed = {
            p.name: given[p.vector][p.lo : p.hi].reshape(p.shape).astype(self._types[p.name])
            for p in self._ports.inputs
        }
        y, h_next = self._ports.y, self._ports.h_next
        try:
            found = self._session.run([p.name for p in (*y, *h_next)], feed)
        except Exception as error:
            raise OnnxRuntimeError(_reason(error)) from None
        values = [np.asarray(v, np.float64).ravel() for v in found]
        return np.concatenate(values[: len(y)]), np.concatenate(values[len(y) :])

    def run(self, x: Reals, dt: Reals, h0: Reals) -> tuple[Reals, Reals]:
        """Free runs: x [T, N, I], dt [T, N], h0 [N, H] -> y [T, N, O], h_next [T, N, H]."""
        if (series := self._series) is not None:
            with contextlib.suppress(OnnxRuntimeError):
                runs = [self._scanned(series, x[:, n], dt[:, n], h0[n]) for n in range(x.shape[1])]
                y, h_next = (np.stack(a, axis=1) for a in zip(*runs, strict=True))
                return y, h_next
        outputs, states = [], []
        for run in range(x.shape[1]):
            h = h0[run]
            for now, elapsed in zip(x[:, run], dt[:, run], strict=True):
                y, h = self(now, float(elapsed), h)
                outputs.append(y)
                states.append(h)
        steps, runs = dt.shape
        y, h_next = (np.stack(a).reshape(runs, steps, -1).swapaxes(0, 1) for a in (outputs, states))
        return y, h_next

    @cached_property
    def _series(self) -> ort.InferenceSession | None:
        """What runs all steps of a series at once, if onnxruntime does."""
        try:
            model = as_series(self._graph)
            return None if model is None else session(model)
        except (OnnxRuntimeError, ValueError):  # ValueError: too large for one message
            return None

    def _scanned(
        self, series: ort.InferenceSession, x: Reals, dt: Reals, h0: Reals
    ) -> tuple[Reals, Reals]:
        """A free run: x [T, I], dt [T], h0 [H] -> y [T, O], h_next [T, H]."""
        elapsed = dt[:, None] if self._period is None else np.full((len(dt), 1), self._period)
        given = {"x": x, "dt": elapsed, "h": h0[None]}
        feed = {}
        for port in self._ports.inputs:
            values = given[port.vector][:, port.lo : port.hi].astype(self._types[port.name])
            shape = port.shape if port.vector == "h" else (len(x), *port.shape)
            feed[IN + port.name] = values.reshape(shape)
        y, h_next = self._ports.y, self._ports.h_next
        try:
            found = series.run([OUT + p.name for p in (*y, *h_next)], feed)
        except Exception as error:
            raise OnnxRuntimeError(_reason(error)) from None
        results = [np.asarray(v, np.float64).reshape(len(x), -1) for v in found]
        return np.hstack(results[: len(y)]), np.hstack(results[len(y) :])


def session(model: onnx.ModelProto) -> ort.InferenceSession:
    """What runs a graph on one core. Raises `OnnxRuntimeError` if onnxruntime refuses it."""
    import onnxruntime as ort

    if stored_numbers(model) > _MOST_WEIGHTS:
        raise OnnxRuntimeError("its sparse tensors are too large as dense ones")
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    try:
        return ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime has many error classes without a common base
        raise OnnxRuntimeError(_reason(error)) from None


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0][:160]


def check_reading(
    graph: StepGraph,
    network: Network,
    model: Model,
    vectors: dict[str, NDArray[np.generic]],
) -> None:
    """Compare single steps of the network that was read with those of the graph itself.

    network  what `import_graph.read_network` made of the graph
    vectors  as `golden_vectors.golden` makes them; a few of them are compared

    A graph that onnxruntime does not run, or not in floats, is not compared (`runnable`). Raises
    `ElegansError` if a state or an output differs by more than rounding explains.
    """
    if not runnable(graph.given):
        return
    weights = max(stored_numbers(graph.given), 1)
    count = min(max(_MOST_PRODUCTS // weights, 4), _MOST_STEPS)
    rows = np.linspace(0, len(vectors["x"]) - 1, min(count, len(vectors["x"]))).astype(int)
    x, dt, h = (vectors[name][rows].astype(np.int64) for name in ("x", "dt", "h"))
    # The device clamps what comes in, which the graph does not.
    x = np.clip(x, [c.lo for c in model.inputs], [c.hi for c in model.inputs])
    dt = np.clip(dt, model.dt.lo, model.dt.hi) if model.dt else dt
    real = to_real(x, model.inputs), elapsed_times(dt, model), to_real(h, model.states)
    try:
        step = OnnxStep(graph, network.interface.dt_fixed)
        found = [step(*args) for args in zip(*real, strict=True)]
    except OnnxRuntimeError:
        return
    y, h_next, _ = real_network.step(network, real[0], real[1][:, None], real[2])
    truth = np.concatenate([h_next, y], axis=1)
    other = np.concatenate([np.stack([f[1] for f in found]), np.stack([f[0] for f in found])], 1)
    channels = (*model.states, *model.outputs)
    gap = np.abs(other - truth) / used_ranges(truth[:, None], channels)
    # LTC divides by dt: where dt is 0 the graph has no value, while the integers keep the state.
    gap = np.where(np.isfinite(gap), gap, 0.0)
    if any(atom.jumps for atom in network.atoms.values()):
        # Where float32 rounds a comparison's argument across its threshold, one step is another.
        gap = np.where(gap > np.quantile(gap, _SHARE, axis=0), 0.0, gap)
    if gap.max(initial=0.0) > _MISREAD:
        row, column = np.unravel_index(gap.argmax(), gap.shape)
        raise ElegansError(
            f"{graph.path}, {channels[column].name}",
            f"one step is {truth[row, column]:.6g} as elegans reads the graph and "
            f"{other[row, column]:.6g} under onnxruntime, from the same inputs and state",
            "the import has misread the graph: name its ports with --state and --elapsed if they "
            "were taken for each other, otherwise report it with the file",
        )


def runnable(model: onnx.ModelProto) -> bool:
    """Whether onnxruntime's results say something: not in half precision, nor where it rounds to
    integers of 8 bits, nor for sparse tensors that are too large as dense ones."""
    tensors = [*model.graph.initializer, *(t.values for t in model.graph.sparse_initializer)]
    kinds = {t.data_type for t in tensors} | {
        v.type.tensor_type.elem_type for v in model.graph.input
    }
    return not (kinds & {*_HALVES} or rounded(model)) and stored_numbers(model) <= _MOST_WEIGHTS


def stored_numbers(model: onnx.ModelProto) -> int:
    """The numbers that the graph holds, sparse tensors as dense ones."""
    dense = [t.dims for t in model.graph.initializer]
    return sum(
        int(math.prod(d)) for d in (*dense, *(t.dims for t in model.graph.sparse_initializer))
    )
