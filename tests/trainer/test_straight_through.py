"""Training through the device's integers: its values are the reference's, its gradients theirs."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from elegans.exporter.frontend.import_graph import (
    open_graph,
    read_interface,
    read_network,
)
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.lowering.lower import lower
from elegans.exporter.oracles import reference
from elegans.trainer import export_onnx, straight_through
from elegans.trainer.cells.cfc import CfCCell
from elegans.trainer.cells.ctrnn import CTRNNCell
from elegans.trainer.cells.gru_lstm_mlp import GRUCell, LSTMCell
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.wiring.ncp import AutoNCP

INPUTS, BATCH = 3, 32

CELLS = {
    "cfc": (lambda: CfCCell(INPUTS, 6), 16, 16),
    "ctrnn": (lambda: CTRNNCell(INPUTS, 6), 32, 32),
    "ctrnn_euler": (lambda: CTRNNCell(INPUTS, 6, solver="euler", unfolds=3), 32, 32),
    "ctrnn_semi_implicit": (lambda: CTRNNCell(INPUTS, 6, solver="semi_implicit"), 32, 32),
    "gru": (lambda: GRUCell(INPUTS, 6), 32, 16),
    "lstm": (lambda: LSTMCell(INPUTS, 6), 32, 16),
    "ltc": (lambda: LTCCell(AutoNCP(8, 2).build(INPUTS), unfolds=2), 32, 32),
}


@cache
def _model(name: str, folder: Any) -> Model:
    torch.manual_seed(302)
    source = folder / f"{name}.onnx"
    cell = Recurrent(CELLS[name][0]())
    export_onnx(cell, INPUTS, source, input_ranges=(-2.0, 2.0), dt_range=(0.01, 1.0))
    graph = open_graph(source)
    return lower(read_network(graph, read_interface(graph)))


@pytest.fixture(params=sorted(CELLS))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    found = _model(request.param, tmp_path_factory.getbasetemp())
    assert (found.state_bits, found.dt_bits) == CELLS[request.param][1:]
    return found


def _given(model: Model, part: float = 1.0) -> list[Any]:
    """Random x, dt and h [BATCH, ...] in the middle `part` of the channels' ranges."""
    rng = np.random.default_rng(7)
    found = []
    for channels in (model.inputs, (model.dt,) if model.dt else (), model.states):
        lo, hi = (np.array([getattr(c, end) for c in channels], float) for end in ("lo", "hi"))
        edge = (1 - part) / 2 * (hi - lo)
        found.append(rng.integers(lo + edge, hi - edge + 1, (BATCH, len(channels))))
    return found if model.dt else [found[0], np.zeros((BATCH, 1), np.int64), found[2]]


def test_its_values_are_the_integers_of_the_reference(model: Model) -> None:
    x, dt, h = _given(model)
    state = torch.from_numpy(h)
    for _ in range(5):
        y, state = straight_through.step(model, torch.from_numpy(x), torch.from_numpy(dt), state)
        expected, h = reference.step(model, x, dt, h)
        np.testing.assert_array_equal(y.numpy(), expected)
        np.testing.assert_array_equal(state.numpy(), h)


def test_its_gradients_are_the_slopes_of_the_integers(model: Model) -> None:
    """Against central differences, wide enough to see past rounding, in the channels' units."""
    given = _given(model, 0.4)
    leaves = [torch.from_numpy(a).double().requires_grad_() for a in given]
    units = np.array([2.0**-c.frac for c in model.states])
    weights = np.random.default_rng(8).normal(size=len(units)) * units
    _, h_next = straight_through.step(model, *leaves)
    (h_next * torch.from_numpy(weights)).sum().backward()
    times = (model.dt,) if model.dt else ()
    for k, channels in ((0, model.inputs), *([(1, times)] if times else []), (2, model.states)):
        gradient = leaves[k].grad.numpy()
        for i, channel in enumerate(channels):
            wide = (channel.hi - channel.lo) // 64
            ends = []
            for way in (wide, -wide):
                moved = [a.copy() for a in given]
                moved[k][:, i] += way
                ends.append(reference.step(model, *moved)[1] @ weights)
            slope = (ends[0] - ends[1]) / (2 * wide) * 2.0**channel.frac
            np.testing.assert_allclose(gradient[:, i] * 2.0**channel.frac, slope, atol=0.1)
        assert np.all(np.isfinite(gradient))
        assert np.any(gradient != 0)


def test_what_lies_before_a_network_learns_through_four_steps_of_it(model: Model) -> None:
    """Inputs are learnt that lead the states to where other inputs led them."""
    torch.manual_seed(1)
    tops = torch.tensor([float(c.hi) for c in model.inputs])
    _, dt, h0 = _given(model)
    span = torch.tensor([float(c.hi) - c.lo for c in model.states])

    def run(inputs: Any) -> Any:
        h = torch.zeros(4, h0.shape[1])
        for step in inputs:
            _, h = straight_through.step(model, step * tops, torch.from_numpy(dt[:4]), h)
        return h / span

    target = run(torch.rand(4, 4, INPUTS) - 0.5)
    learnt = torch.zeros(4, 4, INPUTS, requires_grad=True)
    optimiser = torch.optim.Adam([learnt], lr=0.1)
    losses = []
    for _ in range(15):
        loss = (run(learnt) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
