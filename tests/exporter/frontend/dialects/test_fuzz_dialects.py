"""Mutated files with fused and quantised operators and branches: read, or refused in one line."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from elegans.benchmarks.fuzz import mutated, tried
from elegans.tests.exporter.frontend.dialects.one_node import SIZE, node, saved

_W = np.random.default_rng(4).normal(0, 0.4, (SIZE, SIZE)).astype(np.float32)


def _branch(kind):
    out = helper.make_tensor_value_info("b", TensorProto.FLOAT, [1, SIZE])
    return helper.make_graph([node(kind, "v", outputs=("b",))], "branch", [], [out])


def _own(kind, output, *inputs, **more):
    return node(kind, *inputs, outputs=(output,), domain="com.microsoft", **more)


_FILES = {
    "old and fused": (
        [
            _own("FusedGemm", "a", "v", "w", "c", activation="Relu", transB=1),
            _own("SkipLayerNormalization", "b", "a", "x", "c", "c"),
            node("Split", "b", outputs=("l", "r"), axis=1),
            node("Concat", "r", "l", outputs=("t",), axis=1),
            node("Clip", "t", outputs=("k",), min=-1.0, max=1.0),
            node("Softmax", "k", axis=1),
        ],
        9,
    ),
    "quantised": (
        [
            node("QuantizeLinear", "v", "s", "z", outputs=("q",)),
            node("QLinearMatMul", *("q", "s", "z", "wq", "s", "wz", "s", "z"), outputs=("m",)),
            _own("QLinearAdd", "a", "m", "s", "z", "q", "s", "z", "s", "z"),
            node("DequantizeLinear", "a", "s", "z", outputs=("d",)),
            node("DynamicQuantizeLinear", "d", outputs=("dq", "ds", "dz")),
            node("MatMulInteger", "dq", "wq", "dz", outputs=("mi",)),
            node("Cast", "mi", outputs=("mf",), to=1),
            node("Mul", "mf", "ds"),
        ],
        13,
    ),
    "branches": (
        [
            node("Shape", "v", outputs=("dims",)),
            node("Gather", "dims", "zero", outputs=("n",)),
            node("Equal", "n", "one", outputs=("is",)),
            node("If", "is", then_branch=_branch("Tanh"), else_branch=_branch("Sin")),
        ],
        18,
    ),
}
_HELD = {
    "w": _W,
    "c": _W[0],
    "wq": np.round(_W * 50).astype(np.int8),
    "wz": np.int8(0),
    "s": np.float32(0.02),
    "z": np.uint8(128),
    "zero": np.array(0),
    "one": np.array(1),
}


@pytest.mark.parametrize("what", _FILES)
def test_a_mutated_file_is_read_or_refused_in_one_line(tmp_path, what):
    nodes, opset = _FILES[what]
    path = saved(tmp_path / "mutant.onnx", nodes, _HELD, opset)
    data, random = path.read_bytes(), np.random.default_rng(1)
    assert tried(path) == "read"
    outcomes = []
    for _ in range(30):
        path.write_bytes(mutated(data, random))
        outcomes.append(tried(path))
    assert outcomes.count("read") < 15
