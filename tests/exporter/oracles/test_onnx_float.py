"""onnxruntime is the second truth: a graph that the import misread is found, and no other is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from elegans.exporter import request as request_module
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.ir import real_network
from elegans.exporter.oracles.onnx_float import OnnxRuntimeError, OnnxStep


def test_onnxruntime_and_float64_agree_to_the_rounding_of_float32(worm):
    graph = open_graph(worm)
    network = read_network(graph, read_interface(graph))
    rng = np.random.default_rng(1)
    x, dt = rng.uniform(-1, 1, (80, 2, 3)), rng.uniform(0.01, 0.2, (80, 2))
    h0 = rng.uniform(-1, 1, (2, 6))
    found = OnnxStep(graph).run(x, dt, h0)
    for one, other in zip(found, real_network.run(network, x, dt, h0), strict=True):
        assert one.shape == other.shape
        assert 0 < np.abs(one - other).max() < 1e-5


def test_a_fixed_period_is_what_the_graph_is_given(worm):
    graph = open_graph(worm)
    network = read_network(graph, replace(read_interface(graph), dt_fixed=0.07))
    x, h = np.full((1, 3), 0.2), np.full((1, 6), 0.1)
    y, h_next, _ = real_network.step(network, x, np.zeros((1, 1)), h)
    found = OnnxStep(graph, 0.07)(x[0], 0.0, h[0])
    np.testing.assert_allclose(found[0], y[0], atol=1e-6)
    np.testing.assert_allclose(found[1], h_next[0], atol=1e-6)


def _misread(change):
    """`read_network`, with a fault in what it understands."""

    def read(graph, interface):
        return change(read_network(graph, interface))

    return read


def _scaled_output(network):
    return replace(network, y=network.y.scaled(np.array([1.01])))


def _swapped_heads(network):
    """f and g of the first gate are taken for each other."""
    name, gate = next((n, a) for n, a in network.atoms.items() if hasattr(a, "g"))
    return replace(network, atoms=network.atoms | {name: replace(gate, f=gate.g, g=gate.f)})


@pytest.mark.parametrize("change", [_scaled_output, _swapped_heads])
def test_a_misread_graph_is_refused(worm, tmp_path, monkeypatch, change):
    monkeypatch.setattr(request_module, "read_network", _misread(change))
    with pytest.raises(ElegansError, match=r"one step is .* under onnxruntime.*misread the graph"):
        export(Request(worm, accept_error=10.0), tmp_path / "BUILD")
    assert not (tmp_path / "BUILD").exists()


def test_a_network_that_amplifies_its_own_rounding_is_not_taken_for_misread(wild, tmp_path):
    """In a free run float32 and float64 part; in single steps they do not."""
    graph = open_graph(wild)
    network = read_network(graph, read_interface(graph))
    x = np.random.default_rng(7).uniform(-0.3, 0.1, (300, 1, 3))
    dt, h0 = np.zeros((300, 1)), np.full((1, 6), 0.3)
    apart = OnnxStep(graph).run(x, dt, h0)[1] - real_network.run(network, x, dt, h0)[1]
    assert np.abs(apart).max() > 0.1
    export(Request(wild, accept_error=10.0), tmp_path / "BUILD")


def test_a_graph_that_onnxruntime_does_not_run_is_exported_all_the_same(
    worm, tmp_path, monkeypatch
):
    def refuse(*_):
        raise OnnxRuntimeError("Unsupported model IR version")

    monkeypatch.setattr("elegans.exporter.oracles.onnx_float.OnnxStep", refuse)
    export(Request(worm), tmp_path / "BUILD")
