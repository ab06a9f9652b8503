"""States of filters, oscillators and observers stay where no run of theirs leaves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from elegans.exporter.atoms.activations.linear_map import LinearMapActivation
from elegans.exporter.atoms.activations.tanh import TanhActivation
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir import real_network
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.interface import Interface, Signal
from elegans.exporter.ir.real_network import Network
from elegans.exporter.lowering.bounds import network_bounds
from elegans.exporter.lowering.linear_bounds import linear_states

_STEPS, _RUNS = 400, 50


def _form(bias, **terms):
    return Affine(np.array(bias, float), {v: sparse.csr_array(m) for v, m in terms.items()})


def _network(a, b, c, x, extra=()):
    """h' = A h + B x + c, with more atoms between if there are any."""
    n = len(a)
    atoms = {**dict(extra), "s": LinearMapActivation(_form(c, h=a, x=b))}
    interface = Interface(
        name="net",
        inputs=tuple(Signal(f"x{i}", range=ends) for i, ends in enumerate(x)),
        outputs=(Signal("y"),),
        dt=Signal("dt", "s", None),
    )
    return Network(interface, atoms, _form(np.zeros(1)), (Window("s", 0, n),))


def _runs(network, rng):
    """States of runs whose inputs jump between their ends or stay at one of them."""
    ends = np.array([signal.range for signal in network.interface.inputs])
    which = rng.integers(0, 2, (_STEPS, _RUNS, len(ends)))
    which[:, : _RUNS // 2] = which[:1, : _RUNS // 2]
    x = np.take_along_axis(ends[None, None], which[..., None], -1)[..., 0]
    return real_network.run(network, x, np.zeros((_STEPS, _RUNS)))[1]


@pytest.mark.parametrize("seed", range(12))
def test_no_run_leaves_the_bounds_of_a_random_stable_system_and_the_worst_comes_near(seed):
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(2, 7)), int(rng.integers(1, 4))
    a = rng.normal(size=(n, n))
    a *= rng.uniform(0.3, 0.98) / np.abs(np.linalg.eigvals(a)).max()
    b, c = rng.normal(size=(n, m)), rng.normal(size=n)
    ends = np.sort(rng.uniform(-2, 2, (m, 2)), axis=1)
    network = _network(a, b, c, [tuple(pair) for pair in ends])
    linear = linear_states(network)
    assert linear is not None
    lo, hi = linear.span({"x": (ends[:, 0], ends[:, 1])})
    h = _runs(network, rng)
    assert np.all((lo <= h) & (h <= hi))
    centred = linear_states(_network(a, b, 0 * c, [(-1.0, 1.0)] * m))
    exact, now = np.zeros(n), b
    for _ in range(5 * _STEPS):
        exact, now = exact + np.abs(now).sum(axis=1), a @ now
    lo, hi = centred.span({"x": (-np.ones(m), np.ones(m))})
    assert np.all((exact * (1 - 1e-9) <= hi) & (hi <= 1.02 * exact))
    np.testing.assert_array_equal(lo, -hi)


def test_what_a_bounded_function_of_the_states_adds_is_counted():
    """h' = A h + tanh(h) + x with a rotation: linear but for a vector in [-1, 1]."""
    turn = 0.8 * np.sqrt(0.5) * np.array([[1.0, -1.0], [1.0, 1.0]])
    tanh = TanhActivation(_form(np.zeros(2), h=3 * np.eye(2)))
    network = _network(turn, np.eye(2), np.zeros(2), [(-1.0, 1.0)] * 2, {"t": tanh}.items())
    drive = network.atoms["s"].drive.plus(_form(np.zeros(2), t=np.eye(2)))
    network.atoms["s"] = LinearMapActivation(drive)
    lo, hi = network_bounds(network)["h"]
    h = _runs(network, np.random.default_rng(0))
    assert np.all((lo <= h.min(axis=(0, 1))) & (h.max(axis=(0, 1)) <= hi))
    assert np.all(hi <= 2 * np.sqrt(2) / (1 - 0.8))


def test_an_integrator_behind_a_filter_is_named_and_the_filter_is_not():
    turn = 0.9 * np.sqrt(0.5) * np.array([[1.0, -1.0], [1.0, 1.0]])
    a = np.zeros((3, 3))
    a[:2, :2], a[2] = turn, [1.0, 0.0, 1.0]
    network = _network(a, np.ones((3, 1)), np.zeros(3), [(-1.0, 1.0)])
    linear = linear_states(network)
    assert linear is not None
    assert linear.rows.tolist() == [0, 1]
    with pytest.raises(ElegansError, match=r"\[2\]: grows without bound"):
        network_bounds(network)
