"""Quantised files: weights of 8 bits exactly, activations within the steps of their integers."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.dialects.standard import rounded, standard
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.ir.declared import with_ranges
from elegans.exporter.lowering.bounds import network_bounds
from elegans.exporter.oracles.onnx_float import runnable
from elegans.tests.exporter.frontend.dialects.one_node import (
    difference,
    node,
    products_saturate,
    saved,
)

_random = np.random.default_rng(2)
_S, _Z = np.float32(1 / 64), np.uint8(120)  # of v, in [-1.875, 2.11]
_OUT, _OUT_Z = np.float32(1 / 32), np.int8(5)
_W = _random.integers(-120, 120, (8, 8)).astype(np.int8)
_EACH = _random.uniform(0.001, 0.004, 8).astype(np.float32)
_ONE = np.float32(0.003)
_HELD = {
    "s": _S,
    "z": _Z,
    "w": _W,
    "w_s": _ONE,
    "both_s": _ONE * _S,
    "w_each": _EACH,
    "w_z": np.int8(3),
    "no_z": np.int8(0),
    "no_each": np.zeros(8, np.int8),
    "out_s": _OUT,
    "out_z": np.uint8(100),
    "int8_z": _OUT_Z,
    "bias": _random.integers(-4000, 4000, 8).astype(np.int32),
    "real_bias": _random.normal(0, 0.3, 8).astype(np.float32),
}
_QUANTISE = node("QuantizeLinear", "v", "s", "z", outputs=("q",))


def _weights(*inputs, **more):
    """`v` times weights that are dequantised in the graph."""
    return [
        node("DequantizeLinear", *inputs, outputs=("real",), **more),
        node("MatMul", "v", "real"),
    ]


def _own(kind, output, *inputs, **more):
    """An operator of onnxruntime's own."""
    return node(kind, *inputs, outputs=(output,), domain="com.microsoft", **more)


@pytest.mark.parametrize(
    "nodes",
    [
        _weights("w", "w_s", "w_z"),
        _weights("w", "w_s"),
        _weights("w", "w_each", axis=1),
        _weights("w", "w_each", axis=0),
    ],
    ids=["per tensor", "without a zero point", "per output", "per input"],
)
def test_weights_of_8_bits_are_exact(tmp_path, nodes):
    path = saved(tmp_path / "weights.onnx", nodes, _HELD, 13)
    assert runnable(open_graph(path).given)
    assert difference(path) < 1e-5


@pytest.mark.parametrize("kind", [TensorProto.INT8, TensorProto.INT4])
def test_weights_in_blocks_are_exact(tmp_path, kind):
    lo, hi = (-8, 8) if kind == TensorProto.INT4 else (-128, 128)
    w = _random.integers(lo, hi, (8, 8))
    packed = helper.make_tensor("w", kind, [8, 8], w.reshape(-1))
    scales = _random.uniform(0.001, 0.05, (4, 8)).astype(np.float32)
    nodes = _weights("w", "scales", axis=0, block_size=2)
    plain = node("Mul", "v", "v", outputs=("unused",))
    path = saved(tmp_path / "blocks.onnx", [plain, *nodes], {"scales": scales}, 21)
    model = onnx.load(path)
    model.graph.initializer.append(packed)
    model.ir_version = 10
    onnx.save(model, path)
    graph = open_graph(path)
    network = read_network(graph, read_interface(graph, "m"))
    (matrix,) = network.y.terms.values()
    want = w * np.repeat(scales, 2, axis=0)
    assert np.allclose(matrix.toarray(), want.T, rtol=1e-6)


_STATIC = {
    "QDQ": [_QUANTISE, node("DequantizeLinear", "q", "s", "z")],
    "another scale": [_QUANTISE, node("DequantizeLinear", "q", "out_s", "z")],
    "QLinearMatMul": [
        _QUANTISE,
        node(
            "QLinearMatMul", *("q", "s", "z", "w", "w_s", "no_z", "out_s", "out_z"), outputs=("r",)
        ),
        node("DequantizeLinear", "r", "out_s", "out_z"),
    ],
    "QLinearMatMul per output": [
        _QUANTISE,
        node(
            "QLinearMatMul",
            *("q", "s", "z", "w", "w_each", "no_each", "out_s", "out_z"),
            outputs=("r",),
        ),
        node("DequantizeLinear", "r", "out_s", "out_z"),
    ],
    "QGemm": [
        _QUANTISE,
        node(
            "QGemm",
            *("q", "s", "z", "w", "w_each", "no_each", "bias", "out_s", "out_z"),
            outputs=("r",),
            domain="com.microsoft",
            transB=1,
        ),
        node("DequantizeLinear", "r", "out_s", "out_z"),
    ],
    "QLinearAdd and QLinearSigmoid": [
        _QUANTISE,
        _own("QLinearAdd", "r", "q", "s", "z", "q", "s", "z", "out_s", "out_z"),
        _own("QLinearSigmoid", "t", "r", "out_s", "out_z", "s", "z"),
        node("DequantizeLinear", "t", "s", "z"),
    ],
    "QLinearMul and QLinearConcat": [
        _QUANTISE,
        _own("QLinearMul", "r", "q", "s", "z", "q", "s", "z", "s", "z"),
        _own("QLinearConcat", "t", "s", "z", "r", "s", "z", "q", "s", "z", axis=1),
        node("DequantizeLinear", "t", "s", "z", outputs=("u",)),
        node("Slice", "u", "four", "twelve", "one"),
    ],
    "MatMulInteger": [
        _QUANTISE,
        node("MatMulInteger", "q", "w", "z", "w_z", outputs=("r",)),
        node("Cast", "r", outputs=("t",), to=1),
        node("Mul", "t", "both_s"),
    ],
    "DynamicQuantizeLinear": [
        node("DynamicQuantizeLinear", "v", outputs=("q", "own_s", "own_z")),
        node("MatMulInteger", "q", "w", "own_z", "w_z", outputs=("r",)),
        node("Cast", "r", outputs=("t",), to=1),
        node("Mul", "own_s", "w_s", outputs=("both",)),
        node("Mul", "t", "both"),
    ],
    "DynamicQuantizeMatMul": [
        node("DynamicQuantizeMatMul", "v", "w", "w_s", "w_z", "real_bias", domain="com.microsoft")
    ],
    "MatMulIntegerToFloat": [
        _QUANTISE,
        node(
            "MatMulIntegerToFloat",
            *("q", "w", "s", "w_each", "z", "no_each", "real_bias"),
            domain="com.microsoft",
        ),
    ],
}
_MORE = {name: np.array([v]) for name, v in {"four": 4, "twelve": 12, "one": 1}.items()}


@pytest.mark.parametrize("what", _STATIC)
def test_activations_are_within_a_few_of_their_steps(tmp_path, what):
    """A step of v is 1/64, of what is made of it at most 1/32; weights add up to less than 4."""
    path = saved(tmp_path / "static.onnx", _STATIC[what], _HELD | _MORE, 13)
    assert not runnable(open_graph(path).given)
    if products_saturate():
        pytest.skip("onnxruntime's products of uint8 and int8 saturate on this processor")
    assert difference(path) < (4 / 64 if "MatMul" not in what else 0.1)


def test_a_vector_saturates_where_its_integers_end(tmp_path):
    """The quantiser removes a rectifier in front of integers that begin at zero."""
    nodes = [
        node("QuantizeLinear", "v", "s", "zero", outputs=("q",)),
        node("DequantizeLinear", "q", "s", "zero"),
    ]
    held = _HELD | {"zero": np.uint8(0), "s": np.float32(1 / 512)}
    path = saved(tmp_path / "rectified.onnx", nodes, held, 13)
    assert difference(path) <= 0.5 / 512 + 1e-6
    graph = open_graph(path)
    interface = with_ranges(read_interface(graph, "m"), [(-2.0, 2.0)], None, None)
    network = read_network(graph, interface)
    (name,) = network.y.terms
    (least,), (most,) = ({*end} for end in network_bounds(network)[name])
    assert (least, most) == (0.0, 1.0)


def test_what_stays_within_its_integers_keeps_its_atoms(tmp_path):
    """tanh is in [-1, 1]; integers that end at 127/128 change nothing that they do not round."""
    nodes = [
        node("QuantizeLinear", "v", "s", "no_z", outputs=("q",)),
        node("DequantizeLinear", "q", "s", "no_z"),
    ]
    path = saved(tmp_path / "tanh.onnx", nodes, _HELD | {"s": np.float32(1 / 128)}, 13)
    graph = open_graph(path)
    network = read_network(graph, read_interface(graph, "m"))
    assert len(network.atoms) == 1
    assert rounded(graph.given) == 1


def _rewritten(made, held, x):
    """What the operators that the importer reads make of x, a graph's only input."""
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    ports = [
        [helper.make_tensor_value_info("x", kind, x.shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
    ]
    tensors = [numpy_helper.from_array(a, n) for n, a in held.items()]
    graph = helper.make_graph(made, "g", *ports, tensors)
    model = standard(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]))
    return ReferenceEvaluator(model).run(None, {"x": x})[0]


def test_zero_points_belong_to_the_output_channels_of_a_convolution():
    """Also where there are as many channels as columns of the kernel."""
    w, zeros = _random.integers(-9, 9, (2, 1, 2, 2)).astype(np.int8), np.array([3, -4], np.int8)
    x = _random.integers(0, 9, (1, 1, 2, 2)).astype(np.uint8)
    made = [node("ConvInteger", "x", "w", "", "z")]
    found = _rewritten(made, {"w": w, "z": zeros}, x)
    wanted = [(x[0].astype(int) * (w[n].astype(int) - zeros[n])).sum() for n in range(2)]
    assert found.reshape(-1).tolist() == wanted


def test_zero_points_belong_to_the_rows_of_a_first_factor():
    """Also where there are as many rows as columns."""
    a, b = _random.integers(0, 9, (2, 3, 3))
    zeros = np.array([1, 2, 3], np.uint8)
    made = [node("MatMulInteger", "x", "b", "z")]
    found = _rewritten(made, {"b": b.astype(np.int8), "z": zeros}, a.astype(np.uint8))
    assert found.tolist() == ((a - zeros[:, None].astype(int)) @ b).tolist()


def test_scales_that_nodes_hold_belong_to_the_output_channels_of_a_convolution():
    w, scales = _random.integers(-9, 9, (2, 2, 1)).astype(np.int8), np.array([0.5, 2], np.float32)
    x = _random.integers(0, 9, (1, 2, 1)).astype(np.uint8)
    made = [
        node("Constant", outputs=("s",), value=numpy_helper.from_array(scales, "")),
        node("QLinearConv", *("x", "one", "z", "w", "s", "wz", "one", "z"), outputs=("q",)),
        node("DequantizeLinear", "q", "one", "z"),
    ]
    zeros = {"z": np.uint8(0), "wz": np.zeros(2, np.int8), "one": np.float32(1)}
    found = _rewritten(made, {"w": w, **zeros}, x)
    real = (w[:, :, 0] * scales[:, None]) @ x[0, :, 0]
    assert np.allclose(found.reshape(-1), np.clip(np.rint(real), 0, 255))


@pytest.mark.parametrize("scales", [1, 8], ids=["one scale", "a scale for each gate"])
def test_an_lstm_with_weights_of_8_bits_is_that_of_its_real_weights(scales):
    """DynamicQuantizeLSTM, which onnxruntime's quantize_dynamic makes of each LSTM."""
    w, r = (_random.integers(-99, 99, (1, n, 8)).astype(np.int8) for n in (3, 2))
    scale = _random.uniform(0.005, 0.01, scales).astype(np.float32)
    zero = _random.integers(-9, 9, scales).astype(np.int8)
    x = _random.normal(0, 1, (5, 1, 3)).astype(np.float32)
    names = ("x", "w", "r", "", "", "", "", "", "s", "z", "s", "z")
    made = [
        node("DynamicQuantizeLSTM", *names, domain="com.microsoft", outputs=("out",), hidden_size=2)
    ]
    found = _rewritten(made, {"w": w, "r": r, "s": scale, "z": zero}, x)
    real = {n: ((a - zero.astype(int)) * scale).transpose(0, 2, 1) for n, a in (("w", w), ("r", r))}
    plain = [node("LSTM", "x", "w", "r", hidden_size=2)]
    held = {name: array.astype(np.float32) for name, array in real.items()}
    assert np.allclose(found, _rewritten(plain, held, x), atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("QLinearAveragePool", {"kernel_shape": [1], "channels_last": 1}),
        ("QLinearSoftmax", {"axis": 1, "opset": 11}),
    ],
    ids=["channels last", "softmax over several axes"],
)
def test_another_layout_or_meaning_is_refused(tmp_path, kind, more):
    nodes = [
        _QUANTISE,
        _own(kind, "r", "q", "s", "z", "s", "z", **more),
        node("DequantizeLinear", "r", "s", "z"),
    ]
    graph = open_graph(saved(tmp_path / "refused.onnx", nodes, _HELD, 13))
    with pytest.raises(ElegansError, match=f"{kind}.*is an operator of 'com.microsoft'"):
        read_network(graph, read_interface(graph, "m"))
