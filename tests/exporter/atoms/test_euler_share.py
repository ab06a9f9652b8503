"""An Euler step's share dt / tau, from the network to the integers."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.export import Request, export
from elegans.exporter.oracles.reference import run


@pytest.mark.parametrize(
    ("rate", "longest"), [(1.2, 0.75), (1.3, 0.76), (1.0, 1.0), (2.0, 0.5), (1.9, 0.51)]
)
def test_a_share_near_one_is_that_of_the_network(graph, save, metadata, tmp_path, rate, longest):
    """Of 1.2 times 0.75 the product of the mantissas is small, of 1.0 and 2.0 the smallest."""
    g = graph()
    drive = g.node("Tanh", g.linear("x", 3, 6, "gemm"))
    share = g.node("Mul", "dt", g.hold(np.full(6, rate)))
    way = g.node("Mul", share, g.node("Sub", drive, "h"))
    h = g.node("Add", "h", way)
    g.rename(h, "h_next", "Identity")
    g.rename(g.linear(h, 6, 2, "gemm"), "y", "Identity")
    metadata["dt"]["range"] = [0.01, longest]
    del metadata["layers"]
    model = export(Request(save(g, meta=metadata)), tmp_path / "BUILD")
    assert model.state_bits == 32
    # One step of the longest time from 0: the share of the way to what a step of two gives.
    x = np.full((1, 1, 3), 1000)
    far = run(model, np.repeat(x, 200, axis=0), np.full((200, 1), model.dt.hi))
    first, last = far.h_next[0, 0] / 1.0, far.h_next[-1, 0]
    np.testing.assert_allclose(first / last, min(rate * longest, 1.0), atol=1e-3)
