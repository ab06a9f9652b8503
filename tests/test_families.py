"""Relatives of the known cells come in from torch, near float, with the same bits everywhere."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest

pytest.importorskip("torch")

from elegans.benchmarks.families import FAMILIES, write
from elegans.boards.firmware.host import HostModel
from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.export import export
from elegans.exporter.oracles.free_run import WARNED

_BY_DYNAMO = ("minGRU",)  # benchmarks.doors has all of them
_FILES = [(name, False) for name in FAMILIES] + [(name, True) for name in _BY_DYNAMO]


@pytest.mark.parametrize(
    ("name", "dynamo"), _FILES, ids=[f"{n}{', dynamo' if d else ''}" for n, d in _FILES]
)
def test_a_family_is_near_float_and_has_one_meaning_everywhere(tmp_path, name, dynamo):
    build = tmp_path / "BUILD"
    model = export(write(name, tmp_path / "model.onnx", dynamo), build)
    (error,) = read_build_folder(build).errors
    assert error.worst <= (WARNED if FAMILIES[name].accept < 1.0 else np.inf)
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


def test_what_no_known_cell_has_is_told_in_the_report(tmp_path):
    export(write("minGRU", tmp_path / "model.onnx", False), tmp_path / "BUILD")
    report = (tmp_path / "BUILD" / "report.txt").read_text()
    assert "note: general: 1 choice, 1 comparison; these take more instructions" in report
