"""Wirings are those of ncps, synapse for synapse, for the same arguments and seed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from elegans.exporter.errors import ElegansError
from elegans.trainer.wiring.ncp import NCP, AutoNCP, Wiring

wirings = pytest.importorskip("ncps.wirings", reason="ncps, the oracle, is not installed")


def same_circuit(ours: Wiring, theirs: object) -> bool:
    """Whether the synapses agree, once ncps' neurons (motor first) are in our order."""
    order = [n for layer in range(3) for n in theirs.get_neurons_of_layer(layer)]  # type: ignore[attr-defined]
    adjacency = theirs.adjacency_matrix[np.ix_(order, order)]  # type: ignore[attr-defined]
    sensory = theirs.sensory_adjacency_matrix[:, order]  # type: ignore[attr-defined]
    return np.array_equal(ours.adjacency, adjacency) and np.array_equal(ours.sensory, sensory)


@pytest.mark.parametrize("units", [4, 5, 8, 19, 32, 64])
def test_automatic_circuits_are_those_of_ncps(units: int) -> None:
    for outputs, sparsity, seed, inputs in itertools.product(
        (1, 2, 4), (0.1, 0.5, 0.9, 1.0), (0, 22222), (1, 8, 30)
    ):
        if outputs >= units - 2:
            continue
        theirs = wirings.AutoNCP(units, outputs, sparsity, seed)
        theirs.build(inputs)
        assert same_circuit(AutoNCP(units, outputs, sparsity, seed).build(inputs), theirs)


@pytest.mark.parametrize("inputs", [1, 3, 20])
def test_planned_circuits_are_those_of_ncps(inputs: int) -> None:
    plans = [(6, 4, 2, 3, 2, 5, 2), (1, 1, 1, 1, 1, 0, 1), (30, 3, 9, 1, 3, 12, 1)]
    plans += [(3, 12, 1, 2, 1, 4, 2), (40, 2, 2, 4, 2, 0, 2)]
    for plan, seed in itertools.product(plans, (1, 7, 2**32 - 1)):
        theirs = wirings.NCP(*plan, seed=seed)
        theirs.build(inputs)
        assert same_circuit(NCP(*plan, seed=seed).build(inputs), theirs)


def test_a_plan_gives_the_same_circuit_every_time_it_is_built() -> None:
    plan = AutoNCP(19, 1)
    first, second = plan.build(8), plan.build(8)
    assert np.array_equal(first.adjacency, second.adjacency)
    assert np.array_equal(first.sensory, second.sensory)


def test_layers_are_in_state_order_and_synapses_only_lead_forward() -> None:
    wiring = AutoNCP(19, 1).build(8)
    assert wiring.layers == (("inter", 11), ("command", 7), ("motor", 1))
    assert wiring.spans == (slice(0, 11), slice(11, 18), slice(18, 19))
    inter, command, motor = wiring.spans
    assert not wiring.sensory[:, 11:].any()
    assert not wiring.adjacency[inter, inter].any()
    assert not wiring.adjacency[motor].any()
    assert wiring.feed_forward(1).any(axis=0).all(), "a command neuron has no synapse"
    assert wiring.adjacency[command, command].any()


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"inter_neurons": 0}, "inter_neurons is 0"),
        ({"sensory_fanout": 7}, "sensory_fanout is 7"),
        ({"inter_fanout": 5}, "inter_fanout is 5"),
        ({"motor_fanin": 0}, "motor_fanin is 0"),
        ({"recurrent_command_synapses": -1}, "negative"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_an_impossible_plan_is_refused_with_the_reason(change: dict[str, int], fact: str) -> None:
    plan = {
        "inter_neurons": 6,
        "command_neurons": 4,
        "motor_neurons": 2,
        "sensory_fanout": 3,
        "inter_fanout": 2,
        "recurrent_command_synapses": 5,
        "motor_fanin": 2,
    }
    with pytest.raises(ElegansError, match=fact):
        NCP(**{**plan, **change})


@pytest.mark.parametrize(("units", "outputs", "sparsity"), [(4, 2, 0.5), (9, 0, 0.5), (9, 1, 0.05)])
def test_an_impossible_automatic_plan_is_refused(units: int, outputs: int, sparsity: float) -> None:
    with pytest.raises(ElegansError):
        AutoNCP(units, outputs, sparsity)


def test_a_circuit_without_inputs_is_refused() -> None:
    with pytest.raises(ElegansError, match="0 inputs"):
        AutoNCP(19, 1).build(0)
