"""x, h, dt, y and h_next are found by shape and dataflow, or as the user names them."""

from __future__ import annotations

import json

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper

from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.frontend.ports.find_ports import find_ports
from elegans.tests.exporter.frontend.refusal import refused
from elegans.tests.exporter.frontend.steps import Step, cfc, gru, lstm, rnn


def _ranges(path, **more):
    return Request(path, "net", ((-1.0, 1.0),), (0.0, 1.0), **more)


def test_an_lstm_s_states_pair_with_outputs_by_dataflow(tmp_path):
    path = lstm(tmp_path / "net.onnx")
    ports = find_ports(onnx.load(path), path)
    assert [p.name for p in ports.inputs] == ["v", "a", "b"]
    assert [p.name for p in ports.h_next] == ["a2", "b2"]
    model = export(_ranges(path), tmp_path / "BUILD")
    assert (len(model.inputs), len(model.states), len(model.outputs)) == (3, 10, 2)


def test_more_inputs_than_c_counts_are_refused_also_if_they_are_several(tmp_path):
    """C and the protocol count in 16 bits: 65,536 would be 0 there."""
    text = '<ir_version: 8, opset_import: ["" : 17]> wide (float[{0}] a, float[{1}] b,'
    text += " float[1] h) => (float[1] y, float[1] h_next) {{ t = ReduceSum <keepdims = 1> (a)"
    text += "  u = ReduceSum <keepdims = 1> (b)  y = Add(t, u)  g = Add(y, h)  h_next = Tanh(g) }}"
    path = tmp_path / "wide.onnx"
    assert len(find_ports(onnx.parser.parse_model(text.format(65_000, 535)), path).inputs) == 3
    with pytest.raises(ElegansError, match=r"65,536 elements in a, b; elegans takes 65,535"):
        find_ports(onnx.parser.parse_model(text.format(65_000, 536)), path)


def test_the_user_may_name_the_states(tmp_path):
    path = lstm(tmp_path / "net.onnx")
    pairs = (("b", "b2"), ("a", "a2"))
    ports = find_ports(onnx.load(path), path, pairs)
    assert [(p.name, p.lo) for p in ports.h_next] == [("b2", 0), ("a2", 5)]
    assert len(export(_ranges(path, states=pairs), tmp_path / "BUILD").states) == 10


@pytest.mark.parametrize("batch", [1, "N"])
def test_elapsed_time_is_the_number_that_others_are_multiplied_by(tmp_path, batch):
    path = cfc(tmp_path / "net.onnx", batch=batch)
    model = export(_ranges(path), tmp_path / "BUILD")
    assert model.dt is not None
    assert (len(model.inputs), len(model.states), len(model.outputs)) == (3, 6, 2)


def test_one_sensor_is_not_taken_for_time(tmp_path):
    path = cfc(tmp_path / "net.onnx", sizes=(1, 6))
    model = export(_ranges(path), tmp_path / "BUILD")
    assert model.dt is not None
    assert len(model.inputs) == 1


@pytest.mark.parametrize(
    "name",
    [
        *("dt", "ts", "timespans", "delta_t", "deltaT", "elapsed", "elapsed_time", "time"),
        *("time_delta", "input_dt", "time_since_last", "DT_s", "step_size", "3", "r"),
    ],
)
def test_elapsed_time_may_have_any_name(tmp_path, name):
    path = cfc(tmp_path / "net.onnx", name, sizes=(1, 6), outputs=1)
    ports = find_ports(onnx.load(path), path)
    assert [(p.name, p.vector) for p in ports.inputs][-1] == (name, "dt")


def test_elapsed_time_that_is_only_added_is_known_by_its_name(tmp_path):
    for name, vector in (("elapsed", "dt"), ("x2", "x")):
        path = rnn(tmp_path / "net.onnx", [("h", "h_next", 5)], {"y": 1}, {"x": 3, name: 1})
        ports = find_ports(onnx.load(path), path)
        assert {p.name: p.vector for p in ports.inputs}[name] == vector


def test_two_inputs_that_may_be_the_elapsed_time_are_asked_for(tmp_path):
    path = rnn(tmp_path / "net.onnx", [("h", "h_next", 5)], {"y": 2}, {"time": 1, "ts": 1})
    with pytest.raises(ElegansError, match="time, ts; name it: --elapsed time or --elapsed ts"):
        find_ports(onnx.load(path), path)
    ports = find_ports(onnx.load(path), path, elapsed="ts")
    assert [(p.name, p.vector) for p in ports.inputs] == [("time", "x"), ("h", "h"), ("ts", "dt")]


def test_a_neuron_of_one_is_not_taken_for_elapsed_time(tmp_path):
    for x, h, y, h_next in (["x", "h", "y", "h_next"], ["x", "q", "y", "q2"], ["p", "q", "r", "s"]):
        path = gru(tmp_path / "net.onnx", {x: 3, h: 1}, {y: 2, h_next: 1})
        ports = find_ports(onnx.load(path), path)
        assert [(p.name, p.vector) for p in ports.inputs] == [(x, "x"), (h, "h")]


def test_a_number_that_scales_the_only_neuron_is_asked_for(tmp_path):
    g = Step()
    drive = g.node("Sub", g.node("Tanh", g.linear("p", 3, 1)), "q")
    g.node("Add", "q", g.node("Mul", "r", drive), output="s")
    g.node("Tanh", g.linear("s", 1, 2), output="w")
    shapes = {"p": [1, 3], "q": [1, 1], "r": [1, 1]}
    path = g.save(tmp_path / "net.onnx", shapes, {"s": [1, 1], "w": [1, 2]})
    match = "whether 'r' is the elapsed time or a state; name it: --elapsed r or --state r:s"
    with pytest.raises(ElegansError, match=match):
        find_ports(onnx.load(path), path)
    for more in ({"elapsed": "r"}, {"states": (("q", "s"),)}):
        ports = find_ports(onnx.load(path), path, **more)
        assert [p.vector for p in ports.inputs] == ["x", "h", "dt"]


def test_a_state_may_have_an_axis_of_layers_but_an_input_no_batch(tmp_path):
    g = Step()
    g.held.append(numpy_helper.from_array(np.array([1, 10]), "row"))
    g.held.append(numpy_helper.from_array(np.array([2, 1, 5]), "layers"))
    z = g.node("Add", g.linear("x", 3, 10), g.linear(g.node("Reshape", "h", "row"), 10, 10))
    z = g.node("Tanh", z)
    g.node("Reshape", z, "layers", output="h_next")
    g.node("Tanh", g.linear(z, 10, 2), output="y")
    shapes = {"x": [1, 3], "h": [2, 1, 5]}
    path = g.save(tmp_path / "net.onnx", shapes, {"y": [1, 2], "h_next": [2, 1, 5]})
    assert len(export(_ranges(path), tmp_path / "BUILD").states) == 10
    path = cfc(tmp_path / "net.onnx", batch=4)
    refused(path, tmp_path, "'sensors': has a batch of 4")


def test_outputs_that_are_copies_of_the_state(tmp_path):
    path = cfc(tmp_path / "net.onnx", copies=True)
    model = export(_ranges(path), tmp_path / "BUILD")
    assert len(model.outputs) == len(model.states) == 6


def test_names_change_nothing(tmp_path):
    one = export(_ranges(lstm(tmp_path / "a.onnx")), tmp_path / "one")
    names = ("sensor0", "dt_state", "y", "h", "x", "c")
    other = export(_ranges(lstm(tmp_path / "b.onnx", names)), tmp_path / "two")
    assert one.digest == other.digest


@pytest.mark.parametrize("shape", [(5,), (1, 1, 5)])
def test_vectors_may_have_any_rank(tmp_path, shape):
    g = Step()
    kept = g.node("Reshape", "h", "row")
    g.held.append(numpy_helper.from_array(np.array([1, 5]), "row"))
    g.held.append(numpy_helper.from_array(np.array(shape), "shape"))
    z = g.node("Tanh", g.node("Add", g.linear("x", 3, 5), g.linear(kept, 5, 5)))
    g.node("Reshape", z, "shape", output="h_next")
    g.node("Tanh", g.linear(z, 5, 2), output="y")
    path = g.save(tmp_path / "net.onnx", {"x": [1, 3], "h": shape}, {"y": [1, 2], "h_next": shape})
    assert len(export(_ranges(path), tmp_path / "BUILD").states) == 5


def test_two_outputs_that_could_be_the_state_are_listed(tmp_path):
    g = Step()
    z = g.node("Add", g.linear("u", 3, 4), g.linear("s", 4, 4))
    g.node("Tanh", z, output="p")
    g.node("Sigmoid", z, output="q")
    path = g.save(tmp_path / "net.onnx", {"u": [1, 3], "s": [1, 4]}, {"p": [1, 4], "q": [1, 4]})
    refused(path, tmp_path, "several candidates for its states: s:p, s:q; name them: --state")
    assert len(export(_ranges(path, states=(("s", "q"),)), tmp_path / "BUILD").states) == 4


def test_a_network_without_a_state_is_refused_with_a_hint_at_delay_lines(tmp_path):
    g = Step()
    g.node("Tanh", g.linear("u", 3, 4), output="p")
    path = g.save(tmp_path / "net.onnx", {"u": [1, 3]}, {"p": [1, 4]})
    refused(path, tmp_path, "keeps no state.*delay line")


@pytest.mark.parametrize(
    ("states", "elapsed", "match"),
    [
        ((("a", "nothing"),), None, "no input or output 'nothing'; choose from v, a, b"),
        ((("v", "a2"),), None, "'a2' cannot be the next state of 'v'"),
        ((("a", "a2"), ("a", "b2")), None, "--state: names 'a' twice; name each state once"),
        ((("a", "a2"), ("b", "a2")), None, "--state: names 'a2' twice"),
        ((), "a", "elapsed time is one number"),
    ],
)
def test_names_that_do_not_fit(tmp_path, states, elapsed, match):
    path = lstm(tmp_path / "net.onnx")
    with pytest.raises(ElegansError, match=match):
        find_ports(onnx.load(path), path, states, elapsed)


def test_a_sequence_is_refused_with_how_to_export_a_step(tmp_path):
    g = Step()
    g.node("Tanh", g.linear("u", 3, 4), output="p")
    g.node("Tanh", g.linear("s", 4, 4), output="q")
    path = g.save(
        tmp_path / "net.onnx", {"u": [1, 20, 3], "s": [1, 4]}, {"p": [1, 20, 4], "q": [1, 4]}
    )
    refused(path, tmp_path, "a sequence of 20 steps.*export one step.*export_onnx")


@pytest.mark.parametrize("version", [8, 40])
def test_opsets_too_old_or_too_new_are_refused(tmp_path, worm, version):
    proto = onnx.load(worm)
    proto.opset_import[0].version = version
    worm.write_bytes(proto.SerializeToString())
    refused(worm, tmp_path, f"is of opset {version}")


def test_a_graph_without_declared_names_needs_ranges_only(tmp_path):
    path = cfc(tmp_path / "net.onnx")
    model = export(_ranges(path), tmp_path / "BUILD")
    document = json.loads((tmp_path / "BUILD" / "model.json").read_text())
    assert [c["name"] for c in document["inputs"]] == ["x0", "x1", "x2"]
    assert model.name == "net"


def test_dividing_by_time_outside_of_a_neuron_is_refused(tmp_path):
    g = Step()
    z = g.node("Add", g.linear("x", 3, 4), g.linear("h", 4, 4))
    g.node("Tanh", z, output="h_next")
    g.node("Add", g.node("Reciprocal", "dt"), g.linear("h_next", 4, 1), output="y")
    shapes = {"x": [1, 3], "h": [1, 4], "dt": [1, 1]}
    path = g.save(tmp_path / "net.onnx", shapes, {"y": [1, 1], "h_next": [1, 4]})
    refused(path, tmp_path, "divides by elapsed time outside of a neuron")


def test_a_matrix_is_a_state_where_its_name_says_so(tmp_path):
    """S and S_next [1, 4, 4], or buf and buf_out beside a sensor, are no sequence of four steps;
    seq and out are one."""
    text = '<ir_version: 8, opset_import: ["" : 17]> memory (float[1,4] x, float[1,4,4] {0}) =>'
    text += " (float[1,4] y, float[1,4,4] {1}) <float half = {{0.5}}>"
    text += " {{ kept = Mul({0}, half)  one = Unsqueeze(x, at)  {1} = Add(kept, one)"
    text += "  y = ReduceSum <keepdims = 0> ({1}, at) }}"
    path = tmp_path / "memory.onnx"

    def model(*names):
        found = onnx.parser.parse_model(text.format(*names))
        found.graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), "at"))
        return found

    ports = find_ports(model("S", "S_next"), path)
    assert [(p.name, p.hi - p.lo) for p in ports.h_next] == [("S_next", 16)]
    ports = find_ports(model("buf", "buf_out"), path)
    assert [(p.name, p.hi - p.lo) for p in ports.h_next] == [("buf_out", 16)]
    with pytest.raises(ElegansError, match="is a sequence of 4 steps"):
        find_ports(model("seq", "out"), path)
