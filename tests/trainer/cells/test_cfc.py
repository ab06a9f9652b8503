"""CfC networks equal ncps for the same weights, also with elapsed times in a batch.

ncps mixes up the elapsed times of a batch, so batches are compared sample by sample.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
theirs = pytest.importorskip("ncps.torch", reason="ncps, the oracle, is not installed")
wirings = pytest.importorskip("ncps.wirings")

from elegans.exporter.errors import ElegansError
from elegans.trainer import CfC
from elegans.trainer.cells.cfc import MODES, Backbone
from elegans.trainer.kernels.sequence import in_torch
from elegans.trainer.wiring.ncp import NCP, AutoNCP

INPUTS, BATCH = 5, 3
PLANS: dict[str, tuple[NCP, Callable[[], Any]]] = {
    "auto19": (AutoNCP(19, 1), lambda: wirings.AutoNCP(19, 1)),
    "auto12": (AutoNCP(12, 4, 0.3, 7), lambda: wirings.AutoNCP(12, 4, 0.3, 7)),
    "hand": (NCP(6, 4, 2, 3, 2, 5, 2, 1), lambda: wirings.NCP(6, 4, 2, 3, 2, 5, 2, 1)),
}


def sequence(steps: int, units: int) -> tuple[Any, Any, Any]:
    random = torch.Generator().manual_seed(steps)
    x = torch.randn(BATCH, steps, INPUTS, generator=random)
    h0 = 0.5 * torch.randn(BATCH, units, generator=random)
    dt = torch.rand(BATCH, steps, generator=random) * 2 + 0.05
    return x, h0, dt


def same(ours: Any, reference: Any) -> None:
    for mine, other in zip(ours, reference, strict=True):
        torch.testing.assert_close(mine, other, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("plan", PLANS)
def test_a_circuit_equals_ncps_with_its_weights_loaded(mode: str, plan: str) -> None:
    mine, other = PLANS[plan]
    reference = theirs.CfC(INPUTS, other(), mode=mode)
    ours = CfC(INPUTS, mine, mode=mode)
    ours.load_state_dict(reference.state_dict())
    for steps in (1, 2, 3, 40):
        x, h0, _ = sequence(steps, ours.state_size)
        same(ours(x), reference(x))
        same(ours(x, h0, 1.0), reference(x, h0))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("layers", "activation"), [(1, "lecun_tanh"), (2, "tanh"), (0, "tanh")])
def test_a_dense_net_equals_ncps_with_its_weights_loaded(
    mode: str, layers: int, activation: str
) -> None:
    shape = {"backbone_units": 24, "backbone_layers": layers, "activation": activation}
    reference = theirs.CfC(INPUTS, 13, mode=mode, **shape)
    ours = CfC(INPUTS, 13, mode=mode, **shape)
    ours.load_state_dict(reference.state_dict())
    x, h0, _ = sequence(17, 13)
    same(ours(x, h0), reference(x, h0))


@pytest.mark.parametrize("mode", MODES)
def test_elapsed_times_of_one_sequence_equal_those_of_ncps(mode: str) -> None:
    reference = theirs.CfC(INPUTS, wirings.AutoNCP(19, 1), mode=mode)
    ours = CfC(INPUTS, AutoNCP(19, 1), mode=mode)
    ours.load_state_dict(reference.state_dict())
    x, h0, dt = sequence(30, 19)
    same(ours(x[:1], h0[:1], dt[:1]), reference(x[:1], h0[:1], dt[:1]))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("units", [AutoNCP(19, 2), 9], ids=["circuit", "dense"])
def test_a_batch_with_elapsed_times_equals_its_samples_one_by_one(
    mode: str, units: NCP | int
) -> None:
    net = CfC(INPUTS, units, mode=mode)
    x, h0, dt = sequence(25, net.state_size)
    together = net(x, h0, dt)
    same(net(x, h0, dt.unsqueeze(-1)), together)
    for one in range(BATCH):
        pick = slice(one, one + 1)
        same(net(x[pick], h0[pick], dt[pick]), [part[pick] for part in together])


def test_a_sequence_in_two_halves_equals_the_whole() -> None:
    net = CfC(INPUTS, AutoNCP(19, 1))
    x, h0, dt = sequence(20, 19)
    whole, last = net(x, h0, dt)
    first, middle = net(x[:, :9], h0, dt[:, :9])
    second, end = net(x[:, 9:], middle, dt[:, 9:])
    same((torch.cat([first, second], dim=1), end), (whole, last))


def test_the_wavefront_has_the_gradients_of_single_steps() -> None:
    net = CfC(INPUTS, AutoNCP(19, 1))
    x, h0, dt = sequence(12, 19)
    names, parameters = zip(*net.named_parameters(), strict=True)
    with in_torch():
        fast = torch.autograd.grad(net(x, h0, dt)[0].square().sum(), parameters)
    h, total = h0, torch.zeros(())
    for k in range(x.shape[1]):
        h = net.rnn_cell(x[:, k], h, dt[:, k : k + 1])
        total = total + h[:, -1:].square().sum()
    slow = torch.autograd.grad(total, parameters)
    for name, one, other in zip(names, fast, slow, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize(
    ("x", "dt", "fact"),
    [
        ((3, 7, 4), (3, 7), "input has shape"),
        ((5,), (3, 7), "input has shape"),
        ((3, 0, 5), (3, 0), "input has shape"),
        ((3, 7, 5), (7,), "timespans has shape"),
        ((3, 7, 5), (7, 3), "timespans has shape"),
        ((3, 7, 5), (3, 7, 2), "timespans has shape"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    x: tuple[int, ...], dt: tuple[int, ...], fact: str
) -> None:
    with pytest.raises(ElegansError, match=fact):
        CfC(INPUTS, AutoNCP(19, 1))(torch.zeros(x), timespans=torch.ones(dt))


def test_unknown_modes_and_activations_are_refused_by_name() -> None:
    with pytest.raises(ElegansError, match="no mode 'gated'"):
        CfC(INPUTS, AutoNCP(19, 1), mode="gated")
    with pytest.raises(ElegansError, match="no activation 'swish'"):
        Backbone(activation="swish")
