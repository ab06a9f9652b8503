"""The bounds of small networks that can be computed by hand, and of random ones that are run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from elegans.exporter.atoms.activations.linear_map import LinearMapActivation
from elegans.exporter.atoms.activations.relu import ReluActivation
from elegans.exporter.atoms.activations.sigmoid import SigmoidActivation
from elegans.exporter.atoms.activations.tanh import TanhActivation
from elegans.exporter.atoms.gates.fused_step import FusedStepGate
from elegans.exporter.atoms.gates.vector_product import VectorProductGate
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir import real_network
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.interface import Interface, Signal, StateRange
from elegans.exporter.ir.real_network import Network
from elegans.exporter.lowering.bounds import declared_range, declared_span, network_bounds

_SLACK = 2.0**-12  # of a gate that its argument closes


def _form(bias, **terms):
    """An affine form of these rows."""
    matrices = {v: sparse.csr_array(np.atleast_2d(np.array(m, float))) for v, m in terms.items()}
    return Affine(np.atleast_1d(np.array(bias, float)), matrices)


def _network(atoms, *h_next, x=((-1.0, 1.0),), dt=None, states=()):
    """A network whose last atom is the next state, if nothing else is said."""
    last = list(atoms)[-1]
    interface = Interface(
        name="net",
        inputs=tuple(Signal(f"x{i}", range=ends) for i, ends in enumerate(x)),
        outputs=(Signal("y"),),
        dt=Signal("dt", "s", dt),
        states=states,
    )
    next_states = h_next or (Window(last, 0, atoms[last].size),)
    return Network(interface, atoms, _form([0.0]), next_states)


def _linear(bias, **terms):
    return LinearMapActivation(_form(bias, **terms))


@pytest.mark.parametrize(
    ("own", "slack"),
    [
        (0.0, 0),
        (0.3, 4e-6),
        (0.5, 4e-6),
        (0.9, 2e-2),
        (0.99, 1.0),
        (-0.5, 4e-6),
        (-0.9, 2e-2),
        (-0.99, 1.0),
    ],
)
@pytest.mark.parametrize("x", [(0.0, 1.0), (-1.0, 3.0), (-2.0, 0.0)])
def test_a_contraction_is_bounded_where_its_geometric_series_ends(own, slack, x):
    """h' = a h + x is bounded by x / (1 - a), or where a is negative by both ends of x."""
    lo, hi = network_bounds(_network({"s": _linear(0.0, h=own, x=1.0)}, x=[x]))["h"]
    ends = [end / (1 - own) for end in x]
    if own < 0:
        ends = [(x[i] + own * x[1 - i]) / (1 - own**2) for i in (0, 1)]
    for found, end in ((-lo[0], -ends[0]), (hi[0], ends[1])):
        assert end * (1 - 1e-12) <= found <= end + slack * max(map(abs, ends))
        assert found == 0.0 or end != 0.0  # an end that does not move is exact


def test_a_state_that_others_close_stays_closed():
    """The second state is relu(-2 + x) of the same x, which is zero."""
    atoms = {
        "r": ReluActivation(_form(-2.0, x=1.0)),
        "s": _linear([0.0, 0.0], h=[[0.9, 0], [0, 0.9]], x=[[1.0], [0.0]], r=[[0.0], [1.0]]),
    }
    lo, hi = network_bounds(_network(atoms))["h"]
    assert (lo[1], hi[1]) == (0.0, 0.0)
    assert hi[0] == pytest.approx(10.0, rel=2e-3) == -lo[0]


def test_a_state_that_grows_slowly_is_bounded_if_a_far_interval_maps_into_itself():
    """h' = min(h + 1, 5000), which takes 5000 steps."""
    atoms = {"r": ReluActivation(_form(4999.0, h=-1.0)), "s": _linear(5000.0, r=-1.0)}
    lo, hi = network_bounds(_network(atoms))["h"]
    assert hi[0] == 5000.0
    assert -1e6 <= lo[0] <= -999_000
    too_far = {"r": ReluActivation(_form(2e6 - 1, h=-1.0)), "s": _linear(2e6, r=-1.0)}
    with pytest.raises(ElegansError, match=r"state layer0\[0\]"):
        network_bounds(_network(too_far))


@pytest.mark.parametrize("growth", [1.0, 1.5, 1e3, 1e200])
def test_the_state_that_grows_without_bound_is_named(growth):
    atoms = {"s": _linear([0.0] * 3, h=np.diag([0.5, growth, 0.0]), x=[[1.0]] * 3)}
    with pytest.raises(ElegansError, match=r"state layer0\[1\]: grows without bound"):
        network_bounds(_network(atoms))


def test_a_state_that_turns_and_fades_is_bounded_by_what_enters_it():
    """No box maps into itself. With x that may change its sign in each step, the least interval
    is that of the sums of |A^k B|."""
    turn = 0.9 * np.sqrt(0.5) * np.array([[1.0, -1.0], [1.0, 1.0]])
    atoms = {"s": _linear([0.0] * 2, h=turn, x=[[1.0], [0.0]])}
    lo, hi = network_bounds(_network(atoms))["h"]
    powers = [np.linalg.matrix_power(turn, k)[:, 0] for k in range(400)]
    exact = np.abs(powers).sum(axis=0)
    assert np.all((exact <= hi) & (hi <= 1.02 * exact))
    np.testing.assert_array_equal(lo, -hi)


def test_a_state_that_turns_by_a_factor_of_its_input_is_told_with_the_range_that_runs_show():
    """No box maps into itself, although the state stays below 1 / (1 - 0.9)."""
    turn = 0.9 * np.sqrt(0.5) * np.array([[1.0, -1.0], [1.0, 1.0]])
    atoms = {
        "u": _linear([1.0] * 2),
        "v": VectorProductGate(Window("h", 0, 2), Window("u", 0, 2)),
        "s": _linear([0.0] * 2, v=turn, x=[[1.0], [0.0]]),
    }
    told = r"could not be bounded.*--state-range -(\d+):\1 \(float runs .* reach \d"
    with pytest.raises(ElegansError, match=told):
        network_bounds(_network(atoms))


def test_each_layer_that_has_no_bound_is_told_with_a_range_of_its_own():
    """Two states that turn, six that follow them, and one that is never negative."""
    turn = np.zeros((8, 9))
    turn[:2, :2] = 0.9 * np.sqrt(0.5) * np.array([[1.0, -1.0], [1.0, 1.0]])
    turn[2:, 0] = 1.0
    atoms = {
        "u": _linear([1.0] * 9),
        "v": VectorProductGate(Window("h", 0, 9), Window("u", 0, 9)),
        "s": _linear([0.0] * 8, v=turn, x=[[1.0]] + [[0.0]] * 7),
        "r": ReluActivation(_form(0.0, v=[[0.6, 0.6] + [0.0] * 7])),
    }
    network = _network(atoms, Window("s", 0, 8), Window("r", 0, 1))
    told = r"state layer\d\[\d\]: could not.*layer0=-(\d+):\1 --state-range layer1=0:\d+ "
    with pytest.raises(ElegansError, match=told):
        network_bounds(network)


def test_a_chain_is_followed_to_its_end_however_long_it_is():
    """h0' = x, h1' = 2 h0, ..: each of the states needs one more round."""
    n = 90
    atoms = {"s": _linear(np.zeros(n), h=1.25 * np.eye(n, k=-1), x=np.eye(n)[:, :1])}
    lo, hi = network_bounds(_network(atoms))["h"]
    np.testing.assert_allclose(hi, 1.25 ** np.arange(n), rtol=1e-12)
    np.testing.assert_array_equal(lo, -hi)


def test_declared_states_saturate_where_they_are_declared():
    ends = (StateRange((-0.25, 0.5), ""), None, StateRange((0.5, 2.0), ""))
    atoms = {"s": _linear([0.0] * 3, h=np.diag([1.0, 0.0, 1.0]), x=[[1.0]] * 3)}
    network = _network(atoms, states=ends)
    assert [end.tolist() for end in network_bounds(network)["h"]] == [
        [-0.25, -1.0, 0.0],
        [0.5, 1.0, 2.0],
    ]
    assert [end.tolist() for end in declared_span(network)] == [
        [-0.25, -np.inf, 0.0],
        [0.5, np.inf, 2.0],
    ]
    free = declared_span(_network(atoms))
    assert [end.tolist() for end in free] == [[-np.inf] * 3, [np.inf] * 3]


def test_elapsed_time_is_in_its_range_where_it_is_read():
    timed = _network({"s": _linear(0.0, dt=3.0)}, dt=(0.5, 2.0))
    assert [end.tolist() for end in network_bounds(timed)["h"]] == [[0.0], [6.0]]
    assert [end.tolist() for end in network_bounds(timed)["dt"]] == [[0.5], [2.0]]
    assert "dt" not in network_bounds(_network({"s": _linear(0.0, x=1.0)}, dt=(0.5, 2.0)))


def test_an_input_without_a_range_is_refused_with_its_option():
    with pytest.raises(ElegansError, match=r"'x0': has no declared range.*--input-range LO:HI"):
        network_bounds(_network({"s": _linear(0.0, x=1.0)}, x=[None]))
    with pytest.raises(ElegansError, match=r"'dt': has no declared range.*--dt-range LO:HI"):
        network_bounds(_network({"s": _linear(0.0, dt=1.0)}))
    assert declared_range(Signal("x", range=(1.0, 2.0))) == (1.0, 2.0)


def _ltc(leak, rest, gates, before=0, unfolds=1):
    """LTC neurons behind `before` tanh states: of each (capacity 1) its leak and rest, and its
    synapses.

    gates  (weight, reversal, drive by x, drive by h, bias) for each neuron
    """
    n = len(leak)
    w, e, by_x, by_h, bias = np.array(gates, float).T
    own = np.concatenate([np.zeros((n, before)), np.diag(by_h)], axis=1)
    atoms = {}
    if before:
        atoms["t"] = TanhActivation(_form(np.zeros(before), x=np.full((before, 1), 0.3)))
    atoms["s"] = SigmoidActivation(_form(bias, x=by_x[:, None], h=own))
    atoms["current"] = _linear(np.multiply(leak, rest), s=np.diag(w * e))
    atoms["conductance"] = _linear(leak, s=np.diag(w))
    v = Window("h", before, before + n)
    for i in range(unfolds):
        parts = (v, Window("current", 0, n), Window("conductance", 0, n))
        atoms[f"v{i}"] = FusedStepGate(*parts, capacity=(1.0,) * n, timed=False)
        v = Window(f"v{i}", 0, n)
    h_next = ((Window("t", 0, before),) if before else ()) + (v,)
    return _network(atoms, *h_next)


def _drawn(leak, rest, w, e, gate):
    return (leak * rest + w * e * gate) / (leak + w * gate)


_NEURON = st.tuples(
    st.floats(0.1, 2.0),  # leak
    st.floats(-1.0, 1.0),  # rest
    st.floats(0.1, 2.0),  # weight
    st.floats(-2.0, 2.0),  # reversal
    st.floats(-6.0, 6.0),  # drive by x
    st.floats(-3.0, 3.0),  # by its own potential
    st.floats(-3.0, 3.0),  # bias
)


@settings(max_examples=40)
@given(st.lists(_NEURON, min_size=1, max_size=2), st.integers(0, 2), st.integers(1, 2))
def test_a_potential_stays_where_open_synapses_can_draw_it(neurons, before, unfolds):
    """Computed by hand: the hull of zero, leak and reversal; then two rounds, each with gates as
    far open as the potential of the round before can drive them."""
    leak, rest, *gates = np.array(neurons).T
    network = _ltc(leak, rest, np.transpose(gates), before, unfolds)
    spans = network_bounds(network)
    for i, (own_leak, own_rest, w, e, by_x, by_h, bias) in enumerate(neurons):
        ends = [0.0, own_rest, _drawn(own_leak, own_rest, w, e, 1.0)]
        for _ in range(2):
            ends = (min(ends), max(ends))
            drives = [by_x * x + by_h * h + bias for x in (-1, 1) for h in ends]
            opened = [0.5 + 0.5 * np.tanh(0.5 * z) for z in (min(drives), max(drives))]
            opened = (max(opened[0] - _SLACK, 0.0), min(opened[1] + _SLACK, 1.0))
            ends = [0.0, *(_drawn(own_leak, own_rest, w, e, gate) for gate in opened)]
        for vector, at in [("h", before + i), *((f"v{u}", i) for u in range(unfolds))]:
            lo, hi = spans[vector]
            assert lo[at] == pytest.approx(min(ends), abs=1e-6), vector
            assert hi[at] == pytest.approx(max(ends), abs=1e-6), vector
        assert spans["s"][0][i] == pytest.approx(opened[0], abs=1e-6)
        assert spans["s"][1][i] == pytest.approx(opened[1], abs=1e-6)
    if before:
        assert spans["h"][0][:before].tolist() == [-1.0] * before
        assert spans["h"][1][:before].tolist() == [1.0] * before


@settings(max_examples=20)
@given(st.lists(_NEURON, min_size=2, max_size=3), st.integers(0, 2), st.integers(1, 3))
def test_no_run_leaves_the_bounds_of_an_ltc(neurons, before, unfolds):
    leak, rest, *gates = np.array(neurons).T
    network = _ltc(leak, rest, np.transpose(gates), before, unfolds)
    spans, rng = network_bounds(network), np.random.default_rng(1)
    h = np.zeros((200, before + len(neurons)))
    for _ in range(12):
        x = rng.choice([-1.0, 0.3, 1.0], (200, 1))
        _, h, vectors = real_network.step(network, x, np.zeros((200, 1)), h)
        for vector in (*network.atoms, "h"):
            lo, hi = spans[vector]
            values = h if vector == "h" else vectors[vector]
            assert np.all((values >= lo - 1e-9) & (values <= hi + 1e-9)), vector
