"""The float network is kept in the BUILD, is what was exported, and is read as it was exported."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.float_network import read_float_network
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.ir import real_network


def _step(network, seed=3):
    rng = np.random.default_rng(seed)
    x, h = rng.uniform(-1, 1, (5, 3)), rng.uniform(-1, 1, (5, 6))
    y, h_next, _ = real_network.step(network, x, rng.uniform(0.01, 0.2, (5, 1)), h)
    return np.hstack([y, h_next])


@pytest.mark.parametrize("period", [None, 0.05])
def test_what_is_read_again_is_what_was_exported(worm, tmp_path, period):
    export(Request(worm, dt=period), tmp_path / "BUILD")
    again = read_float_network(read_build_folder(tmp_path / "BUILD"))
    graph = open_graph(worm)
    interface = read_interface(graph)
    interface = replace(interface, dt_fixed=period)
    np.testing.assert_array_equal(_step(again.network), _step(read_network(graph, interface)))


def test_names_of_ports_that_the_user_gave_are_kept(graph, save, tmp_path):
    made = graph().cfc()
    for node in made.nodes:
        for names in (node.input, node.output):
            renamed = {"h": "a", "h_next": "b", "dt": "c"}
            for i, name in enumerate(names):
                names[i] = renamed.get(name, name)
    proto = made.model(None)
    for value in (*proto.graph.input, *proto.graph.output):
        value.name = {"h": "a", "h_next": "b", "dt": "c"}.get(value.name, value.name)
    onnx.save(proto, tmp_path / "other.onnx")
    asked = {"states": (("a", "b"),), "elapsed": "c", "dt_range": (0.01, 0.2)}
    export(
        Request(tmp_path / "other.onnx", input_ranges=((-1, 1),), accept_error=1.0, **asked),
        tmp_path / "BUILD",
    )
    folder = read_build_folder(tmp_path / "BUILD")
    assert folder.float_reading["states"] == [["a", "b"]]
    assert folder.float_reading["elapsed"] == "c"
    assert read_float_network(folder).network.y.size == 2


def test_the_file_has_its_weights_inside_and_runs_alone(worm, tmp_path):
    proto = onnx.load(worm)
    onnx.save(
        *(proto, tmp_path / "outside.onnx"),
        save_as_external_data=True,
        size_threshold=0,
        location="weights.bin",
    )
    export(Request(tmp_path / "outside.onnx"), tmp_path / "BUILD")
    content = (tmp_path / "BUILD" / "float.onnx").read_bytes()
    ort.InferenceSession(content)
    assert len(content) <= worm.stat().st_size + 100


def test_notes_of_the_exporter_that_wrote_the_graph_are_left_out(worm, tmp_path):
    proto = onnx.load(worm)
    proto.graph.node[0].doc_string = "File /home/somebody/train.py"
    onnx.save(proto, worm)
    export(Request(worm), tmp_path / "BUILD")
    assert b"somebody" not in (tmp_path / "BUILD" / "float.onnx").read_bytes()


def _without_file(build):
    (build / "float.onnx").unlink()


def _changed_file(build):
    path = build / "float.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def _json(build, change):
    path = build / "model.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def _older(build):
    _json(build, lambda data: data["files"].pop("float.onnx"))


def _no_reading(build):
    _json(build, lambda data: data.pop("float"))


def _wrong_reading(build):
    _json(build, lambda data: data["float"].update(states=7))


def _reading_of_another_type(build):
    _json(build, lambda data: data.update(float=7))


def _not_a_port(build):
    _json(build, lambda data: data["float"].update(states=[["h", "../../etc/passwd"]]))


@pytest.mark.parametrize(
    ("damage", "fact"),
    [
        (_without_file, r"float\.onnx: cannot be read \(No such file"),
        (_changed_file, "has not the digest"),
        (_older, "is not in this BUILD"),
        (_no_reading, "does not say how to read"),
        (_wrong_reading, "does not say how to read"),
        (_reading_of_another_type, "float is not of type dict"),
        (_not_a_port, "has no input or output"),
    ],
)
def test_a_damaged_build_is_refused_with_its_fault(built, damage, fact):
    damage(built)
    with pytest.raises(ElegansError, match=fact):
        read_float_network(read_build_folder(built))
