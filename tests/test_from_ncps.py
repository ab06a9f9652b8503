"""Networks straight out of ncps, through either of torch's exporters."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from elegans.exporter.accuracy import against_float
from elegans.exporter.export import Request, export

ncps = pytest.importorskip("ncps.torch", reason="ncps is not installed (pip install ncps)")

_INPUTS = 8


class _Step(torch.nn.Module):
    """One step of an ncps network, as a user would write it."""

    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x, h, dt):
        y, h_next = self.net.rnn_cell(x, h, dt)
        return (self.net.fc(y) if hasattr(self.net, "fc") else y), h_next


def _network(kind):
    torch.manual_seed(302)
    if kind == "wired":
        return ncps.CfC(_INPUTS, ncps_wiring().AutoNCP(19, 1)), 19
    if kind == "backbone":
        return ncps.CfC(_INPUTS, 12, backbone_units=16, backbone_layers=2), 12
    return ncps.CfC(_INPUTS, 9, mode="no_gate", backbone_layers=0, proj_size=2), 9


def ncps_wiring():
    import ncps.wirings

    return ncps.wirings


def _onnx(net, neurons, dynamo, path):
    example = (torch.zeros(1, _INPUTS), torch.zeros(1, neurons), torch.ones(1, 1))
    options = {"external_data": False} if dynamo else {"opset_version": 17}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Step(net).eval(),
            example,
            str(path),
            input_names=["x", "h", "dt"],
            output_names=["y", "h_next"],
            dynamo=dynamo,
            **options,
        )
    return path


@pytest.mark.parametrize("kind", ["wired", "backbone", "no_gate"])
def test_ncps_networks_come_in_through_both_exporters(tmp_path, kind):
    net, neurons = _network(kind)
    models = []
    for dynamo in (True, False):
        source = _onnx(net, neurons, dynamo, tmp_path / f"net_{dynamo}.onnx")
        request = Request(source, "net", ((-2.0, 2.0),), (0.01, 1.0))
        models.append(export(request, tmp_path / f"BUILD_{dynamo}"))
    assert models[0].digest == models[1].digest

    rng = np.random.default_rng(0)
    x = rng.integers(
        [c.lo for c in models[0].inputs], [c.hi for c in models[0].inputs], (1, 500, 8)
    )
    dt = rng.integers(models[0].dt.lo, models[0].dt.hi, (1, 500))
    found = against_float(tmp_path / "net_True.onnx", models[0], x, dt, None)
    assert found.worst <= 1e-3
