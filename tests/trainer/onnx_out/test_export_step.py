"""`export_onnx` stores what the exporter must know of the inputs."""

from __future__ import annotations

import pytest
import torch

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.import_graph import open_graph, read_interface
from elegans.trainer import export_onnx


def test_a_file_carries_the_formats_of_inputs_that_are_raw_counts(tmp_path):
    cell, path = torch.nn.GRUCell(2, 3), tmp_path / "gru.onnx"
    formats = ["x1=uint12:985:1041"]
    export_onnx(cell, 2, path, input_ranges=[(-1, 1), (990, 1030)], input_formats=formats)
    plain, raw = read_interface(open_graph(path)).inputs
    assert plain.format is None
    assert str(raw.format) == "uint12:985.0:1041.0"
    assert raw.range == (990, 1030)


def test_a_format_of_no_input_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ElegansError, match="the model has x0, x1"):
        export_onnx(torch.nn.GRUCell(2, 3), 2, tmp_path / "g.onnx", input_formats=["a=uint8:0:1"])
    assert not list(tmp_path.iterdir())
