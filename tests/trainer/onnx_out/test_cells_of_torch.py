"""Cells that torch exports by itself: the exporter finds their ports, whatever it called them."""

from __future__ import annotations

import contextlib
import io
import warnings

import onnx
import pytest
import torch
from torch import nn

from elegans.exporter.frontend.ports.find_ports import find_ports


class _Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.LSTMCell(3, 5), nn.Linear(5, 1)

    def forward(self, x, h, c):
        h, c = self.cell(x, (h, c))
        return self.head(h), h, c


class _Gru(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.GRUCell(1, 5), nn.Linear(5, 1)

    def forward(self, x, hx):
        h = self.cell(x, hx)
        return self.head(h), h


class _Layers(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last, self.head = nn.GRUCell(3, 5), nn.GRUCell(5, 5), nn.Linear(5, 2)

    def forward(self, x, h):
        first = self.first(x, h[0])
        last = self.last(first, h[1])
        return self.head(last), torch.stack([first, last])


_STEPS = {
    "lstm": (_Lstm, ([1, 3], [1, 5], [1, 5])),
    "gru": (_Gru, ([1, 1], [1, 5])),
    "layers": (_Layers, ([1, 3], [2, 1, 5])),
}


def _exported(path, name, **options):
    kind, shapes = _STEPS[name]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        step = kind().eval()
        torch.onnx.export(step, tuple(torch.zeros(s) for s in shapes), str(path), **options)
    return onnx.load(path)


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize("name", _STEPS)
def test_default_names_of_both_exporters(tmp_path, name, dynamo):
    options = {"dynamo": True, "external_data": False} if dynamo else {"dynamo": False}
    model = _exported(tmp_path / "net.onnx", name, **options)
    ports = find_ports(model, tmp_path / "net.onnx")
    states = ["h"] * (len(_STEPS[name][1]) - 1)
    assert [p.vector for p in ports.inputs] == ["x", *states]
    outputs = [v.name for v in model.graph.output]
    assert [p.name for p in (*ports.y, *ports.h_next)] == outputs


@pytest.mark.parametrize("dynamo", [False, True])
def test_an_lstm_whose_ports_have_plain_names(tmp_path, dynamo):
    options = {"dynamo": True, "external_data": False} if dynamo else {"dynamo": False}
    names = {"input_names": ["x", "h", "c"], "output_names": ["y", "h_next", "c_next"]}
    model = _exported(tmp_path / "net.onnx", "lstm", **options, **names)
    ports = find_ports(model, tmp_path / "net.onnx")
    assert [(p.name, p.vector) for p in ports.inputs] == [("x", "x"), ("h", "h"), ("c", "h")]
    assert [p.name for p in (*ports.y, *ports.h_next)] == names["output_names"]
