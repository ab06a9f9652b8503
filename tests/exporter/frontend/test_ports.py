"""x, h, dt, y and h_next are found by shape and dataflow, or as the user names them."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.frontend.ports import find_ports
from elegans.tests.exporter.frontend.refusal import refused


class _Step:
    """Builds a graph with inputs and outputs of any names and shapes."""

    def __init__(self):
        self.rng, self.nodes, self.held = np.random.default_rng(0), [], []

    def node(self, kind, *inputs, output=None, **attributes):
        name = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def linear(self, x, cols, rows):
        name = f"w{len(self.held)}"
        weights = self.rng.normal(0, 0.3, (cols, rows)).astype(np.float32)
        self.held.append(numpy_helper.from_array(weights, name))
        return self.node("MatMul", x, name)

    def save(self, path, inputs, outputs):
        ports = [
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in side.items()]
            for side in (inputs, outputs)
        ]
        graph = helper.make_graph(self.nodes, "step", *ports, self.held)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
        return path


def _lstm(path, names=("v", "a", "b", "o", "a2", "b2"), shape=(1, 5)):
    """An LSTM whose ports have any names; its states are a and b."""
    x, h, c, y, h_next, c_next = names
    g = _Step()
    gates = [g.node("Add", g.linear(x, 3, 5), g.linear(h, 5, 5)) for _ in range(4)]
    i, f, o = (g.node("Sigmoid", z) for z in gates[:3])
    k = g.node("Tanh", gates[3])
    g.node("Add", g.node("Mul", f, c), g.node("Mul", i, k), output=c_next)
    g.node("Mul", o, g.node("Tanh", c_next), output=h_next)
    g.node("Tanh", g.linear(h_next, 5, 2), output=y)
    return g.save(path, {x: [1, 3], h: shape, c: shape}, {y: [1, 2], h_next: shape, c_next: shape})


def _cfc(path, time="ts", batch=1, sizes=(3, 6), outputs=2, copies=False):
    x, h = sizes
    g = _Step()
    z = g.node("Concat", "sensors", "before", axis=-1)
    f, k = (g.node("Tanh", g.linear(z, x + h, h)) for _ in "fg")
    rate = g.node("Mul", g.linear(z, x + h, h), time)
    t = g.node("Sigmoid", g.node("Add", rate, g.linear(z, x + h, h)))
    g.node("Add", f, g.node("Mul", t, g.node("Sub", k, f)), output="after")
    if copies:
        g.node("Identity", "after", output="seen")
    else:
        g.node("Tanh", g.linear("after", h, outputs), output="seen")
    shapes = {"sensors": [batch, x], "before": [batch, h], time: [batch, 1]}
    return g.save(path, shapes, {"seen": [batch, h if copies else outputs], "after": [batch, h]})


def _ranges(path, **more):
    return Request(path, "net", ((-1.0, 1.0),), (0.0, 1.0), **more)


def test_an_lstm_s_states_pair_with_outputs_by_dataflow(tmp_path):
    path = _lstm(tmp_path / "net.onnx")
    ports = find_ports(onnx.load(path), path)
    assert [p.name for p in ports.inputs] == ["v", "a", "b"]
    assert [p.name for p in ports.h_next] == ["a2", "b2"]
    model = export(_ranges(path), tmp_path / "BUILD")
    assert (len(model.inputs), len(model.states), len(model.outputs)) == (3, 10, 2)


def test_the_user_may_name_the_states(tmp_path):
    path = _lstm(tmp_path / "net.onnx")
    pairs = (("b", "b2"), ("a", "a2"))
    ports = find_ports(onnx.load(path), path, pairs)
    assert [(p.name, p.lo) for p in ports.h_next] == [("b2", 0), ("a2", 5)]
    assert len(export(_ranges(path, states=pairs), tmp_path / "BUILD").states) == 10


@pytest.mark.parametrize("batch", [1, "N"])
def test_elapsed_time_is_the_number_that_others_are_multiplied_by(tmp_path, batch):
    path = _cfc(tmp_path / "net.onnx", batch=batch)
    model = export(_ranges(path), tmp_path / "BUILD")
    assert model.dt is not None
    assert (len(model.inputs), len(model.states), len(model.outputs)) == (3, 6, 2)


def test_one_sensor_is_not_taken_for_time(tmp_path):
    path = _cfc(tmp_path / "net.onnx", sizes=(1, 6))
    model = export(_ranges(path), tmp_path / "BUILD")
    assert model.dt is not None
    assert len(model.inputs) == 1


def test_outputs_that_are_copies_of_the_state(tmp_path):
    path = _cfc(tmp_path / "net.onnx", copies=True)
    model = export(_ranges(path), tmp_path / "BUILD")
    assert len(model.outputs) == len(model.states) == 6


def test_names_change_nothing(tmp_path):
    one = export(_ranges(_lstm(tmp_path / "a.onnx")), tmp_path / "one")
    names = ("sensor0", "dt_state", "y", "h", "x", "c")
    other = export(_ranges(_lstm(tmp_path / "b.onnx", names)), tmp_path / "two")
    assert one.digest == other.digest


@pytest.mark.parametrize("shape", [(5,), (1, 1, 5)])
def test_vectors_may_have_any_rank(tmp_path, shape):
    g = _Step()
    kept = g.node("Reshape", "h", "row")
    g.held.append(numpy_helper.from_array(np.array([1, 5]), "row"))
    g.held.append(numpy_helper.from_array(np.array(shape), "shape"))
    z = g.node("Tanh", g.node("Add", g.linear("x", 3, 5), g.linear(kept, 5, 5)))
    g.node("Reshape", z, "shape", output="h_next")
    g.node("Tanh", g.linear(z, 5, 2), output="y")
    path = g.save(tmp_path / "net.onnx", {"x": [1, 3], "h": shape}, {"y": [1, 2], "h_next": shape})
    assert len(export(_ranges(path), tmp_path / "BUILD").states) == 5


def test_two_outputs_that_could_be_the_state_are_listed(tmp_path):
    g = _Step()
    z = g.node("Add", g.linear("u", 3, 4), g.linear("s", 4, 4))
    g.node("Tanh", z, output="p")
    g.node("Sigmoid", z, output="q")
    path = g.save(tmp_path / "net.onnx", {"u": [1, 3], "s": [1, 4]}, {"p": [1, 4], "q": [1, 4]})
    refused(path, tmp_path, "several candidates for its states: s:p, s:q; name them: --state")
    assert len(export(_ranges(path, states=(("s", "q"),)), tmp_path / "BUILD").states) == 4


def test_a_network_without_a_state_is_refused_with_a_hint_at_delay_lines(tmp_path):
    g = _Step()
    g.node("Tanh", g.linear("u", 3, 4), output="p")
    path = g.save(tmp_path / "net.onnx", {"u": [1, 3]}, {"p": [1, 4]})
    refused(path, tmp_path, "keeps no state.*delay line")


@pytest.mark.parametrize(
    ("states", "elapsed", "match"),
    [
        ((("a", "nothing"),), None, "no input or output 'nothing'; choose from v, a, b"),
        ((("v", "a2"),), None, "'a2' cannot be the next state of 'v'"),
        ((), "a", "elapsed time is one number"),
    ],
)
def test_names_that_do_not_fit(tmp_path, states, elapsed, match):
    path = _lstm(tmp_path / "net.onnx")
    with pytest.raises(ElegansError, match=match):
        find_ports(onnx.load(path), path, states, elapsed)


def test_a_sequence_is_refused_with_how_to_export_a_step(tmp_path):
    g = _Step()
    g.node("Tanh", g.linear("u", 3, 4), output="p")
    g.node("Tanh", g.linear("s", 4, 4), output="q")
    path = g.save(
        tmp_path / "net.onnx", {"u": [1, 20, 3], "s": [1, 4]}, {"p": [1, 20, 4], "q": [1, 4]}
    )
    refused(path, tmp_path, "a sequence of 20 steps.*export one step.*export_onnx")


def test_a_loop_is_refused_with_how_to_export_a_step(tmp_path, worm):
    proto = onnx.load(worm)
    body = helper.make_graph([helper.make_node("Identity", ["a"], ["b"])], "body", [], [])
    proto.graph.node.append(helper.make_node("Scan", ["x"], ["z"], body=body, num_scan_inputs=1))
    worm.write_bytes(proto.SerializeToString())
    refused(worm, tmp_path, "Scan.*a loop over time; export one step")


@pytest.mark.parametrize("version", [11, 40])
def test_opsets_too_old_or_too_new_are_refused(tmp_path, worm, version):
    proto = onnx.load(worm)
    proto.opset_import[0].version = version
    worm.write_bytes(proto.SerializeToString())
    refused(worm, tmp_path, f"is of opset {version}")


def test_a_graph_without_declared_names_needs_ranges_only(tmp_path):
    path = _cfc(tmp_path / "net.onnx")
    model = export(_ranges(path), tmp_path / "BUILD")
    document = json.loads((tmp_path / "BUILD" / "model.json").read_text())
    assert [c["name"] for c in document["inputs"]] == ["x0", "x1", "x2"]
    assert model.name == "net"


def test_dividing_by_time_outside_of_a_neuron_is_refused(tmp_path):
    g = _Step()
    z = g.node("Add", g.linear("x", 3, 4), g.linear("h", 4, 4))
    g.node("Tanh", z, output="h_next")
    g.node("Add", g.node("Reciprocal", "dt"), g.linear("h_next", 4, 1), output="y")
    shapes = {"x": [1, 3], "h": [1, 4], "dt": [1, 1]}
    path = g.save(tmp_path / "net.onnx", shapes, {"y": [1, 1], "h_next": [1, 4]})
    refused(path, tmp_path, "divides by elapsed time outside of a neuron")
