"""A CfC circuit whose inputs, elapsed time and outputs have physical units.

Inputs are centred and scaled on the way in, elapsed time is divided by a typical step, and
motor neurons are scaled into the actuator's unit on the way out. All three are linear maps,
so `ScaledCircuit.folded` multiplies them into the neighbouring weights: the exported network
takes physical values and has no extra operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.trainer.cells.cfc import CfCCell, WiredCfCCell, blend
from elegans.trainer.kernels.sequence import in_torch
from elegans.trainer.networks.layers import CfC
from elegans.trainer.wiring.ncp import NCP


@dataclass(frozen=True)
class Scales:
    """The physical units of a circuit."""

    centre: Sequence[float]
    """[I]: the mean of each input, in its unit."""
    spread: Sequence[float]
    """[I]: the standard deviation of each input, in its unit; above zero."""
    dt_unit: float
    """A typical elapsed time, s."""
    gain: Sequence[float]
    """[O]: the physical value of each output when its motor neuron is 1."""


class ScaledCircuit(nn.Module):
    """An NCP circuit of CfC neurons with physical units.

    plan    the neurons and how many synapses they get; its motor neurons are the outputs
    scales  of the I inputs, of the elapsed time, and of the O outputs
    mode    `default` or `no_gate`

    Raises ElegansError for another mode, or scales that do not fit the plan.
    """

    centre: Tensor
    spread: Tensor
    gain: Tensor

    def __init__(self, plan: NCP, scales: Scales, mode: str = "default") -> None:
        super().__init__()
        if mode not in ("default", "no_gate"):
            raise ElegansError(
                "circuit",
                f"the scales of mode {mode!r} cannot be folded into its weights",
                "use default or no_gate",
            )
        inputs = len(scales.centre)
        if inputs != len(scales.spread) or len(scales.gain) != plan.motor_neurons:
            raise ElegansError(
                "circuit",
                f"{inputs} centres, {len(scales.spread)} spreads and {len(scales.gain)} gains",
                "give one centre and one spread for each input, and "
                f"{plan.motor_neurons} gains, one for each motor neuron",
            )
        self.wiring = plan.build(inputs)
        self.cfc = CfC(inputs, self.wiring, mode=mode)
        self.mode, self.dt_unit = mode, scales.dt_unit
        self.register_buffer("centre", torch.tensor(scales.centre, dtype=torch.float32))
        self.register_buffer("spread", torch.tensor(scales.spread, dtype=torch.float32))
        self.register_buffer("gain", torch.tensor(scales.gain, dtype=torch.float32))

    def forward(self, x: Tensor, dt: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Physical x [B, T, I] and dt [B, T] -> physical y [B, T, O], last state h [B, H].

        h0 [B, H] is the first state (default: 0).
        """
        with in_torch():  # a seed trains the same bits where no compiler is
            y, h = self.cfc((x - self.centre) / self.spread, h0, dt / self.dt_unit)
        return y * self.gain, h

    def folded(self) -> FoldedStep:
        """One step of the same network, with the scales multiplied into its weights."""
        return FoldedStep(self)


class FoldedStep(nn.Module):
    """One step of a `ScaledCircuit` on physical values; its weights are constants.

    The weights of absent synapses are exactly zero.
    """

    def __init__(self, circuit: ScaledCircuit) -> None:
        super().__init__()
        self.sizes = [size for _, size in circuit.wiring.layers]
        cells = cast(WiredCfCCell, circuit.cfc.rnn_cell).layers
        for index, (name, _) in enumerate(circuit.wiring.layers):
            scale = (circuit.centre, circuit.spread) if index == 0 else None
            self.add_module(name, _FoldedCell(cells[index], scale, circuit.dt_unit))
        self.readout: nn.Linear | None = None
        if not torch.equal(circuit.gain, torch.ones_like(circuit.gain)):
            self.readout = _constant_linear(torch.diag(circuit.gain), None)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        """x [B, I], h [B, H], dt [B, 1], all physical -> y [B, O], next h [B, H]."""
        states = []
        cells = (cell for cell in self.children() if isinstance(cell, _FoldedCell))
        for cell, state in zip(cells, torch.split(h, self.sizes, dim=1), strict=True):
            x = cell(x, state, dt)
            states.append(x)
        return x if self.readout is None else self.readout(x), torch.cat(states, dim=1)


class _FoldedCell(nn.Module):
    """A CfC layer that reads physical values.

    With W = [W_x, W_h], W_x ((x - centre) / spread) + b = (W_x / spread) x + b', where
    b' = b - (W_x / spread) centre; and time_a, which multiplies dt / dt_unit, is divided by
    dt_unit. Computed in float64, stored in float32.
    """

    def __init__(self, cell: CfCCell, scale: tuple[Tensor, Tensor] | None, dt_unit: float) -> None:
        super().__init__()
        self.mode = cell.mode

        def folded(weight: Tensor, bias: Tensor, unit: float = 1.0) -> nn.Linear:
            weight, bias = weight.detach().double(), bias.detach().double()
            if scale is not None:
                centre, spread = (value.double() for value in scale)
                scaled = weight[:, : cell.input_size] / spread
                bias = bias - scaled @ centre
                weight = torch.cat([scaled, weight[:, cell.input_size :]], dim=1)
            return _constant_linear(weight / unit, bias / unit)

        self.ff1 = folded(cell.masked_weight(cell.ff1), cell.ff1.bias)
        self.ff2 = folded(cell.masked_weight(cell.ff2), cell.ff2.bias)
        self.time_a = folded(cell.time_a.weight, cell.time_a.bias, dt_unit)
        self.time_b = folded(cell.time_b.weight, cell.time_b.bias)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        """x [B, I], h [B, H], dt [B, 1], all physical -> next h [B, H]."""
        z = torch.cat([x, h], dim=1)
        t = torch.sigmoid(self.time_a(z) * dt + self.time_b(z))
        return blend(torch.tanh(self.ff1(z)), torch.tanh(self.ff2(z)), t, self.mode)


def _constant_linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    """A linear map [out, in] that is not trained."""
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    with torch.no_grad():
        linear.weight.copy_(weight + 0.0)  # makes -0.0, an absent synapse, +0.0
        if bias is not None:
            linear.bias.copy_(bias)
    return linear.requires_grad_(False)
