"""Operators that onnxruntime's optimiser makes, against onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.tests.exporter.frontend.dialects.one_node import difference, node, saved

_random = np.random.default_rng(1)
_HELD = {
    "w": _random.normal(0, 0.4, (8, 8)).astype(np.float32),
    "c": _random.normal(0, 0.4, 8).astype(np.float32),
    "g": _random.uniform(0.5, 1.5, 8).astype(np.float32),
    "kernel": _random.normal(0, 0.4, (3, 2, 3)).astype(np.float32),
    "line": np.array([1, 2, 4]),
}
_LINE = node("Reshape", "v", "line", outputs=("signal",), domain="")


def _fused(kind, *inputs, **more):
    return node(kind, *inputs, domain="com.microsoft", **more)


_FUSED = {
    "FusedGemm": _fused("FusedGemm", "v", "w", "c", activation="LeakyRelu", activation_alpha=0.2),
    "FusedGemm, two parameters": _fused(
        *("FusedGemm", "v", "w", "c"),
        activation="Selu",
        activation_alpha=1.2,
        activation_gamma=0.7,
    ),
    "FusedGemm, transposed": _fused(
        "FusedGemm", "v", "w", "c", activation="Relu", transB=1, alpha=0.5, beta=2.0
    ),
    "FusedMatMul": _fused("FusedMatMul", "v", "w", transB=1, alpha=0.3),
    "Gelu": _fused("Gelu", "v"),
    "BiasGelu": _fused("BiasGelu", "v", "c"),
    "FastGelu": _fused("FastGelu", "v", "c"),
    "QuickGelu": _fused("QuickGelu", "v", alpha=1.2),
    "SkipLayerNormalization": _fused("SkipLayerNormalization", "v", "x", "g", "c", epsilon=1e-3),
    "with a bias": _fused("SkipLayerNormalization", "v", "x", "g", "c", "c", epsilon=1e-3),
    "its sum": _fused(
        *("SkipLayerNormalization", "v", "x", "g", "c"),
        outputs=("norm", "", "", "out"),
        epsilon=1e-3,
    ),
    "SkipSimplifiedLayerNormalization": _fused(
        "SkipSimplifiedLayerNormalization", "v", "x", "g", epsilon=1e-3
    ),
    "SimplifiedLayerNormalization": node(
        "SimplifiedLayerNormalization", "v", "g", axis=-1, epsilon=1e-3
    ),
}


@pytest.mark.parametrize("what", _FUSED)
def test_a_fused_operator_computes_what_onnxruntime_does(tmp_path, what):
    assert difference(saved(tmp_path / "fused.onnx", [_FUSED[what]], _HELD, 17)) < 1e-5


@pytest.mark.parametrize("activation", ["Relu", "Tanh", "HardSigmoid", "Clip"])
def test_a_fused_convolution_computes_what_onnxruntime_does(tmp_path, activation):
    more = {"activation_params": [0.3, 0.4]} if activation in ("HardSigmoid", "Clip") else {}
    conv = _fused("FusedConv", "signal", "kernel", activation=activation, pads=[1, 1], **more)
    path = saved(tmp_path / "conv.onnx", [_LINE, conv], _HELD, 17, 12)
    assert difference(path) < 1e-5


def test_the_layout_of_one_processor_is_refused_with_a_remedy(tmp_path):
    nodes = [_LINE, node("ReorderInput", "signal", domain="com.microsoft.nchwc")]
    graph = open_graph(saved(tmp_path / "nchwc.onnx", nodes, _HELD, 17))
    with pytest.raises(ElegansError, match=r"ReorderInput.*ORT_ENABLE_EXTENDED"):
        read_network(graph, read_interface(graph, "m"))
