"""Scans and Loops whose body is a step."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.import_graph import open_graph
from elegans.tests.exporter.frontend.recurrent.bodies import cell, loop, port, scan
from elegans.tests.exporter.frontend.recurrent.sequences import (
    HIDDEN,
    INPUTS,
    LENGTH,
    Whole,
    beside,
)

_SAME = 2e-6  # float32 in another order
_STATE = (port("before", 1, HIDDEN), port("after", 1, HIDDEN))
_COUNTER = tuple(port(name, kind=TensorProto.INT64) for name in ("counter", "counted"))


def _samples(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)


def _picked(index: str = "i") -> list[onnx.NodeProto]:
    return [helper.make_node("Gather", ["x", index], ["sample"], axis=0)]


def _zero(whole: Whole) -> str:
    return whole.hold(np.zeros((1, HIDDEN)))


@pytest.mark.parametrize("version", [9, 18])
@pytest.mark.parametrize(("axis", "out_axis"), [(0, 0), (1, 1), (0, 2)])
def test_the_body_of_a_scan_is_the_step(tmp_path, axis, out_axis, version):
    whole = Whole()
    scan(whole, axis, out_axis)
    shape = [LENGTH, 1, INPUTS] if axis == 0 else [1, LENGTH, INPUTS]
    path = whole.save(tmp_path / "a.onnx", {"x": shape}, {"y": 3, "last": 2}, version)
    assert beside(path, {"x": _samples(*shape)}, {"x": axis}) < _SAME
    found = open_graph(path).found
    assert found is not None
    assert found.told == "one step of a Scan, sequence of 6"
    assert found.outputs == {"y": out_axis, "last": None}


def _of_a_fixed_count(whole):
    nodes = [*_picked(), *cell(whole)]
    loop(whole, nodes, [(*_STATE, _zero(whole))], ["last", "y"], whole.hold(LENGTH, np.int64))


def _until_a_counter_reaches_the_length(whole):
    """As Keras' while loops come through converters: a counter of its own, and a condition."""
    one, most = whole.hold(1, np.int64), whole.hold(LENGTH, np.int64)
    nodes = [
        *_picked("counter"),
        *cell(whole),
        helper.make_node("Add", ["counter", one], ["counted"]),
        helper.make_node("Less", ["counted", most], ["less"]),
        helper.make_node("And", ["less", "goes"], ["on"]),
    ]
    carried = [(*_COUNTER, whole.hold(0, np.int64)), (*_STATE, _zero(whole))]
    true = whole.hold(True, np.bool_)
    loop(whole, nodes, carried, ["count", "last", "y"], "", (true, "on"))


def _of_a_slice(whole):
    """The index is shaped, and a slice takes the sample."""
    one, axis = whole.hold([1], np.int64), whole.hold([0], np.int64)
    nodes = [
        helper.make_node("Unsqueeze", ["i", axis], ["from"]),
        helper.make_node("Add", ["from", one], ["to"]),
        helper.make_node("Slice", ["x", "from", "to", axis], ["kept"]),
        helper.make_node("Squeeze", ["kept", axis], ["sample"]),
        *cell(whole),
    ]
    loop(whole, nodes, [(*_STATE, _zero(whole))], ["last", "y"], whole.hold(LENGTH, np.int64))


def _that_grows_a_tensor(whole):
    axis = whole.hold([0], np.int64)
    nodes = [
        *_picked(),
        *cell(whole),
        helper.make_node("Unsqueeze", ["each", axis], ["one"]),
        helper.make_node("Concat", ["grown", "one"], ["longer"], axis=0),
    ]
    grown = tuple(
        helper.make_tensor_value_info(n, 1, ["n", 1, HIDDEN]) for n in ("grown", "longer")
    )
    carried = [(*_STATE, _zero(whole)), (*grown, whole.hold(np.zeros((0, 1, HIDDEN))))]
    loop(whole, nodes, carried, ["last", "y"], whole.hold(LENGTH, np.int64), collected=())


def _that_appends_to_a_list(whole):
    whole.node("SequenceEmpty", [], ["nothing"])
    nodes = [
        *_picked(),
        *cell(whole),
        helper.make_node("SequenceInsert", ["list", "each"], ["longer"]),
    ]
    lists = tuple(
        helper.make_tensor_sequence_value_info(n, TensorProto.FLOAT, [1, HIDDEN])
        for n in ("list", "longer")
    )
    carried = [(*_STATE, _zero(whole)), (*lists, "nothing")]
    loop(whole, nodes, carried, ["last", "all"], whole.hold(LENGTH, np.int64), collected=())
    whole.node("ConcatFromSequence", ["all"], ["y"], axis=0, new_axis=1)


def _over_a_list(whole):
    whole.node("SplitToSequence", ["x"], ["samples"], axis=0, keepdims=0)
    nodes = [helper.make_node("SequenceAt", ["samples", "i"], ["sample"]), *cell(whole)]
    loop(whole, nodes, [(*_STATE, _zero(whole))], ["last", "y"], whole.hold(LENGTH, np.int64))


@pytest.mark.parametrize(
    "add",
    [
        _of_a_fixed_count,
        _until_a_counter_reaches_the_length,
        _of_a_slice,
        _that_grows_a_tensor,
        _that_appends_to_a_list,
        _over_a_list,
    ],
)
def test_the_body_of_a_loop_over_time_is_the_step(tmp_path, add):
    whole = Whole()
    add(whole)
    path = whole.save(tmp_path / "a.onnx", {"x": [LENGTH, 1, INPUTS]}, {"y": 3, "last": 2})
    assert beside(path, {"x": _samples(LENGTH, 1, INPUTS)}, {"x": 0}) < _SAME
    found = open_graph(path).found
    assert found is not None
    assert found.told == "one step of a Loop, sequence of 6"


def test_a_loop_within_a_step_is_written_out(tmp_path):
    """A solver's rounds are no steps: they read no sequence."""
    whole = Whole()
    nodes = [*cell(whole, x="x")]
    loop(whole, nodes, [(*_STATE, "h")], ["h_next"], whole.hold(3, np.int64), collected=())
    shapes = {"x": [1, INPUTS], "h": [1, HIDDEN]}
    path = whole.save(tmp_path / "a.onnx", shapes, {"h_next": 2})
    graph = open_graph(path)
    assert [n.op_type for n in graph.model.graph.node].count("Tanh") == 3
    assert [(p.name, p.vector) for p in graph.ports.inputs] == [("x", "x"), ("h", "h")]


def _backwards(whole):
    last = whole.hold(LENGTH - 1, np.int64)
    return [helper.make_node("Sub", [last, "i"], ["at"]), *_picked("at"), *cell(whole)]


def _until_data_say_so(whole):
    limit = whole.hold(3.0)
    return [
        *_picked(),
        *cell(whole),
        helper.make_node("ReduceSum", ["after"], ["sum"], keepdims=0),
        helper.make_node("Less", ["sum", limit], ["on"]),
    ]


def _with_the_number(whole):
    return [
        *_picked(),
        helper.make_node("Cast", ["i"], ["time"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["before", "time"], ["timed"]),
        *cell(whole, h="timed"),
    ]


def _attends(whole):
    return [
        *_picked(),
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Add", ["before", "sum"], ["with_all"]),
        *cell(whole, h="with_all"),
    ]


@pytest.mark.parametrize(
    ("nodes", "match"),
    [
        (_backwards, "Gather.*reads the sequence backwards"),
        (_until_data_say_so, "Loop.*as long as its data say; run it over a fixed number"),
        (_with_the_number, "Mul.*computes with the number of the step"),
        (_attends, "ReduceSum.*takes all steps together"),
    ],
)
def test_a_loop_that_is_no_step_is_refused_with_its_reason(tmp_path, nodes, match):
    whole = Whole()
    going = ("", "on") if nodes is _until_data_say_so else ("", "goes")
    most = whole.hold(LENGTH, np.int64)
    loop(whole, nodes(whole), [(*_STATE, _zero(whole))], ["last", "y"], most, going)
    path = whole.save(tmp_path / "a.onnx", {"x": [LENGTH, 1, INPUTS]}, {"y": 3})
    with pytest.raises(ElegansError, match=match):
        open_graph(path)


def test_a_scan_backwards_is_refused(tmp_path):
    whole = Whole()
    scan(whole, scan_input_directions=[1])
    path = whole.save(tmp_path / "a.onnx", {"x": [LENGTH, 1, INPUTS]}, {"y": 3})
    with pytest.raises(ElegansError, match=r"Scan.*backwards.*direction forward"):
        open_graph(path)


def test_rounds_without_an_end_are_refused_within_seconds(tmp_path):
    whole = Whole()
    loop(
        whole,
        cell(whole, x="x"),
        [(*_STATE, "h")],
        ["h_next"],
        whole.hold(1 << 40, np.int64),
        collected=(),
    )
    shapes = {"x": [1, INPUTS], "h": [1, HIDDEN]}
    path = whole.save(tmp_path / "a.onnx", shapes, {"h_next": 2})
    with pytest.raises(ElegansError, match=r"Loop.*(rounds within a step|too many rounds)"):
        open_graph(path)


def test_a_scan_over_constants_is_not_taken_for_one_round(tmp_path):
    body = helper.make_graph(
        [helper.make_node("Tanh", ["before"], ["after"])],
        "body",
        [port("before", 1, HIDDEN), port("one", 1)],
        [port("after", 1, HIDDEN)],
    )
    whole = Whole()
    ones = whole.hold(np.ones((LENGTH, 1)))
    whole.node("Scan", ["h", ones], ["h_next"], body=body, num_scan_inputs=1)
    path = whole.save(tmp_path / "a.onnx", {"h": [1, HIDDEN]}, {"h_next": 2})
    with pytest.raises(ElegansError, match=r"Scan.*runs over 6 steps that are no steps"):
        open_graph(path)
