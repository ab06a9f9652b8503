"""Maps get results of 32 bits where those of 16 leave an error that may pass 1e-3."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from elegans.boards.firmware.host import HostModel
from elegans.exporter import quantised
from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.export import Request, export
from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.ir.proof import prove
from elegans.exporter.lowering.lower import lower, lower_with_proof
from elegans.exporter.oracles.reference import run
from elegans.trainer import export_onnx
from elegans.trainer.cells.cfc import Backbone, CfCCell
from elegans.trainer.cells.gru_lstm_mlp import GRUCell, LSTMCell
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.wiring.ncp import Wiring

_COMPILER = "gcc" if shutil.which("gcc") else "zig"
_INPUTS = 4


def _ltc(inputs):
    """Two neurons that all inputs reach."""
    sensory = np.where(np.arange(inputs) % 3, 1, -1)[:, None] * np.ones((1, 2), np.int64)
    return LTCCell(Wiring.of(sensory, np.array([[0, 1], [-1, 0]]), (("all", 2),)), unfolds=2)


_NETS = {
    "tanh": lambda: LSTMCell(_INPUTS, 8),
    "elapsed_gate": lambda: CfCCell(_INPUTS, 8, backbone=Backbone(16, activation="relu")),
    "gated_drive": lambda: GRUCell(_INPUTS, 8),
    "fused_step": lambda: _ltc(70),
}


@pytest.fixture(scope="module", params=_NETS)
def kernel(request):
    return request.param


@pytest.fixture(scope="module")
def net(kernel, tmp_path_factory):
    torch.manual_seed(3)
    cell = _NETS[kernel]()
    inputs = 70 if kernel == "fused_step" else _INPUTS
    path = tmp_path_factory.mktemp(kernel) / "net.onnx"
    export_onnx(Recurrent(cell, projection=1), inputs, path, input_ranges=(-2, 2), dt_range=(0, 99))
    return path


def test_finer_integers_are_proved_and_nearer_to_float(net, kernel):
    network = read_file(net)
    plain, finer = lower_with_proof(network), lower_with_proof(network, finer=True)
    assert plain.model.digest == lower(network).digest
    made = {step.op.kernel for step in finer.model.steps}
    assert f"wide_{kernel}" in made
    assert kernel not in made
    bounds = prove(finer.model)
    assert all(finer.bounds[step.name].within(bounds[step.name]) for step in finer.model.steps)
    was, now = (
        quantised._run(network, lowered, None, lambda _: None).worst for lowered in (plain, finer)
    )
    assert now.rms < was.rms


def test_an_export_takes_finer_integers_for_its_error_and_says_so(
    net, kernel, tmp_path, monkeypatch
):
    network = read_file(net)
    monkeypatch.setattr(quantised, "_LASTING", 1.0)
    assert (
        export(Request(net, accept_error=1.0), tmp_path / "plain").digest == lower(network).digest
    )
    monkeypatch.setattr(quantised, "_LASTING", 0.0)
    monkeypatch.setattr(quantised, "_WORTH_IT", 1.0)
    model = export(Request(net, accept_error=1.0), tmp_path / "finer")
    assert model.digest == lower_with_proof(network, finer=True).model.digest
    report = (tmp_path / "finer" / "report.txt").read_text()
    assert "read 32 bits: with 16 the worst error was" in report
    assert "read 32 bits" not in (tmp_path / "plain" / "report.txt").read_text()


@pytest.mark.parametrize("layout", ["speed", "size"])
def test_the_c_of_finer_integers_repeats_the_reference(net, tmp_path, monkeypatch, layout):
    monkeypatch.setattr(quantised, "_LASTING", 0.0)
    monkeypatch.setattr(quantised, "_WORTH_IT", 1.0)
    model = export(Request(net, accept_error=1.0, layout=layout), tmp_path / "BUILD")
    rng = np.random.default_rng(0)
    ends = [c.lo for c in model.inputs], [c.hi + 1 for c in model.inputs]
    x = rng.integers(*ends, (300, len(model.inputs)))
    dt = rng.integers(0, model.dt.hi + 1 if model.dt else 1, 300) >> rng.integers(0, 20, 300)
    found = run(model, x, dt)
    y, h = HostModel.compile(tmp_path / "BUILD", _COMPILER, sanitise=True).run(x, dt)
    np.testing.assert_array_equal(y, found.y)
    np.testing.assert_array_equal(h, found.h_next)
    assert read_build_folder(tmp_path / "BUILD").errors
