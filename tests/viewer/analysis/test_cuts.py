"""A cut is a run of the model whose weights are zero there, bit for bit."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest

from elegans.exporter.numbers.sparse_matrix import SparseMatrix
from elegans.exporter.oracles import reference
from elegans.tests.viewer.subjects import CELLS, INPUTS, subject_of
from elegans.viewer.analysis.cuts import Cut, run_cuts
from elegans.viewer.analysis.nodes import NEURON

STEPS = 40


def _cut(subject, cuts):
    run = subject.x[:STEPS], subject.dt[:STEPS], subject.h[0]
    return run_cuts(subject.model, subject.network, subject.nodes, cuts, run)


def _run(subject, model):
    return reference.run(model, subject.x[:STEPS], subject.dt[:STEPS], subject.h[0]).y


def _zeroed(model, zero):
    """The model with weights of zero where `zero(step, rows, columns)` is true."""
    steps = []
    for step in model.steps:
        fields = {}
        for name in ("weights", "rates"):
            matrix = getattr(step.op, name, None)
            if matrix is None:
                continue
            dense = np.array(matrix)
            rows, columns = np.indices(dense.shape)
            dense[zero(step, rows, columns)] = 0
            sparse = isinstance(matrix, SparseMatrix)
            fields[name] = SparseMatrix.of(dense) if sparse else dense
        op = dataclasses.replace(step.op, **fields) if fields else step.op
        steps.append(dataclasses.replace(step, op=op))
    return dataclasses.replace(model, steps=tuple(steps))


def _columns(step, places):
    """[columns] whether each one of a map reads one of these (vector, element)."""
    read = [(w.vector, i) for w in step.inputs[0] for i in range(w.lo, w.hi)]
    return np.array([place in places for place in read])


@pytest.mark.parametrize("cell", CELLS)
def test_a_cut_of_nothing_changes_nothing(cell):
    subject = subject_of(cell)
    held = [Cut(0, held=int(v)) for v in (0, 1)]
    found = _cut(subject, [Cut(-9, -9), *held])
    assert np.array_equal(found[:, 0], subject.y[:STEPS])
    for lane, value in enumerate((0, 1), 1):
        x = subject.x[:STEPS].copy()
        x[:, 0] = value
        assert np.array_equal(
            found[:, lane],
            reference.run(subject.model, x, subject.dt[:STEPS], subject.h[0]).y,
        )


def test_a_neuron_without_its_synapses_is_the_model_with_these_weights_zero():
    subject = subject_of("cfc")
    inner = range(4)
    nodes = [int(subject.nodes.node_of["h"][i]) for i in inner]
    found = _cut(subject, [Cut(node) for node in nodes])
    for i in inner:
        places = {("h", i), ("inter_h", i)}
        model = _zeroed(
            subject.model,
            partial(lambda places, step, _, columns: _columns(step, places)[columns], places),
        )
        assert np.array_equal(found[:, i], _run(subject, model))
        assert not np.array_equal(found[:, i], subject.y[:STEPS])


def test_a_synapse_that_is_cut_is_the_model_with_its_weights_zero():
    subject = subject_of("cfc")
    nodes = subject.nodes.nodes
    synapses = [s for s in subject.circuit.synapses if nodes[s.target].kind == NEURON]
    found = _cut(subject, [Cut(s.source, s.target) for s in synapses])
    layers = {"inter": range(4), "motor": range(4, 6)}
    for lane, s in enumerate(synapses):
        (target,) = nodes[s.target].states
        layer = next(name for name, states in layers.items() if target in states)
        if nodes[s.source].kind == NEURON:
            (source,) = nodes[s.source].states
            places = {("h", source), ("inter_h", source)}
        else:
            places = {("x_in", s.source)}

        def zero(step, rows, columns, layer=layer, target=target, places=places):
            own = step.group == layer
            row = rows == target - layers[layer][0]
            return own & row & _columns(step, places)[columns]

        assert np.array_equal(found[:, lane], _run(subject, _zeroed(subject.model, zero)))


def test_an_ltc_synapse_that_is_cut_has_no_conductance():
    subject = subject_of("ltc")
    nodes, model = subject.nodes.nodes, subject.model
    inner = [s for s in subject.circuit.synapses if nodes[s.target].kind == NEURON]
    found = _cut(subject, [Cut(s.source, s.target) for s in inner])
    steps = {step.name: step for step in model.steps}
    for lane, s in enumerate(inner):
        (target,) = nodes[s.target].states
        own = set()  # elements of synapses' sigmoids that read the source
        for name in steps:
            argument = steps.get(f"{name}_sum")
            if argument is None or ("sensory" not in name and "synapses" not in name):
                continue
            reads = np.array(argument.op.weights) != 0
            read = [(w.vector, i) for w in argument.inputs[0] for i in range(w.lo, w.hi)]
            for row, column in np.argwhere(reads):
                vector, index = read[column]
                sensor = vector == "x_in" and (index,) == (s.source,)
                neuron = vector != "x_in" and nodes[s.source].states == (index % 8,)
                if (sensor and s.source < INPUTS) or (neuron and s.source >= INPUTS):
                    own.add((name, int(row)))

        def zero(step, rows, columns, target=target, own=own):
            of = "current" in step.name or "conductance" in step.name
            return of & (rows == target) & _columns(step, own)[columns]

        assert np.array_equal(found[:, lane], _run(subject, _zeroed(model, zero)))


@pytest.mark.parametrize("cell", CELLS)
def test_every_neuron_that_is_cut_is_missed(cell):
    subject = subject_of(cell)
    found = _cut(subject, [Cut(i) for i in subject.nodes.of_kind(NEURON)])
    assert np.all(np.any(found != subject.y[:STEPS, None], axis=(0, 2)))
