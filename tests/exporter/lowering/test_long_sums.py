"""Rows of hundreds of inputs have sums of 64 bits; all others keep theirs of 32."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from elegans.exporter.codegen.plan import plan
from elegans.exporter.codegen.program import CfcLayer
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.lowering.lower import lower_with_proof
from elegans.exporter.lowering.maps.quantise_maps import RealMap, linear
from elegans.exporter.lowering.maps.quantise_timed import RealTimedMap, timed
from elegans.exporter.numbers.fixed import Interval, dequantise
from elegans.exporter.ops.long_linear import LongLinear
from elegans.exporter.ops.long_sliding_linear import LongSlidingLinear
from elegans.exporter.ops.long_sparse_linear import LongSparseLinear
from elegans.exporter.ops.long_timed_linear import LongTimedLinear
from elegans.exporter.ops.timed_linear import TimedLinear
from elegans.trainer import export_onnx
from elegans.trainer.cells.cfc import WiredCfCCell
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.wiring.ncp import AutoNCP

_ANY = 32767


def _map(weights, out_frac=12):
    rows, cols = weights.shape
    frac, reach = np.full(cols, 15), np.full(cols, _ANY)
    return RealMap(weights, np.zeros(rows), frac, reach, np.full(rows, out_frac), (cols,))


def _weights(rows, cols, density=1.0):
    rng = np.random.default_rng(cols)
    return rng.normal(0, 0.3, (rows, cols)) * (rng.random((rows, cols)) < density)


@pytest.mark.parametrize("cols", [19, 64, 128, 200, 600])
def test_a_row_of_hundreds_of_inputs_keeps_its_digits(cols):
    weights = _weights(6, cols)
    op = linear(_map(weights), tabled=True)
    assert isinstance(op, LongLinear) == (cols > 128)
    x = np.random.default_rng(1).integers(-_ANY, _ANY + 1, (400, cols))
    wanted = np.clip(dequantise(x, 15) @ weights.T, -8, 8 - 2**-12)
    errors = np.abs(dequantise(op.integer(x), 12) - wanted) * 2**12
    assert errors.max() < (4 if cols > 128 else 40)
    op.range(Interval.of(np.full(cols, -_ANY), np.full(cols, _ANY)))


def _even(cols, total):
    """Four rows of `cols` weights of one magnitude each, which add up to `total`."""
    return np.random.default_rng(cols).choice([-1.0, 1.0], (4, cols)) * total / cols


@pytest.mark.parametrize(
    ("cols", "total", "long"), [(187, 24, False), (187, 48, False), (245, 24, True)]
)
def test_a_head_has_sums_of_64_bits_where_a_cfc_would_leave_1e_3(cols, total, long):
    # 187 inputs have the widest heads that matter in a CfC of 302 neurons, 245 in one of 400.
    assert isinstance(linear(_map(_even(cols, total)), tabled=True), LongLinear) == long


@pytest.mark.parametrize(
    ("cols", "total", "long"),
    [(298, 80, False), (298, 150, True), (365, 80, True), (365, 40, True)],
)
def test_a_gate_has_them_later_because_it_moves_a_state_less(cols, total, long):
    # 298 inputs has the widest gate in a CfC of 302 neurons, 365 in the first layer of 600.
    weights, zero = _even(cols, total), np.zeros(4)
    assert isinstance(linear(_map(weights, 11), tabled=True), LongLinear) == long
    assert isinstance(linear(_map(weights, 11)), LongLinear)  # no table: no gate
    given = (np.full(cols, 15), np.full(cols, _ANY), 15, 26214, 11, (cols,))
    op = timed(RealTimedMap(weights, zero, weights / total, zero, *given))
    assert isinstance(op, LongTimedLinear) == long


def test_a_list_of_synapses_does_so_earlier_because_that_costs_it_nothing():
    weights = np.zeros((3, 4000))
    weights[:, ::20] = _weights(3, 200)
    assert isinstance(linear(_map(weights, 10)), LongSparseLinear | LongSlidingLinear)
    assert not isinstance(linear(_map(weights[:, ::20], 10)), LongLinear)


@pytest.mark.parametrize("cols", [64, 300])
def test_a_gate_with_a_rate_keeps_its_digits(cols):
    drive, rate = _weights(4, cols), _weights(4, cols + 1)[:, 1:]
    given = (np.full(cols, 15), np.full(cols, _ANY))
    zero = np.zeros(4)
    real = RealTimedMap(drive, zero, rate, zero, *given, 15, 26214, 11, (cols,))
    op = timed(real)
    assert type(op) is (LongTimedLinear if cols > 128 else TimedLinear)
    rng = np.random.default_rng(2)
    x, dt = rng.integers(-_ANY, _ANY + 1, (400, cols)), rng.integers(0, 26215, (400, 1))
    h, t = dequantise(x, 15), dequantise(dt, 15)
    wanted = np.clip(h @ drive.T + t * (h @ rate.T), -16, 16 - 2**-11)
    errors = np.abs(dequantise(op.integer(x, dt), 11) - wanted) * 2**11
    assert errors.max() < (4 if cols > 128 else 40)


@pytest.fixture(scope="module")
def worm(tmp_path_factory):
    """The file of an untrained CfC of 302 neurons."""
    torch.manual_seed(302)
    net = Recurrent(WiredCfCCell(AutoNCP(302, 4).build(8)))
    path = tmp_path_factory.mktemp("worm") / "worm.onnx"
    return export_onnx(net, 8, path, input_ranges=(-2, 2), dt_range=(0.01, 1.0))


@pytest.mark.parametrize("dt_fixed", [None, 0.1])
def test_a_cfc_of_302_neurons_keeps_the_kernels_of_whole_layers(worm, dt_fixed):
    graph = open_graph(worm)
    network = read_network(graph, replace(read_interface(graph), dt_fixed=dt_fixed))
    found = lower_with_proof(network)
    steps = plan(found.model, found.bounds).program.steps
    assert [s.name for s in steps if isinstance(s.op, CfcLayer)] == [
        "inter_h",
        "command_h",
        "motor_h",
    ]
