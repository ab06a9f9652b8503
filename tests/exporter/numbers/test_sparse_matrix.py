"""Sparse matrices: they equal dense ones to the bit; time and memory grow with their entries."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from elegans.exporter import ops
from elegans.exporter.numbers.fixed import Interval, product
from elegans.exporter.numbers.sparse_matrix import SparseMatrix
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.sliding_linear import SlidingLinear
from elegans.exporter.ops.sparse_linear import SparseLinear
from elegans.exporter.oracles.integer_onnx import GraphBuilder, Node


def _matrix(rows, cols, density, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(-32767, 32768, (rows, cols)) * (rng.random((rows, cols)) < density)


def _int16(shape, seed=1):
    return np.random.default_rng(seed).integers(-32768, 32768, shape)


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (3, 40), (40, 3), (200, 300)])
@pytest.mark.parametrize("density", [0.0, 0.1, 1.0])
def test_a_sparse_product_is_the_dense_one_to_the_bit(rows, cols, density):
    matrix = _matrix(rows, cols, density)
    x = np.concatenate([_int16((20, cols)), np.full((2, cols), -32768)]).reshape(2, 11, cols)
    exact = x @ matrix.T  # in int64, without BLAS
    for weights in (matrix, SparseMatrix.of(matrix)):
        found = product(x, weights)
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, exact)
    np.testing.assert_array_equal(np.asarray(SparseMatrix.of(matrix)), matrix)


def test_a_sparse_map_has_the_bounds_of_the_dense_one():
    matrix = _matrix(30, 50, 0.2) >> 6
    ends = np.sort(_int16((2, 50)), axis=0)
    x = Interval.of(*ends)
    bias, shift = _int16(30), np.full(30, 9)
    dense, sparse = (kind(matrix, bias, shift).range(x) for kind in (Linear, SparseLinear))
    np.testing.assert_array_equal(dense.lo, sparse.lo)
    np.testing.assert_array_equal(dense.hi, sparse.hi)
    up, down = np.maximum(matrix, 0), np.minimum(matrix, 0)
    np.testing.assert_array_equal(x.times(matrix).hi, up @ ends[1] + down @ ends[0])


def test_a_large_sparse_map_is_gathered_under_onnxruntime_with_the_same_bits():
    matrix = _matrix(1100, 1000, 0.01)
    matrix[7] = 0
    weights, x = SparseMatrix.of(matrix), _int16((3, 1000))
    graph = GraphBuilder()
    result = product(Node(graph, "x"), weights)
    ports = [helper.make_tensor_value_info("x", TensorProto.INT64, ["N", 1000])]
    output = helper.make_tensor_value_info(result.name, TensorProto.INT64, ["N", 1100])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "op", ports, [output], list(graph.constants.values())),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=8,
    )
    assert "MatMul" not in {node.op_type for node in graph.nodes}
    assert model.ByteSize() < matrix.nbytes // 10
    (found,) = ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})
    np.testing.assert_array_equal(found, product(x, weights))


@pytest.mark.parametrize("kind", [SparseLinear, SlidingLinear])
def test_a_sparse_map_comes_back_from_json(kind):
    op = kind(_matrix(9, 300, 0.05), _int16(9), np.arange(9))
    again = ops.from_json(json.loads(json.dumps(ops.to_json(op))))
    assert type(again) is kind
    np.testing.assert_array_equal(np.asarray(again.weights), np.asarray(op.weights))
    for one, other in zip(op.tables(), again.tables(), strict=True):
        np.testing.assert_array_equal(one.values, other.values)


@pytest.mark.parametrize(
    "damage",
    [
        {"columns": [0, 3, 4]},
        {"columns": [1, 0, 2]},
        {"columns": [0, 0, 2]},
        {"columns": [0, -1, 2]},
        {"columns": [0, 1]},
        {"counts": [3, -1, 1]},
        {"counts": [2, 2]},
        {"counts": [[2, 1]]},
        {"values": [1, 2]},
        {"values": "abc"},
        {"cols": None},
    ],
)
def test_a_damaged_sparse_matrix_is_refused(damage):
    whole = {"cols": 4, "counts": [2, 1], "columns": [0, 3, 2], "values": [1, 2, 3]}
    assert SparseMatrix.from_json(whole).to_json() == whole
    with pytest.raises((ValueError, TypeError)):
        SparseMatrix.from_json(whole | damage)
