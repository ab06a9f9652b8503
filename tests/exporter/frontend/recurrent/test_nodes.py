"""ONNX's LSTM, GRU and RNN nodes become steps: the step, repeated, is the file."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.import_graph import open_graph, read_interface
from elegans.exporter.frontend.ports.summary import summary
from elegans.tests.exporter.frontend.recurrent.sequences import (
    HIDDEN,
    INPUTS,
    LENGTH,
    Whole,
    beside,
)

_SAME = 2e-6  # float32 in another order
_VARIANTS = {
    "LSTM": ("LSTM", {}),
    "LSTM without a bias": ("LSTM", {"bias": False}),
    "LSTM with peepholes": ("LSTM", {"peepholes": True}),
    "LSTM of one input gate": ("LSTM", {"input_forget": 1}),
    "LSTM, clipped": ("LSTM", {"clip": 0.4}),
    "LSTM of other activations": (
        "LSTM",
        {
            "activations": ["HardSigmoid", "ScaledTanh", "Softsign"],
            "activation_alpha": [0.3, 1.2],
            "activation_beta": [0.4, 0.7],
        },
    ),
    "GRU": ("GRU", {}),
    "GRU as torch and Keras have it": ("GRU", {"linear_before_reset": 1}),
    "GRU, clipped": ("GRU", {"clip": 0.4, "linear_before_reset": 1}),
    "RNN": ("RNN", {}),
    "RNN of Relu": ("RNN", {"activations": ["Relu"]}),
    "RNN of LeakyRelu": ("RNN", {"activations": ["LeakyRelu"], "activation_alpha": [0.2]}),
    "RNN of Affine": (
        "RNN",
        {"activations": ["Affine"], "activation_alpha": [0.2], "activation_beta": [0.1]},
    ),
    "RNN of ThresholdedRelu": (
        "RNN",
        {"activations": ["ThresholdedRelu"], "activation_alpha": [0.2]},
    ),
    "RNN of Elu": ("RNN", {"activations": ["Elu"]}),
}


def _samples(length: int = LENGTH) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (length, 1, INPUTS)).astype(np.float32)


@pytest.mark.parametrize(("kind", "given"), _VARIANTS.values(), ids=_VARIANTS)
def test_the_step_of_a_node_repeated_is_the_node(tmp_path, kind, given):
    whole = Whole()
    whole.recurrent(kind, "x", ["y"], **dict(given))
    path = whole.save(tmp_path / "a.onnx", {"x": [LENGTH, 1, INPUTS]}, {"y": 4})
    assert beside(path, {"x": _samples()}, {"x": 0}) < _SAME


def test_a_batch_first_node_is_the_node_whose_axes_are_exchanged(tmp_path):
    """onnxruntime does not run layout 1, so its step is run beside the twin of layout 0."""
    steps = []
    for layout, shape in ((0, [LENGTH, 1, INPUTS]), (1, [1, LENGTH, INPUTS])):
        whole = Whole()
        whole.recurrent("GRU", "x", ["y", "last"], layout=layout)
        path = whole.save(tmp_path / f"{layout}.onnx", {"x": shape}, {"y": 4, "last": 3})
        found = open_graph(path).found
        assert found is not None
        assert found.outputs == {"y": layout, "last": None}
        steps.append([(n.op_type, n.input, n.output) for n in found.model.graph.node])
    assert steps[0] == steps[1]


def _stack(path, x, outputs, given=(), layers=2):
    """A stack of layers, and the last step of the upper one."""
    whole = Whole()
    below, size = "x", INPUTS
    for layer in range(layers):
        states = ["", ""]
        if given:
            at = [whole.hold([n], np.int64) for n in (layer, layer + 1, 0)]
            for n, name in enumerate(given):
                states[n] = f"{name}{layer}"
                whole.node("Slice", [name, *at], [states[n]])
        made = [f"{name}{layer}" for name in ("y", "last_h", "last_c")]
        whole.recurrent("LSTM", below, made, size, states=states)
        below, size = f"seen{layer}", HIDDEN
        whole.node("Squeeze", [made[0], whole.hold([1], np.int64)], [below])
    whole.node("Gather", [below, whole.hold(-1, np.int64)], ["last"], axis=0)
    whole.node("Gemm", ["last", whole.weights(HIDDEN, 2)], ["y"])
    for name in set(outputs) - {"y"}:
        each = [f"last_{name[0]}{layer}" for layer in range(layers)]
        whole.node("Concat", each, [name], axis=0)
    return whole.save(path, x, outputs)


def _summary(path):
    graph = open_graph(path)
    return summary(graph, read_interface(graph))


def test_a_stack_with_a_head_on_its_last_step_keeps_its_own_states(tmp_path):
    path = _stack(tmp_path / "a.onnx", {"x": [LENGTH, 1, INPUTS]}, {"y": 2})
    assert _summary(path) == (
        "one step of an LSTM node of 2 layers, sequence of 6: sensors x[3] (no range), states "
        "lstm_h[4] lstm2_h[4] lstm_c[4] lstm2_c[4], no elapsed time, outputs y[2]"
    )
    assert beside(path, {"x": _samples()}, {"x": 0}) < _SAME


def test_states_of_all_layers_that_come_in_and_go_out_keep_their_names(tmp_path):
    shapes = {"x": [LENGTH, 1, INPUTS], "h0": [3, 1, HIDDEN], "c0": [3, 1, HIDDEN]}
    ports = {"y": 2, "hn": 3, "cn": 3}
    path = _stack(tmp_path / "a.onnx", shapes, ports, ("h0", "c0"), 3)
    assert "states h0[12] c0[12], no elapsed time, outputs y[2]" in _summary(path)
    start = np.random.default_rng(2).normal(0, 0.3, (2, 3, 1, HIDDEN)).astype(np.float32)
    feed = {"x": _samples(), "h0": start[0], "c0": start[1]}
    assert beside(path, feed, {"x": 0}) < _SAME


def test_a_state_that_comes_in_but_does_not_go_out_is_kept_by_the_step(tmp_path):
    shapes = {"x": [LENGTH, 1, INPUTS], "h0": [2, 1, HIDDEN], "c0": [2, 1, HIDDEN]}
    path = _stack(tmp_path / "a.onnx", shapes, {"y": 2, "hn": 3}, ("h0", "c0"))
    assert "states h0[8] lstm_c[4] lstm2_c[4], no elapsed time" in _summary(path)


@pytest.mark.parametrize("shape", [["time", 1, INPUTS], ["time", "batch", INPUTS], [1, 1, INPUTS]])
def test_a_length_that_is_free_or_1_is_a_step(tmp_path, shape):
    path = _stack(tmp_path / "a.onnx", {"x": shape}, {"y": 2})
    length = "any length" if shape[0] == "time" else "1"
    assert f"sequence of {length}: sensors x[3]" in _summary(path)
    assert beside(path, {"x": _samples(4 if shape[0] == "time" else 1)}, {"x": 0}) < _SAME


_REFUSED = {
    "bidirectional": ({"direction": "bidirectional"}, "GRU.*both directions.*bidirectional=False"),
    "reverse": ({"direction": "reverse"}, "GRU.*backwards.*direction forward"),
    "another batch": ({}, "GRU.*has a batch of 3; export a batch of 1"),
    "fewer steps": ({"lengths": "lengths"}, "GRU.*runs over 4 of 6 steps.*sequence_lens"),
    "a state of 1": ({"states": ["start"]}, "GRU.*starts from a state that is not 0"),
    "a projection": ({"states": ["start"], "size": 2}, "GRU.*4 units.*projection.*export_onnx"),
    "an unknown activation": ({"activations": ["Sigmoid", "Sine"]}, "GRU.*the activation 'Sine'"),
}


@pytest.mark.parametrize(("given", "match"), _REFUSED.values(), ids=_REFUSED)
def test_a_node_that_is_no_step_is_refused_with_its_reason(tmp_path, given, match):
    whole = Whole()
    given = dict(given)
    if "lengths" in given:
        given["lengths"] = whole.hold([4], np.int32)
    if "states" in given:
        given["states"] = [whole.hold(np.ones((1, 1, given.pop("size", HIDDEN))))]
    whole.recurrent("GRU", "x", ["y"], **given)
    batch = 3 if "batch" in match else 1
    path = whole.save(tmp_path / "a.onnx", {"x": [LENGTH, batch, INPUTS]}, {"y": 4})
    with pytest.raises(ElegansError, match=match):
        open_graph(path)


def test_a_reverse_node_of_length_1_is_a_step(tmp_path):
    whole = Whole()
    whole.recurrent("RNN", "x", ["y"], direction="reverse")
    path = whole.save(tmp_path / "a.onnx", {"x": [1, 1, INPUTS]}, {"y": 4})
    assert beside(path, {"x": _samples(1)}, {"x": 0}) < _SAME


def _pooled(whole):
    whole.node("ReduceMean", ["seen", whole.hold([0], np.int64)], ["out"], keepdims=0)


def _attended(whole):
    whole.node("Transpose", ["seen"], ["turned"], perm=[1, 2, 0])
    whole.node("Transpose", ["seen"], ["rows"], perm=[1, 0, 2])
    whole.node("MatMul", ["rows", "turned"], ["out"])


def _convolved(whole):
    whole.node("Transpose", ["seen"], ["turned"], perm=[1, 2, 0])
    whole.node("Conv", ["turned", whole.weights(2, HIDDEN, 3)], ["out"])


def _backwards(whole):
    ends = [whole.hold([n], np.int64) for n in (-1, -100, 0, -1)]
    whole.node("Slice", ["seen", *ends], ["out"])


def _decoded(whole):
    whole.node("Expand", ["last", whole.hold([LENGTH, 1, HIDDEN], np.int64)], ["again"])
    whole.recurrent("RNN", "again", ["out"], HIDDEN)


def _joined(whole):
    whole.node("Add", ["seen", "last"], ["out"])


def _first(whole):
    whole.node("Gather", ["seen", whole.hold(0, np.int64)], ["out"], axis=0)


def _windows(whole):
    ends = [whole.hold([n], np.int64) for n in (1, 100, 0)]
    whole.node("Slice", ["seen", *ends], ["out"])


def _placed(whole):
    encoding = np.arange(LENGTH * HIDDEN).reshape(LENGTH, 1, HIDDEN)
    whole.node("Add", ["seen", whole.hold(encoding)], ["out"])


def _summed(whole):
    whole.node("CumSum", ["seen", whole.hold(0, np.int64)], ["out"])


@pytest.mark.parametrize(
    ("add", "match"),
    [
        (_pooled, "ReduceMean.*all steps together, as a pooling over time"),
        (_attended, "MatMul.*as attention over the past does"),
        (_convolved, "Conv.*several steps at once, as a convolution.*x_past_next"),
        (_backwards, "Slice.*backwards"),
        (_decoded, "RNN.*known only after the last one, as a decoder does"),
        (_joined, "Add.*joins the last step with every step"),
        (_first, "Gather.*takes step 0 of 6 by itself"),
        (_windows, "Slice.*takes steps 1 to 5 of 6 together"),
        (_placed, "Add.*other numbers at each step, as an encoding of the position"),
        (_summed, "CumSum.*adds up the steps.*s_next = s . x"),
    ],
)
def test_what_mixes_steps_is_refused_with_its_node_and_the_reason(tmp_path, add, match):
    whole = Whole()
    whole.recurrent("RNN", "x", ["y", "last"])
    whole.node("Squeeze", ["y", whole.hold([1], np.int64)], ["seen"])
    add(whole)
    rank = {"_pooled": 2, "_first": 2, "_decoded": 4}.get(add.__name__, 3)
    path = whole.save(tmp_path / "a.onnx", {"x": [LENGTH, 1, INPUTS]}, {"out": rank})
    with pytest.raises(ElegansError, match=match):
        open_graph(path)


@pytest.mark.parametrize(
    ("add", "given", "match"),
    [
        (_pooled, {}, "ReduceMean.*all steps together"),
        (_attended, {}, "MatMul.*as attention over the past does"),
        (_joined, {}, "Add.*joins the last step with every step"),
        (_first, {}, "Gather.*takes step 0 of . by itself"),
        (_pooled, {"direction": "reverse"}, "RNN.*backwards"),
    ],
)
def test_a_file_of_any_length_is_not_taken_for_one_of_a_single_step(tmp_path, add, given, match):
    """Over one step a mean is nothing, and backwards is forward: that would be another network."""
    whole = Whole()
    whole.recurrent("RNN", "x", ["y", "last"], **given)
    whole.node("Squeeze", ["y", whole.hold([1], np.int64)], ["seen"])
    add(whole)
    rank = {"_pooled": 2, "_first": 2}.get(add.__name__, 3)
    path = whole.save(tmp_path / "a.onnx", {"x": ["time", 1, INPUTS]}, {"out": rank})
    with pytest.raises(ElegansError, match=match):
        open_graph(path)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_node_in_a_branch_that_a_constant_decides_for_keeps_its_state(tmp_path, layers):
    """As torch's scripts write them: the branch belongs to the graph around it."""
    whole, seen = Whole(), "x"
    if layers == 2:
        whole.recurrent("RNN", "x", ["first"])
        whole.node("Squeeze", ["first", whole.hold([1], np.int64)], ["seen"])
        seen = "seen"
    whole.recurrent("GRU", seen, ["then"], INPUTS if layers == 1 else HIDDEN)
    node = whole.nodes.pop()
    other = helper.make_node("Identity", [seen], ["else"])
    branches = {
        f"{name}_branch": helper.make_graph([n], name, [], [onnx.ValueInfoProto(name=name)])
        for name, n in (("then", node), ("else", other))
    }
    whole.node("If", [whole.hold(True, np.bool_)], ["y"], **branches)
    path = whole.save(tmp_path / "a.onnx", {"x": ["time", 1, INPUTS]}, {"y": 4})
    assert beside(path, {"x": _samples(5)}, {"x": 0}) < _SAME


@pytest.mark.parametrize("length", [LENGTH, "time"])
@pytest.mark.parametrize("pads", [[1, 1], [2, 0]], ids=["both sides", "the past only"])
def test_a_convolution_over_time_before_a_recurrence_is_refused(tmp_path, length, pads):
    """A sequence of one step would hide it: there its window sees one sample."""
    whole = Whole()
    whole.node("Transpose", ["x"], ["turned"], perm=[1, 2, 0])
    kernel = whole.weights(INPUTS, INPUTS, 3)
    whole.node("Conv", ["turned", kernel], ["window"], pads=pads)
    whole.node("Transpose", ["window"], ["seen"], perm=[2, 0, 1])
    whole.recurrent("GRU", "seen", ["y"])
    path = whole.save(tmp_path / "a.onnx", {"x": [length, 1, INPUTS]}, {"y": 4})
    with pytest.raises(ElegansError, match=r"Conv.*several steps at once.*x_past_next"):
        open_graph(path)


def test_a_free_batch_of_a_sequence_of_one_step_is_a_batch(tmp_path):
    whole = Whole()
    whole.recurrent("GRU", "x", ["y"])
    path = whole.save(tmp_path / "a.onnx", {"x": [1, "batch", INPUTS]}, {"y": 4})
    found = open_graph(path).found
    assert found is not None
    assert found.length == 1
