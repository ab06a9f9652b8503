"""Networks are told the elapsed time as their study says, and run alike in both numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from elegans.exporter.ir.interface import Signal
from elegans.trainer.data.normalise import Normalisation
from elegans.trainer.learn.train_settings import CELLS, TrainSettings
from elegans.trainer.onnx_out.signals import trained_interface
from elegans.trainer.robustness.plan import (
    count_parameters,
    neurons_for,
    parameters_of,
    wiring,
)
from elegans.trainer.robustness.timed_network import (
    Exporter,
    TimedNetwork,
    told_time,
    with_elapsed,
)

_UNITS = Normalisation(
    centre=np.array([0.0, 1.0]),
    spread=np.array([1.0, 0.5]),
    fill=np.array([0.0, 1.0]),
    masked=(),
    period=0.05,
    gain=np.array([0.3]),
    offset=np.array([0.1]),
    signals=(Signal("a", "1", (-2.0, 2.0)), Signal("b", "1", (0.0, 2.0))),
    dt=Signal("dt", "s", (0.01, 0.5)),
)


def network(cell, mode="given", seed=0, neurons=6):
    torch.manual_seed(seed)
    settings = TrainSettings(cell=cell, neurons=neurons, wiring=wiring(cell))
    return TimedNetwork(settings, with_elapsed(_UNITS, cell, 0.02), mode)


def _run(batch=3, steps=12):
    random = torch.Generator().manual_seed(1)
    x = torch.rand(batch, steps, 2, generator=random) * 2.0
    dt = 0.02 + 0.3 * torch.rand(batch, steps, generator=random)
    return x, dt


@pytest.mark.parametrize("cell", CELLS)
@torch.no_grad()
def test_time_that_is_withheld_changes_no_output_and_time_that_is_given_does(cell):
    x, dt = _run()
    blind, told = network(cell, "withheld"), network(cell)
    assert torch.equal(blind(x, dt), blind(x, 0.3 * dt))
    assert not torch.allclose(told(x, dt), told(x, 0.3 * dt))


@pytest.mark.parametrize("cell", CELLS)
@torch.no_grad()
def test_whole_sequences_are_its_steps_one_by_one(cell):
    x, dt = _run()
    net = network(cell)
    given, told = net.given(x, dt)
    h, ys = torch.zeros(len(x), net.state_size), []
    for k in range(x.shape[1]):
        y, h = net.step(given[:, k], h, told[:, k, None])
        ys.append(y)
    torch.testing.assert_close(net(x, dt), torch.stack(ys, 1), rtol=1e-5, atol=1e-6)


def test_jittered_time_stays_in_its_range_and_is_repeated_by_its_generator():
    _, dt = _run(8, 500)
    first, again = (
        told_time(dt, _UNITS, "jittered", torch.Generator().manual_seed(4)) for _ in range(2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, dt)
    assert float(first.min()) >= 0.01
    assert float(first.max()) <= 0.5


def test_the_integers_run_as_the_float_network_and_a_kept_file_takes_new_weights():
    exporter = Exporter()
    x, dt = _run()
    for seed in (0, 1):
        net = network("gru", seed=seed)
        units = net.units
        interface = trained_interface("n", units.signals, units.dt, [Signal("y", "1")])
        executions = exporter.exported(net, interface, "int16").executions
        given = net.given(x, dt)
        whole = {name: one.run(*given) for name, one in executions.items()}
        np.testing.assert_allclose(whole["float"], net(x, dt).detach().numpy(), rtol=1e-6)
        assert np.abs(whole["float"] - whole["int16"]).max() < 2e-3
        integers = executions["int16"]
        h = integers.start(len(x))
        for k in range(x.shape[1]):
            y, h = integers.step(given[0][:, k], given[1][:, k], h)
        np.testing.assert_array_equal(y, whole["int16"][:, -1])


@pytest.mark.parametrize("cell", CELLS)
def test_parameters_that_count_are_those_that_an_output_depends_on(cell):
    net = network(cell, neurons=9)
    used = [torch.zeros_like(p, dtype=torch.bool) for p in net.parameters()]
    for seed in range(3):
        net.zero_grad()
        random = torch.Generator().manual_seed(seed)
        x = torch.randn(64, 10, 2, generator=random)
        dt = 0.02 + 0.3 * torch.rand(64, 10, generator=random)
        net(x, dt).square().sum().backward()
        for flags, parameter in zip(used, net.parameters(), strict=True):
            flags |= parameter.grad != 0
    found = sum(int(flags.sum()) for flags in used)
    if cell == "mlp":  # a unit that is never above 0 has no gradient
        assert found <= count_parameters(net) == sum(p.numel() for p in net.parameters())
    else:
        assert found == count_parameters(net)


@pytest.mark.parametrize("budget", [200, 1500])
@pytest.mark.parametrize("cell", CELLS)
def test_no_other_number_of_neurons_is_nearer_to_a_budget(cell, budget):
    shape = wiring(cell), 8, 1
    found = neurons_for(budget, cell, *shape)
    off = abs(parameters_of(cell, found, *shape) - budget)
    for other in (found - 1, found + 1):
        if other >= (4 if shape[0] == "ncp" else 1):
            assert off <= abs(parameters_of(cell, other, *shape) - budget)
