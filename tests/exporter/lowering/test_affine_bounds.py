"""Bounds of deep backbones hold every value, and are less wide than plain intervals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from elegans.exporter.atoms.activations.relu import ReluActivation
from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.ir import real_network
from elegans.exporter.ir.affine import Affine, affine_value
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.proof import prove
from elegans.exporter.ir.spans import argument_of, parts_of
from elegans.exporter.lowering import affine_bounds
from elegans.exporter.lowering.bounds import bounds, network_bounds
from elegans.exporter.lowering.lower import lower
from elegans.trainer import export_onnx
from elegans.trainer.cells.cfc import Backbone, CfCCell
from elegans.trainer.networks.recurrent import Recurrent

_FUNCTIONS = {
    "relu": ("Relu", {}),
    "softplus": ("Softplus", {}),
    "elu": ("Elu", {}),
    "mish": ("Mish", {}),
    "hard_swish": ("HardSwish", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.1}),
}


def _deep(graph, kind, given, layers, seed, bounded=True, units=24):
    """Layers of units between [x, h] and six states, which are tanh or an affine form."""
    g = graph(seed)
    made, cols = g.node("Concat", "x", "h", axis=-1), 9
    for _ in range(layers):
        made, cols = g.node(kind, g.linear(made, cols, units, "gemm", 0.3), **given), units
    head = g.linear(made, cols, 6, "gemm", 0.3 if bounded else 0.02)
    g.rename(head, "h_next", "Tanh" if bounded else "Identity")
    g.rename(g.linear(made, cols, 2, "gemm", 0.3), "y", "Identity")
    return g


def _given(network):
    ranges = [signal.range for signal in network.interface.inputs]
    return tuple(np.array(end) for end in zip(*ranges, strict=True))


def _runs(network, spans, seed):
    """Runs from rest with inputs at random places and at random corners of their ranges."""
    rng = np.random.default_rng(seed)
    lo, hi = _given(network)
    h = np.zeros((400, 6))
    for _ in range(12):
        x = rng.uniform(lo, hi, (400, 3))
        x[::2] = np.where(rng.random((200, 3)) < 0.5, lo, hi)
        yield (step := real_network.step(network, x, np.zeros((400, 1)), h))[2]
        h = step[1]


@pytest.mark.parametrize("name", _FUNCTIONS)
@pytest.mark.parametrize("bounded", [True, False], ids=["tanh", "affine"])
def test_every_value_of_a_run_lies_within_its_bounds(graph, save, name, bounded):
    kind, given = _FUNCTIONS[name]
    for seed in range(3):
        network = read_file(save(_deep(graph, kind, given, 3, seed, bounded)))
        spans = bounds(network, _given(network), None)
        assert any(argument_of(atom) in spans for atom in network.atoms)
        for vectors in _runs(network, spans, seed):
            for vector in (*network.atoms, "h"):
                lo, hi = spans[vector]
                slack = 1e-9 * (1 + np.abs(lo) + np.abs(hi))
                assert np.all(vectors[vector] >= lo - slack), vector
                assert np.all(vectors[vector] <= hi + slack), vector


@pytest.mark.parametrize("name", _FUNCTIONS)
def test_no_bound_is_wider_than_the_interval_s(graph, save, monkeypatch, name):
    kind, given = _FUNCTIONS[name]
    network = read_file(save(_deep(graph, kind, given, 3, 1)))
    tight = bounds(network, _given(network), None)
    monkeypatch.setattr(affine_bounds, "_worth_it", lambda _: False)
    plain = bounds(network, _given(network), None)
    for vector, (lo, hi) in plain.items():
        assert np.all(tight[vector][0] >= lo), vector
        assert np.all(tight[vector][1] <= hi), vector


def test_the_third_layer_of_rectifiers_wins_more_than_a_bit(graph, save, monkeypatch):
    network = read_file(save(_deep(graph, "Relu", {}, 3, 1, units=96)))
    last = [name for name, atom in network.atoms.items() if atom.reason == "relu"][-1]
    tight = bounds(network, _given(network), None)[last][1]
    monkeypatch.setattr(affine_bounds, "_worth_it", lambda _: False)
    plain = bounds(network, _given(network), None)[last][1]
    assert plain.max() > 2 * tight.max()


def test_the_integers_of_a_deep_backbone_are_proved(graph, save):
    model = lower(read_file(save(_deep(graph, "Relu", {}, 3, 2))))
    prove(model)
    formats = {s.name: set(s.frac) for s in model.steps if s.op.kernel == "relu"}
    assert any(len(fracs) > 1 for fracs in formats.values())  # each element has its own


@pytest.mark.parametrize("ends", [(-1.0, 2.0), (-0.25, 0.5), (-0.1, 0.7), (1.0, 1.0)])
def test_a_rectifier_is_its_chord_and_what_it_leaves_it_by(ends):
    """Least at the kink at zero, greatest at both ends; the slack is that of the widest grid."""
    lo, hi = (np.array([end]) for end in ends)
    known = affine_bounds._Zonotopes({"x": (lo, hi)})
    argument = known.affine(Affine.of(Window("x", 0, 1)))
    found = known.function(ReluActivation(Affine.of(Window("x", 0, 1))), argument, (lo, hi))
    width = ends[1] - ends[0]
    chord = max(ends[1], 0.0) / width if width else 0.0
    at_ends = max(ends[1], 0.0) - chord * ends[1]
    least = 0.0 if width else at_ends
    slack = 1.25 / 8 * (width / 128) ** 2
    assert found.spread[0].tolist() == pytest.approx(
        [chord * width / 2, (at_ends - least) / 2 + slack], rel=1e-9, abs=1e-15
    )
    assert found.centre[0] == pytest.approx(chord * sum(ends) / 2 + (at_ends + least) / 2)


def test_a_network_without_a_deep_backbone_is_left_alone(graph, save):
    network = read_file(save(graph().cfc()))
    assert not affine_bounds._worth_it(network)


@pytest.fixture
def timed(tmp_path):
    """A CfC behind two layers of silu, over so long times that its gate reads an exponent."""
    torch.manual_seed(5)
    cell = CfCCell(3, 6, "default", backbone=Backbone(24, 2, "silu"))
    with torch.no_grad():
        for weights in cell.parameters():
            weights *= 2.0
    more = {"input_ranges": (-1.0, 1.0), "dt_range": (0.01, 40.0)}
    return read_file(export_onnx(Recurrent(cell, projection=1), 3, tmp_path / "t.onnx", **more))


def test_a_time_gate_has_the_formats_of_its_drive_and_its_rate(timed, monkeypatch):
    name, gate = next((n, a) for n, a in timed.atoms.items() if a.rate is not None)
    spans, known = network_bounds(timed), lower(timed)
    rng = np.random.default_rng(6)
    h = np.zeros((400, 6))
    for _ in range(12):
        x, dt = rng.uniform(-1.0, 1.0, (400, 3)), rng.uniform(0.01, 40.0, (400, 1))
        _, h, vectors = real_network.step(timed, x, dt, h)
        for part, form in zip(parts_of(name), (gate.drive, gate.rate), strict=True):
            lo, hi = spans[part]
            value = affine_value(form, vectors)
            assert np.all((value >= lo - 1e-9) & (value <= hi + 1e-9)), part
    monkeypatch.setattr(affine_bounds, "_worth_it", lambda _: False)
    plain = lower(timed)
    finer, coarse = ({s.name[-4:]: s.frac[0] for s in m.steps} for m in (known, plain))
    assert finer["_t_a"] > coarse["_t_a"]
    assert finer["_t_b"] >= coarse["_t_b"]
