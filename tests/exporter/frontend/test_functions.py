"""Functions of one argument, as torch and others write them: one atom, and near float."""

from __future__ import annotations

import math

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from elegans.exporter.atoms.activations.soft_relu import SoftReluActivation
from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.ir import real_network
from elegans.exporter.ir.proof import prove
from elegans.exporter.lowering.lower import lower
from elegans.exporter.numbers.fixed import dequantise
from elegans.exporter.oracles import reference


def _silu(g, z):
    return g.node("Mul", z, g.node("Sigmoid", z))


def _swish_of_half(g, z):
    return g.node("Mul", g.node("Sigmoid", g.node("Mul", z, g.hold([0.5]))), z)


def _residual(g, z):
    return g.node("Add", g.node("Mul", z, g.hold([2.0])), _silu(g, z))


def _gelu(g, z):
    """As torch writes it before opset 20."""
    phi = g.node("Add", g.node("Erf", g.node("Div", z, g.hold([math.sqrt(2)]))), g.hold([1.0]))
    return g.node("Mul", g.node("Mul", z, phi), g.hold([0.5]))


def _mish(g, z):
    return g.node("Mul", z, g.node("Tanh", g.node("Softplus", z)))


def _softplus(g, z):
    return g.node("Log", g.node("Add", g.node("Exp", z), g.hold([1.0])))


def _torch_s_softplus(g, z):
    """With beta = 2, as torch's dynamo exporter writes it."""
    twice = g.node("Mul", z, g.hold([2.0]))
    soft = g.node("Div", g.node("Softplus", twice), g.hold([2.0]))
    return g.node("Where", g.node("Greater", twice, g.hold(20.0)), z, soft)


def _scaled_softplus(g, z):
    half = g.node("Mul", g.node("Exp", z), g.hold([0.5]))
    return g.node("Log", g.node("Add", half, g.hold([2.0])))


def _clip(g, z):
    return g.node("Clip", z, g.hold(-0.5), g.hold(1.5))


def _relu6(g, z):
    return g.node("Clip", z, g.hold(0.0), g.hold(6.0))


def _at_most(g, z):
    return g.node("Clip", z, "", g.hold(0.25))


def _operator(kind, **attributes):
    return lambda g, z: g.node(kind, z, **attributes)


_WAYS = {
    "silu": (_silu, "silu"),
    "silu_beside_its_argument": (_residual, "silu"),
    "swish_of_half": (_swish_of_half, "silu"),
    "gelu_by_erf": (_gelu, "gelu"),
    "gelu": (_operator("Gelu"), "gelu"),
    "gelu_tanh": (_operator("Gelu", approximate="tanh"), "gelu_tanh"),
    "softplus": (_operator("Softplus"), "softplus"),
    "torch_s_softplus": (_torch_s_softplus, "softplus"),
    "softplus_by_log": (_softplus, "softplus"),
    "scaled_softplus_by_log": (_scaled_softplus, "softplus"),
    "mish": (_operator("Mish"), "mish"),
    "mish_by_tanh": (_mish, "mish"),
    "elu": (_operator("Elu"), "elu"),
    "elu_of_half": (_operator("Elu", alpha=0.5), "elu"),
    "selu": (_operator("Selu"), "elu"),
    "celu": (_operator("Celu", alpha=2.0), "elu"),
    "hard_swish": (_operator("HardSwish"), "hard_swish"),
    "leaky_relu": (_operator("LeakyRelu", alpha=0.2), None),
    "hard_sigmoid": (_operator("HardSigmoid", alpha=1 / 6, beta=0.5), None),
    "clip": (_clip, None),
    "relu6": (_relu6, None),
    "at_most": (_at_most, None),
}


def _step(graph, way, scale=1.0):
    """Two states that are the tanh of a function of an affine form, and an output that is read
    from the function."""
    g = graph(3)
    z = g.linear(g.node("Concat", "x", "h", axis=-1), 9, 6, "gemm", scale)
    made = way(g, z)
    g.rename(g.node("Tanh", g.linear(made, 6, 6, "gemm")), "h_next", "Identity")
    g.rename(g.linear(made, 6, 2, "gemm"), "y", "Identity")
    return g


@pytest.mark.parametrize("name", _WAYS)
def test_a_function_of_one_argument_is_one_atom_and_near_float(graph, save, metadata, name):
    way, curve = _WAYS[name]
    metadata["inputs"][1]["range"] = [-3.0, 2.0]
    path = save(_step(graph, way), metadata)
    proto = onnx.load(path)
    proto.opset_import[0].version = 20
    onnx.save(proto, path)
    network = read_file(path)
    soft = [a for a in network.atoms.values() if isinstance(a, SoftReluActivation)]
    assert [a.curve.name for a in soft] == ([curve] if curve else [])
    assert not curve or "product" not in {s.op.kernel for s in lower(network).steps}
    rng = np.random.default_rng(1)
    real_x = rng.uniform([-1.0, -3.0, -0.3], [1.0, 2.0, 0.1], (50, 3))
    h = rng.uniform(-1, 1, (50, 6))
    y, h_next, _ = real_network.step(network, real_x, np.full((50, 1), 0.1), h)
    session = ort.InferenceSession(str(path))
    for t in range(50):
        feed = {"x": real_x[t : t + 1].astype("f4"), "h": h[t : t + 1].astype("f4")}
        feed |= {"dt": np.full((1, 1), 0.1, "f4")}
        feed = {port.name: feed[port.name] for port in session.get_inputs()}
        found = session.run(["y", "h_next"], feed)
        np.testing.assert_allclose(found[0][0], y[t], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(found[1][0], h_next[t], rtol=1e-3, atol=1e-4)
    model = lower(network)
    prove(model)
    _near_float(model, network)


def _near_float(model, network):
    rng = np.random.default_rng(2)
    x = rng.integers([c.lo for c in model.inputs], [c.hi + 1 for c in model.inputs], (300, 3))
    h = rng.integers(-32767, 32768, (300, 6))
    dt = np.zeros((300, 1), np.int64)
    y, h_next = reference.step(model, x, dt, h)
    real = [
        dequantise(v, np.array([c.frac for c in channels]))
        for v, channels in ((x, model.inputs), (h, model.states))
    ]
    want_y, want_h, _ = real_network.step(network, real[0], dequantise(dt, 0), real[1])
    for found, want, channels in ((y, want_y, model.outputs), (h_next, want_h, model.states)):
        error = np.abs(dequantise(found, np.array([c.frac for c in channels])) - want)
        assert error.max() <= 1e-3 * max(np.ptp(want), 1.0)


def test_a_product_with_another_vector_s_gate_stays_a_product(graph, lowered):
    def glu(g, z):
        return g.node("Mul", z, g.node("Sigmoid", g.linear(z, 6, 6, "gemm")))

    kernels = {s.op.kernel for s in lowered(_step(graph, glu)).steps}
    assert "product" in kernels
    assert "soft_relu" not in kernels


def test_silu_s_least_value_is_its_range_s_end(graph, lowered):
    model = lowered(_step(graph, _silu, scale=20.0))
    (step,) = (s for s in model.steps if s.op.kernel == "soft_relu")
    bounds = prove(model)[step.name]
    least = bounds.lo / 2.0 ** np.array(step.frac)
    assert least.min() >= -0.2786 - 2.0 ** -min(step.frac)
    assert (bounds.hi / 2.0 ** np.array(step.frac)).max() > 300  # of a map that 40 K drives
