"""What every family of cells must hold: near float, and one meaning everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort

from elegans.benchmarks.families import FAMILIES, worst_error, write
from elegans.boards.firmware.host import HostModel
from elegans.exporter.export import export
from elegans.exporter.oracles.free_run import WARNED

_SPIKING = ("LIF", "adaptive LIF", "Izhikevich")  # a spike one step later is another output


def near_float_and_of_one_meaning(name: str, folder: Path, dynamo: bool = False) -> None:
    """Export a family, and compare its free runs with float, its integers with ONNX and with C."""
    build = folder / "BUILD"
    model = export(write(name, folder / "model.onnx", dynamo), build)
    assert name in _SPIKING or worst_error(name, build) <= WARNED, name
    assert (FAMILIES[name].accept < 1.0) != (name in _SPIKING or bool(FAMILIES[name].jumps))
    stored = dict(np.load(build / "vectors.npz").items())
    x, dt, h = stored["x"], stored["dt"], stored["h"]
    session = ort.InferenceSession(str(build / "reference.onnx"))
    named = {"x": x, "dt": dt[:, None], "h": h}
    feed = {port.name: named[port.name] for port in session.get_inputs()}
    found = {
        "onnxruntime": session.run(["y", "h_next"], feed),
        "C": HostModel.compile(build).steps(x, dt, h),
    }
    for where, (y, h_next) in found.items():
        np.testing.assert_array_equal(y, stored["y"], where)
        np.testing.assert_array_equal(h_next, stored["h_next"], where)
    assert len(x) * (len(model.outputs) + len(model.states)) > 1000
