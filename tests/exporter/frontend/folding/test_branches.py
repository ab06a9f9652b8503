"""If: a constant decides, the shape of a tensor decides, or what the step computes."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.tests.exporter.frontend.dialects.one_node import SIZE, difference, node, saved


def _branch(*nodes, held=None, width=SIZE):
    """A graph that reads `v` and gives what its last node computes."""
    out = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, [1, width])
    tensors = [numpy_helper.from_array(np.asarray(a), n) for n, a in (held or {}).items()]
    return helper.make_graph(list(nodes), "branch", [], [out], tensors)


def _if(condition, then, otherwise, outputs=("out",)):
    return node("If", condition, outputs=outputs, then_branch=then, else_branch=otherwise)


# Both branches use one name, and constants of their own.
_HALF = _branch(
    node("Tanh", "v", outputs=("a",)),
    node("Mul", "a", "k", outputs=("b",)),
    held={"k": np.float32(0.5)},
)
_TWICE = _branch(
    node("Sin", "v", outputs=("a",)),
    node("Mul", "a", "k", outputs=("b",)),
    held={"k": np.float32(2.0)},
)
_HELD = {"yes": np.array(True), "zero": np.array(0), "one": np.array(1), "f0": np.float32(0)}
_BATCH = [
    node("Shape", "v", outputs=("dims",)),
    node("Gather", "dims", "zero", outputs=("batch",)),
    node("Equal", "batch", "one", outputs=("single",)),
]
_SUM = [
    node("ReduceSum", "v", outputs=("total",), keepdims=0),
    node("Greater", "total", "f0", outputs=("positive",)),
]


@pytest.mark.parametrize(
    ("nodes", "chooses"),
    [
        ([_if("yes", _HALF, _TWICE)], False),
        ([*_BATCH, _if("single", _HALF, _TWICE)], False),
        ([*_SUM, _if("positive", _HALF, _TWICE)], True),
        ([*_SUM, _if("yes", _branch(_if("positive", _HALF, _TWICE)), _HALF)], True),
    ],
    ids=["constant", "shape", "computed", "nested"],
)
def test_the_branch_that_onnxruntime_takes_is_read(tmp_path, nodes, chooses):
    path = saved(tmp_path / "if.onnx", nodes, _HELD, 18)
    assert difference(path) < 1e-5
    graph = open_graph(path)
    assert any(n.op_type == "Where" for n in graph.model.graph.node) is chooses


def test_results_of_different_shapes_need_a_constant_to_choose(tmp_path):
    first = _branch(node("Slice", "v", "from", "to", "axis", outputs=("a",)), width=1)
    held = _HELD | {"from": np.array([0]), "to": np.array([1]), "axis": np.array([1])}
    path = saved(tmp_path / "if.onnx", [*_SUM, _if("positive", _HALF, first)], held, 18)
    with pytest.raises(ElegansError, match=r"If.*different or unknown shapes; write a Where"):
        open_graph(path)


def test_many_branches_are_refused_within_seconds(tmp_path):
    nodes = [_if("yes", _HALF, _TWICE, (f"r{i}",)) for i in range(200)]
    path = saved(tmp_path / "if.onnx", [*nodes, node("Identity", "r3")], _HELD, 18)
    with pytest.raises(ElegansError, match="too many branches"):
        read_network(graph := open_graph(path), read_interface(graph, "m"))
