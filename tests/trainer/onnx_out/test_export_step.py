"""`export_onnx` stores what the exporter must know, and checks the file where the network runs."""

from __future__ import annotations

import math

import pytest
import torch

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.import_graph import open_graph, read_interface
from elegans.trainer import export_onnx
from elegans.trainer.cells.ctrnn import CTRNNCell
from elegans.trainer.networks.recurrent import Recurrent


def test_a_file_carries_the_formats_of_inputs_that_are_raw_counts(tmp_path):
    cell, path = torch.nn.GRUCell(2, 3), tmp_path / "gru.onnx"
    formats = ["x1=uint12:985:1041"]
    export_onnx(cell, 2, path, input_ranges=[(-1, 1), (990, 1030)], input_formats=formats)
    plain, raw = read_interface(open_graph(path)).inputs
    assert plain.format is None
    assert str(raw.format) == "uint12:985.0:1041.0"
    assert raw.range == (990, 1030)


def test_a_file_carries_the_ranges_at_which_outputs_saturate(tmp_path):
    network, path = Recurrent(CTRNNCell(2, 3), projection=2), tmp_path / "ctrnn.onnx"
    export_onnx(network, 2, path, output_ranges=[(-1, 1), (0, 4)])
    assert [s.range for s in read_interface(open_graph(path)).outputs] == [(-1, 1), (0, 4)]


def test_a_format_of_no_input_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ElegansError, match="the model has x0, x1"):
        export_onnx(torch.nn.GRUCell(2, 3), 2, tmp_path / "g.onnx", input_formats=["a=uint8:0:1"])
    assert not list(tmp_path.iterdir())


def _euler(tau: float) -> Recurrent:
    """Euler steps, which are unstable from two time constants on."""
    torch.manual_seed(302)
    cell = CTRNNCell(2, 3, solver="euler", unfolds=1)
    with torch.no_grad():
        cell.log_tau.fill_(math.log(tau))
    return Recurrent(cell, projection=1)


@pytest.mark.parametrize("tau", [1.0, 1e-3, 1e-5])
def test_a_solver_that_is_stable_for_short_steps_only_is_checked_with_such(tau, tmp_path):
    assert export_onnx(_euler(tau), 2, tmp_path / "net.onnx").exists()


def test_declared_times_that_are_too_long_for_the_solver_are_refused(tmp_path):
    with pytest.raises(ElegansError, match="no finite number after elapsed times of"):
        export_onnx(_euler(1e-3), 2, tmp_path / "net.onnx", dt_range=(0.5, 1.0))
    assert not list(tmp_path.iterdir())


class _TwoStates(torch.nn.Module):
    def forward(self, x, h, c):
        return x, h + x, c - x


@pytest.mark.parametrize("state", [torch.zeros(1, 2), 1.5])
def test_a_state_that_is_not_what_forward_takes_is_refused(tmp_path, state):
    with pytest.raises(ElegansError, match="forward takes 2 states, and `state` is"):
        export_onnx(_TwoStates(), 2, tmp_path / "two.onnx", state=state)
