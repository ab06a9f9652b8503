"""A clipped integrator keeps 32 bits, and is held where the graph clips it."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.ir import real_network
from elegans.exporter.lowering.lower import lower
from elegans.exporter.numbers.fixed import dequantise
from elegans.exporter.oracles import reference


def _step(graph, lo, hi):
    """h' = clip(h + W x / 1000), as an integrator with anti-windup."""
    g = graph(3)
    change = g.node("Mul", g.linear("x", 3, 6, "gemm", 0.5), g.hold(1e-3))
    ends = [g.hold(lo), *([g.hold(hi)] if hi is not None else [])]
    g.rename(g.node("Clip", g.node("Add", "h", change), *ends), "h_next", "Identity")
    g.rename(g.linear("h", 6, 2, "gemm", 0.3), "y", "Identity")
    return g


@pytest.mark.parametrize("hi", [0.5, 0.3])
def test_a_clipped_integrator_follows_float_over_a_thousand_steps(graph, save, metadata, hi):
    for entry in metadata["inputs"]:
        entry["range"] = [-1.0, 1.0]
    network = read_file(save(_step(graph, -hi / 2, hi), metadata))
    model = lower(network)
    assert {step.op.kernel for step in model.steps} >= {"advance"}
    assert not {step.op.kernel for step in model.steps} & {"relu"}
    assert {c.bits for c in model.states} == {32}
    lo, most = (
        np.array([getattr(c, end) / 2**c.frac for c in model.states]) for end in ("lo", "hi")
    )
    assert (lo.min(), most.max()) == pytest.approx((-hi / 2, hi), abs=1e-4)
    rng = np.random.default_rng(302)
    held = np.repeat(rng.integers(-32768, 32768, (10, 1, 3)), 200, axis=0)
    found = reference.run(model, held, np.zeros((len(held), 1), np.int64))
    x = dequantise(np.clip(held, -32767, 32767), np.array([c.frac for c in model.inputs]))
    _, want = real_network.run(network, x, np.zeros((len(held), 1)))
    got = dequantise(found.h_next, np.array([c.frac for c in model.states]))
    assert np.abs(want).max() == pytest.approx(hi)  # it was clipped
    assert np.abs(got - want).max() <= 2e-4


def test_what_is_clipped_away_from_zero_is_no_clipped_state(graph, save, metadata):
    """A state begins at 0, which is not between these ends."""
    for entry in metadata["inputs"]:
        entry["range"] = [-1.0, 1.0]
    model = lower(read_file(save(_step(graph, 0.1, 0.5), metadata)))
    assert "relu" in {step.op.kernel for step in model.steps}
