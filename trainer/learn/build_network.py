"""The one place where cells and networks are chosen: settings -> a network over sequences.

What it returns has `forward(x [B, T, I], dt [B, T]) -> (y [B, T, O], h)`, `step(x, h, dt)` of one
step for the export, and `state_size`. A faster layer with this interface slots in here.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.trainer.cells.cfc import CfCCell, WiredCfCCell
from elegans.trainer.cells.ctrnn import CTRNNCell
from elegans.trainer.cells.gru_lstm_mlp import GRUCell, LSTMCell, MLPCell
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.data.normalise import Normalisation
from elegans.trainer.learn.train_settings import TrainSettings
from elegans.trainer.networks.recurrent import Recurrent
from elegans.trainer.wiring.ncp import NCP, AutoNCP, Wiring
from elegans.trainer.wiring.unlayered import fully_connected

_MLP_SAMPLES = 8
"""The samples that an MLP reads, the present one included."""


def build_network(settings: TrainSettings, inputs: int, outputs: int) -> tuple[Any, Wiring | None]:
    """A network of `inputs` normalised inputs and `outputs` outputs, and its wiring if a circuit.

    The outputs of a circuit are its motor neurons; others have a linear map behind them. Raises
    ElegansError for a circuit with too few neurons for its outputs.
    """
    if not settings.wired:
        return _dense(settings, inputs, outputs), None
    wiring = _plan(settings, outputs).build(inputs)
    if settings.cell == "cfc":
        return Recurrent(WiredCfCCell(wiring)), wiring
    return Recurrent(LTCCell(wiring, softplus=True)), wiring


def _dense(settings: TrainSettings, inputs: int, outputs: int) -> Recurrent:
    units, cell = settings.neurons, settings.cell
    if cell == "cfc":
        return Recurrent(CfCCell(inputs, units), projection=outputs)
    if cell == "ltc":
        ltc = LTCCell(fully_connected(inputs, units), softplus=True)
        return Recurrent(ltc, projection=outputs)
    if cell == "mlp":
        return Recurrent(MLPCell(inputs, _MLP_SAMPLES, (units,), outputs))
    kinds = {"ctrnn": CTRNNCell, "gru": GRUCell, "lstm": LSTMCell}
    return Recurrent(kinds[cell](inputs, units), projection=outputs)


def _plan(settings: TrainSettings, outputs: int) -> NCP:
    if settings.neurons < outputs + 3:
        raise ElegansError(
            "--neurons",
            f"{settings.neurons} are too few for a circuit with {outputs} motor neurons",
            f"give at least {outputs + 3}, or --wiring dense",
        )
    return AutoNCP(settings.neurons, outputs, settings.sparsity or 0.5)


class GruBaseline(nn.Module):
    """A GRU of `units` units, torch's own, with elapsed time as one more input; not exported."""

    def __init__(self, inputs: int, units: int, outputs: int) -> None:
        super().__init__()
        self.gru = nn.GRU(inputs + 1, units, batch_first=True)
        self.readout = nn.Linear(units, outputs)

    def forward(self, x: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        """x [B, T, I], dt [B, T] -> y [B, T, O], last h [1, B, H]."""
        hidden, h = self.gru(torch.cat([x, dt.unsqueeze(-1)], dim=2))
        return self.readout(hidden), h


class PhysicalNetwork(nn.Module):
    """A network with the units of its inputs, elapsed time and outputs.

    All are constants of the exported graph; `elegans export` multiplies them into the weights,
    because they are affine maps beside other ones. `wiring` is that of a circuit, or None.
    """

    centre: Tensor
    spread: Tensor
    gain: Tensor
    offset: Tensor

    def __init__(self, net: Any, units: Normalisation, wiring: Wiring | None = None) -> None:
        super().__init__()
        self.net, self.period, self.wiring = net, units.period, wiring
        self.state_size = int(getattr(net, "state_size", 0))
        for name in ("centre", "spread", "gain", "offset"):
            value = torch.tensor(getattr(units, name), dtype=torch.float32)
            self.register_buffer(name, value)

    def scores(self, x: Tensor, dt: Tensor) -> Tensor:
        """Physical x [B, T, J] and dt [B, T], s -> the network's own outputs [B, T, O]."""
        y: Tensor = self.net((x - self.centre) / self.spread, dt / self.period)[0]
        return y

    def forward(self, x: Tensor, dt: Tensor) -> Tensor:
        """Physical x [B, T, J] and dt [B, T], s -> physical y [B, T, O]."""
        return self.scores(x, dt) * self.gain + self.offset

    def step(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        """One step: physical x [B, J], h [B, H], dt [B, 1], s -> physical y [B, O], next h."""
        y, h_next = self.net.step((x - self.centre) / self.spread, h, dt / self.period)
        return y * self.gain + self.offset, h_next
