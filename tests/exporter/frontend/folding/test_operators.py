"""Constants that a graph computes, and the bounds that are asked before they are computed."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.folding.operators import FOLDABLE, result_size
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.frontend.operators import RULES
from elegans.tests.exporter.frontend.dialects.one_node import SIZE, difference, node, saved

_random = np.random.default_rng(3)
_W = _random.normal(0, 0.5, (SIZE, SIZE)).astype(np.float32)
_HELD = {
    "w": _W,
    "mask": _W > 0,
    "zero": np.array(0),
    "one": np.array(1),
    "eight": np.array(SIZE),
    "shape": np.array([SIZE]),
    "depth": np.array(SIZE),
    "ends": np.array([0.0, 1.0], np.float32),
    "every": np.arange(SIZE),
    "pads": np.array([0, 2, 0, 3]),
    "swap": np.array([[0, 7], [0, 1], [0, 3]]),
    "turn": np.arange(SIZE)[None, ::-1].copy(),
}
_TIMES = node("MatMul", "v", "made")


def _made(kind, *inputs, **more):
    return node(kind, *inputs, outputs=("made",), **more)


_COMPUTED = {
    "Cos": [_made("Cos", "w"), _TIMES],
    "Range": [
        _made("Range", "zero", "eight", "one"),
        *[
            node("Cast", "made", outputs=("real",), to=1),
            node("Mul", "v", "real"),
        ],
    ],
    "Size": [
        _made("Size", "v"),
        node("Cast", "made", outputs=("real",), to=1),
        node("Div", "v", "real"),
    ],
    "NonZero": [
        node("NonZero", "w", outputs=("where",)),
        node("Gather", "where", "one", outputs=("columns",)),
        node("Gather", "columns", "every", outputs=("some",)),
        node("Gather", "v", "some", axis=1),
    ],
    "CumSum": [_made("CumSum", "w", "one", reverse=1), _TIMES],
    "EyeLike": [_made("EyeLike", "w", k=1), _TIMES],
    "Trilu": [_made("Trilu", "w", upper=0), _TIMES],
    "OneHot": [_made("OneHot", "every", "depth", "ends"), _TIMES],
    "Einsum": [_made("Einsum", "w", "w", equation="ij,kj->ik"), _TIMES],
    "Where": [
        node("Neg", "w", outputs=("minus",)),
        _made("Where", "mask", "w", "minus"),
        _TIMES,
    ],
    "Softmax": [_made("Softmax", "w", axis=0), _TIMES],
    "ConstantOfShape": [
        node("ConstantOfShape", "shape", outputs=("zeros",)),
        _made("Cos", "zeros"),
        node("Mul", "v", "made"),
    ],
}
_LINEAR = {
    "Einsum": [node("Einsum", "v", "w", equation="ij,kj->ik")],
    "CumSum": [node("CumSum", "v", "one", exclusive=1)],
    "Trilu": [node("Trilu", "v", "one")],
    "Pad": [node("Pad", "v", "pads", outputs=("wide",)), node("Gather", "wide", "every", axis=1)],
    "GatherElements": [node("GatherElements", "v", "turn", axis=1)],
    "Mean": [node("Mean", "v", "x")],
    "ThresholdedRelu": [node("ThresholdedRelu", "v", alpha=0.3)],
    "Shrink": [node("Shrink", "v", lambd=0.3, bias=0.1)],
}


@pytest.mark.parametrize("what", _COMPUTED)
def test_a_constant_that_the_graph_computes_is_folded(tmp_path, what):
    assert difference(saved(tmp_path / "made.onnx", _COMPUTED[what], _HELD, 18)) < 1e-5


@pytest.mark.parametrize("what", _LINEAR)
def test_an_operator_that_is_affine_in_its_input_becomes_a_matrix(tmp_path, what):
    assert difference(saved(tmp_path / "affine.onnx", _LINEAR[what], _HELD, 18)) < 1e-5


def _i(*values):
    return np.array(values)


_LARGE = {
    "NonZero": ([np.ones((3, 4, 5))], {}),
    "OneHot": ([np.arange(6), np.array(50), np.array([0.0, 1.0])], {}),
    "Pad": ([np.ones((2, 3)), _i(4, 0, 5, 60)], {}),
    "GatherND": ([np.ones((2, 30)), np.zeros((9, 1), np.int64)], {}),
    "Gather": ([np.ones((5, 7)), np.zeros((4, 3), np.int64)], {"axis": 0}),
    "Einsum": ([np.ones((4, 5)), np.ones((6, 7))], {"equation": "ij,kl->ijkl"}),
    "Expand": ([np.ones((3, 1)), _i(2, 3, 8)], {}),
    "Tile": ([np.ones((3, 2)), _i(4, 5)], {}),
    "Range": ([np.array(0), np.array(77), np.array(2)], {}),
    "Concat": ([np.ones((2, 3)), np.ones((4, 3))], {"axis": 0}),
    "ConstantOfShape": ([_i(9, 8)], {}),
    "two columns": ([np.ones((5, 1)), _i(1, 7)], {}),
    "Conv": ([np.ones((2, 4, 6)), np.ones((6, 2, 3))], {"pads": [2, 5], "group": 2}),
    "AveragePool": ([np.ones((2, 4, 6))], {"kernel_shape": [7], "pads": [6, 6]}),
    "ConvTranspose": (
        [np.ones((2, 4, 6)), np.ones((4, 3, 3))],
        {"strides": [7], "dilations": [5], "output_padding": [4]},
    ),
}


@pytest.mark.parametrize("kind", _LARGE)
def test_no_result_is_larger_than_its_bound(kind):
    arrays, given = _LARGE[kind]
    kind = "Expand" if kind == "two columns" else kind
    assert kind in FOLDABLE or kind in RULES
    names = [f"a{i}" for i in range(len(arrays))]
    made = helper.make_node(kind, names, ["out"], **given)
    graph = helper.make_graph(
        [made], "g", [onnx.ValueInfoProto(name=n) for n in names], [onnx.ValueInfoProto(name="out")]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    (found,) = ReferenceEvaluator(model).run(None, dict(zip(names, arrays, strict=True)))
    assert np.size(found) <= result_size(made, arrays)[0]


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("Conv", {"dilations": [10**9]}),
        ("ConvTranspose", {"strides": [10**9]}),
        ("ConvTranspose", {"output_shape": [10**9]}),
        ("AveragePool", {"kernel_shape": [3], "pads": [10**9, 10**9]}),
    ],
)
def test_what_a_few_attributes_make_gigabytes_of_is_refused_first(tmp_path, kind, given):
    inputs = ["line"] if kind == "AveragePool" else ["line", "kernel"]
    nodes = [node("Reshape", "v", "to", outputs=("line",)), node(kind, *inputs, **given)]
    held = {"to": _i(1, 1, SIZE), "kernel": np.ones((1, 1, 3), np.float32)}
    graph = open_graph(saved(tmp_path / "large.onnx", nodes, held, 18))
    with pytest.raises(ElegansError, match=f"{kind}.*makes too large a constant"):
        read_network(graph, read_interface(graph, "m"))
