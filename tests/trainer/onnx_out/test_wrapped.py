"""export_onnx of a module around recurrent networks: what it computes, step by step."""

from __future__ import annotations

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.tests.places import model_file
from elegans.trainer import export_onnx
from elegans.trainer.networks.layers import CfC
from elegans.trainer.wiring.ncp import NCP

ncps = pytest.importorskip("ncps.torch", reason="ncps is not installed (pip install ncps)")

_INPUTS = 3


class _Around(nn.Module):
    """The typical user's: normalise, a liquid network, a linear layer; `scale` of time."""

    def __init__(self, core, outputs, scale=1.0, last=False, timed=True):
        super().__init__()
        self.core, self.head = core, nn.Linear(outputs, 2)
        self.register_buffer("mean", torch.tensor([0.1, -0.2, 0.3]))
        self.register_buffer("std", torch.tensor([2.0, 0.5, 1.5]))
        self.dropout = nn.Dropout(0.5)
        self.scale, self.last, self.timed = scale, last, timed

    def forward(self, x, hx=None, timespans=None):
        x = self.dropout((x - self.mean) / self.std)
        if not self.timed:
            y, hx = self.core(x)
        else:
            y, hx = self.core(x, hx, timespans=timespans * self.scale)
        return self.head(y[:, -1] if self.last else y), hx


class _Stack(nn.Module):
    """Two networks, one after the other; no state is handed in, and none comes out."""

    def __init__(self):
        super().__init__()
        self.first, self.second = ncps.CfC(_INPUTS, 5), ncps.CfC(5, 4, mode="pure")

    def forward(self, x, ts):
        y, _ = self.first(x, timespans=ts)
        return self.second(torch.relu(y), timespans=ts)[0]


class _Loop(nn.Module):
    """A cell of torch in a loop over time that the user wrote."""

    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.LSTMCell(_INPUTS, 6), nn.Linear(6, 1)

    def forward(self, inputs):
        state, outputs = None, []
        for t in range(inputs.shape[1]):
            state = self.cell(inputs[:, t], state)
            outputs.append(self.head(state[0]))
        return torch.stack(outputs, dim=1)


class _Sample(nn.Module):
    """One step that the user wrote as a step."""

    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.GRUCell(_INPUTS, 6), nn.Linear(6, 1)

    def forward(self, x, h):
        h = self.cell(torch.tanh(x), h)
        return self.head(h), h


def _module(kind):
    torch.manual_seed(4)
    return {
        "minutes": lambda: _Around(ncps.CfC(_INPUTS, 7), 7, scale=1 / 60),
        "mixed": lambda: _Around(ncps.CfC(_INPUTS, 4, mixed_memory=True, proj_size=3), 3),
        "last": lambda: _Around(ncps.CfC(_INPUTS, 5, return_sequences=False), 5, last=False),
        "untimed": lambda: _Around(ncps.CfC(_INPUTS, 5), 5, timed=False),
        "ltc": lambda: _Around(ncps.LTC(_INPUTS, 5), 5, last=True),
        "elegans": lambda: _Around(CfC(_INPUTS, NCP(4, 3, 2, 2, 2, 3, 2)), 2),
        "stack": _Stack,
        "loop": _Loop,
        "sample": _Sample,
    }[kind]()


def _sequence(module, x, dt):
    """What the module itself computes of the outputs [T, O] or [1, O]."""
    if isinstance(module, _Sample):
        h, outputs = torch.zeros(1, 6), []
        for row in x[0]:
            y, h = module(row[None], h)
            outputs.append(y)
        return torch.cat(outputs)
    arguments = (x,) if isinstance(module, _Loop) else (x, dt)
    if isinstance(module, _Around):
        arguments = (x, None, dt)
    y = module(*arguments)
    y = y[0] if isinstance(y, tuple) else y
    return y.reshape(-1, y.shape[-1])


@pytest.mark.parametrize(
    "kind",
    [
        *("minutes", "mixed", "last", "untimed", "ltc", "elegans"),
        *("stack", "loop", "sample"),
    ],
)
def test_the_steps_of_the_file_are_what_the_module_computes_on_a_sequence(kind, tmp_path):
    module = _module(kind)
    ranges = {"input_ranges": (-1, 1), "dt_range": (0.1, 0.5)}
    path = export_onnx(module, _INPUTS, tmp_path / "net.onnx", **ranges)
    assert not any("forward" in vars(part) for part in module.modules())
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (9, _INPUTS)).astype(np.float32)
    dt = rng.uniform(0.1, 0.5, (9, 1)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(path))
    known = {port.name: port.shape for port in session.get_inputs()}
    h, outputs = np.zeros(known["h"], np.float32), []
    for k in range(9):
        feed = {"x": x[k : k + 1], "h": h, "dt": dt[k : k + 1]}
        y, h = session.run(["y", "h_next"], {n: v for n, v in feed.items() if n in known})
        outputs.append(y[0])
    with torch.no_grad():
        wanted = _sequence(module, torch.tensor(x)[None], torch.tensor(dt).T).numpy()
    np.testing.assert_allclose(outputs[-len(wanted) :], wanted, atol=2e-6)


def test_a_module_around_a_circuit_is_exported_with_its_layers_names_and_units(tmp_path):
    named = {
        "input_names": ["heart_rate", "spo2", "temp"],
        "input_units": ["1/min", "%", "°C"],
        "input_ranges": [(30, 220), (50, 100), (30, 43)],
        "output_names": ["risk", "safe"],
        "time_unit": "h",
        "dt_range": (0.25, 8),
    }
    path = export_onnx(_module("elegans"), _INPUTS, tmp_path / "ward.onnx", **named)
    model = export(Request(path), tmp_path / "BUILD")
    assert [c.name for c in model.inputs] == named["input_names"]
    assert [c.name for c in model.outputs] == named["output_names"]
    assert model.states[-1].name == "motor[1]"
    assert model.dt.unit == "h"
    header = model_file(tmp_path / "BUILD", ".h").read_text()
    assert "heart_rate, 1/min" in header or "heart_rate" in header
    metadata = json.loads(onnx.load(path).metadata_props[0].value)
    assert [entry["unit"] for entry in metadata["inputs"]] == named["input_units"]
    assert metadata["dt"] == {"range": [0.25, 8.0], "unit": "h"}


class _Broken(nn.Module):
    def __init__(self, what):
        super().__init__()
        self.core, self.what = ncps.CfC(_INPUTS, 4), what

    def forward(self, x, timespans=None):
        y, _ = self.core(x, timespans=timespans)
        if self.what == "mean":
            return y.mean(dim=1)
        if self.what == "twice":
            return self.core(x, timespans=timespans)[0]
        if self.what == "text":
            return "y"
        raise ValueError("no such thing")


@pytest.mark.parametrize(
    ("what", "fact"),
    [
        ("mean", "computes on a sequence what single steps do not give"),
        ("twice", "is run twice for one sample"),
        ("text", "gives str, not its outputs"),
        ("fault", "does not run on x .*ValueError: no such thing"),
    ],
)
def test_a_module_whose_steps_are_not_what_it_computes_is_refused(what, fact, tmp_path):
    with pytest.raises(ElegansError, match=fact):
        export_onnx(_Broken(what), _INPUTS, tmp_path / "net.onnx")


def test_a_module_without_a_recurrent_network_is_refused(tmp_path):
    with pytest.raises(ElegansError, match="keeps no state"):
        export_onnx(nn.Linear(3, 2), 3, tmp_path / "net.onnx")


@pytest.mark.parametrize(
    ("arguments", "fact"),
    [
        ({"input_names": ["a", "b"]}, "2 input_names for 3 inputs"),
        ({"input_names": ["a", "b", "a"]}, "input 'a': is there twice"),
        ({"ranges_from": np.zeros((9, 4))}, r"its shape is \[9, 4\], not \[T, 3\]"),
        ({"ranges_from": np.zeros((9, 3)), "input_ranges": (0, 1)}, "input_ranges and ranges_from"),
        ({"input_units": ["m"]}, "1 input_units for 3 inputs"),
        ({"output_units": "m\n"}, "cannot be a unit"),
        ({"time_unit": "*/"}, "time_unit: .* cannot be a unit"),
        ({"input_ranges": [(0, 1)]}, "1 input_ranges for 3 inputs"),
    ],
)
def test_names_units_and_ranges_that_do_not_fit_are_refused(arguments, fact, tmp_path):
    with pytest.raises(ElegansError, match=fact):
        export_onnx(nn.GRUCell(3, 4), 3, tmp_path / "net.onnx", **arguments)
