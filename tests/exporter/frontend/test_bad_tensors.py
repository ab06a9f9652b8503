"""Tensors of every element type; graphs that are out of order or cyclic."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.lowering.lower import lower
from elegans.tests.exporter.frontend.dialects.one_node import node, saved
from elegans.tests.exporter.frontend.refusal import refused


def _replaced(worm, index, tensor):
    """The worm with one of its tensors replaced by another, cast where it is read."""
    proto = onnx.load(worm)
    proto.graph.initializer[index].CopyFrom(tensor)
    worm.write_bytes(proto.SerializeToString())
    return worm


def _first(worm):
    held = onnx.load(worm).graph.initializer
    index = next(i for i, t in enumerate(held) if len(t.dims) == 2)
    return index, held[index].name, numpy_helper.to_array(held[index])


@pytest.mark.parametrize("kind", ["FLOAT16", "BFLOAT16", "DOUBLE", "INT8", "INT32", "INT64"])
def test_constants_of_any_numeric_type_keep_their_values(worm, tmp_path, kind):
    index, name, array = _first(worm)
    whole = np.round(array * 2)
    kind_of = getattr(TensorProto, kind)
    narrow = helper.make_tensor(f"{name}_raw", kind_of, whole.shape, whole.ravel().tolist())
    proto = onnx.load(worm)
    proto.graph.initializer[index].CopyFrom(narrow)
    cast = helper.make_node("Cast", [f"{name}_raw"], [name], to=TensorProto.FLOAT)
    proto.graph.node.insert(0, cast)
    path = tmp_path / "cast.onnx"
    onnx.save(proto, path)
    plain = tmp_path / "plain.onnx"
    proto = onnx.load(worm)
    proto.graph.initializer[index].CopyFrom(numpy_helper.from_array(whole.astype("f4"), name))
    onnx.save(proto, plain)
    graphs = [open_graph(p) for p in (path, plain)]
    digests = {lower(read_network(g, read_interface(g, "worm"))).digest for g in graphs}
    assert len(digests) == 1


def test_denormal_weights_are_accepted(worm, tmp_path):
    index, name, array = _first(worm)
    small = np.full(array.shape, 1e-42, np.float32)
    path = _replaced(worm, index, numpy_helper.from_array(small, name))
    assert len(export(Request(path), tmp_path / "BUILD").states) == 6


@pytest.mark.parametrize("value", [2e30, -2e30])
def test_weights_beyond_the_largest_real_are_named(worm, tmp_path, value):
    index, name, array = _first(worm)
    path = _replaced(worm, index, numpy_helper.from_array(np.full_like(array, value), name))
    refused(path, tmp_path, f"tensor '{name}'.*element 0 is {value:g}".replace("+", "."))


@pytest.mark.parametrize("kind", ["STRING", "COMPLEX64", "FLOAT8E4M3FN"])
def test_weights_that_are_not_numbers(worm, tmp_path, kind):
    index, name, array = _first(worm)
    proto = onnx.load(worm)
    tensor = proto.graph.initializer[index]
    tensor.Clear()
    tensor.name, tensor.data_type = name, getattr(TensorProto, kind)
    tensor.dims.extend(array.shape)
    if kind == "STRING":
        tensor.string_data.extend([b"w"] * array.size)
    elif kind == "COMPLEX64":
        tensor.float_data.extend([0.0] * 2 * array.size)
    else:
        tensor.raw_data = bytes(array.size)
    worm.write_bytes(proto.SerializeToString())
    refused(worm, tmp_path, f"holds {kind}|not a whole, valid")


def test_a_tensor_without_elements(worm, tmp_path):
    index, name, _ = _first(worm)
    nothing = numpy_helper.from_array(np.zeros((0, 4), np.float32), name)
    refused(_replaced(worm, index, nothing), tmp_path, "does not fit|not a whole, valid")


def test_nodes_that_read_each_other_in_a_circle(worm, tmp_path):
    proto = onnx.load(worm)
    proto.graph.node[0].input[0] = proto.graph.node[-1].output[0]
    worm.write_bytes(proto.SerializeToString())
    refused(worm, tmp_path, "not a whole, valid ONNX model .*topologically sorted|input")


@pytest.mark.parametrize(
    "kind", ["Softmax", "Hardmax", "ArgMax", "ReduceMax", "ReduceSum", "LpNormalization"]
)
def test_what_works_along_an_axis_of_a_number_without_axes_is_refused(tmp_path, kind):
    more = {} if kind.startswith("Reduce") else {"axis": 0}
    first, axes = np.array(0), np.array([0])
    nodes = [
        node("Gather", "v", "first", axis=1, outputs=("single",)),
        node("Squeeze", "single", outputs=("number",)),
        node(kind, "number", *(["axes"] if kind.startswith("Reduce") else []), **more),
    ]
    path = saved(tmp_path / "number.onnx", nodes, {"first": first, "axes": axes}, 18, 1)
    graph = open_graph(path)
    with pytest.raises(ElegansError, match=f"{kind}.*does not fit its inputs"):
        read_network(graph, read_interface(graph, "m"))
