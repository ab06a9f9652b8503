"""The numbers of a page are those of the model: ranges, cost and memory."""

from __future__ import annotations

import json

import numpy as np
import pytest

from elegans.exporter.codegen.plan import plan
from elegans.exporter.cost.estimate import estimate
from elegans.exporter.ir.proof import prove
from elegans.tests.viewer.subjects import CELLS, build_of, subject_of
from elegans.viewer.analysis.numerics import layer_costs, memory, vector_rows


@pytest.mark.parametrize("cell", CELLS)
def test_no_vector_leaves_its_proved_range_which_is_the_one_that_the_build_states(cell):
    rows = {row.name: row for row in vector_rows(subject_of(cell))}
    for row in rows.values():
        assert row.proved[0] <= row.used[0] <= row.used[1] <= row.proved[1]
    stated = json.loads((build_of(cell) / "model.json").read_text())["vectors"]
    for vector in stated:
        if vector["name"] in rows:
            row = rows[vector["name"]]
            assert row.proved == pytest.approx(tuple(vector["range"]))
            assert row.headroom == vector["headroom_bits"]
    assert len(rows) >= len(stated) / 2


@pytest.mark.parametrize("cell", CELLS)
def test_each_state_is_within_rounding_of_the_float_network(cell):
    subject = subject_of(cell)
    errors = [row.error for row in vector_rows(subject) if row.error is not None]
    assert len(errors) >= 2
    assert max(errors) < 2e-2
    assert max(errors) > 0


def test_the_cost_of_a_layer_counts_its_weights():
    costs = {cost.name: cost for cost in layer_costs(subject_of("cfc").model)}
    model = subject_of("cfc").model
    assert sum(cost.weights for cost in costs.values()) == model.weight_count
    assert all(cost.products >= cost.weights for cost in costs.values())


@pytest.mark.parametrize("cell", CELLS)
def test_the_memory_is_that_of_the_generated_c(cell):
    subject = subject_of(cell)
    model, found = subject.model, memory(subject)
    made = plan(model, prove(model), "speed")
    assert sum(part.bytes for part in found.flash) == made.bytes
    state = 2 * (len(model.inputs) + len(model.states) + sum(c.bits == 32 for c in model.states))
    assert sum(part.bytes for part in found.state) == state
    starts = [part.at for part in found.state]
    ends = np.cumsum([0, *(part.bytes for part in found.state)])
    assert starts == ends[:-1].tolist()  # one behind the other, without gaps
    for core, instructions, flash in found.cores:
        cost = estimate(made, core)
        assert (instructions, flash) == (cost.instructions, cost.flash)
