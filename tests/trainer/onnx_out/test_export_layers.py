"""Layers, and models around them, as step graphs: what is exported is what ran over sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.hil_tests.session.session import hil
from elegans.trainer import CTRNN, GRU, LSTM, LTC, AutoNCP, CfC, export_onnx

INPUTS, STEPS = 3, 6
pytestmark = pytest.mark.slow


class Stack(nn.Module):
    """Two layers, one behind the other, and a map of the last output."""

    def __init__(self) -> None:
        super().__init__()
        self.first = CfC(INPUTS, 4, backbone_units=5)
        self.second = LTC(4, AutoNCP(6, 1), ode_unfolds=2)
        self.head = nn.Linear(1, 2)

    def forward(self, x: Any, timespans: Any = None) -> Any:
        """x [B, T, I] -> [B, O]."""
        y, _ = self.first(x, timespans=timespans)
        y, _ = self.second(y, timespans=timespans)
        return self.head(y[:, -1])


class Mean(Stack):
    """Its output depends on all of the sequence."""

    def forward(self, x: Any, timespans: Any = None) -> Any:
        """x [B, T, I] -> [B, O]."""
        return self.head(self.second(self.first(x)[0])[0].mean(1))


class Twice(Stack):
    """One of its layers runs twice."""

    def forward(self, x: Any, timespans: Any = None) -> Any:
        """x [B, T, I] -> [B, O]."""
        return self.head(self.second(self.first(x)[0] + self.first(x)[0])[0])


class Window(Stack):
    """Its layers read a sample that is not in x."""

    def forward(self, x: Any, timespans: Any = None) -> Any:
        """x [B, T, I] -> [B, O]."""
        return super().forward(torch.cat([x, x], dim=1))


class Needy(Stack):
    """It needs what an export does not know."""

    def forward(self, x: Any, label: Any) -> Any:
        """x [B, T, I] -> [B, O]."""
        return label * super().forward(x)


NETS = {
    "cfc": lambda: CfC(INPUTS, AutoNCP(7, 2), proj_size=1),
    "mixed": lambda: CfC(INPUTS, 3, mixed_memory=True, backbone_units=4),
    "ltc": lambda: LTC(INPUTS, AutoNCP(7, 2), ode_unfolds=2),
    "ctrnn": lambda: CTRNN(INPUTS, 3),
    "gru": lambda: GRU(INPUTS, 3),
    "lstm": lambda: LSTM(INPUTS, 3, proj_size=2, batch_first=False),
    "stack": Stack,
}


@pytest.mark.parametrize("name", NETS)
def test_the_steps_of_the_file_are_the_run_over_a_sequence(name: str, tmp_path: Any) -> None:
    torch.manual_seed(4)
    net = NETS[name]()
    path = export_onnx(
        net, INPUTS, tmp_path / f"{name}.onnx", input_ranges=(-1, 1), dt_range=(0.1, 1)
    )
    x, dt = torch.rand(1, STEPS, INPUTS) * 2 - 1, torch.rand(1, STEPS) + 0.1
    given = (x.transpose(0, 1), dt.t()) if name == "lstm" else (x, dt)
    result = net(given[0], timespans=given[1])
    y = result[0] if isinstance(result, tuple) else result
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    known = {port.name for port in session.get_inputs()}
    states = next(port.shape[1] for port in session.get_outputs() if port.name == "h_next")
    h, found = np.zeros((1, states), np.float32), None
    for k in range(STEPS):
        ports = {"x": x[:, k].numpy(), "h": h, "dt": dt[:, k : k + 1].numpy()}
        found, h = session.run(["y", "h_next"], {n: v for n, v in ports.items() if n in known})
    np.testing.assert_allclose(found[0], y.detach().reshape(-1, found.shape[1])[-1], atol=2e-6)


@pytest.mark.parametrize("name", ["mixed", "stack"])
def test_the_board_computes_the_bits_of_the_reference(name: str, tmp_path: Any) -> None:
    torch.manual_seed(4)
    path = export_onnx(
        NETS[name](), INPUTS, tmp_path / f"{name}.onnx", input_ranges=(-1, 1), dt_range=(0.1, 1)
    )
    model = export(Request(path), tmp_path / "BUILD")
    assert len(model.states) == {"mixed": 6, "stack": 10}[name]
    verdict = hil(tmp_path / "BUILD", "mps2-an386")
    assert verdict.integers > 1000
    assert not verdict.mismatches


@pytest.mark.parametrize(
    ("net", "fact"),
    [
        (Mean, "computes on a sequence what single steps do not give"),
        (Twice, "is run twice for one sample"),
        (Window, r"does not run on x \[1, 1, 3\]"),
        (Needy, "no next state"),
    ],
)
def test_a_model_that_has_no_step_is_refused(net: Any, fact: str, tmp_path: Any) -> None:
    with pytest.raises(ElegansError, match=fact):
        export_onnx(net(), INPUTS, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())
