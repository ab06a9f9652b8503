"""The same network gives the same integers, in whatever way its graph is written."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from elegans.exporter.frontend.import_graph import (
    open_graph,
    read_file,
    read_interface,
    read_network,
)
from elegans.exporter.ir.declared import with_ranges
from elegans.exporter.lowering.lower import lower
from elegans.exporter.numbers.fixed import dequantise
from elegans.exporter.oracles import reference

_LINEAR = ["gemm", "matmul", "mask"]
_BLEND = ["ncps", "difference", "expanded", "negated", "late"]
_SPLIT = ["split", "slice", "gather"]


@pytest.mark.parametrize(
    ("linear", "blend", "split"), list(itertools.product(_LINEAR, _BLEND, _SPLIT))
)
def test_the_way_a_graph_is_written_does_not_matter(graph, lowered, linear, blend, split):
    plain = lowered(graph().cfc())
    assert lowered(graph().cfc(linear, blend, split)).digest == plain.digest


def test_names_of_nodes_do_not_matter(graph, save, lowered):
    model = lowered(graph().cfc())
    path = save(graph().cfc())
    proto = onnx.load(path)
    for i, node in enumerate(proto.graph.node):
        node.name = f"node_of_somebody_else_{i}"
    onnx.save(proto, path)
    assert lower(read_file(path)).digest == model.digest


def test_layers_take_their_names_from_the_wiring(graph, lowered):
    model = lowered(graph().cfc())
    assert [c.name for c in model.states] == [f"inter[{i}]" for i in range(4)] + [
        "motor[0]",
        "motor[1]",
    ]


def test_no_gate_doubles_the_state_s_range(graph, lowered):
    model = lowered(graph().cfc(blend="no_gate"))
    assert {c.frac for c in model.states} == {14}


@pytest.mark.parametrize("blend", [b for b in _BLEND if b != "late"])
def test_heads_without_tanh_are_mixed_and_stay_in_their_hull(graph, lowered, blend):
    """As the cells of ncps for Keras: f and g are maps of a bounded backbone."""
    g = graph()
    backbone = g.node("Tanh", g.linear(g.node("Concat", "x", "h", axis=-1), 9, 12, "gemm"))
    a, b, f, other = (g.linear(backbone, 12, 6, "gemm") for _ in range(4))
    t = g.node("Sigmoid", g.node("Add", b, g.node("Mul", a, "dt")))
    g.rename(g.blend(f, other, t, blend), "h_next", "Identity")
    g.rename(g.linear("h", 6, 2, "gemm"), "y", "Identity")
    model = lowered(g)
    (mix,) = (s for s in model.steps if s.op.kernel == "mix")
    heads = [s for s in model.steps if s.name in (mix.inputs[0][0].vector, mix.inputs[1][0].vector)]
    assert {s.op.kernel for s in heads} <= {"linear", "sparse_linear"}
    assert "product" not in {s.op.kernel for s in model.steps}


@pytest.mark.parametrize("blend", ["ncps", "no_gate"])
def test_integers_follow_the_float_network(graph, save, blend):
    path = save(graph().cfc(blend=blend))
    model = lower(read_file(path))
    rng = np.random.default_rng(1)
    x = rng.integers([c.lo for c in model.inputs], [c.hi for c in model.inputs], (1000, 3))
    dt = rng.integers(model.dt.lo, model.dt.hi, 1000)
    run = reference.run(model, x, dt)
    session, h = ort.InferenceSession(str(path)), np.zeros((1, 6), np.float32)
    fracs = np.array([c.frac for c in model.states])
    for t in range(1000):
        feed = {
            "x": dequantise(x[t], np.array([c.frac for c in model.inputs]))[None].astype("f4"),
            "dt": np.array([[dequantise(dt[t], model.dt.frac)]], np.float32),
            "h": h,
        }
        h = session.run(["h_next"], feed)[0]
        span = 2.0 ** (16 - fracs)
        assert np.all(np.abs(dequantise(run.h_next[t], fracs) - h[0]) <= 1e-3 * span), t


def test_a_fixed_sample_period_folds_time_into_one_map(graph, save):
    path = save(graph().cfc())
    fixed = with_ranges(read_interface(open_graph(path)), [], None, 0.05)
    model = lower(read_network(open_graph(path), fixed))
    assert model.dt is None
    assert not any(step.op.kernel == "time_gate" for step in model.steps)
    varying = lower(read_file(path))
    rng = np.random.default_rng(2)
    x = rng.integers([c.lo for c in model.inputs], [c.hi for c in model.inputs], (300, 3))
    dt = np.full(300, int(0.05 * 2**varying.dt.frac))
    a, b = reference.run(model, x, dt), reference.run(varying, x, dt)
    assert np.abs(a.h_next - b.h_next).max() < 30


def test_an_output_may_be_an_affine_map_of_neurons(graph, save):
    g = graph().cfc()
    y = g.nodes[-2]
    assert y.op_type == "Identity"
    neurons = y.input[0]
    g.nodes.remove(y)
    scaled = g.node("Mul", neurons, g.hold([[3.0, -0.25]]))
    g.nodes.append(onnx.helper.make_node("Sub", [scaled, g.hold([0.5])], ["y"]))
    path = save(g)
    model = lower(read_file(path))
    run = reference.run(model, np.zeros((20, 3), np.int64), np.full(20, model.dt.hi))
    h = dequantise(run.h_next[:, 4:], 15)
    y_real = dequantise(run.y, np.array([c.frac for c in model.outputs]))
    np.testing.assert_allclose(y_real, h * [3.0, -0.25] - 0.5, atol=3e-4)


def test_a_graph_without_metadata_gets_its_ranges_from_the_command_line(graph, save):
    path = save(graph().cfc(), meta=None)
    interface = with_ranges(read_interface(open_graph(path)), [(-1.0, 1.0)], (0.0, 0.5), None)
    model = lower(read_network(open_graph(path), interface))
    assert [c.name for c in model.inputs] == ["x0", "x1", "x2"]
    assert model.name == "worm"


def _y_of(g, weights, bias=0.0):
    """The worm with outputs `weights * motor + bias`."""
    (y,) = [node for node in g.nodes if "y" in node.output]
    g.nodes.remove(y)
    scaled = g.node("Mul", y.input[0], g.hold([weights]))
    g.nodes.append(onnx.helper.make_node("Add", [scaled, g.hold([bias])], ["y"]))
    return g


@pytest.mark.parametrize("weights", [(1e-12, 1e12), (3e-8, 2e-8), (5e4, 1e-3)])
def test_each_output_has_the_finest_format_of_its_own(graph, lowered, weights):
    model = lowered(_y_of(graph().cfc(), weights))
    run = reference.run(model, np.full((50, 3), 900), np.full(50, model.dt.hi))
    y = dequantise(run.y, np.array([c.frac for c in model.outputs]))
    h = dequantise(run.h_next[:, 4:], 15)
    assert np.all(np.abs(y / weights - h) < 2e-4)


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1.0])
@pytest.mark.parametrize("longest", [1e-6, 1e-2, 1.0, 2400.0, 1e6])
def test_time_may_have_any_unit(graph, save, scale, longest):
    """A rate of about 1 / longest, and a drive from almost zero to one."""
    g = graph()
    f, k = (g.node("Tanh", g.linear("x", 3, 6, "gemm")) for _ in "fg")
    rate = g.node("Mul", g.linear("h", 6, 6, "gemm"), g.hold([1 / longest]))
    drive = g.node("Mul", g.linear("h", 6, 6, "gemm"), g.hold([scale]))
    t = g.node("Sigmoid", g.node("Add", drive, g.node("Mul", rate, "dt")))
    g.rename(g.blend(f, k, t, "ncps"), "h_next", "Identity")
    g.rename(g.linear("h", 6, 2, "gemm"), "y", "Identity")
    path = save(g)
    interface = with_ranges(read_interface(open_graph(path)), [], (0.0, longest), None)
    model = lower(read_network(open_graph(path), interface))
    rng = np.random.default_rng(3)
    x = rng.integers([c.lo for c in model.inputs], [c.hi for c in model.inputs], (200, 3))
    dt, h = rng.integers(0, model.dt.hi, (200, 1)), rng.integers(-32767, 32767, (200, 6))
    _, found = reference.step(model, x, dt, h)
    session = ort.InferenceSession(str(path))
    fracs = np.array([c.frac for c in model.inputs])
    for i in range(200):
        feed = {
            "x": dequantise(x[i : i + 1], fracs).astype("f4"),
            "dt": dequantise(dt[i : i + 1], model.dt.frac).astype("f4"),
            "h": dequantise(h[i : i + 1], 15).astype("f4"),
        }
        (real,) = session.run(["h_next"], feed)
        np.testing.assert_allclose(dequantise(found[i], 15), real[0], atol=1e-3)
