"""The one place where cells and networks are chosen: settings -> a network over sequences.

What it returns is a `SequenceLayer`: compiled where a kernel is, or torch's own GRU or LSTM.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from elegans.exporter.errors import WrongUseError
from elegans.trainer.cells.cfc import CfCCell, WiredCfCCell
from elegans.trainer.cells.ctrnn import CTRNNCell
from elegans.trainer.cells.gru_lstm_mlp import MLPCell
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.data.normalise import Normalisation
from elegans.trainer.learn.train_settings import TrainSettings
from elegans.trainer.networks.layers import GRU, LSTM
from elegans.trainer.networks.sequence_layer import SequenceLayer, State
from elegans.trainer.wiring.ncp import NCP, AutoNCP, Wiring
from elegans.trainer.wiring.unlayered import fully_connected

_MLP_SAMPLES = 8
"""The samples that an MLP reads, the present one included."""


def build_network(
    settings: TrainSettings, inputs: int, outputs: int
) -> tuple[SequenceLayer, Wiring | None]:
    """A network of `inputs` normalised inputs and `outputs` outputs, and its wiring if a circuit.

    The outputs of a circuit are its motor neurons; others have a linear map behind them. Raises
    WrongUseError for a circuit with too few neurons for its outputs.
    """
    if not settings.wired:
        return _dense(settings, inputs, outputs), None
    wiring = _plan(settings, outputs).build(inputs)
    if settings.cell == "cfc":
        return SequenceLayer(WiredCfCCell(wiring)), wiring
    return SequenceLayer(LTCCell(wiring, softplus=True)), wiring


def _dense(settings: TrainSettings, inputs: int, outputs: int) -> SequenceLayer:
    units, cell = settings.neurons, settings.cell
    if cell == "gru":
        return GRU(inputs, units, outputs)
    if cell == "lstm":
        return LSTM(inputs, units, outputs)
    if cell == "mlp":
        return SequenceLayer(MLPCell(inputs, _MLP_SAMPLES, (units,), outputs))
    if cell == "ltc":
        ltc = LTCCell(fully_connected(inputs, units), softplus=True)
        return SequenceLayer(ltc, proj_size=outputs)
    kind = CfCCell if cell == "cfc" else CTRNNCell
    return SequenceLayer(kind(inputs, units), proj_size=outputs)


def _plan(settings: TrainSettings, outputs: int) -> NCP:
    if settings.neurons < outputs + 3:
        raise WrongUseError(
            "--neurons",
            f"{settings.neurons} are too few for a circuit with {outputs} motor neurons",
            f"give at least {outputs + 3}, or --wiring dense",
        )
    return AutoNCP(settings.neurons, outputs, settings.sparsity or 0.5)


class GruBaseline(GRU):
    """A GRU of `units` units, torch's own, with elapsed time as one more input; not exported."""

    def __init__(self, inputs: int, units: int, outputs: int) -> None:
        super().__init__(inputs + 1, units, outputs)

    def forward(self, input: Any, hx: Any = None, timespans: Any = None, **more: Any) -> Any:
        """As any layer's, with timespans [B, T]."""
        return super().forward(torch.cat([input, timespans.unsqueeze(-1)], dim=2), hx, **more)


class PhysicalNetwork(nn.Module):
    """A network with the units of its inputs, elapsed time and outputs.

    All are constants of the exported graph; `elegans export` multiplies them into the weights,
    because they are affine maps beside other ones. `wiring` is that of a circuit, or None.
    """

    net: SequenceLayer
    centre: Tensor
    spread: Tensor
    gain: Tensor
    offset: Tensor

    def __init__(
        self, net: SequenceLayer, units: Normalisation, wiring: Wiring | None = None
    ) -> None:
        super().__init__()
        self.net, self.period, self.wiring = net, units.period, wiring
        self.state_size = net.carried_size
        for name in ("centre", "spread", "gain", "offset"):
            value = torch.tensor(getattr(units, name), dtype=torch.float32)
            self.register_buffer(name, value)

    def run(
        self, x: Tensor, dt: Tensor, state: State | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Physical x [B, T, J] and dt [B, T], s -> the network's own outputs [B, T, O], the state
        behind each sequence, whose lengths may be less than T [B]."""
        normal = (x - self.centre) / self.spread
        found: tuple[Tensor, State] = self.net(normal, state, dt / self.period, lengths=lengths)
        return found

    def scores(self, x: Tensor, dt: Tensor) -> Tensor:
        """The outputs of `run` from rest."""
        return self.run(x, dt)[0]

    def forward(self, x: Tensor, dt: Tensor) -> Tensor:
        """Physical x [B, T, J] and dt [B, T], s -> physical y [B, T, O]."""
        return self.scores(x, dt) * self.gain + self.offset

    def step(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        """One step: physical x [B, J], h [B, H], dt [B, 1], s -> physical y [B, O], next h."""
        y, h_next = self.net.step((x - self.centre) / self.spread, h, dt / self.period)
        return y * self.gain + self.offset, h_next
