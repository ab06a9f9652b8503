"""The circuit that is drawn is the one that was trained: its synapses, their signs, its layers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.ir import real_network
from elegans.tests.viewer.subjects import CELLS, INPUTS, ltc_cell, subject_of
from elegans.trainer import export_onnx
from elegans.viewer.analysis.circuit import placed
from elegans.viewer.analysis.nodes import NEURON, OUTPUT, SENSOR
from elegans.viewer.analysis.subject import read_subject


def _pairs(subject):
    return {(s.source, s.target): s for s in subject.circuit.synapses}


def test_a_cfc_has_a_synapse_for_each_pair_of_which_some_map_has_a_weight():
    subject = subject_of("cfc")
    nodes, network = subject.nodes, subject.network
    expected = {}
    for f, g, t, head in (("a0", "a1", "a2", "a3"), ("a4", "a5", "a6", "a7")):
        for role, name in (("f", f), ("g", g), ("t", t), ("t rate", t)):
            atom = network.atoms[name]
            form = atom.rate if role == "t rate" else atom.drive
            for vector, matrix in form.terms.items():
                entries = matrix.tocoo()
                sources, targets = nodes.node_of[vector], nodes.node_of[head]
                for row, col, weight in zip(entries.row, entries.col, entries.data, strict=True):
                    pair = int(sources[col]), int(targets[row])
                    expected.setdefault(pair, {})[role] = weight
    found = {k: s for k, s in _pairs(subject).items() if nodes.nodes[k[1]].kind == NEURON}
    assert found.keys() == expected.keys()
    for pair, synapse in found.items():
        heads = [expected[pair][role] for role in ("f", "g") if role in expected[pair]]
        agree = heads and abs(sum(np.sign(heads))) == len(heads)
        assert synapse.sign == (np.sign(heads[0]) if agree else 0)
        for role, weight in synapse.weights:
            if role != "t rate":
                assert weight == pytest.approx(expected[pair][role])


@pytest.mark.parametrize("cell", CELLS)
def test_a_neuron_hears_of_just_those_sensors_that_its_circuit_leads_to_it(cell):
    subject = subject_of(cell)
    nodes = subject.nodes
    reach = {i: {i} for i in range(len(nodes.nodes))}
    for _ in range(len(nodes.nodes)):  # of one step: sensors, and what they reach within it
        for s in subject.circuit.synapses:
            if not s.recurrent or cell == "ltc":
                reach[s.target] |= reach[s.source]
    rng = np.random.default_rng(0)
    states = sum(w.size for w in subject.network.h_next)
    x, dt, h = (
        rng.uniform(-0.2, 0.2, (1, INPUTS)),
        np.full((1, 1), 0.1),
        rng.normal(0, 0.2, (1, states)),
    )
    _, before, _ = real_network.step(subject.network, x, dt, h)
    for sensor in range(INPUTS):
        moved = x.copy()
        moved[0, sensor] += 0.3
        _, after, _ = real_network.step(subject.network, moved, dt, h)
        for i in nodes.of_kind(NEURON):
            changed = any(after[0, s] != before[0, s] for s in nodes.nodes[i].states)
            assert not changed or sensor in reach[i]
            assert changed or sensor not in {
                s.source for s in subject.circuit.synapses if s.target == i
            }


def test_an_ltc_synapse_has_the_sign_of_its_reversal_potential():
    subject, cell = subject_of("ltc"), ltc_cell()
    erev, sensory = cell.erev.detach().numpy(), cell.sensory_erev.detach().numpy()
    assert bool((cell.sigma > 0).all())
    nodes = subject.nodes.nodes
    inner = [s for s in subject.circuit.synapses if nodes[s.target].kind == NEURON]
    assert len(inner) == int(cell.mask.sum() + cell.sensory_mask.sum())
    for s in inner:
        (target,) = nodes[s.target].states
        if nodes[s.source].kind == SENSOR:
            truth = sensory[s.source, target]
        else:
            truth = erev[nodes[s.source].states[0], target]
        assert s.sign == np.sign(truth)
        assert dict(s.weights)["current"] == pytest.approx(
            truth * dict(s.weights)["conductance"], rel=1e-5
        )


def test_the_layers_of_an_ltc_are_found_from_its_synapses():
    subject, wiring = subject_of("ltc"), ltc_cell().wiring
    found = {name: len(members) for name, members in subject.circuit.layers}
    expected = dict(wiring.layers)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("cell", "layers"),
    [
        ("cfc", [("sensors", 3), ("inter", 4), ("motor", 2), ("outputs", 2)]),
        ("gru", [("sensors", 3), ("neurons", 5), ("outputs", 2)]),
        ("lstm", [("sensors", 3), ("neurons", 5), ("outputs", 2)]),
    ],
)
def test_layers_are_found_from_the_graph(cell, layers):
    circuit = subject_of(cell).circuit
    assert [(name, len(members)) for name, members in circuit.layers] == layers
    assert sorted(i for row in placed(circuit) for i in row) == list(range(len(circuit.nodes)))


def test_an_lstm_has_one_neuron_for_both_of_its_states():
    subject = subject_of("lstm")
    neurons = [n for n in subject.nodes.nodes if n.kind == NEURON]
    assert [n.states for n in neurons] == [(i, 5 + i) for i in range(5)]
    own = {(s.source, s.target) for s in subject.circuit.synapses if not s.recurrent}
    assert not any(a == b for a, b in own)


@pytest.mark.parametrize("cell", CELLS)
def test_names_of_nodes_are_unique_and_outputs_are_read_out(cell):
    circuit = subject_of(cell).circuit
    names = [n.name for n in circuit.nodes]
    assert len(set(names)) == len(names)
    outputs = {i for i, n in enumerate(circuit.nodes) if n.kind == OUTPUT}
    assert {s.target for s in circuit.synapses} >= outputs


class _Camera(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.eye, self.pool = torch.nn.Conv2d(1, 2, 3), torch.nn.MaxPool2d(2)
        self.cell = torch.nn.GRUCell(8, 3)

    def forward(self, x, h):
        seen = self.pool(self.eye(x.reshape(1, 1, 6, 6))).flatten(1)
        h = self.cell(seen, h)
        return h, h


def test_a_network_of_images_has_no_circuit_to_draw(tmp_path):
    path = export_onnx(_Camera(), 36, tmp_path / "camera.onnx", input_ranges=(0.0, 1.0))
    export(Request(path, accept_error=1.0), tmp_path / "build")
    with pytest.raises(ElegansError, match=r"^camera: looks at images.*elegans compare"):
        read_subject(tmp_path / "build", None)
