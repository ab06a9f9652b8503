"""Operators beyond those of known cells: what they become, and that they are near float."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.ir import real_network
from elegans.exporter.ir.proof import prove
from elegans.exporter.lowering.lower import lower
from elegans.exporter.numbers.fixed import dequantise
from elegans.exporter.oracles import reference

_OPSET = 21
_ELSEWHERE = {"within": 0.02, "fraction": 0.02, "normalise": 0.01}
"""The share of steps that may be further from float, where half a unit of an argument can become a
whole step, or a vector of almost equal elements is divided by how little they differ."""


def _function(kind, before=None, **attributes):
    def made(g, z):
        ready = {
            None: lambda: z,
            "positive": lambda: g.node("Add", g.node("Abs", z), g.hold([0.25])),
            "inside": lambda: g.node("Mul", g.node("Tanh", z), g.hold([0.9])),
            "above": lambda: g.node("Add", g.node("Abs", z), g.hold([1.1])),
        }[before]()
        return g.node(kind, ready, **attributes)

    return made


def _other(g, z):
    return g.linear(z, 6, 6, "gemm", 0.5)


def _power(exponent, positive=True):
    def made(g, z):
        ready = g.node("Abs", z) if positive else g.node("Tanh", z)
        return g.node("Pow", ready, g.hold(float(exponent)))

    return made


def _difference_of_products(g, z):
    a, b, c = (_other(g, z) for _ in range(3))
    return g.node("Sub", g.node("Mul", z, a), g.node("Mul", b, c))


def _quotient(sign):
    def made(g, z):
        size = g.node("Add", g.node("Abs", _other(g, z)), g.hold([0.5]))
        return g.node("Div", z, g.node("Mul", size, g.hold([float(sign)])))

    return made


def _between(g, z):
    return g.node("Min", g.node("Max", z, _other(g, z)), g.hold([0.5]), _other(g, z))


def _exponential_linear(g, z):
    """Where, with what is not chosen far away."""
    return g.node("Where", g.node("Greater", z, g.hold(0.0)), z, g.node("Sinh", g.node("Tanh", z)))


def _logic(g, z):
    other, zero = _other(g, z), g.hold(0.0)
    less, some = g.node("Less", z, other), g.node("GreaterOrEqual", other, zero)
    both = g.node("And", less, g.node("Not", some))
    either = g.node("Or", g.node("LessOrEqual", z, zero), g.node("Xor", less, some))
    truth = g.node("Cast", g.node("Not", g.node("And", both, either)), to=1)
    return g.node("Mul", z, truth)


def _spike(g, z):
    spike = g.node("Cast", g.node("Greater", z, g.hold(0.25)), to=1)
    return g.node("Sub", z, g.node("Mul", spike, z))


def _remainder(fmod, sign):
    def made(g, z):
        if fmod:
            return g.node("Mod", z, g.hold([sign * 2.5]), fmod=1)
        ratio = g.node("Floor", g.node("Div", z, g.hold([sign * 2.5])))
        return g.node("Sub", z, g.node("Mul", ratio, g.hold([sign * 2.5])))

    return made


def _linear_gate(g, z):
    """z / (1 - exp(-z)), which is 1 where both are 0."""
    return g.node("Div", z, g.node("Sub", g.hold(1.0), g.node("Exp", g.node("Neg", z))))


def _direction_of_silu(g, z):
    soft = g.node("Mul", z, g.node("Sigmoid", z))
    square = g.node("ReduceSum", g.node("Mul", soft, soft), g.hold([-1], np.int64), keepdims=1)
    return g.node("Div", soft, g.node("Sqrt", square))


def _einsum(equation):
    def made(g, z):
        first = g.node("ReduceMean", z, g.hold([-1], np.int64), keepdims=0)
        other = z if equation.endswith("i->...i") else first
        return g.node("Einsum", other, g.node("Tanh", z), equation=equation)

    return made


def _mean_of_a_volume(g, z):
    volume = g.node("Reshape", z, g.hold([1, 1, 1, 2, 3], np.int64))
    pads = [0, 1, 1, 0, 1, 1]
    pooled = g.node("AveragePool", volume, kernel_shape=[1, 2, 2], pads=pads)
    cut = (g.hold([v], np.int64) for v in (0, 6, 1))
    return g.node("Slice", g.node("Reshape", pooled, g.hold([1, -1], np.int64)), *cut)


_WAYS = {
    "einsum_with_an_ellipsis": (_einsum("...i,...i->...i"), "any_function"),
    "einsum_of_sums": (_einsum("...,...i"), "product"),
    "mean_of_a_volume": (_mean_of_a_volume, "linear"),
    "linear_gate": (_linear_gate, "any_function"),
    "direction_of_silu": (_direction_of_silu, "normalise"),
    **{name.lower(): (_function(name), "any_function") for name in ("Atan", "Cos", "Sin")},
    **{name.lower(): (_function(name), "any_function") for name in ("Asinh", "Cosh", "Sinh")},
    "exp": (_function("Exp", "inside"), "any_function"),
    "softsign": (_function("Softsign"), "any_function"),
    "log": (_function("Log", "positive"), "any_function"),
    "sqrt": (_function("Sqrt", "positive"), "any_function"),
    "reciprocal": (_function("Reciprocal", "positive"), "any_function"),
    "acosh": (_function("Acosh", "above"), "any_function"),
    **{n.lower(): (_function(n, "inside"), "any_function") for n in ("Acos", "Asin", "Atanh")},
    "tan": (_function("Tan", "inside"), "any_function"),
    "square": (lambda g, z: g.node("Mul", z, z), "product"),
    "cube": (_power(3, positive=False), "any_function"),
    "fifth_power": (_power(5, positive=False), "any_function"),
    "power_1.5": (_power(1.5), "any_function"),
    "root": (lambda g, z: g.node("Sqrt", _function("Abs", "above")(g, z)), "any_function"),
    "product": (lambda g, z: g.node("Mul", z, _other(g, z)), "product"),
    "difference_of_products": (_difference_of_products, "product"),
    "quotient": (_quotient(1), "quotient"),
    "quotient_by_a_negative": (_quotient(-1), "quotient"),
    "max_and_min": (_between, "extremum"),
    "where": (_exponential_linear, "choose"),
    "logic": (_logic, "within"),
    "spike": (_spike, "within"),
    "sign": (_function("Sign"), "within"),
    "remainder": (_remainder(0, 1), "fraction"),
    "fmod": (_remainder(1, -1), "fraction"),
    "p_relu": (lambda g, z: g.node("PRelu", z, g.hold([0.1])), "relu"),
}


def _along(kind, **attributes):
    return lambda g, z: g.node("Mul", g.node(kind, z, **attributes), g.hold(np.ones((1, 6))))


def _layer_norm(g, z):
    return g.node("LayerNormalization", z, g.hold(np.linspace(0.5, 1, 6)), g.hold(np.ones(6) / 9))


def _root_mean_square(divides):
    def made(g, z):
        square = g.node("ReduceMean", g.node("Mul", z, z), g.hold([-1], np.int64), keepdims=1)
        root = g.node("Sqrt", g.node("Add", square, g.hold([1e-5])))
        if divides:
            return g.node("Div", z, root)
        return g.node("Mul", z, g.node("Reciprocal", root))

    return made


def _group_norm(g, z):
    shape, back = g.hold([1, 6, 1], np.int64), g.hold([1, 6], np.int64)
    weights = g.hold(np.linspace(0.5, 1, 6)), g.hold(np.ones(6) / 9)
    wide = g.node("Reshape", z, shape)
    return g.node("Reshape", g.node("GroupNormalization", wide, *weights, num_groups=2), back)


def _over_length(guarded):
    return lambda g, z: g.node(
        "Div", z, guarded(g, g.node("ReduceL2", z, g.hold([-1], np.int64), keepdims=1))
    )


def _from(g, length, least):
    """As `F.normalize` guards it."""
    return g.node("Clip", length, g.hold(least))


def _expanded(g, length):
    return g.node("Expand", length, g.hold([1, 6], np.int64))


def _plus(g, length, guard):
    return g.node("Add", length, g.hold(guard))


def _index(g, z):
    return g.node("Cast", g.node("ArgMax", z, axis=-1), to=1)


_WAYS |= {
    "softmax": (_along("Softmax", axis=-1), "below_greatest"),
    "log_softmax": (_along("LogSoftmax", axis=-1), "below_greatest"),
    "greatest": (_along("ReduceMax"), "below_greatest"),
    "least": (_along("ReduceMin"), "below_greatest"),
    "l1": (_along("ReduceL1"), "absolute"),
    "l2": (_along("ReduceL2"), "any_function"),
    "sum_of_squares": (_along("ReduceSumSquare"), "product"),
    "log_sum_exp": (_along("ReduceLogSumExp"), "below_greatest"),
    "lp": (_along("LpNormalization", axis=-1), "normalise"),
    "layer_norm": (_layer_norm, "normalise"),
    "rms_by_div": (_root_mean_square(True), "normalise"),
    "rms_by_mul": (_root_mean_square(False), "normalise"),
    "group_norm": (_group_norm, "normalise"),
    "length_from_1e-12": (_over_length(lambda g, r: _expanded(g, _from(g, r, 1e-12))), "normalise"),
    "length_and_1e-8": (_over_length(lambda g, r: _plus(g, r, 1e-8)), "normalise"),
    "length_from_0.5": (_over_length(lambda g, r: _from(g, r, 0.5)), "quotient"),
    "arg_max": (lambda g, z: g.node("Mul", _index(g, z), g.hold(np.ones((1, 6)))), "within"),
}


def _floored(g, z):
    """0, 1 or 2 for each third of what z is squeezed into."""
    inside = g.node("Mul", g.node("Add", g.node("Tanh", z), g.hold([1.0])), g.hold([1.49]))
    return g.node("Cast", g.node("Floor", inside), to=7)


def _embedded(g, z):
    table = np.random.default_rng(3).normal(size=(3, 2)).astype(np.float32)
    first = g.node("Gather", _floored(g, z), g.hold([0, 1, 2], np.int64), axis=1)
    return g.node("Reshape", g.node("Gather", g.hold(table), first), g.hold([1, 6], np.int64))


def _picked(kind, index):
    def made(g, z):
        found = g.node(kind, z, index(g, z), axis=1)
        return g.node("Mul", found, g.hold(np.ones((1, 6))))

    return made


def _greatest_one(g, z):
    value = g.node("TopK", z, g.hold([1], np.int64), outputs=2, axis=-1)
    return g.node("Mul", value, g.hold(np.ones((1, 6))))


def _truths_beside(g, z):
    """Truths are whole numbers, and z has fifteen bits behind the point."""
    truth = g.node("Cast", g.node("Greater", z, g.hold(0.0)), to=1)
    return g.linear(g.node("Concat", truth, g.node("Tanh", z), axis=-1), 12, 6, "gemm", 0.3)


def _masked(g, z):
    mask = g.hold(np.array([[0, 0, -np.inf, 0, -np.inf, 0]]))
    return g.node("Softmax", g.node("Add", z, mask), axis=-1)


def _number(g, z):
    """As torch's nan_to_num and an atan2 ask."""
    none = g.node("And", g.node("IsInf", z), g.node("Greater", z, g.hold(0.0)))
    held = g.node("Where", none, g.hold(np.float32(3.4028235e38)), z)
    return g.node("Where", g.node("IsNaN", g.node("Exp", held)), g.hold(0.0), held)


def _mean_of_a_head(g, z):
    """Not LTC's mean, whose parts are sums of one format: tanh(z) has more bits than 2 + h."""
    return g.node(
        "Div", g.node("Tanh", z), g.node("Add", g.node("Tanh", _other(g, z)), g.hold(2.0))
    )


def _columns(g, z):
    weights = np.random.default_rng(4).normal(size=(6, 6)).astype(np.float32) / 3
    found = g.node("Gemm", g.hold(weights), z, transA=1, transB=1, alpha=0.5)
    return g.node("Transpose", found, perm=[1, 0])


def _resized(g, z):
    wide = g.node(
        "Resize",
        g.node("Unsqueeze", z, g.hold([1], np.int64)),
        "",
        "",
        g.hold([1, 1, 12], np.int64),
        mode="linear",
    )
    return g.linear(g.node("Reshape", wide, g.hold([1, 12], np.int64)), 12, 6, "gemm", 0.3)


_WAYS |= {
    "embedded": (_embedded, "within"),
    "picked": (_picked("Gather", lambda g, z: g.node("ArgMax", z, axis=1, keepdims=0)), "product"),
    "picked_of_a_row": (
        _picked("GatherElements", lambda g, z: g.node("ArgMax", z, axis=1)),
        "product",
    ),
    "greatest_by_top_k": (_greatest_one, "below_greatest"),
    "truths_beside_finer_vectors": (_truths_beside, "rescale"),
    "softmax_with_a_mask": (_masked, "below_greatest"),
    "never_nan": (_number, "linear"),
    "clip_without_ends": (
        lambda g, z: g.node(
            "Clip", z, g.hold(np.float32(-np.inf)), g.hold(np.float32(3.4028235e38))
        ),
        "linear",
    ),
    "a_head_over_a_sum": (_mean_of_a_head, "quotient"),
    "a_matrix_times_columns": (_columns, "linear"),
    "resized": (_resized, "linear"),
}


def _step(graph, way):
    g = graph(3)
    z = g.linear(g.node("Concat", "x", "h", axis=-1), 9, 6, "gemm", 0.5)
    made = way(g, z)
    g.rename(g.node("Tanh", g.linear(made, 6, 6, "gemm", 0.3)), "h_next", "Identity")
    g.rename(g.linear(made, 6, 2, "gemm", 0.3), "y", "Identity")
    return g


@pytest.mark.parametrize("name", _WAYS)
def test_an_operator_is_exact_but_for_its_formats(graph, save, metadata, name):
    """Single steps against onnxruntime; of what jumps, no more than a few steps are elsewhere."""
    way, kernel = _WAYS[name]
    for entry in metadata["inputs"]:
        entry["range"] = [-1.0, 1.0]
    path = save(_step(graph, way), metadata)
    proto = onnx.load(path)
    proto.opset_import[0].version = _OPSET
    onnx.save(proto, path)
    network = read_file(path)
    model = lower(network)
    prove(model)
    assert kernel in {step.op.kernel for step in model.steps}
    rng = np.random.default_rng(2)
    ends = [(c.lo, c.hi + 1) for c in model.inputs], [(-32767, 32768)] * 6
    x, h = (np.stack([rng.integers(*e, 300) for e in side], axis=1) for side in ends)
    found = reference.step(model, x, np.zeros((300, 1), np.int64), h)
    real = [
        dequantise(v, np.array([c.frac for c in channels])).astype(np.float32)
        for v, channels in ((x, model.inputs), (h, model.states))
    ]
    want = real_network.step(network, real[0], np.zeros((300, 1)), real[1])
    session = ort.InferenceSession(str(path))
    ports = {port.name for port in session.get_inputs()}
    for t in range(0, 300, 30):
        feed = {"x": real[0][t : t + 1], "h": real[1][t : t + 1], "dt": np.zeros((1, 1), "f4")}
        runs = session.run(["y", "h_next"], {n: v for n, v in feed.items() if n in ports})
        for run, wanted in zip(runs, want, strict=False):
            np.testing.assert_allclose(run[0], wanted[t], rtol=1e-3, atol=1e-4)
    for ours, wanted, channels in zip(found, want, (model.outputs, model.states), strict=False):
        error = np.abs(dequantise(ours, np.array([c.frac for c in channels])) - wanted)
        off = error.max(axis=1) > 1e-3 * max(np.ptp(wanted), 1.0)
        assert off.mean() <= _ELSEWHERE.get(kernel, 0.0), error.max()


def test_a_comparison_with_a_constant_is_exact_at_every_input(graph, save, metadata):
    """x > 0.3 for all 65,536 inputs, although 0.3 is no multiple of their unit."""
    path = save(_thresholds(graph), metadata)
    model = lower(read_file(path))
    every = np.arange(-32768, 32768)
    x = np.repeat(every[:, None], 3, axis=1)
    y, _ = reference.step(
        model, x, np.zeros((len(x), 1), np.int64), np.zeros((len(x), 6), np.int64)
    )
    held = np.clip(x, [c.lo for c in model.inputs], [c.hi for c in model.inputs])
    real = dequantise(held, np.array([c.frac for c in model.inputs]))
    assert np.array_equal(y[:, 0], real[:, 0] > np.float32(0.3))


def _thresholds(graph):
    g = graph()
    over = g.node("Cast", g.node("Greater", "x", g.hold(0.3)), to=1)
    g.rename(g.node("Slice", over, *(g.hold([v], np.int64) for v in (0, 2, 1))), "y", "Identity")
    g.rename(g.node("Tanh", g.linear("h", 6, 6, "gemm")), "h_next", "Identity")
    return g
