"""Constant folding: an element that no input reaches becomes part of biases."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from elegans.benchmarks.accuracy import against_float
from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.ir import real_network
from elegans.exporter.lowering.lower import lower
from elegans.trainer import export_onnx
from elegans.trainer.cells.cfc import Backbone, CfCCell
from elegans.trainer.networks.recurrent import Recurrent


def _pruned(folder, activation, rows):
    torch.manual_seed(1)
    cell = CfCCell(4, 5, backbone=Backbone(8, activation=activation))
    first = next(p for p in cell.parameters() if p.shape[0] == 8 and p.dim() == 2)
    with torch.no_grad():
        first[:rows] = 0.0
    path = folder / "net.onnx"
    return export_onnx(Recurrent(cell), 4, path, input_ranges=(-1, 1), dt_range=(0.01, 0.1))


@pytest.mark.parametrize("activation", ["tanh", "lecun_tanh", "relu"])
def test_elements_without_inputs_are_removed_and_nothing_changes(tmp_path, activation):
    source = _pruned(tmp_path, activation, 3)
    network = read_file(source)
    assert 5 in {atom.size for atom in network.atoms.values()}
    assert 8 not in {atom.size for atom in network.atoms.values()}
    model = lower(network)
    rng = np.random.default_rng(2)
    x = rng.integers([c.lo for c in model.inputs], [c.hi + 1 for c in model.inputs], (2, 200, 4))
    dt = rng.integers(model.dt.lo, model.dt.hi + 1, (2, 200))
    assert against_float(source, model, x, dt).worst < 1e-3


def test_a_layer_of_nothing_but_zeros_is_left_as_it_is(tmp_path):
    source = _pruned(tmp_path, "tanh", 8)
    network = read_file(source)
    h = np.zeros((1, 5))
    y, _, _ = real_network.step(network, np.ones((1, 4)), np.full((1, 1), 0.05), h)
    other, _, _ = real_network.step(network, -np.ones((1, 4)), np.full((1, 1), 0.05), h)
    np.testing.assert_array_equal(y, other)
