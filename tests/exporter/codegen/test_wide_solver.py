"""The C of a solver on 32-bit states: sums added once, sigmoids in them, constants as tables."""

from __future__ import annotations

import re

import numpy as np
import pytest

from elegans.boards.firmware.host import HostModel
from elegans.exporter import quantised
from elegans.exporter.export import Request, export
from elegans.tests.places import model_file

_NEURONS, _UNFOLDS = 6, 4


def _ltc(graph, still=(), shared=False):
    """LTC's fused solver: a synapse from each neuron to the next two, and from inputs to three.

    still   neurons without the synapses from neurons
    shared  whether a sigmoid of neuron 0 goes to neuron 5, too, which no synapse of an LTC does
    """
    g = graph(5)
    rng = g.rng
    before, after = (
        np.repeat(np.arange(_NEURONS), 2),
        (np.arange(2 * _NEURONS) // 2 + [1, 2] * 6) % 6,
    )
    kept = ~np.isin(after, still)
    before, after = before[kept], after[kept]
    x_before, x_after = np.array([0, 1, 2]), np.array([0, 2, 4])

    def synapses(source, cols, origin, target, name):
        slope, count = rng.uniform(2, 4, len(origin)), len(origin)
        select = np.zeros((cols, count))
        select[origin, np.arange(count)] = slope
        open_ = g.node("Add", g.node("MatMul", source, g.hold(select)), g.hold(-0.4 * slope))
        weight = np.zeros((count, _NEURONS))
        weight[np.arange(count), target] = rng.uniform(0.1, 0.8, count)
        if shared and name == "v":
            weight[0, 5] = 0.3
        return g.node("Sigmoid", open_), weight, weight * rng.choice([-1.0, 1.0], (count, 1))

    gate, into, driven = synapses("x", 3, x_before, x_after, "x")
    sensed_g, sensed_i = (g.node("MatMul", gate, g.hold(w)) for w in (into, driven))
    capacity, leak = g.hold(rng.uniform(0.5, 0.9, _NEURONS) * _UNFOLDS), rng.uniform(0.2, 0.5, 6)
    leak_i = g.hold(leak * rng.uniform(-0.2, 0.2, _NEURONS))
    select = rng.bit_generator.state
    v = "h"
    for _ in range(_UNFOLDS):
        rng.bit_generator.state = select  # the same weights in each unfold
        gate, into, driven = synapses(v, _NEURONS, before, after, "v")
        conductance = g.node("Add", g.node("MatMul", gate, g.hold(into)), sensed_g)
        conductance = g.node("Add", conductance, g.hold(leak))
        current = g.node("Add", g.node("MatMul", gate, g.hold(driven)), sensed_i)
        current = g.node("Mul", "dt", g.node("Add", current, leak_i))
        over = g.node("Add", g.node("Mul", capacity, v), current)
        v = g.node("Div", over, g.node("Add", capacity, g.node("Mul", "dt", conductance)))
    g.rename(v, "h_next", "Identity")
    g.rename(g.linear(v, 6, 2, "gemm"), "y", "Identity")
    return g


@pytest.fixture
def solver(graph, save, metadata, tmp_path):
    """A function that exports the solver and compares its C with its golden vectors."""

    def make(still=(), shared=False, **more):
        metadata.pop("layers", None)
        build = tmp_path / "BUILD"
        export(Request(save(_ltc(graph, still, shared), meta=metadata), **more), build)
        v = np.load(build / "vectors.npz")
        y, h = HostModel.compile(build, sanitise=True).steps(v["x"], v["dt"], v["h"])
        np.testing.assert_array_equal(y, v["y"])
        np.testing.assert_array_equal(h, v["h_next"])
        return model_file(build).read_text(), model_file(build, ".h").read_text()

    return make


@pytest.fixture
def finer(monkeypatch):
    """Every export then takes currents of 32 bits."""
    monkeypatch.setattr(quantised, "_LASTING", 0.0)
    monkeypatch.setattr(quantised, "_WORTH_IT", 100.0)
    monkeypatch.setattr(quantised, "_MAY_BE", 100.0)


def _defined(text, name):
    """The number that the generated C defines before it includes the solver's body."""
    (found,) = re.findall(rf"^#define EL_{name} (-?\d+)$", text, re.MULTILINE)
    return int(found)


def test_the_solver_is_one_call_and_has_each_synapse_once(solver):
    text, head = solver()
    step = text[text.index("_step(") :]
    (call,) = re.findall(r"(\w+)\((s->v|&s->v\[\d+\]), \2, [^;]*\1_place,\s+\1_w\);", step)
    assert f"#define EL_NAME {call[0]}\n" in text
    assert "for (" not in step
    assert text.count("EL_INPUT(") == 3
    assert text.count("EL_POTENTIAL(") == 12
    assert _defined(text, "UNFOLDS") == _UNFOLDS
    assert re.findall(r"int16_t v\[(\d+)\];", head) == ["16"], "3 inputs, 6 times two halves, a pad"


def test_neurons_that_no_potential_reaches_come_first(solver):
    text, _ = solver()
    assert _defined(text, "STILL") == 0
    text, _ = solver(still=(1, 4))
    assert _defined(text, "STILL") == 2
    assert "    1, 4, 0, 2, 3, 5\n" in text


def test_a_quotient_has_the_bits_by_which_a_potential_can_move(solver):
    """Not the 31 that a quotient of two int32 could have."""
    text, _ = solver()
    assert 14 <= _defined(text, "BITS") <= 20


@pytest.mark.parametrize(("still", "left"), [((), 0), ((1, 4), -1)])
def test_currents_of_32_bits_are_one_shift_from_the_scale_of_the_hull(solver, finer, still, left):
    """So they cost less than those of 16 bits. Those of few synapses may be shifted left."""
    text, _ = solver(still=still)
    assert _defined(text, "UNFOLDS") == _UNFOLDS
    assert _defined(text, "LEFT") == left
    assert _defined(text, "HELD_CURRENT") == 0


def test_currents_of_32_bits_of_a_solver_that_stays_a_loop_are_sums_of_32(solver, finer):
    text, _ = solver(shared=True)
    assert "el_halves(y" in text
    assert "el_wide_fused_step(" in text


def test_a_solver_whose_synapse_goes_to_two_neurons_stays_a_loop(solver):
    text, _ = solver(shared=True)
    assert "for (uint32_t unfold" in text[text.index("_step(") :]
    assert "EL_SYNAPSES" not in text


def test_what_comes_from_outside_of_the_loop_is_added_once_before_it(solver):
    text, _ = solver(shared=True)
    step = text[text.index("_step(") :]
    before, body = (
        step[: step.index("for (uint32_t unfold")],
        step[step.index("for (uint32_t un") :],
    )
    bases = set(re.findall(r"(\w+)_base\(\w+_sums, \w", before))
    assert len(bases) == 2, "of the current and of the conductance"
    assert "_base(" not in body
    for name in bases:
        assert re.search(rf"{name}\([^;]*{name}_sums, ", body)
        assert f"int32_t {name}_sums[6];" in before


def test_the_sigmoid_of_a_synapse_is_taken_where_its_argument_is(solver):
    text, _ = solver(shared=True)
    assert text.count("= el_synapse(") == 3 + 12
    assert "el_sigmoid(" not in text


def test_for_size_the_maps_are_tables_and_the_sigmoids_calls(solver):
    text, _ = solver(layout="size")
    assert "el_synapse(" not in text
    assert "_base(" not in text
    assert "el_sigmoid(" in text


def test_the_loop_updates_halves_in_place(solver):
    """Both halves of the potential lie in the state, where the body reads and writes them."""
    text, head = solver(shared=True)
    body = text[text.rindex("for (uint32_t unfold") :]
    call = re.search(r"el_fused_step\((&?s->v\[?\d*\]?), (&?s->v\[?\d*\]?),", body)
    assert call is not None
    assert call[1] == call[2]
    assert "copy" not in body
    assert re.findall(r"int16_t v\[(\d+)\];", head) == ["16"], "3 inputs, 6 times two halves, a pad"


def test_elapsed_time_of_32_bits_is_given_by_value(solver):
    text, head = solver()
    assert re.search(r"_step\([^)]*int32_t dt\)", head)
    assert re.search(r"el_elapsed\(\w+, dt, \d+, \d+\);", text)
    assert "&dt" not in text


def test_the_ratios_of_a_fixed_period_are_a_table_and_no_call(solver):
    text, _ = solver(dt=0.05)
    assert "el_step_ratio(" not in text
    assert "el_elapsed(" not in text
    (name,) = re.findall(r"static const int16_t (\w*ratio\w*)\[18\]", text)
    assert re.search(rf"\w+_h\([^;]*\b{name}\b", text)
