"""The event-based XOR of benchmarks/xor.py: the task itself, and a training that goes on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from elegans.benchmarks import xor
from elegans.trainer.fit import reproducible


def test_the_bits_behind_the_events_have_the_parity_that_is_told():
    events = xor.events(500, 3)
    for x, dt, mask, parity in zip(events.x, events.dt, events.mask, events.y, strict=True):
        count = int(mask.sum())
        assert mask[:count].all()
        ends = np.cumsum((dt[:count] * xor.LONGEST).round().int().numpy()) - 1
        bits = np.zeros(ends[-1] + 1, int)
        for begin, end, value in zip(ends, [*ends[1:], len(bits)], x[:count, 0], strict=True):
            bits[begin:end] = int(value)
        assert 2 <= len(bits) < xor.LONGEST
        assert bits.sum() % 2 == int(parity)
        assert not x[count:].any()
        assert not dt[count:].any()
        changes = np.flatnonzero(np.diff(bits)) + 1
        assert set(changes.tolist()) <= set(ends.tolist())


@pytest.mark.parametrize("name", list(xor.RECIPES))
def test_a_training_that_was_stopped_goes_on_with_the_same_bits(name, tmp_path, monkeypatch):
    recipe = replace(xor.RECIPES[name], units=4, backbone=4, batch=16)
    monkeypatch.setitem(xor.RECIPES, name, recipe)
    sets = xor.events(64, 1), xor.events(32, 2)

    def run(folder, epochs):
        with reproducible(5):
            return xor.trained(name, 5, epochs, sets, folder, float("inf"))

    run(tmp_path / "a", 1)
    stopped, whole = run(tmp_path / "a", 3), run(tmp_path / "b", 3)
    assert stopped["losses"] == whole["losses"]
    assert stopped["accuracies"] == whole["accuracies"]
    assert len(set(whole["losses"])) == 3
    assert "3" in xor.table({name: [whole]})


def test_the_heads_begin_as_those_of_the_authors_program():
    """h' of the first step is f + t (g - f) with 1.7159 tanh(0.666 w z), up to that factor."""
    torch.manual_seed(1)
    cell = xor.network(replace(xor.RECIPES["cfc"], units=3, backbone=2)).rnn_cell
    assert not any(p.any() for n, p in cell.named_parameters() if n.endswith("bias"))
    spread = cell.ff1.weight.abs().max() / np.sqrt(6 / (2 + 3))
    assert spread <= 0.666
    pure = xor.network(replace(xor.RECIPES["pure"], units=3, backbone=2)).rnn_cell
    assert bool((pure.A == 1).all())
    assert not pure.w_tau.any()
