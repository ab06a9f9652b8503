"""Unrolled sequences: copies of one step that share its weights."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.import_graph import open_graph
from elegans.tests.exporter.frontend.recurrent.sequences import (
    HIDDEN,
    INPUTS,
    LENGTH,
    Whole,
    beside,
)

_SAME = 2e-6  # float32 in another order


class Copies(Whole):
    """Copies of h' = tanh(W x + U h), and of a second layer, which reads the first."""

    def __init__(self, layers: int = 1) -> None:
        super().__init__()
        sizes = [INPUTS, *[HIDDEN] * (layers - 1)]
        self.maps = [(self.weights(n, HIDDEN), self.weights(HIDDEN, HIDDEN)) for n in sizes]

    def step(self, name: str, x: str, h: str, layer: int = 0) -> str:
        """One copy; returns the tensor of its next state. Without h, it is 0 and left out."""
        w, u = self.maps[layer]
        self.node("MatMul", [x, w], [f"{name}_x"])
        drive = f"{name}_x"
        if h:
            self.node("MatMul", [h, u], [f"{name}_u"])
            self.node("Add", [f"{name}_x", f"{name}_u"], [f"{name}_drive"])
            drive = f"{name}_drive"
        self.node("Tanh", [drive], [name])
        return name


def _gathered(whole: Copies, step: int) -> str:
    whole.node("Gather", ["x", whole.hold(step, np.int64)], [f"x{step}"], axis=1)
    return f"x{step}"


def _chain(whole: Copies, start: str = "") -> list[str]:
    """The states of all steps, layer upon layer."""
    states = [start] * len(whole.maps)
    seen = []
    for step in range(LENGTH):
        below = _gathered(whole, step)
        for layer in range(len(states)):
            below = states[layer] = whole.step(f"h{layer}_{step}", below, states[layer], layer)
        seen.append(below)
    return seen


def _x() -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (1, LENGTH, INPUTS)).astype(np.float32)


def _last_step(whole, seen):
    whole.node("MatMul", [seen[-1], whole.weights(HIDDEN, 2)], ["y"])
    return 2


def _each_step(whole, seen):
    for step, state in enumerate(seen):
        whole.node("Unsqueeze", [state, whole.hold([1], np.int64)], [f"row{step}"])
    whole.node("Concat", [f"row{n}" for n in range(LENGTH)], ["all"], axis=1)
    whole.node("MatMul", ["all", whole.weights(HIDDEN, 2)], ["y"])
    return 3


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("head", [_last_step, _each_step])
def test_copies_that_share_their_weights_are_one_step(tmp_path, layers, head):
    whole = Copies(layers)
    axes = head(whole, _chain(whole))
    path = whole.save(tmp_path / "a.onnx", {"x": [1, LENGTH, INPUTS]}, {"y": axes})
    assert beside(path, {"x": _x()}, {"x": 1}) < _SAME
    graph = open_graph(path)
    assert graph.found is not None
    assert graph.found.told == "one step of an unrolled network, sequence of 6"
    sizes = {"x": INPUTS, "h": layers * HIDDEN, "h_next": layers * HIDDEN, "y": 2}
    assert graph.ports.sizes == sizes


def test_nodes_of_one_step_each_are_copies_too(tmp_path):
    """nn.LSTM called once for each sample in a Python loop."""
    whole = Whole()
    weights = [whole.weights(1, 4 * HIDDEN, n) for n in (INPUTS, HIDDEN)]
    states = [whole.hold(np.zeros((1, 1, HIDDEN))) for _ in "hc"]
    for step in range(LENGTH):
        ends = [whole.hold([n], np.int64) for n in (step, step + 1, 0)]
        whole.node("Slice", ["x", *ends], [f"x{step}"])
        made = [f"{name}{step}" for name in ("y", "h", "c")]
        whole.node("LSTM", [f"x{step}", *weights, "", "", *states], made, hidden_size=HIDDEN)
        states = made[1:]
    whole.node("Squeeze", [states[0], whole.hold([0], np.int64)], ["last"])
    path = whole.save(tmp_path / "a.onnx", {"x": [LENGTH, 1, INPUTS]}, {"last": 2})
    assert beside(path, {"x": _x().swapaxes(0, 1)}, {"x": 0}) < _SAME
    assert open_graph(path).ports.sizes["h"] == 2 * HIDDEN


def test_a_state_that_comes_in_and_goes_out_keeps_its_names(tmp_path):
    whole = Copies()
    whole.node("Identity", [_chain(whole, "h0")[-1]], ["hn"])
    _last_step(whole, ["hn"])
    shapes = {"x": [1, LENGTH, INPUTS], "h0": [1, HIDDEN]}
    path = whole.save(tmp_path / "a.onnx", shapes, {"y": 2, "hn": 2})
    start = np.random.default_rng(2).normal(0, 0.3, (1, HIDDEN)).astype(np.float32)
    assert beside(path, {"x": _x(), "h0": start}, {"x": 1}) < _SAME
    found = open_graph(path).found
    assert found is not None
    assert found.states == (("h0", "hn"),)


def test_a_map_of_the_whole_sequence_in_front_belongs_to_the_step(tmp_path):
    """torch's dynamo exporter writes nn.RNN so: W x for all steps, then copies of the rest."""
    whole = Copies()
    w, u = whole.maps[0]
    whole.node("MatMul", ["x", w], ["drives"])
    sizes = whole.hold([1] * LENGTH, np.int64)
    whole.node("Split", ["drives", sizes], [f"part{n}" for n in range(LENGTH)], axis=1)
    state = ""
    for step in range(LENGTH):
        drive = f"drive{step}"
        whole.node("Squeeze", [f"part{step}", whole.hold([1], np.int64)], [drive])
        if state:
            whole.node("MatMul", [state, u], [f"u{step}"])
            whole.node("Add", [drive, f"u{step}"], [f"sum{step}"])
        state = f"h{step}"
        whole.node("Tanh", [f"sum{step}" if step else drive], [state])
    _last_step(whole, [state])
    path = whole.save(tmp_path / "a.onnx", {"x": [1, LENGTH, INPUTS]}, {"y": 2})
    assert beside(path, {"x": _x()}, {"x": 1}) < _SAME


def test_the_input_of_the_step_before_becomes_a_state(tmp_path):
    whole = Copies()
    seen = _chain(whole)
    whole.node("Concat", [seen[-1], f"x{LENGTH - 2}"], ["window"], axis=1)
    whole.node("MatMul", ["window", whole.weights(HIDDEN + INPUTS, 2)], ["y"])
    path = whole.save(tmp_path / "a.onnx", {"x": [1, LENGTH, INPUTS]}, {"y": 2})
    assert beside(path, {"x": _x()}, {"x": 1}) < _SAME
    assert open_graph(path).ports.sizes["h"] == HIDDEN + INPUTS


def _pooled(whole, seen):
    whole.node("Sum", seen, ["sum"])
    return _last_step(whole, ["sum"])


def _two_steps_back(whole, seen):
    whole.node("Add", seen[-1:] + seen[-3:-2], ["sum"])
    return _last_step(whole, ["sum"])


def _of_the_first_step(whole, seen):
    whole.node("Identity", seen[:1], ["first"])
    return _last_step(whole, ["first"])


@pytest.mark.parametrize(
    ("head", "match"),
    [
        (_pooled, r"unrolled over 6 steps, but the last step reads Tanh of step \d .*no state of"),
        (_two_steps_back, r"the last step reads Tanh of step 3 .*no state"),
        (_of_the_first_step, r"'y'.*is known after step 0, before the last one"),
    ],
)
def test_copies_that_read_more_than_their_state_are_refused(tmp_path, head, match):
    whole = Copies()
    axes = head(whole, _chain(whole))
    path = whole.save(tmp_path / "a.onnx", {"x": [1, LENGTH, INPUTS]}, {"y": axes})
    with pytest.raises(ElegansError, match=match):
        open_graph(path)


def test_copies_with_other_weights_at_a_step_are_no_step(tmp_path):
    whole, state = Copies(), ""
    for step in range(LENGTH):
        if step == LENGTH - 1:
            whole.maps[0] = whole.weights(INPUTS, HIDDEN), whole.weights(HIDDEN, HIDDEN)
        state = whole.step(f"h{step}", _gathered(whole, step), state)
    axes = _last_step(whole, [state])
    path = whole.save(tmp_path / "a.onnx", {"x": [1, LENGTH, INPUTS]}, {"y": axes})
    with pytest.raises(ElegansError, match="unrolled over 6 steps, but"):
        open_graph(path)


def test_layers_of_a_state_are_no_steps(tmp_path):
    """Three layers of one weight read three rows of h: the axis of layers is no time."""
    whole = Copies()
    below, rows = "x", []
    for layer in range(3):
        whole.node("Gather", ["h", whole.hold(layer, np.int64)], [f"row{layer}"], axis=0)
        name = f"out{layer}"
        whole.node("MatMul", [f"row{layer}", whole.maps[0][1]], [f"u{layer}"])
        whole.node("Add", [f"u{layer}", below], [f"sum{layer}"])
        whole.node("Tanh", [f"sum{layer}"], [name])
        whole.node("Unsqueeze", [name, whole.hold([0], np.int64)], [f"{name}_row"])
        below, rows = name, [*rows, f"{name}_row"]
    whole.node("Concat", rows, ["h_next"], axis=0)
    shapes = {"x": [1, HIDDEN], "h": [3, 1, HIDDEN]}
    graph = open_graph(whole.save(tmp_path / "a.onnx", shapes, {"h_next": 3}))
    assert graph.found is None
    sizes = dict.fromkeys(("h", "h_next", "y"), 3 * HIDDEN)
    assert graph.ports.sizes == {"x": HIDDEN, **sizes}
