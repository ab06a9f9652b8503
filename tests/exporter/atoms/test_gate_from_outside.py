"""A gate is one class: one that is defined outside the package goes through the whole export."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elegans.benchmarks.accuracy import against_float
from elegans.boards.firmware.host import HostModel
from elegans.exporter.atoms.gates import gates
from elegans.exporter.export import Request, export
from elegans.exporter.frontend import import_graph
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import DT, Gate
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import span_frac, window_span, with_zero
from elegans.exporter.ops.gated_sum import GatedSum

_MINUS = np.array([-1.0])


@dataclass(frozen=True)
class DifferenceGate(Gate):
    """f - t g: no cell of the package has it as one gate."""

    f: Window
    g: Window
    t: Window

    reason = "the difference of its two heads"

    def real(self, *parts):
        f, g, t = parts
        return f - t * g

    @classmethod
    def of_blend(cls, atoms, affine, t, rate):
        f, g = affine.window(), rate.scaled(_MINUS).window()
        return None if t == DT or f is None or g is None else cls(f, g, t)

    def span(self, name, atoms, spans):
        f, g = window_span(self.f, spans), with_zero(window_span(self.g, spans))
        return f[0] - g[1], f[1] - g[0]

    def result_frac(self, spans, own):
        return span_frac(own)

    def lower(self, to, name, called):
        minus_g = Affine.of(self.g, self.g.hi).scaled(_MINUS)
        g = to.linear(f"{called.name}_minus", called.layer, minus_g, np.full(self.size, 15))
        f, t = to.renamed(self.f), to.renamed(self.t)
        out = np.full(self.size, 14)
        to.step(called.name, called.layer, GatedSum(), ((f,), (g,), (t,)), out)


def _differences(graph):
    """A network of f - t g, in which the product is subtracted."""
    g = graph()
    joined = g.node("Concat", "x", "h", axis=1)
    f, k = (g.node("Tanh", g.linear(joined, 9, 6, "gemm")) for _ in "fg")
    rate, drive = (g.linear(joined, 9, 6, "gemm") for _ in "ab")
    t = g.node("Sigmoid", g.node("Add", drive, g.node("Mul", rate, "dt")))
    h = g.node("Sub", f, g.node("Mul", t, k))
    g.rename(h, "h_next", "Identity")
    g.rename(g.linear(h, 6, 2, "gemm"), "y", "Identity")
    return g


def test_a_gate_from_outside_is_recognised_lowered_and_executed_alike(
    graph, save, tmp_path, monkeypatch
):
    monkeypatch.setattr(import_graph, "gates", lambda: (DifferenceGate, *gates()))
    source = save(_differences(graph))
    network = import_graph.read_file(source)
    assert [type(a).__name__ for a in network.atoms.values()].count("DifferenceGate") == 1

    model = export(Request(source), tmp_path / "BUILD")
    assert "gated_sum" in {step.op.kernel for step in model.steps}
    assert DifferenceGate.reason in (tmp_path / "BUILD" / "report.txt").read_text()

    v = np.load(tmp_path / "BUILD" / "vectors.npz")
    y, h = HostModel.compile(tmp_path / "BUILD").steps(v["x"], v["dt"], v["h"])
    np.testing.assert_array_equal(y, v["y"])
    np.testing.assert_array_equal(h, v["h_next"])

    rng = np.random.default_rng(6)
    x = rng.integers([c.lo for c in model.inputs], [c.hi + 1 for c in model.inputs], (1, 500, 3))
    dt = rng.integers(model.dt.lo, model.dt.hi + 1, (1, 500))
    assert against_float(source, model, x, dt).worst < 2e-3


def test_without_it_the_same_graph_is_made_of_products(graph, save):
    kinds = {
        type(atom).__name__
        for atom in import_graph.read_file(save(_differences(graph))).atoms.values()
    }
    assert "ProductGate" in kinds
    assert "DifferenceGate" not in kinds
