"""An exported circuit is one checked, reproducible file, or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.import_graph import open_graph, read_interface
from elegans.exporter.ir.interface import METADATA_KEY, Interface, Signal
from elegans.trainer.networks.scaled_circuit import ScaledCircuit, Scales
from elegans.trainer.onnx_out import export_circuit as module
from elegans.trainer.onnx_out.export_circuit import export_circuit, write_recording
from elegans.trainer.onnx_out.signals import trained_interface
from elegans.trainer.wiring.ncp import AutoNCP

INTERFACE = trained_interface(
    "toy",
    (
        Signal("near", "m", (-2.0, 2.0)),
        Signal("far", "m", (0.0, 40.0)),
        Signal("turn", "1/m", (-0.1, 0.1)),
    ),
    Signal("dt", "s", (0.02, 0.1)),
    (Signal("left", "rad"), Signal("right", "rad")),
)
SCALES = Scales(centre=[0.0, 20.0, 0.0], spread=[1.0, 15.0, 0.05], dt_unit=0.05, gain=[0.6, -2.0])


def circuit(seed: int = 3, mode: str = "default") -> ScaledCircuit:
    torch.manual_seed(seed)
    return ScaledCircuit(AutoNCP(12, 2), SCALES, mode)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    export_circuit(circuit(), INTERFACE, path)
    return path


def test_the_file_is_one_step_from_x_h_dt_to_y_and_h_next(exported: Path) -> None:
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    shapes = {port.name: port.shape for port in (*session.get_inputs(), *session.get_outputs())}
    assert shapes == {"x": [1, 3], "h": [1, 12], "dt": [1, 1], "y": [1, 2], "h_next": [1, 12]}
    assert sorted(path.name for path in exported.parent.iterdir()) == ["model.onnx"]


@pytest.mark.parametrize("mode", ["default", "no_gate"])
def test_onnxruntime_free_running_follows_torch(mode: str, tmp_path: Path) -> None:
    net = circuit(5, mode)
    export_circuit(net, INTERFACE, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(
        tmp_path / "model.onnx", providers=["CPUExecutionProvider"]
    )
    random = np.random.default_rng(1)
    low, high = [-2.0, 0.0, -0.1], [2.0, 40.0, 0.1]
    x = random.uniform(low, high, (200, 3)).astype(np.float32)
    dt = random.uniform(0.02, 0.1, (200, 1)).astype(np.float32)
    h, outputs = np.zeros((1, 12), np.float32), []
    for k in range(len(x)):
        y, h = session.run(None, {"x": x[k : k + 1], "h": h, "dt": dt[k : k + 1]})
        outputs.append(y[0])
    with torch.no_grad():
        wanted, last = net(torch.from_numpy(x)[None], torch.from_numpy(dt)[None])
    np.testing.assert_allclose(np.stack(outputs), wanted[0].numpy(), atol=4e-5)
    np.testing.assert_allclose(h, last.numpy(), atol=2e-5)


def test_the_metadata_hold_the_interface_and_the_wiring(exported: Path) -> None:
    properties = {entry.key: entry.value for entry in onnx.load(exported).metadata_props}
    assert list(properties) == [METADATA_KEY]
    document = json.loads(properties[METADATA_KEY])
    assert (document["schema"], document["name"]) == (1, "toy")
    assert document["inputs"][1] == {"name": "far", "unit": "m", "range": [0.0, 40.0]}
    assert document["dt"] == {"unit": "s", "range": [0.02, 0.1]}
    assert [output["name"] for output in document["outputs"]] == ["left", "right"]
    assert [(layer["name"], layer["size"]) for layer in document["layers"]] == [
        ("inter", 6),
        ("command", 4),
        ("motor", 2),
    ]
    wiring = AutoNCP(12, 2).build(3)
    assert document["wiring"]["adjacency"] == wiring.adjacency.tolist()
    assert document["wiring"]["sensory_adjacency"] == wiring.sensory.tolist()


def test_the_exporter_reads_the_interface_that_the_trainer_wrote(exported: Path) -> None:
    wiring = AutoNCP(12, 2).build(3)
    assert read_interface(open_graph(exported)) == replace(INTERFACE, layers=wiring.layers)


def test_absent_synapses_are_exact_zeros_in_the_file(exported: Path) -> None:
    weights = {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in onnx.load(exported).graph.initializer
    }
    absent = AutoNCP(12, 2).build(3).feed_forward(0).T == 0
    for head in ("ff1", "ff2"):
        sensed = weights[f"inter.{head}.weight"][:, :3]
        np.testing.assert_array_equal(sensed == 0, absent)


def test_the_same_weights_give_the_same_bytes(exported: Path, tmp_path: Path) -> None:
    export_circuit(circuit(), INTERFACE, tmp_path / "again.onnx")
    export_circuit(circuit(4), INTERFACE, tmp_path / "other.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == exported.read_bytes()
    assert (tmp_path / "other.onnx").read_bytes() != exported.read_bytes()


def test_the_file_does_not_say_where_it_was_made(exported: Path) -> None:
    data = exported.read_bytes()
    for trace in (b".py", b"torch.nn", str(Path.cwd()).encode()):
        assert trace not in data


def test_an_export_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    export_circuit(circuit(), INTERFACE, tmp_path / "model.onnx")
    assert capfd.readouterr() == ("", "")


def _poison(net: ScaledCircuit) -> Interface:
    with torch.no_grad():
        next(net.parameters())[0, 0] = float("nan")
    return INTERFACE


def _shorten(net: ScaledCircuit) -> Interface:
    return replace(INTERFACE, inputs=INTERFACE.inputs[:2])


@pytest.mark.parametrize(
    ("spoil", "fact"),
    [(_poison, "NaN or infinity"), (_shorten, "names 2 inputs and 2 outputs")],
)
def test_a_bad_network_is_refused_and_an_older_file_stays(
    spoil: Callable[[ScaledCircuit], Interface], fact: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"older")
    net = circuit()
    interface = spoil(net)
    with pytest.raises(ElegansError, match=fact):
        export_circuit(net, interface, path)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_computes_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of a step of which one weight differs by a hundredth."""
    net, wrong = circuit(), circuit()
    with torch.no_grad():
        wrong.cfc.rnn_cell.layers[0].ff1.weight[0, -1] += 1e-2
    translate = module.step_to_onnx
    monkeypatch.setattr(
        module, "step_to_onnx", lambda _step, *more: translate(wrong.folded().eval(), *more)
    )
    with pytest.raises(ElegansError, match="onnxruntime and torch differ by"):
        export_circuit(net, INTERFACE, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_a_recording_holds_x_and_dt_as_float32(tmp_path: Path) -> None:
    x, dt = np.zeros((7, 3), np.float32), np.full(7, 0.05, np.float32)
    write_recording(x, dt, INTERFACE, tmp_path / "recording.npz", label=np.arange(7))
    with np.load(tmp_path / "recording.npz", allow_pickle=False) as recording:
        assert recording["x"].shape == (7, 3)
        assert recording["x"].dtype == recording["dt"].dtype == np.float32
        assert recording["label"].tolist() == list(range(7))


@pytest.mark.parametrize(("channel", "value"), [(0, 2.5), (1, -1.0), (2, float("nan"))])
def test_a_recording_outside_its_declared_range_is_refused(
    channel: int, value: float, tmp_path: Path
) -> None:
    x, dt = np.zeros((7, 3), np.float32), np.full(7, 0.05, np.float32)
    x[4, channel] = value
    with pytest.raises(ElegansError, match=INTERFACE.inputs[channel].name):
        write_recording(x, dt, INTERFACE, tmp_path / "recording.npz")
    assert not list(tmp_path.iterdir())
