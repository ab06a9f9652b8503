"""Large sparse networks: the synapses are what an export costs, from ONNX to the vectors."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from elegans.exporter.build_folder import load_model
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.ops.sparse_linear import SparseLinear
from elegans.exporter.oracles.reference import step

# Random networks of this size amplify any difference: their runs do not follow float.
_OPTIONS = {"input_ranges": ((-1.0, 1.0),), "accept_error": 2.0}


def _step(neurons: int, each: int, sparse: bool, transposed: bool = False) -> onnx.ModelProto:
    """h' = tanh(W [x, h]) with 4 inputs, y its last neuron; W as a sparse tensor or a dense one."""
    rng = np.random.default_rng(neurons)
    cols = 4 + neurons
    dense = np.zeros((cols, neurons), np.float32)
    for row in range(neurons):
        dense[rng.choice(cols, each, replace=False), row] = rng.normal(size=each)
    dense = dense.T if transposed else dense
    at = np.argwhere(dense)
    values = numpy_helper.from_array(dense[at[:, 0], at[:, 1]], "W")
    tensor = helper.make_sparse_tensor(values, numpy_helper.from_array(at, "at"), dense.shape)
    ends = [numpy_helper.from_array(np.array([v]), n) for n, v in (("a", -1), ("b", neurons))]
    multiply = helper.make_node("MatMul", ["v", "W"], ["s"])
    if transposed:
        multiply = helper.make_node("Gemm", ["v", "W"], ["s"], transB=1)
    nodes = [
        helper.make_node("Concat", ["x", "h"], ["v"], axis=1),
        multiply,
        helper.make_node("Tanh", ["s"], ["h_next"]),
        helper.make_node("Slice", ["h_next", "a", "b", "axis"], ["y"]),
    ]
    ends.append(numpy_helper.from_array(np.array([1]), "axis"))
    sizes = {"x": 4, "h": neurons, "y": 1, "h_next": neurons}
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, s]) for n, s in sizes.items()]
    held = ends if sparse else [*ends, numpy_helper.from_array(dense, "W")]
    graph = helper.make_graph(
        nodes, "s", ports[:2], ports[2:], held, sparse_initializer=[tensor] if sparse else []
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def _saved(model: onnx.ModelProto, folder) -> object:
    onnx.save(model, folder / "net.onnx")
    return folder / "net.onnx"


@pytest.mark.parametrize("transposed", [False, True])
def test_a_sparse_tensor_means_what_the_dense_one_does(tmp_path, transposed):
    digests = set()
    for sparse in (False, True):
        path = _saved(_step(30, 6, sparse, transposed), tmp_path)
        digests.add(export(Request(path, **_OPTIONS), tmp_path / "B").digest)
    assert len(digests) == 1


def test_a_network_of_300_sparse_neurons_is_exported_by_its_synapses(tmp_path):
    path = _saved(_step(300, 20, sparse=True), tmp_path)
    model = export(Request(path, **_OPTIONS), tmp_path / "BUILD")
    (op,) = (s.op for s in model.steps if isinstance(s.op, SparseLinear))
    assert model.weight_count == len(op.weights.values) <= 300 * 20
    vectors = np.load(tmp_path / "BUILD" / "vectors.npz")
    x, dt, h = (vectors[name].astype(np.int64) for name in ("x", "dt", "h"))
    y, h_next = step(load_model(tmp_path / "BUILD"), x, dt[:, None], h)
    np.testing.assert_array_equal(y, vectors["y"])
    np.testing.assert_array_equal(h_next, vectors["h_next"])


def test_a_sparse_tensor_that_is_not_a_matrix_of_weights_is_refused(tmp_path):
    model = _step(30, 6, sparse=True)
    del model.graph.node[1].input[:]
    model.graph.node[1].input.extend(["W", "W"])
    model.graph.node[1].op_type = "Add"
    with pytest.raises(ElegansError, match="sparse tensor 'W'"):
        export(
            Request(_saved(model, tmp_path), **_OPTIONS),
            tmp_path / "B",
        )


@pytest.mark.parametrize("damage", ["outside", "too wide", "nan"])
def test_a_damaged_sparse_tensor_is_refused(tmp_path, damage):
    model = _step(30, 6, sparse=True)
    tensor = model.graph.sparse_initializer[0]
    if damage == "outside":
        at = numpy_helper.to_array(tensor.indices).copy()
        at[-1] = 99
        tensor.indices.CopyFrom(numpy_helper.from_array(at, "at"))
    elif damage == "too wide":
        tensor.dims[0] = 1 << 40
    else:
        values = numpy_helper.to_array(tensor.values).copy()
        values[3] = np.nan
        tensor.values.CopyFrom(numpy_helper.from_array(values, "W"))
    with pytest.raises(ElegansError):
        export(
            Request(_saved(model, tmp_path), **_OPTIONS),
            tmp_path / "B",
        )
