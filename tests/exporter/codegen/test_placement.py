"""Where vectors live in the C: no order of the graph makes one overwrite another too soon."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from elegans.boards.firmware.host import HostModel
from elegans.exporter.export import Request, export
from elegans.tests.places import model_file


@pytest.fixture
def equals_its_c(tmp_path):
    """Export a file, compile it, and compare every golden vector with the C."""

    def check(source: Path) -> Path:
        export(Request(source), tmp_path / "BUILD")
        v = np.load(tmp_path / "BUILD" / "vectors.npz")
        y, h = HostModel.compile(tmp_path / "BUILD").steps(v["x"], v["dt"], v["h"])
        np.testing.assert_array_equal(y, v["y"])
        np.testing.assert_array_equal(h, v["h_next"])
        return tmp_path / "BUILD"

    return check


def _with_output(g, kind: str):
    """The worm, with another two outputs."""
    del g.nodes[-2]
    ends = [g.hold([n], np.int64) for n in (3, 5, 1)]
    if kind == "old state":
        g.nodes.append(helper.make_node("Slice", ["h", *ends], ["y"]))
    else:
        g.nodes.append(helper.make_node("Concat", ["dt", "dt"], ["y"], axis=1))
    return g


def test_an_output_may_be_the_state_before_the_step(graph, save, equals_its_c):
    g = graph().cfc()
    inter, motor = g.nodes[-1].input
    g.nodes[-1].CopyFrom(helper.make_node("Concat", [motor, inter], ["h_next"], axis=1))
    equals_its_c(save(_with_output(g, "old state")))
    equals_its_c(save(_with_output(graph().cfc(), "old state")))


def test_an_output_may_be_elapsed_time_itself(graph, save, equals_its_c):
    equals_its_c(save(_with_output(graph().cfc(), "time")))


def test_elapsed_time_may_be_one_more_input_of_a_layer(graph, save, equals_its_c):
    g = graph()
    joined = g.node("Concat", "x", "dt", "h", axis=1)
    f, k = (g.node("Tanh", g.linear(joined, 10, 6, "gemm")) for _ in "fg")
    h = g.blend(f, k, g.node("Sigmoid", g.linear(joined, 10, 6, "gemm")), "ncps")
    g.rename(h, "h_next", "Identity")
    g.rename(g.linear(h, 6, 2, "gemm"), "y", "Identity")
    equals_its_c(save(g))


def test_a_rate_of_zero_leaves_elapsed_time_out_of_the_gate(graph, save, equals_its_c):
    """What pruning time_a to zeros exports: a constant times dt."""
    g = graph()
    f, k = (g.node("Tanh", g.linear("x", 3, 6, "gemm")) for _ in "fg")
    rate = g.node("Gemm", "x", g.hold(np.zeros((6, 3))), g.hold(np.full(6, 0.7)), transB=1)
    drive = g.linear("h", 6, 6, "gemm")
    t = g.node("Sigmoid", g.node("Add", drive, g.node("Mul", rate, "dt")))
    g.rename(g.blend(f, k, t, "ncps"), "h_next", "Identity")
    g.rename(g.linear("h", 6, 2, "gemm"), "y", "Identity")
    equals_its_c(save(g))


@pytest.mark.parametrize("seed", range(4))
def test_a_graph_may_weave_its_layers_into_each_other(graph, save, equals_its_c, seed):
    """Any topological order is a valid ONNX file; the C keeps to the order of the proof."""
    g, rng = graph().cfc(blend="no_gate" if seed % 2 else "ncps"), np.random.default_rng(seed)
    known, waiting, woven = {"x", "h", "dt", *(w.name for w in g.held)}, list(g.nodes), []
    while waiting:
        free = [i for i, node in enumerate(waiting) if known.issuperset(node.input)]
        woven.append(waiting.pop(rng.choice(free)))
        known.update(woven[-1].output)
    g.nodes = woven
    equals_its_c(save(g))


@pytest.mark.parametrize("shift", [1, 6])
def test_heads_may_be_slices_of_one_wide_map(graph, save, equals_its_c, shift):
    """f and g from one buffer, side by side or even overlapping."""
    g = graph()
    wide = g.node("Tanh", g.linear("x", 3, 6 + shift, "gemm"))
    heads = []
    for start in (0, shift):
        bounds = [g.hold([n], np.int64) for n in (start, start + 6, 1)]
        heads.append(g.node("Slice", wide, *bounds))
    t = g.node("Sigmoid", g.linear("h", 6, 6, "gemm"))
    g.rename(g.blend(*heads, t, "ncps"), "h_next", "Identity")
    g.rename(g.linear("h", 6, 2, "gemm"), "y", "Identity")
    equals_its_c(save(g))


def test_layers_that_read_the_same_late_atom_run_after_it(graph, save, equals_its_c):
    """Two readouts that belong to no layer; the second reads the new state of the first layer."""
    g = graph().cfc()
    inter = g.nodes[-1].input[0]
    del g.nodes[-2]
    early = g.node("Tanh", g.linear("x", 3, 2, "gemm"))
    late = g.node("Tanh", g.linear(inter, 4, 2, "gemm"))
    first = [n for n in g.nodes if early in n.output or n.output[0] in _before(g, early)]
    g.nodes = first + [n for n in g.nodes if n not in first]
    g.nodes.append(helper.make_node("Add", [early, late], ["y"]))
    equals_its_c(save(g))


def _before(g, name: str) -> set[str]:
    nodes = {node.output[0]: node for node in g.nodes}
    return {name} | {i for n in nodes[name].input if n in nodes for i in _before(g, n)}


@pytest.mark.parametrize(
    "names",
    [("int", "for"), ("h", "x"), ("y_out", "x_in"), ("a", "A"), ("a", "a_f"), ("a_f_sum", "a")],
)
def test_layers_may_have_any_names(graph, save, metadata, equals_its_c, names):
    """Keywords of C, the exporter's own names, and names that C could not tell apart."""
    sizes = zip(names, (4, 2), strict=True)
    layers = [{"name": name, "size": size} for name, size in sizes]
    equals_its_c(save(graph().cfc(), meta={**metadata, "layers": layers}))


@pytest.mark.parametrize("newest", ["first", "last"])
def test_a_delay_line_moves_without_spoiling_itself(graph, tmp_path, newest):
    """h_next = [x, h[:-I]] or [h[I:], x]: the copies overlap, and one may spoil the other."""
    g = graph()
    bounds = [g.hold([n], np.int64) for n in ((0, 3) if newest == "first" else (3, 6))]
    older = g.node("Slice", "h", *bounds, g.hold([1], np.int64))
    parts = ["x", older] if newest == "first" else [older, "x"]
    line = g.node("Concat", *parts, axis=1)
    g.rename(g.linear(line, 6, 2, "gemm"), "y", "Identity")
    g.rename(line, "h_next", "Identity")
    path = tmp_path / "line.onnx"
    onnx.save(g.model(), path)
    build = tmp_path / "BUILD"
    model = export(Request(path, input_ranges=((-1.0, 1.0),), dt_range=(0.0, 1.0)), build)
    v = np.load(build / "vectors.npz")
    y, h = HostModel.compile(build, sanitise=True).steps(v["x"], v["dt"], v["h"])
    np.testing.assert_array_equal(h, v["h_next"])
    np.testing.assert_array_equal(y, v["y"])
    assert {c.frac for c in model.states} == {15}
    source = model_file(build).read_text()
    assert ("joined" in source) == (newest == "first")
