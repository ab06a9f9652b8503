"""A circuit without some of its neurons is the same circuit if nothing had read them."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from elegans.tests.trainer.chip_aware.nets import batch, made
from elegans.trainer.chip_aware.neurons import circuit, removable, weakest_first, without
from elegans.trainer.networks.scaled_circuit import ScaledCircuit, Scales
from elegans.trainer.wiring.ncp import AutoNCP


def _silence(cell: object, neuron: int) -> None:
    """No map reads this neuron of the first layer any more."""
    first, second = cell.layers[:2]
    with torch.no_grad():
        for name in ("ff1", "ff2", "time_a", "time_b"):
            getattr(first, name).weight[:, first.input_size + neuron] = 0
            getattr(second, name).weight[:, neuron] = 0


def test_what_nothing_reads_goes_first_and_nothing_changes_without_it() -> None:
    network = made("CfC, wired")
    cell = circuit(network)
    _silence(cell, 1)
    order = weakest_first(cell)
    assert order[0] == 1
    kept = removable(cell, order, 1)
    smaller = without(network, kept)
    x, dt = batch()
    y, h = network(x, dt)
    found, states = smaller(x, dt)
    torch.testing.assert_close(found, y)
    torch.testing.assert_close(states, h[:, torch.from_numpy(kept)])


def test_a_circuit_with_physical_units_keeps_its_wiring_and_runs_alike() -> None:
    torch.manual_seed(3)
    network = ScaledCircuit(AutoNCP(9, 2), Scales((1.0, 2.0), (2.0, 0.5), 0.2, (0.3, 1.0)))
    cell = circuit(network)
    _silence(cell, 0)
    kept = removable(cell, weakest_first(cell), 1)
    smaller = without(network, kept)
    x, dt = torch.rand(2, 6, 2), torch.rand(2, 6) + 0.1
    torch.testing.assert_close(smaller(x, dt)[0], network(x, dt)[0])
    assert smaller.wiring.neurons == 8
    assert smaller.wiring.layers[0][1] == network.wiring.layers[0][1] - 1
    assert np.array_equal(smaller.wiring.sensory, network.wiring.sensory[:, kept])
    folded = smaller.folded()(x[:, 0], torch.zeros(2, 8), dt[:, :1])[1]
    assert folded.shape == (2, 8)


def test_each_layer_keeps_a_neuron_and_the_last_layer_keeps_all() -> None:
    network = made("CfC, wired")
    cell = circuit(network)
    kept = removable(cell, weakest_first(cell), 100)
    smaller = circuit(without(network, kept))
    assert smaller.sizes == [1] * (len(cell.sizes) - 1) + [cell.sizes[-1]]


def test_only_wired_cfc_circuits_lose_neurons() -> None:
    assert circuit(made("LTC")) is None
    assert circuit(made("GRU")) is None
    assert circuit(made("CfC, dense")) is None
    around = nn.Module()
    around.net = made("CfC, wired")  # a module of the user's own, whose other parts are unknown
    assert circuit(around) is None
