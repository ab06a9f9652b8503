"""Every cell equals its reference for the same weights: ncps, torch, or its equation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
theirs = pytest.importorskip("ncps.torch", reason="ncps, the oracle, is not installed")
wirings = pytest.importorskip("ncps.wirings")

from torch import nn

from elegans.exporter.errors import ElegansError
from elegans.trainer.cells.cfc import Backbone, CfCCell, WiredCfCCell
from elegans.trainer.cells.ctrnn import SOLVERS, CTRNNCell
from elegans.trainer.cells.gru_lstm_mlp import GRUCell, LSTMCell, MLPCell
from elegans.trainer.cells.heads import ConvHead, Convolution, MLPHead
from elegans.trainer.cells.ltc import LTCCell, ncps_order
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.wiring.ncp import AutoNCP, Wiring
from elegans.trainer.wiring.unlayered import fully_connected, random_wiring

INPUTS, BATCH = 5, 3


def given(units: int, steps: int = 20) -> tuple[Any, Any, Any]:
    random = torch.Generator().manual_seed(steps)
    x = torch.randn(BATCH, steps, INPUTS, generator=random)
    dt = torch.rand(BATCH, steps, generator=random) * 2 + 0.05
    return x, dt, 0.5 * torch.randn(BATCH, units, generator=random)


def close(ours: Any, reference: Any) -> None:
    torch.testing.assert_close(ours, reference, rtol=3e-6, atol=3e-6)


def stepped(cell: Any, x: Any, dt: Any, h: Any) -> Any:
    """Run an ncps cell step by step: its own loop mixes up the elapsed times of a batch."""
    outputs = []
    for k in range(x.shape[1]):
        y, h = cell(x[:, k], h, dt[:, k, None])
        outputs.append(y)
    return torch.stack(outputs, dim=1), h


def reordered(h: Any, cell: LTCCell) -> Any:
    """States [B, H] in our order -> in the order of ncps."""
    order = ncps_order(cell.wiring)
    other = torch.empty_like(h)
    other[:, order] = h
    return other


@pytest.mark.parametrize("unfolds", [1, 6])
@pytest.mark.parametrize("softplus", [False, True])
@pytest.mark.parametrize(("inputs", "outputs"), [("affine", "affine"), ("linear", None)])
def test_ltc_equals_ncps_with_its_weights_loaded(unfolds, softplus, inputs, outputs) -> None:
    torch.manual_seed(1)
    reference = theirs.LTCCell(
        wirings.AutoNCP(12, 3),
        INPUTS,
        inputs,
        outputs,
        ode_unfolds=unfolds,
        implicit_param_constraints=softplus,
    )
    ours = LTCCell(
        AutoNCP(12, 3).build(INPUTS),
        unfolds=unfolds,
        softplus=softplus,
        input_mapping=inputs,
        output_mapping=outputs,
    )
    ours.load_state_dict(reference.state_dict())
    x, dt, h0 = given(12)
    y, h = Recurrent(ours)(x, dt, h0)
    expected, last = stepped(reference, x, dt, reordered(h0, ours))
    close(y, expected)
    close(reordered(h, ours), last)


def test_weights_that_need_a_softplus_are_refused_without_it() -> None:
    reference = theirs.LTCCell(wirings.AutoNCP(12, 3), INPUTS)
    with torch.no_grad():
        reference.cm.fill_(-1.0)
    ours = LTCCell(AutoNCP(12, 3).build(INPUTS))
    with pytest.raises(ElegansError, match="softplus=True"):
        ours.load_state_dict(reference.state_dict())


def test_ltc_stays_where_it_is_when_no_time_passes() -> None:
    cell = LTCCell(AutoNCP(12, 3).build(INPUTS))
    x, _, h = given(12)
    close(cell(x[:, 0], h, torch.zeros(BATCH, 1)), h)


@pytest.mark.parametrize("dt", [0.0, 1e-3, 1.0, 1e6])
def test_ltc_stays_in_the_hull_of_its_potentials(dt: float) -> None:
    cell = LTCCell(AutoNCP(12, 3).build(INPUTS))
    x, _, h = given(12)
    after = cell(100 * x[:, 0], h, torch.full((BATCH, 1), dt))
    lowest, highest = min(float(h.min()), -1.0), max(float(h.max()), 1.0)
    assert after.min().item() >= lowest - 1e-5
    assert after.max().item() <= highest + 1e-5


@pytest.mark.parametrize("activation", ["lecun_tanh", "tanh", "relu", "silu", "gelu"])
@pytest.mark.parametrize("mode", ["default", "no_gate", "pure"])
@pytest.mark.parametrize("layers", [1, 3])
def test_cfc_equals_ncps_for_every_mode_and_backbone(activation, mode, layers) -> None:
    reference = theirs.CfCCell(INPUTS, 7, mode, activation, 9, layers)
    ours = CfCCell(INPUTS, 7, mode, backbone=Backbone(9, layers, activation))
    ours.load_state_dict(reference.state_dict())
    x, dt, h0 = given(7)
    y, _ = Recurrent(ours)(x, dt, h0)
    close(y, stepped(reference, x, dt, h0)[0])


def test_mixed_memory_equals_ncps() -> None:
    reference = theirs.CfC(INPUTS, 7, mixed_memory=True, proj_size=2, backbone_units=9)
    ours = Recurrent(CfCCell(INPUTS, 7, backbone=Backbone(9)), memory=True, projection=2)
    weights = reference.state_dict()
    ours.rnn_cell.load_state_dict(reference.rnn_cell.state_dict())
    ours.fc.load_state_dict(reference.fc.state_dict())
    lstm = ours.lstm
    assert lstm is not None
    # ncps stacks candidate, input, forget, output, and adds 1 to forget; torch stacks input,
    # forget, candidate, output.
    with torch.no_grad():
        names = {"input_map.weight": lstm.weight_ih, "recurrent_map.weight": lstm.weight_hh}
        for name, ours_weight in names.items():
            candidate, input_, forget, output = weights[f"lstm.{name}"].chunk(4)
            ours_weight.copy_(torch.cat([input_, forget, candidate, output]))
        candidate, input_, forget, output = weights["lstm.input_map.bias"].chunk(4)
        lstm.bias_ih.copy_(torch.cat([input_, forget + 1.0, candidate, output]))
        lstm.bias_hh.zero_()
    x, _, _ = given(7)
    close(ours(x)[0], reference(x)[0])


@pytest.mark.parametrize("kind", [GRUCell, LSTMCell])
def test_gru_and_lstm_equal_torch(kind) -> None:
    cell = kind(INPUTS, 6)
    whole = {GRUCell: nn.GRU, LSTMCell: nn.LSTM}[kind](INPUTS, 6, batch_first=True)
    whole.load_state_dict({f"{k}_l0": v for k, v in cell.cell.state_dict().items()})
    x, _, _ = given(6)
    close(Recurrent(cell)(x)[0], whole(x)[0])


def test_a_leaky_integrator_follows_its_equation() -> None:
    """Compared with 20,000 Euler steps of tau dh/dt = f - h, f held as in the exact solver."""
    cell = CTRNNCell(INPUTS, 6)
    x, dt, h0 = given(6)
    f = torch.tanh(cell.drive(torch.cat([x[:, 0], h0], dim=1))).detach().double()
    h, tau = h0.double(), torch.exp(cell.log_tau).detach().double()
    for _ in range(20000):
        h = h + dt[:, :1] / 20000 / tau * (f - h)
    torch.testing.assert_close(cell(x[:, 0], h0, dt[:, :1]).double(), h, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("solver", SOLVERS)
def test_all_solvers_of_a_leaky_integrator_agree_on_short_steps(solver: str) -> None:
    torch.manual_seed(2)
    exact, other = CTRNNCell(INPUTS, 6), CTRNNCell(INPUTS, 6, solver=solver, unfolds=4)
    other.load_state_dict(exact.state_dict())
    x, _, h0 = given(6)
    dt = torch.full((BATCH, 1), 1e-3)
    torch.testing.assert_close(other(x[:, 0], h0, dt), exact(x[:, 0], h0, dt), rtol=0, atol=1e-4)


def test_a_perceptron_s_state_is_its_last_samples() -> None:
    cell = MLPCell(INPUTS, 4, [8], 2)
    x, _, _ = given(1, steps=9)
    y, h = Recurrent(cell)(x)
    close(h, x[:, -4:].flatten(1))
    close(y[:, -1], cell.layers(x[:, -4:].flatten(1)))


def test_heads_fit_their_cells() -> None:
    head = ConvHead(3, 32, Convolution(4, 5, stride=2, pool=2))
    window = torch.randn(BATCH, 6, head.input_size)
    y, _ = Recurrent(CfCCell(head.output_size, 8), head=head)(window, 0.1)
    assert y.shape == (BATCH, 6, 8)
    assert MLPHead(9, [5], 4)(torch.randn(2, 9)).shape == (2, 4)
    with pytest.raises(ElegansError, match="gives 28 features to a cell of 9 inputs"):
        Recurrent(CfCCell(9, 8), head=head)
    with pytest.raises(ElegansError, match="do not fit 4 samples"):
        ConvHead(3, 4, Convolution(4, 5))


def test_a_wiring_from_matrices_is_that_circuit() -> None:
    plan = AutoNCP(12, 3).build(INPUTS)
    own = Wiring.of(plan.sensory, plan.adjacency, plan.layers)
    torch.manual_seed(0)
    mine = WiredCfCCell(own)
    torch.manual_seed(0)
    drawn = WiredCfCCell(plan)
    x, dt, h = given(12)
    close(mine(x[:, 0], h, dt[:, :1]), drawn(x[:, 0], h, dt[:, :1]))
    alone = Wiring.of([[1, 0], [0, -1]], [[0, 1], [1, 0]])
    assert LTCCell(alone).output_size == 2


@pytest.mark.parametrize(
    ("sensory", "adjacency", "layers", "match"),
    [
        ([[1]], [[1, 0]], None, "square"),
        ([[1]], [[1, 0], [0, 1]], None, r"give \[inputs, 2\]"),
        ([[2, 0]], [[1, 0], [0, 1]], None, "only"),
        ([[1, 0]], [[1, 0], [0, 1]], (("a", 3),), "add up"),
    ],
)
def test_matrices_that_are_no_wiring_are_refused(sensory, adjacency, layers, match) -> None:
    with pytest.raises(ElegansError, match=match):
        Wiring.of(sensory, adjacency, layers)


def test_a_cfc_takes_no_synapses_that_skip_a_layer() -> None:
    skipping = Wiring.of([[1, 1, 0]], [[0, 0, 1], [0, 0, 0], [0, 0, 0]], (("a", 1), ("b", 2)))
    with pytest.raises(ElegansError, match="fed by the sensors"):
        WiredCfCCell(skipping)


def test_constraints_clip_negative_conductances() -> None:
    cell = LTCCell(AutoNCP(12, 3).build(INPUTS))
    with torch.no_grad():
        cell.w.fill_(-1.0)
    cell.apply_constraints()
    assert float(cell.w.detach().min()) == 0.0


@pytest.mark.parametrize("outputs", [None, 2])
@pytest.mark.parametrize("kind", ["FullyConnected", "Random"])
def test_circuits_without_layers_are_drawn_as_ncps_draws_them(kind, outputs) -> None:
    more = {"sparsity_level": 0.6} if kind == "Random" else {}
    drawn = getattr(wirings, kind)(7, outputs, **more)
    reference = theirs.LTCCell(drawn, INPUTS)
    own = random_wiring(INPUTS, 7, outputs, 0.6) if more else fully_connected(INPUTS, 7, outputs)
    ours = LTCCell(own)
    ours.load_state_dict(reference.state_dict())
    order = ncps_order(own)
    np.testing.assert_array_equal(own.adjacency, drawn.adjacency_matrix[np.ix_(order, order)])
    np.testing.assert_array_equal(own.sensory, drawn.sensory_adjacency_matrix[:, order])
    x, dt, h0 = given(7)
    y, _ = Recurrent(ours)(x, dt, h0)
    close(y, stepped(reference, x, dt, reordered(h0, ours))[0])
