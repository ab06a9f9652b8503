"""Networks with almost all synapses pruned: near the float network, and C equals the reference."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from elegans.benchmarks.accuracy import against_float
from elegans.boards.firmware.host import HostModel
from elegans.exporter.export import Request, export
from elegans.trainer import export_onnx
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.wiring.ncp import Wiring

ncps_torch = pytest.importorskip("ncps.torch", reason="ncps is not installed (pip install ncps)")

_INPUTS = 3


def _pure(**more):
    return ncps_torch.CfC(_INPUTS, 6, backbone_units=8, mode="pure", **more)


def _pure_whose_amplitude_is_one():
    net = _pure()
    net.rnn_cell.A *= torch.eye(6)[2]
    return net


def _pure_with_a_constant_neuron():
    net = _pure(activation="relu")
    net.rnn_cell.ff1.weight[4] = 0.0
    return net


def _ltc(sensory, inner):
    """Three neurons; the synapse from input or neuron i to neuron j is a pair."""
    maps = np.zeros((_INPUTS, 3), int), np.zeros((3, 3), int)
    for matrix, synapses in zip(maps, (sensory, inner), strict=True):
        for source, target in synapses:
            matrix[source, target] = 1
    cell = LTCCell(Wiring.of(*maps, (("neurons", 3),)))
    cell.vleak.fill_(-0.8)
    return Recurrent(cell)


def _ltc_without_a_leak():
    from ncps.wirings import AutoNCP

    net = ncps_torch.LTC(_INPUTS, AutoNCP(12, 2), implicit_param_constraints=False)
    net.rnn_cell._params["gleak"][:5] = 0.0
    return net


_PRUNED = {
    "pure_whose_amplitude_is_one": _pure_whose_amplitude_is_one,
    "pure_with_a_constant_neuron": _pure_with_a_constant_neuron,
    "ltc_with_one_sensory_synapse": lambda: _ltc([(0, 1)], []),
    "ltc_with_one_inner_synapse": lambda: _ltc([], [(1, 2)]),
    "ltc_with_one_of_each": lambda: _ltc([(2, 0)], [(0, 2)]),
    "ltc_without_a_leak": _ltc_without_a_leak,
}


@pytest.mark.parametrize("kind", _PRUNED)
def test_a_network_pruned_to_almost_nothing_exports_with_the_same_bits(tmp_path, kind):
    torch.manual_seed(302)
    with torch.no_grad():
        net = _PRUNED[kind]()
    source, build = tmp_path / "net.onnx", tmp_path / "BUILD"
    export_onnx(net, _INPUTS, source, input_ranges=(-1.0, 1.0), dt_range=(0.1, 1.0))
    model = export(Request(source), build)
    assert len(model.h_next) == 1  # neurons without a synapse do not make pieces of a layer
    v = np.load(build / "vectors.npz")
    y, h = HostModel.compile(build).steps(v["x"], v["dt"], v["h"])
    np.testing.assert_array_equal(y, v["y"])
    np.testing.assert_array_equal(h, v["h_next"])
    rng = np.random.default_rng(1)
    x, dt = (rng.integers(c.lo, c.hi + 1, (1, 1000)) for c in (model.inputs[0], model.dt))
    found = against_float(source, model, np.stack([x] * _INPUTS, axis=-1), dt, None)
    assert found.worst <= 1e-3, found.name


@pytest.mark.parametrize("seed", [3, 4])
def test_a_pure_cell_with_an_unbounded_backbone_is_bounded_by_its_decay(tmp_path, seed):
    """|f| exp(-dt |f|) is at most 1 / (e dt), for the shortest dt, however large f becomes."""
    torch.manual_seed(seed)
    net = _pure(activation="relu")
    export_onnx(net, _INPUTS, tmp_path / "net.onnx", input_ranges=(-1, 1), dt_range=(0.01, 0.1))
    model = export(Request(tmp_path / "net.onnx"), tmp_path / "BUILD")
    reach = max(abs(end) for state in model.states for end in state.range)
    bound = net.rnn_cell.A.abs().max().item() * (1 + 1 / (np.e * 0.01))
    assert reach <= 2 * bound  # the format is the next power of two
