"""Shares add up: at the sensors, in every neuron, at the output; and gradients are slopes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from elegans.exporter.ir import real_network
from elegans.tests.viewer.subjects import CELLS, subject_of, windows
from elegans.viewer.analysis.decisions import trace
from elegans.viewer.analysis.nodes import NEURON, UNIT
from elegans.viewer.analysis.sentences import sentence, strongest_path

MOMENTS = np.arange(20, 90, 10)


def _traced(cell, steps, output=0):
    subject = subject_of(cell)
    which = np.full(len(MOMENTS), output)
    window = windows(subject, MOMENTS, steps)
    return subject, window, trace(subject.network, subject.nodes, window, subject.real_rest, which)


def _outputs(subject, window, x=None, start=None):
    """The outputs of the float network after a window: y [M, O]."""
    given, dt, h = window
    x, h = (given if x is None else x), (h if start is None else start)
    y, _ = real_network.run(subject.network, x.swapaxes(0, 1), dt.T, h)
    return y[-1]


@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize("cell", CELLS)
def test_the_shares_of_inputs_and_memory_add_up_to_the_change(cell, steps):
    subject, window, flows = _traced(cell, steps)
    rest = np.broadcast_to(subject.real_rest, window[0].shape)
    before = _outputs(subject, window, rest, np.zeros_like(window[2]))[:, 0]
    change = _outputs(subject, window)[:, 0] - before
    assert flows.total == pytest.approx(change, abs=1e-12)
    together = flows.inputs.sum(axis=1) + flows.memory.sum(axis=1)
    assert together == pytest.approx(change, abs=1e-4 * np.abs(change).max())


@pytest.mark.parametrize("cell", CELLS)
def test_as_much_flows_into_a_neuron_as_out_of_it(cell):
    subject, _, flows = _traced(cell, 5)
    into, out = np.zeros_like(flows.memory), np.zeros_like(flows.memory)
    count = into.shape[1]
    into, out = np.zeros((len(MOMENTS), count)), np.zeros((len(MOMENTS), count))
    np.add.at(into.T, flows.edges[:, 1], flows.flow.T)
    np.add.at(out.T, flows.edges[:, 0], flows.flow.T)
    inner = [i for i, n in enumerate(subject.nodes.nodes) if n.kind in (NEURON, UNIT)]
    assert (into + flows.memory)[:, inner] == pytest.approx(out[:, inner], abs=1e-12)
    output = subject.nodes.node_of["y"][0]
    all_shares = flows.inputs.sum(axis=1) + flows.memory.sum(axis=1)
    assert into[:, output] == pytest.approx(all_shares, abs=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_the_gradient_is_the_slope_of_the_whole_window(cell):
    subject, window, flows = _traced(cell, 4, output=1)
    for i in range(window[0].shape[2]):
        ends = []
        for step in (1e-5, -1e-5):
            x = window[0].copy()
            x[:, :, i] += step
            ends.append(_outputs(subject, window, x)[:, 1])
        assert flows.gradient[:, i] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_the_strongest_path_leads_through_synapses_to_the_output(cell):
    subject, _, flows = _traced(cell, 5)
    edges = {tuple(pair): k for k, pair in enumerate(flows.edges.tolist())}
    for m, step in enumerate(MOMENTS):
        path = strongest_path(subject.nodes, flows, m, 0)
        assert path[-1][0] == subject.nodes.node_of["y"][0]
        for (node, flow), (after, _) in itertools.pairwise(path):
            assert flows.flow[m, edges[node, after]] == flow
        text = sentence(subject, flows, m, 0, int(step), path)
        assert text.startswith(f"Step {step}: {subject.model.outputs[0].name} is ")
