"""Weights that are rounded together: nearer to float, within the same formats and proofs."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.ir import real_network
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.proof import prove
from elegans.exporter.lowering.bounds import network_bounds
from elegans.exporter.lowering.lower import lower
from elegans.exporter.lowering.maps import joint_rounding
from elegans.exporter.lowering.maps.joint_rounding import rounded
from elegans.exporter.numbers.fixed import dequantise
from elegans.exporter.oracles import reference


def _inputs(rng, count=2000, n=100, independent=20):
    """[count, n] inputs that follow from a few independent ones."""
    return np.tanh(rng.normal(size=(count, independent)) @ rng.normal(0, 0.3, (independent, n)))


def _factor(x):
    moments = x.T @ x / len(x) + 0.1 * np.eye(x.shape[1]) * np.mean(x**2)
    return np.linalg.cholesky(np.linalg.inv(moments)).T


@pytest.mark.parametrize("seed", range(5))
def test_errors_of_rounding_cancel_on_inputs_that_go_together(seed):
    rng = np.random.default_rng(seed)
    x, weights = _inputs(rng), rng.normal(0, 50, (30, 100))
    found = rounded(weights, _factor(x))
    errors = [np.std(x @ (weights - w).T) for w in (found, np.round(weights))]
    assert errors[0] < 0.6 * errors[1]
    assert np.abs(found - weights).max() < 10


def test_the_mean_of_a_sum_is_right_after_its_weights_are_rounded(graph, save):
    """The backbone's second layer: 160 inputs, whose mean is not zero."""
    network = read_file(save(_wide(graph, 160)))
    statistics = joint_rounding.InputStatistics(network, network_bounds(network))
    weights = np.random.default_rng(5).normal(0, 50, (6, 160))
    name = next(n for n, atom in network.atoms.items() if atom.size == 160)
    frac = np.full(160, 15)
    integers, bias = statistics.rounded(weights, (Window(name, 0, 160),), frac)
    mean = statistics._samples[name].mean(axis=0)
    off = (weights - integers) @ np.ldexp(mean, 15)
    assert np.abs(off).max() > 100
    assert np.abs(off - bias).max() <= 0.5


def test_an_absent_synapse_stays_absent():
    rng = np.random.default_rng(1)
    x, weights = _inputs(rng), rng.normal(0, 50, (30, 100)) * (rng.random((30, 100)) < 0.5)
    assert not np.any(rounded(weights, _factor(x))[weights == 0.0])


def _wide(graph, units):
    """Six states behind a backbone of that many units."""
    g = graph(5)
    joined = g.node("Concat", "x", "h", axis=-1)
    backbone = g.node("Tanh", g.linear(joined, 9, units, "gemm", 0.3))
    f, g2 = (g.node("Tanh", g.linear(backbone, units, 6, "gemm", 0.2)) for _ in range(2))
    a, b = (g.linear(backbone, units, 6, "gemm", 0.2) for _ in range(2))
    t = g.node("Sigmoid", g.node("Add", b, g.node("Mul", a, "dt")))
    state = g.blend(f, g2, t, "ncps")
    g.rename(state, "h_next", "Identity")
    g.rename(g.linear(state, 6, 2, "gemm"), "y", "Identity")
    return g


def _rms(model, network):
    rng = np.random.default_rng(2)
    ends = [(c.lo, c.hi + 1) for c in (*model.inputs, model.dt)]
    x = np.stack([rng.integers(*end, 3000) for end in ends], axis=-1)
    h = rng.integers(-32767, 32768, (3000, 6))
    _, found = reference.step(model, x[:, :3], x[:, 3:], h)
    real = dequantise(x, np.array([c.frac for c in (*model.inputs, model.dt)]))
    _, want, _ = real_network.step(network, real[:, :3], real[:, 3:], dequantise(h, 15))
    return float(np.std(dequantise(found, 15) - want))


def test_a_wide_network_comes_nearer_to_float_with_the_same_shifts(graph, save, monkeypatch):
    network = read_file(save(_wide(graph, 160)))
    model = lower(network)
    prove(model)
    assert lower(network).digest == model.digest
    monkeypatch.setattr(joint_rounding, "WIDE", 1 << 30)
    single = lower(network)
    assert _rms(model, network) < 0.7 * _rms(single, network)
    for step, other in zip(model.steps, single.steps, strict=True):
        if hasattr(step.op, "shift"):
            np.testing.assert_array_equal(step.op.shift, other.op.shift)


def test_narrow_networks_and_weights_of_8_bits_keep_their_bits(graph, save, monkeypatch):
    narrow, wide = (read_file(save(_wide(graph, units))) for units in (24, 160))
    found = lower(narrow).digest, lower(wide, 8).digest
    monkeypatch.setattr(joint_rounding, "WIDE", 1 << 30)
    assert found == (lower(narrow).digest, lower(wide, 8).digest)
