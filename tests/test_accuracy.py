"""What was trained is what the chip computes: states within 1e-3 of float, at every time scale.

Float64 and the integers run free on inputs that hold for a while, so that the states move. An
error is a fraction of the range that the states of the layer use.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.ir import real_network
from elegans.exporter.ir.conversion import to_real
from elegans.exporter.ir.declared import with_ranges
from elegans.exporter.lowering.lower import lower
from elegans.exporter.oracles import reference
from elegans.exporter.state_ranges import with_shown_ranges
from elegans.trainer import export_onnx
from elegans.trainer.cells.ctrnn import CTRNNCell
from elegans.trainer.cells.gru_lstm_mlp import GRUCell, LSTMCell
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.wiring.ncp import AutoNCP

_INPUTS, _UNITS, _STEPS, _RUNS, _HELD = 4, 12, 600, 4, 60
_CELLS = {
    "ctrnn": lambda: CTRNNCell(_INPUTS, _UNITS),
    "ctrnn_euler": lambda: CTRNNCell(_INPUTS, _UNITS, solver="euler", unfolds=2),
    "ctrnn_semi_implicit": lambda: CTRNNCell(_INPUTS, _UNITS, solver="semi_implicit"),
    "ltc": lambda: LTCCell(AutoNCP(_UNITS, 2).build(_INPUTS)),
}
_TAU = 0.5  # s, about that of all cells as they are initialised
# Six unfolds take a sixth of the time each, and a unit of 2^-30 is a part of what each adds.
_UNFOLDS = {"ltc": 6}


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A function that gives the file of a cell's network, which is the same for every period."""
    return cache(lambda cell, spread=0.0: _network(cell, tmp_path_factory.mktemp(cell), spread))


def _network(name, folder, spread):
    """The network of a cell, its time constants spread over so many decades around their own."""
    torch.manual_seed(302)
    cell = _CELLS[name]()
    net = Recurrent(cell) if cell.output_size != _UNITS else Recurrent(cell, projection=1)
    if spread:
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                if name.split(".")[-1] in ("cm", "tau", "log_tau"):
                    steps = torch.linspace(-spread / 2, spread / 2, parameter.numel())
                    factor = steps.view_as(parameter)
                    if "log" in name:
                        parameter += factor * np.log(10)
                    else:
                        parameter *= 10**factor
    return export_onnx(net, _INPUTS, folder / "net.onnx")


def _error(source, dt_range=None, dt=None, gain=1.0):
    """The worst error of a state, as a fraction of the range that the layer's states use."""
    graph = open_graph(source)
    interface = with_ranges(read_interface(graph, "net"), [(-2.0, 2.0)], dt_range, dt)
    network, _ = with_shown_ranges(read_network(graph, interface), None)
    model = lower(network)
    rng = np.random.default_rng(7)
    ends = [c.lo for c in model.inputs], [c.hi + 1 for c in model.inputs]
    x = rng.integers(*ends, (_STEPS // _HELD, _RUNS, _INPUTS)).repeat(_HELD, axis=0)
    times = np.zeros(x.shape[:2], np.int64)
    if model.dt is not None:
        times = rng.integers(model.dt.lo, model.dt.hi + 1, x.shape[:2])
    fixed = to_real(reference.run(model, x, times).h_next, model.states)
    elapsed = model.dt.to_real(times) if model.dt else np.zeros(x.shape[:2])
    _, exact = real_network.run(network, to_real(x, model.inputs), elapsed)
    return float(np.abs(fixed - exact).max() / np.ptp(exact))


@pytest.mark.half
@pytest.mark.parametrize("ratio", [1e-6, 1e-3, 0.1, 1.0, 10.0])
@pytest.mark.parametrize("cell", _CELLS)
def test_a_fixed_period_of_any_length_is_as_exact(cell, ratio, network):
    if cell == "ctrnn_euler" and ratio >= 1:
        pytest.skip("an Euler step of a whole time constant is refused")
    dt = max(ratio, 1e-6 * _UNFOLDS.get(cell, 1)) * _TAU
    assert _error(network(cell), dt=dt) <= 1e-3


@pytest.mark.half
@pytest.mark.parametrize("ratio", [1e-3, 1e-6, 1.0, 0.1])
@pytest.mark.parametrize("cell", _CELLS)
def test_irregular_times_of_any_length_are_as_exact(cell, ratio, network):
    if cell == "ctrnn_euler" and ratio >= 1:
        pytest.skip("an Euler step of a whole time constant is refused")
    longest = ratio * _TAU
    assert _error(network(cell), dt_range=(longest / 1000, longest)) <= 1e-3


@pytest.mark.parametrize("period", [1e-3, 1e-1])
@pytest.mark.parametrize("cell", ["ctrnn", "ctrnn_semi_implicit", "ltc"])
def test_time_constants_may_differ_by_six_decades_in_one_layer(cell, period, network):
    source = network(cell, 6.0)
    assert _error(source, dt=period) <= 1e-3
    assert _error(source, dt_range=(period / 10, period)) <= 1e-3


@pytest.mark.parametrize("bias", [0.0, 4.0, 9.0])
@pytest.mark.parametrize("kind", [GRUCell, LSTMCell])
def test_gates_that_are_almost_closed_keep_what_they_keep(kind, bias, tmp_path):
    """A bias of 9 keeps a state for 8,000 steps; a gate in Q0.15 would lose it by 10 %."""
    torch.manual_seed(302)
    cell = kind(_INPUTS, _UNITS)
    with torch.no_grad():
        # torch's order: reset, update, new of a GRU; input, forget, cell, output of an LSTM.
        biases = next(p for n, p in cell.named_parameters() if n.endswith("bias_ih"))
        biases[_UNITS : 2 * _UNITS] += bias
    source = export_onnx(Recurrent(cell, projection=1), _INPUTS, tmp_path / "net.onnx")
    assert _error(source) <= 1e-3
