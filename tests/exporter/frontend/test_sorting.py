"""TopK of several elements: onnxruntime's values and places, and its order of equal ones."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.general.sorting import _needed, _network
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.ir import real_network
from elegans.exporter.ir.declared import with_ranges
from elegans.exporter.lowering.lower import lower
from elegans.exporter.oracles import reference

_LANES = 40


def _step(path, shape, k, **attributes):
    """A sort of the inputs, and one of the states' first; the states are the last inputs."""
    names = ["values", "places"]
    nodes = [
        helper.make_node("Reshape", ["x", "shape"], ["z"]),
        helper.make_node("TopK", ["z", "k"], names, **attributes),
        helper.make_node("Flatten", ["values"], ["y"]),
        helper.make_node("Cast", ["places"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["real"], ["at"]),
        helper.make_node("Tanh", ["x"], ["t"]),
        helper.make_node("Add", ["t", "h"], ["s"]),
        helper.make_node("Tanh", ["s"], ["h_next"]),
    ]
    size = int(np.prod(shape))
    held = [
        numpy_helper.from_array(np.array(value, np.int64), name)
        for name, value in (("shape", shape), ("k", [k]))
    ]
    ports = [
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, s]) for n, s in side]
        for side in ([("x", size), ("h", size)], [("y", None), ("at", None), ("h_next", size)])
    ]
    model = helper.make_model(
        onnx.shape_inference.infer_shapes(
            helper.make_model(helper.make_graph(nodes, "sort", *ports, held))
        ).graph,
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("shape", "k", "attributes"),
    [
        ((1, 5), 3, {}),
        ((1, 5), 5, {"largest": 0}),
        ((1, 2), 2, {}),
        ((1, 9), 4, {"axis": 1}),
        ((1, 3, 4), 2, {"axis": 1}),
        ((1, 3, 4), 3, {"axis": -1, "largest": 0}),
    ],
)
def test_values_and_places_are_those_of_onnxruntime_in_integers_too(tmp_path, shape, k, attributes):
    path = _step(tmp_path / "sort.onnx", shape, k, **attributes)
    graph = open_graph(path)
    network = read_network(graph, with_ranges(read_interface(graph), [(-1.0, 1.0)], None, None))
    model = lower(network)
    size, rng = int(np.prod(shape)), np.random.default_rng(0)
    units = rng.integers(-4, 4, (_LANES, size)) * rng.choice([1, 2, 3000], (_LANES, 1))
    x, h = np.ldexp(units, -15), np.zeros((_LANES, size))
    session = ort.InferenceSession(path)
    given = {"x": x.astype(np.float32), "h": h.astype(np.float32)}
    rows = [{name: v[i : i + 1] for name, v in given.items()} for i in range(_LANES)]
    want = [np.concatenate([part[0] for part in session.run(["y", "at"], row)]) for row in rows]
    found, _, _ = real_network.step(network, x, np.zeros((_LANES, 1)), h)
    np.testing.assert_array_equal(found, want)
    counts = np.ldexp(x, np.array([c.frac for c in model.inputs])).astype(np.int64)
    y, _ = reference.step(model, counts, h[:, :1].astype(np.int64), h.astype(np.int64))
    np.testing.assert_array_equal(np.ldexp(y.astype(float), [-c.frac for c in model.outputs]), want)


@pytest.mark.parametrize("n", range(1, 20))
def test_the_network_of_exchanges_sorts_and_a_part_of_it_finds_the_first(n):
    rng = np.random.default_rng(n)
    for k in {1, 2, n // 2 + 1, n} & {*range(1, n + 1)}:
        values = rng.integers(0, n, (50, n))
        want = -np.sort(-values)[:, :k]
        for layer in _needed(list(_network(n)), k):
            for i, j in layer:
                pair = values[:, [i, j]]
                values[:, i], values[:, j] = pair.max(axis=1), pair.min(axis=1)
        np.testing.assert_array_equal(values[:, :k], want)


def test_a_sort_of_too_many_is_refused_with_what_it_takes(tmp_path):
    graph = open_graph(_step(tmp_path / "sort.onnx", (1, 100), 2))
    interface = with_ranges(read_interface(graph), [(-1.0, 1.0)], None, None)
    with pytest.raises(ElegansError, match="sorts 100 elements, which takes 4,950 comparisons"):
        read_network(graph, interface)
