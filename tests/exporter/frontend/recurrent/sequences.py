"""Graphs of whole sequences, built by hand, and the same under onnxruntime, step by step."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from elegans.exporter.frontend.import_graph import open_graph

INPUTS, HIDDEN, LENGTH = 3, 4, 6
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


class Whole:
    """A graph of a whole sequence, to which nodes are added one by one."""

    def __init__(self, seed: int = 0) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.held: list[onnx.TensorProto] = []
        self.random = np.random.default_rng(seed)

    def node(
        self, kind: str, inputs: Iterable[str], outputs: Iterable[str], **given: object
    ) -> None:
        """Add a node."""
        self.nodes.append(helper.make_node(kind, [*inputs], [*outputs], **given))

    def hold(self, array: object, dtype: type = np.float32) -> str:
        """Add a constant; returns its name."""
        name = f"w{len(self.held)}"
        self.held.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def weights(self, *shape: int, scale: float = 0.6) -> str:
        """Add random weights; returns their name."""
        return self.hold(self.random.normal(0, scale, shape))

    def recurrent(
        self,
        kind: str,
        x: str,
        outputs: Iterable[str],
        inputs: int = INPUTS,
        states: Iterable[str] = (),
        **given: object,
    ) -> None:
        """Add an LSTM, GRU or RNN node. `bias`, `states` and `peepholes` say what it has."""
        rows = GATES[kind] * HIDDEN
        directions = 2 if given.get("direction") == "bidirectional" else 1
        w = self.weights(directions, rows, inputs)
        names = [x, w, self.weights(directions, rows, HIDDEN)]
        names.append(self.weights(directions, 2 * rows) if given.pop("bias", True) else "")
        names.append(str(given.pop("lengths", "")))
        names += states
        if given.pop("peepholes", False):
            names += [""] * (7 - len(names)) + [self.weights(1, 3 * HIDDEN)]
        while not names[-1]:
            names.pop()
        self.node(kind, names, outputs, hidden_size=HIDDEN, **given)

    def save(
        self,
        path: Path,
        inputs: dict[str, list[int | str]],
        outputs: dict[str, int],
        version: int = 18,
    ) -> Path:
        """Write the graph to a file; returns its path.

        inputs   their shapes, with names for sizes that are free
        outputs  how many axes they have
        """
        free = {name: [f"{name}{n}" for n in range(rank)] for name, rank in outputs.items()}
        ports = [
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in side.items()]
            for side in (inputs, free)
        ]
        graph = helper.make_graph(self.nodes, "sequence", *ports, self.held)
        opsets = [helper.make_opsetid("", version)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
        return path


def beside(path: Path, feed: dict[str, np.ndarray], axes: dict[str, int]) -> float:
    """The greatest difference between a file under onnxruntime and its step, as often as it has
    steps.

    feed  the inputs of the file; those of `axes` have their steps along these axes
    """
    graph = open_graph(path)
    assert graph.found is not None
    whole = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    step = onnxruntime.InferenceSession(
        graph.model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    named = [port.name for port in whole.get_outputs()]
    wanted = dict(zip(named, whole.run(named, feed), strict=True))
    shapes = {port.name: port.shape for port in step.get_inputs()}
    states = {
        before: feed.get(before, np.zeros(shapes[before], np.float32))
        for before, _ in graph.found.states
    }
    each: dict[str, list[np.ndarray]] = {name: [] for name in named}
    length = next(feed[name].shape[axis] for name, axis in axes.items())
    after = [port.name for port in step.get_outputs()]
    for number in range(length):
        now = {n: np.take(feed[n], [number], axis) for n, axis in axes.items()}
        given = {n: (feed | now | states)[n] for n in shapes}
        made = dict(zip(after, step.run(after, given), strict=True))
        states = {before: made[name] for before, name in graph.found.states}
        for name in named:
            each[name].append(made[name])
    gaps = []
    for name, value in wanted.items():
        axis = graph.found.outputs[name]
        ours = each[name][-1] if axis is None else np.concatenate(each[name], axis)
        assert ours.shape == value.shape
        gaps.append(float(np.abs(ours - value).max()))
    return max(gaps)
