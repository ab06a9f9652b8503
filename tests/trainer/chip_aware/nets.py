"""Small networks of several cells, and how their users would export them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from elegans.trainer import export_onnx
from elegans.trainer.cells.cfc import CfCCell, WiredCfCCell
from elegans.trainer.cells.gru_lstm_mlp import GRUCell, LSTMCell
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.wiring.ncp import AutoNCP

INPUTS = 3

NETS = {
    "CfC, wired": lambda: Recurrent(WiredCfCCell(AutoNCP(8, 2).build(INPUTS))),
    "CfC, dense": lambda: Recurrent(CfCCell(INPUTS, 6), projection=2),
    "LTC": lambda: Recurrent(LTCCell(AutoNCP(7, 2, sparsity_level=0.2).build(INPUTS), unfolds=2)),
    "GRU": lambda: Recurrent(GRUCell(INPUTS, 6), projection=2),
    "LSTM": lambda: Recurrent(LSTMCell(INPUTS, 4), projection=2),
}


def made(name: str) -> Recurrent:
    """A network with random weights, the same on every call."""
    torch.manual_seed(302)
    return NETS[name]()


def write(network: nn.Module, path: Path) -> None:
    """Export as a user does."""
    export_onnx(network, INPUTS, path, input_ranges=(-2.0, 2.0), dt_range=(0.01, 1.0))


def moved(network: nn.Module, by: float = 0.03) -> None:
    """Change every parameter, as an update does."""
    with torch.no_grad():
        for parameter in (p for p in network.parameters() if p.requires_grad):
            parameter.add_(by * torch.rand_like(parameter))


def batch(size: int = 4, steps: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs beyond the ends of their range, and elapsed times within theirs."""
    random = torch.Generator().manual_seed(7)
    x = torch.rand(size, steps, INPUTS, generator=random) * 5 - 2.5
    return x, torch.rand(size, steps, generator=random) * 0.9 + 0.05
