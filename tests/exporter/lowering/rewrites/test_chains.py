"""Chains of functions of one argument: one table, where it is better, and no refusal for it."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.boards.firmware.host import HostModel
from elegans.exporter.export import Request, export
from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.ir import real_network
from elegans.exporter.lowering.lower import lower_with_proof
from elegans.exporter.lowering.rewrites import chains
from elegans.exporter.numbers.expressions import MOST_NODES, Expression
from elegans.exporter.numbers.fixed import dequantise
from elegans.exporter.oracles import reference
from elegans.exporter.passes.compose_chains import found_chains


def _times(g, a, b):
    return g.node("Mul", a, b)


def _scaled(g, z, c):
    return g.node("Mul", z, g.hold(float(c)))


def _plus(g, z, c):
    return g.node("Add", z, g.hold(float(c)))


def _written_sigmoid(g, z):
    return g.node("Div", g.hold(1.0), _plus(g, g.node("Exp", _plus(g, _scaled(g, z, -3), 1)), 1))


def _gauss(g, z):
    return g.node("Exp", g.node("Neg", _times(g, z, z)))


def _hermite(g, z):
    return _times(g, z, g.node("Exp", _scaled(g, _times(g, z, z), -0.5)))


def _smooth_abs(g, z):
    return g.node("Sqrt", _plus(g, _times(g, z, z), 1e-3))


def _lorentz(g, z):
    return g.node("Reciprocal", _plus(g, _times(g, z, z), 1))


def _soft_of_tanh(g, z):
    return g.node("Softplus", g.node("Tanh", z))


def _hard_swish(g, z):
    clipped = g.node("Clip", _plus(g, z, 3), g.hold(0.0), g.hold(6.0))
    return _scaled(g, _times(g, z, clipped), 1 / 6)


_TAKEN = (_written_sigmoid, _gauss, _hermite, _smooth_abs, _lorentz, _soft_of_tanh, _hard_swish)


def _step(graph, function, first=None):
    g = graph(3)
    z = g.linear(g.node("Concat", "x", "h", axis=-1), 9, 6, "gemm", 0.5)
    made = function(g, z if first is None else first(g, z))
    g.rename(g.node("Tanh", g.linear(made, 6, 6, "gemm", 0.3)), "h_next", "Identity")
    g.rename(g.linear(made, 6, 2, "gemm", 0.3), "y", "Identity")
    return g


def _read(graph, save, metadata, function, first=None):
    for entry in metadata["inputs"]:
        entry["range"] = [-2.0, 2.0]
    path = save(_step(graph, function, first), metadata)
    return path, read_file(path)


def _tables(model):
    return [s.op.function for s in model.steps if s.op.kernel == "any_function"]


def _error(network, model):
    """The greatest difference of a single step from float64, of random states and inputs."""
    rng = np.random.default_rng(2)
    ends = [(c.lo, c.hi + 1) for c in model.inputs], [(-32767, 32768)] * 6
    x, h = (np.stack([rng.integers(*e, 500) for e in side], axis=1) for side in ends)
    y, _ = reference.step(model, x, np.zeros((500, 1), np.int64), h)
    real = [
        dequantise(v, np.array([c.frac for c in channels]))
        for v, channels in ((x, model.inputs), (h, model.states))
    ]
    want, _, _ = real_network.step(network, real[0], np.zeros((500, 1)), real[1])
    return np.abs(dequantise(y, np.array([c.frac for c in model.outputs])) - want).max()


@pytest.mark.parametrize("function", _TAKEN)
def test_a_chain_is_one_table_of_fewer_steps_and_no_greater_error(
    graph, save, metadata, function, monkeypatch
):
    _, network = _read(graph, save, metadata, function)
    one = lower_with_proof(network)
    assert len(_tables(one.model)) == 1
    assert "z" in _tables(one.model)[0]
    monkeypatch.setattr("elegans.exporter.lowering.lower.with_chains", lambda network: network)
    apart = lower_with_proof(network)
    assert len(one.model.steps) < len(apart.model.steps)
    error = _error(network, one.model)
    assert error <= 1e-3
    assert error <= 1.2 * _error(network, apart.model)


def test_a_chain_has_the_same_bits_in_c_and_is_written_in_the_report(
    graph, save, metadata, tmp_path
):
    path, _ = _read(graph, save, metadata, _written_sigmoid)
    build = tmp_path / "BUILD"
    model = export(Request(path), build)
    v = np.load(build / "vectors.npz")
    y, h = HostModel.compile(build).steps(v["x"], v["dt"], v["h"])
    np.testing.assert_array_equal(y, v["y"])
    np.testing.assert_array_equal(h, v["h_next"])
    assert _tables(model)[0] in (build / f"{model.name}.c").read_text()
    assert "general: 1 table;" in (build / "report.txt").read_text()


def test_a_chain_that_no_table_holds_stays_apart(graph, save, metadata):
    """sin(60 tanh(z))^2 turns dozens of times; its sine has a table, as the square's argument."""

    def waves(g, z):
        wave = g.node("Sin", _scaled(g, g.node("Tanh", z), 12))
        return _plus(g, _times(g, wave, wave), 1e-3)

    _, network = _read(graph, save, metadata, waves)
    model = lower_with_proof(network).model
    assert all(text == "sin" or "sin" in text for text in _tables(model))
    assert _error(network, model) <= 5e-3


def test_chains_whose_product_is_too_long_stay_apart(graph, save, metadata):
    def deep(g, z, c):
        for _ in range(16):
            z = g.node("Tanh", _plus(g, _scaled(g, z, c), 0.3))
        return z

    def product(g, z):
        return _times(g, deep(g, z, 0.7), deep(g, z, -0.8))

    _, network = _read(graph, save, metadata, product)
    texts = [chain.text for chain in found_chains(network).values()]
    assert texts
    assert max(Expression(text).nodes for text in texts) <= MOST_NODES


def test_a_cheap_chain_stays_apart(graph, save, metadata):
    """tanh(z)^2 is a map with its tanh, and a product."""
    _, network = _read(graph, save, metadata, lambda g, z: _times(g, *[g.node("Tanh", z)] * 2))
    assert chains.with_chains(network) is network


def test_functions_of_two_arguments_stay_apart(graph, save, metadata):
    def two(g, z):
        other = g.linear(z, 6, 6, "gemm", 0.5)
        return _times(g, g.node("Exp", g.node("Tanh", z)), g.node("Tanh", other))

    _, network = _read(graph, save, metadata, two)
    assert not any("*" in text for text in _tables(lower_with_proof(network).model))


def test_what_a_chain_is_made_of_may_still_be_read(graph, save, metadata):
    """The square of z is an output, too, so that it is there besides the table."""

    def both(g, z):
        square = _times(g, z, z)
        return g.node("Add", g.node("Exp", g.node("Neg", square)), square)

    _, network = _read(graph, save, metadata, both)
    model = lower_with_proof(network).model
    assert "product" in {step.op.kernel for step in model.steps}
    assert _error(network, model) <= 2e-3


def test_a_square_less_a_line_is_known_not_to_be_negative(graph, save, metadata):
    """sqrt(z z - z + 0.5): intervals of its parts reach below zero, that of all does not."""

    def root(g, z):
        return g.node("Sqrt", _plus(g, g.node("Sub", _times(g, z, z), z), 0.5))

    _, network = _read(graph, save, metadata, root)
    assert len(_tables(lower_with_proof(network).model)) == 1
