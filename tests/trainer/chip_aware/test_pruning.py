"""Pruning removes the weakest synapses, and leaves each neuron an input and an output."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from elegans.exporter.errors import ElegansError
from elegans.tests.trainer.chip_aware.nets import NETS, made, moved
from elegans.trainer.chip_aware.pruning import Synapses


@pytest.mark.parametrize("name", sorted(NETS))
def test_a_pruned_network_has_so_many_synapses_and_none_that_was_removed_returns(name: str) -> None:
    network = made(name)
    synapses = Synapses(network)
    goal = (synapses.count + synapses.fewest()) // 2
    synapses.prune(goal)
    assert synapses.count == goal
    before = [one.alive() for one in synapses.maps]
    moved(network)
    synapses.prune(goal)
    after = [one.alive() for one in synapses.maps]
    assert sum(int(m.sum()) for m in after) == goal
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("name", sorted(NETS))
def test_with_the_fewest_synapses_each_row_and_column_keeps_one(name: str) -> None:
    synapses = Synapses(made(name))
    had = [(one.alive().any(0), one.alive().any(1)) for one in synapses.maps]
    synapses.prune(0)
    assert synapses.count < 0.6 * sum(one.weight.numel() for one in synapses.maps)
    have = [(one.alive().any(0), one.alive().any(1)) for one in synapses.maps]
    for (columns, rows), (columns_had, rows_had) in zip(have, had, strict=True):
        assert torch.equal(columns, columns_had)
        assert torch.equal(rows, rows_had)


def test_the_weakest_go_first_and_a_snapshot_brings_them_back() -> None:
    linear = nn.Linear(4, 3, bias=False)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[9.0, 1, 2, 3], [4, 9, 5, 6], [7, 8, 9, 9.5]]))
    synapses = Synapses(linear)
    kept = linear.weight.detach().clone()
    snapshot = synapses.snapshot()
    synapses.prune(8)
    assert sorted(linear.weight[linear.weight != 0].tolist()) == [5, 6, 7, 8, 9, 9, 9, 9.5]
    synapses.restore(snapshot)
    assert torch.equal(linear.weight, kept)
    assert synapses.count == 12


def test_an_absent_synapse_of_a_wiring_is_not_counted() -> None:
    network = made("CfC, wired")
    layers = network.rnn_cell.layers
    wired = sum(int(2 * cell.sparsity_mask.sum() + 2 * cell.ff1.weight.numel()) for cell in layers)
    assert Synapses(network).count == wired < sum(4 * cell.ff1.weight.numel() for cell in layers)


def test_a_network_without_maps_is_told() -> None:
    with pytest.raises(ElegansError, match="no maps that elegans can prune"):
        Synapses(nn.Tanh())
