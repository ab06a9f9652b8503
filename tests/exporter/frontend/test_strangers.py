"""Files as exporters write them: shapes that many nodes compute, ranges of whole ports, classes."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.frontend.recurrent.series import timewise
from elegans.exporter.frontend.recurrent.series.values import Value
from elegans.exporter.ir import real_network
from elegans.exporter.ir.declared import with_ranges
from elegans.exporter.lowering.lower import lower
from elegans.exporter.request import read
from elegans.tests.exporter.frontend.steps import Step


def _read(request):
    return read(request, lambda _: None, lambda _: None)


def _padded(path):
    """A step whose Pad has widths that nodes compute, and whose outputs have no sizes for it."""
    g = Step()
    widths = {"few": [0, 1], "none": [0, 0], "two": [2], "start": [0], "end": [2]}
    for name, value in widths.items():
        g.held.append(numpy_helper.from_array(np.array(value, np.int64), name))
    zeros = g.node("ConstantOfShape", "two")
    whole = g.node("Concat", g.node("Cast", zeros, to=7), "few", axis=0)
    kept = g.node("Slice", whole, "start", "end")
    wide = g.node("Pad", "x", g.node("Concat", kept, "few", axis=0))
    g.node("Tanh", g.node("Add", g.linear(wide, 4, 5), g.linear("h", 5, 5)), output="h_next")
    g.node("Tanh", g.linear("h_next", 5, 2), output="y")
    g.save(path, {"x": [1, 3], "h": [1, 5]}, {"y": [1, 2], "h_next": [1, 5]})
    model = onnx.load(path)
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[0].dim_param = "Gemmy_dim_0"
    onnx.save(model, path)
    return path


def test_shapes_that_constants_decide_in_many_nodes_are_known(tmp_path):
    """As torch's TorchScript exporter writes every Pad."""
    path = _padded(tmp_path / "pad.onnx")
    graph = open_graph(path)
    assert graph.ports.sizes == {"x": 3, "h": 5, "y": 2, "h_next": 5}
    interface = with_ranges(read_interface(graph), [(-1.0, 1.0)], None, None)
    lower(read_network(graph, interface))


def _policy(path):
    g = Step()
    both = g.node("Concat", "obs", "done", axis=1)
    g.node("Tanh", g.node("Add", g.linear(both, 4, 5), g.linear("h", 5, 5)), output="h_next")
    g.node("Identity", g.linear("h_next", 5, 2), output="act")
    shapes = {"obs": [1, 3], "done": [1, 1], "h": [1, 5]}
    return g.save(path, shapes, {"act": [1, 2], "h_next": [1, 5]})


def test_a_range_of_a_whole_input_or_output_is_that_of_each_element(tmp_path):
    said = (("x1", (0.0, 2.0)), ("obs", (-1.0, 1.0)), ("done", (0.0, 1.0)))
    path = _policy(tmp_path / "policy.onnx")
    found = _read(Request(path, named_ranges=said, output_ranges=(("act", (-0.5, 0.5)),)))
    names = [signal.name for signal in found.interface.inputs]
    ranges = [signal.range for signal in found.interface.inputs]
    assert names == ["x0", "x1", "x2", "x3"]
    assert ranges == [(-1.0, 1.0), (0.0, 2.0), (-1.0, 1.0), (0.0, 1.0)]
    assert [signal.range for signal in found.interface.outputs] == [(-0.5, 0.5)] * 2
    with pytest.raises(ElegansError, match="no input is called 'view'"):
        _read(Request(path, named_ranges=(("view", (0.0, 1.0)),)))


def test_a_softmax_of_many_classes_takes_a_sum_and_not_one_for_each(tmp_path):
    """400 classes took 160,000 weights."""
    g = Step()
    g.node("Tanh", g.node("Add", g.linear("x", 3, 5), g.linear("h", 5, 5)), output="h_next")
    g.node("Softmax", g.linear("h_next", 5, 40), output="y", axis=-1)
    path = tmp_path / "many.onnx"
    g.save(path, {"x": [1, 3], "h": [1, 5]}, {"y": [1, 40], "h_next": [1, 5]})
    graph = open_graph(path)
    interface = with_ranges(read_interface(graph), [(-1.0, 1.0)], None, None)
    network = read_network(graph, interface)
    drives = [a.drive for a in network.atoms.values() if hasattr(a, "drive")]
    assert sum(m.nnz for drive in drives for m in drive.terms.values()) <= 3 * 5 + 25 + 200 + 4 * 40
    lower(network)


@pytest.mark.parametrize("dynamo", [False, True])
def test_a_cosine_similarity_is_a_normalisation_in_both_spellings_of_torch(tmp_path, dynamo):
    """Its quotient was proved to reach 3e8, and all its integers were zero."""
    g, rng = Step(), np.random.default_rng(1)
    centres = rng.normal(size=(4, 5)).astype(np.float32)
    length = np.linalg.norm(centres, axis=1)
    held = {"c": centres[None], "c2": length[None] ** 2, "unit": (centres.T / length).T[None]}
    held |= {"last": np.array([-1]), "wide": np.array([1, 4, 5]), "middle": np.array([1])}
    for name, value in (held | {"guard": np.float32(1e-8)}).items():
        kind = np.int64 if value.dtype.kind == "i" else np.float32
        g.held.append(numpy_helper.from_array(np.asarray(value, kind), name))
    h = g.node("Add", g.linear("x", 3, 5), g.linear("h", 5, 5))
    g.node("Tanh", h, output="h_next")
    rows = g.node("Unsqueeze", "h_next", "middle")
    if dynamo:
        wide = g.node("Expand", rows, "wide")
        norm = g.node("Clip", g.node("ReduceL2", wide, "last", keepdims=1), "guard")
        each = g.node("Mul", g.node("Div", wide, norm), "unit")
        g.node("ReduceSum", each, "last", keepdims=0, output="y")
    else:
        dot = g.node("ReduceSum", g.node("Mul", rows, "c"), "last", keepdims=0)
        square = g.node("ReduceSum", g.node("Mul", rows, rows), "last", keepdims=0)
        norm = g.node("Max", g.node("Sqrt", g.node("Mul", square, "c2")), "guard")
        g.node("Div", dot, norm, output="y")
    path = tmp_path / "cosine.onnx"
    g.save(path, {"x": [1, 3], "h": [1, 5]}, {"y": [1, 4], "h_next": [1, 5]})
    graph = open_graph(path)
    interface = with_ranges(read_interface(graph), [(-1.0, 1.0)], None, None)
    network = read_network(graph, interface)
    kinds = {type(atom).__name__ for atom in network.atoms.values()}
    assert kinds == {"TanhActivation", "NormaliseGate"}
    x, states = rng.uniform(-1, 1, (20, 3)), rng.uniform(-1, 1, (20, 5))
    y, after, _ = real_network.step(network, x, np.zeros((20, 1)), states)
    exact = after @ centres.T / np.linalg.norm(after, axis=1)[:, None] / length
    np.testing.assert_allclose(y, exact, atol=1e-6)


@pytest.mark.parametrize(
    ("pads", "told"),
    [([0, 2, 0, 0, 0, 0], "keep the last samples in a state"), ([0, 0, 2, 0, 0, 0], "not known")],
)
def test_a_pad_over_time_is_told_with_what_a_step_does_instead(pads, told):
    node = helper.make_node("Pad", ["x", "pads"], ["wide"])
    x = Value((1, 20, 4), onnx.TensorProto.FLOAT, axis=1)
    widths = Value((6,), onnx.TensorProto.INT64, array=np.array(pads))
    with pytest.raises(ElegansError, match=told):
        timewise.time_axis("node 0 (Pad)", node, [x, widths], {}, 3)
