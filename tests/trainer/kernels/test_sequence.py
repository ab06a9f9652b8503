"""Compiled cells compute what torch computes, forward and backward, for any batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from torch.nn.utils import prune

from elegans.exporter.errors import ElegansError
from elegans.trainer import CTRNN, LTC, AutoNCP, CfC, FullyConnected, kernels_in_use
from elegans.trainer.cells.cfc import MODES
from elegans.trainer.cells.ctrnn import SOLVERS
from elegans.trainer.kernels.sequence import can_run, in_torch

INPUTS = 3
LAYERS: dict[str, Callable[[], Any]] = {
    **{f"cfc-{m}": lambda m=m: CfC(INPUTS, AutoNCP(12, 2), mode=m) for m in MODES},
    **{
        f"dense-{m}": lambda m=m: CfC(INPUTS, 7, mode=m, backbone_units=9, backbone_layers=2)
        for m in MODES
    },
    **{
        f"backbone-{a}": lambda a=a: CfC(INPUTS, 5, activation=a, backbone_units=17)
        for a in ("tanh", "relu", "silu", "gelu")
    },
    "no-backbone": lambda: CfC(INPUTS, 9, backbone_layers=0),
    **{f"ctrnn-{s}": lambda s=s: CTRNN(INPUTS, 6, solver=s, ode_unfolds=2) for s in SOLVERS},
    "ltc": lambda: LTC(INPUTS, AutoNCP(12, 2)),
    "ltc-clipped": lambda: LTC(
        INPUTS, FullyConnected(6, 2), implicit_param_constraints=False, ode_unfolds=2
    ),
}


@pytest.fixture(autouse=True)
def compiler() -> None:
    """Without the library both ways would be the same."""
    if not kernels_in_use().startswith("compiled: "):
        pytest.skip(f"no compiled cells: {kernels_in_use()}")


def given(batch: int, steps: int, states: int) -> list[Any]:
    random = torch.Generator().manual_seed(steps)
    x = torch.randn(batch, steps, INPUTS, generator=random)
    h0 = 0.5 * torch.randn(batch, states, generator=random)
    dt = torch.rand(batch, steps, generator=random) * 2
    return [tensor.requires_grad_() for tensor in (x, h0, dt)]


def run(net: Any, inputs: list[Any]) -> tuple[Any, tuple[Any, ...]]:
    """`run_at` the elapsed times that are the last of inputs, with gradients for these, too."""
    return run_at(net, inputs, inputs[2])


def run_at(net: Any, inputs: list[Any], dt: Any) -> tuple[Any, tuple[Any, ...]]:
    """The outputs, the last state, and the gradients of a sum that weighs each differently."""
    y, h = net(*inputs[:2], dt)
    weights = torch.linspace(-1.0, 1.0, y.numel()).view_as(y)
    loss = (y * weights).sum() + h.square().sum()
    chosen = [*inputs, *(p for p in net.parameters() if p.requires_grad)]
    return (y, h), torch.autograd.grad(loss, chosen, allow_unused=True)


# 33 steps are more than the C keeps gradients of; 17 sequences are one more than a block.
@pytest.mark.parametrize(("batch", "steps"), [(17, 33), (1, 1)])
@pytest.mark.parametrize("name", LAYERS)
def test_compiled_cells_equal_torch_with_all_gradients(name: str, batch: int, steps: int) -> None:
    torch.manual_seed(1)
    net = LAYERS[name]()
    inputs = given(batch, steps, net.state_size)
    assert net.rnn_cell.compiled() is not None
    (y, h), gradients = run(net, inputs)
    with in_torch():
        (other_y, other_h), others = run(net, inputs)
    torch.testing.assert_close(y, other_y, rtol=2e-6, atol=2e-6)
    torch.testing.assert_close(h, other_h, rtol=2e-6, atol=2e-6)
    for one, other in zip(gradients, others, strict=True):
        if one is None or other is None:
            assert one is other
            continue
        assert (one - other).abs().max() <= 1e-5 * max(1.0, other.abs().max())


@pytest.mark.parametrize("name", ["cfc-default", "cfc-no_gate", "cfc-pure", "dense-default"])
def test_one_elapsed_time_for_all_equals_that_time_for_each_sample(name: str) -> None:
    net = LAYERS[name]()
    x, h0, _ = given(17, 33, net.state_size)
    fixed = net.rnn_cell.compiled(0.3).flat.numel() < net.rnn_cell.compiled().flat.numel()
    assert fixed == (name != "cfc-pure")
    (y, h), gradients = run_at(net, [x, h0], 0.3)
    (other_y, other_h), others = run_at(net, [x, h0], torch.full((17, 33), 0.3))
    torch.testing.assert_close((y, h), (other_y, other_h), rtol=2e-6, atol=2e-6)
    for one, other in zip(gradients, others, strict=True):
        assert (one - other).abs().max() <= 1e-5 * max(1.0, other.abs().max())


@pytest.mark.parametrize("name", ["cfc-default", "dense-pure", "ctrnn-exact", "ltc"])
def test_neither_threads_nor_a_missing_way_back_change_a_bit(name: str) -> None:
    net, before = LAYERS[name](), torch.get_num_threads()
    inputs = given(70, 9, net.state_size)
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(run(net, inputs))
            with torch.no_grad():
                assert torch.equal(net(*inputs)[0], found[-1][0][0])
    finally:
        torch.set_num_threads(before)
    for outputs, gradients in found[1:]:
        assert torch.equal(outputs[0], found[0][0][0])
        for one, other in zip(gradients, found[0][1], strict=True):
            assert one is other is None or torch.equal(one, other)


@pytest.mark.parametrize("name", ["cfc-default", "cfc-pure", "backbone-relu", "ctrnn-euler", "ltc"])
def test_a_nan_stays_in_its_sequence_and_is_not_hidden(name: str) -> None:
    net = LAYERS[name]()
    x, h0, dt = (tensor.detach() for tensor in given(3, 4, net.state_size))
    x[1, 2] = float("nan")
    y, _ = net(x, h0, dt)
    assert torch.isnan(y[1, 2:]).any()
    assert torch.isfinite(y[[0, 2]]).all()
    assert torch.isfinite(y[1, :2]).all()


@pytest.mark.parametrize("name", ["cfc-default", "dense-no_gate", "ltc"])
def test_values_far_outside_saturate_as_in_torch(name: str) -> None:
    net = LAYERS[name]()
    x, h0, dt = (tensor.detach() for tensor in given(3, 4, net.state_size))
    y, _ = net(1e4 * x, h0, 1e4 * dt)
    with in_torch():
        torch.testing.assert_close(y, net(1e4 * x, h0, 1e4 * dt)[0], rtol=1e-5, atol=1e-5)


def test_slices_of_longer_recordings_need_no_copy_to_be_right() -> None:
    net = LAYERS["cfc-default"]()
    x = torch.randn(5, 40, 2 * INPUTS)
    part = x[:, 7:29, ::2]
    assert torch.equal(net(part)[0], net(part.contiguous())[0])
    assert torch.equal(net(x[:, 7:29, 1:4])[0], net(x[:, 7:29, 1:4].contiguous())[0])


def test_double_precision_runs_in_torch_and_passes_gradcheck() -> None:
    net = LAYERS["ltc"]().double()
    x, h0, dt = (tensor.detach().double().requires_grad_() for tensor in given(2, 2, 12))
    assert not can_run(x)
    assert torch.autograd.gradcheck(lambda *inputs: net(*inputs)[0], (x, h0, dt + 0.1))


def test_what_is_not_compiled_runs_in_torch() -> None:
    net = CfC(INPUTS, 5, backbone_layers=2, backbone_dropout=0.5)
    assert net.rnn_cell.compiled() is None
    assert torch.isfinite(net(torch.randn(2, 3, INPUTS))[0]).all()
    assert net.eval().rnn_cell.compiled() is not None


def test_a_pruned_cell_runs_with_its_masks() -> None:
    net = CfC(INPUTS, 5, backbone_units=6)
    x, h0, dt = (tensor.detach() for tensor in given(3, 4, 5))
    before = net(x, h0, dt)[0]
    prune.random_unstructured(net.rnn_cell.ff1, "weight", amount=0.5)
    net.rnn_cell.ff1.weight_orig.data.mul_(2.0)
    y, _ = net(x, h0, dt)
    h = h0
    for k in range(4):
        h = net.rnn_cell(x[:, k], h, dt[:, k, None])
    torch.testing.assert_close(y[:, -1], h)
    assert not torch.allclose(y, before)


def test_second_derivatives_are_refused_and_run_in_torch() -> None:
    net = CfC(INPUTS, 5, backbone_units=6)
    inputs = given(2, 3, 5)
    with pytest.raises(ElegansError, match=r"no second derivatives; run them inside in_torch"):
        torch.autograd.grad(net(*inputs)[0].sum(), inputs, create_graph=True)
    with in_torch():
        (first, *_) = torch.autograd.grad(net(*inputs)[0].sum(), inputs, create_graph=True)
    second = torch.autograd.grad(first.square().sum(), inputs)
    assert all(torch.isfinite(gradient).all() for gradient in second)


@pytest.mark.parametrize("name", ["cfc-default", "ltc", "ctrnn-exact"])
def test_gradients_below_the_normal_numbers_are_zero_and_torch_keeps_its_own(name):
    net = LAYERS[name]()
    x, h0, dt = given(3, 4, net.state_size)
    output, _ = net(x, h0, dt)
    output.backward(torch.full_like(output, 1e-39))
    assert not x.grad.any()
    assert float(torch.tensor(1e-20) * torch.tensor(1e-20)) > 0.0
