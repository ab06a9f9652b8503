"""A network in the units of the world: sensors in, actuators out, a CfC circuit between.

Sensor values are centred and scaled on the way in, elapsed time is counted in typical
steps, and motor neurons are scaled into the actuator's unit on the way out. All three
are plain linear maps, so `Circuit.folded` hides them in the neighbouring weights and the
deployed network takes raw physical values at no cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from elegans.exporter.errors import ElegansError
from elegans.trainer.cells.cfc import CfCCell, WiredCfCCell, blend
from elegans.trainer.networks.cfc_sequence import CfC
from elegans.trainer.wiring.ncp import NCP


class Circuit(nn.Module):
    """An NCP circuit of CfC neurons with its scales.

    `centre` and `spread` are each input's middle and typical deviation, `dt_unit` a
    typical elapsed time, `gain` what one unit of each motor neuron means. Modes are
    `default` and `no_gate`.
    """

    centre: Tensor
    spread: Tensor
    gain: Tensor

    def __init__(
        self,
        plan: NCP,
        *,
        centre: Sequence[float],
        spread: Sequence[float],
        dt_unit: float,
        gain: Sequence[float],
        mode: str = "default",
    ) -> None:
        super().__init__()
        if mode not in ("default", "no_gate"):
            raise ElegansError(
                "circuit", f"mode {mode!r} cannot be deployed", "use default or no_gate"
            )
        if len(centre) != len(spread) or len(gain) != plan.motor_neurons:
            raise ElegansError(
                "circuit",
                f"{len(centre)} centres, {len(spread)} spreads and {len(gain)} gains",
                f"give one centre and spread an input, and {plan.motor_neurons} gains",
            )
        self.wiring = plan.build(len(centre))
        self.cfc = CfC(len(centre), self.wiring, mode)
        self.mode, self.dt_unit = mode, dt_unit
        self.register_buffer("centre", torch.tensor(centre, dtype=torch.float32))
        self.register_buffer("spread", torch.tensor(spread, dtype=torch.float32))
        self.register_buffer("gain", torch.tensor(gain, dtype=torch.float32))

    def forward(self, x: Tensor, dt: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Physical x [B, T, I] and dt [B, T] -> physical y [B, T, O] and last h [B, H]."""
        y, h = self.cfc((x - self.centre) / self.spread, dt / self.dt_unit, h0)
        return y * self.gain, h

    def folded(self) -> Step:
        """One step of the same network with scales and absent synapses in its weights."""
        return Step(self)


class Step(nn.Module):
    """x [1, I], h [1, H], dt [1, 1], all physical -> y [1, O], next h [1, H]."""

    def __init__(self, circuit: Circuit) -> None:
        super().__init__()
        self.sizes = [size for _, size in circuit.wiring.layers]
        cells = cast(WiredCfCCell, circuit.cfc.rnn_cell).layers
        for index, (name, _) in enumerate(circuit.wiring.layers):
            sensed = (circuit.centre, circuit.spread) if index == 0 else None
            self.add_module(name, _FoldedCell(cells[index], sensed, circuit.dt_unit))
        self.readout: nn.Linear | None = None
        if not torch.equal(circuit.gain, torch.ones_like(circuit.gain)):
            self.readout = _linear(torch.diag(circuit.gain), None)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        states = []
        cells = (cell for cell in self.children() if isinstance(cell, _FoldedCell))
        for cell, state in zip(cells, torch.split(h, self.sizes, dim=1), strict=True):
            x = cell(x, state, dt)
            states.append(x)
        return x if self.readout is None else self.readout(x), torch.cat(states, dim=1)


class _FoldedCell(nn.Module):
    """A CfC layer whose four maps need nothing done to their inputs beforehand."""

    def __init__(self, cell: CfCCell, sensed: tuple[Tensor, Tensor] | None, dt_unit: float) -> None:
        super().__init__()
        self.mode = cell.mode

        def folded(weight: Tensor, bias: Tensor, unit: float = 1.0) -> nn.Linear:
            weight, bias = weight.detach().double(), bias.detach().double()
            if sensed is not None:
                centre, spread = (value.double() for value in sensed)
                own = weight[:, : cell.input_size] / spread
                bias = bias - own @ centre
                weight = torch.cat([own, weight[:, cell.input_size :]], dim=1)
            return _linear(weight / unit, bias / unit)

        self.ff1 = folded(cell.masked(cell.ff1), cell.ff1.bias)
        self.ff2 = folded(cell.masked(cell.ff2), cell.ff2.bias)
        self.time_a = folded(cell.time_a.weight, cell.time_a.bias, dt_unit)
        self.time_b = folded(cell.time_b.weight, cell.time_b.bias)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        z = torch.cat([x, h], dim=1)
        t = torch.sigmoid(self.time_a(z) * dt + self.time_b(z))
        return blend(torch.tanh(self.ff1(z)), torch.tanh(self.ff2(z)), t, self.mode)


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    with torch.no_grad():
        linear.weight.copy_(weight + 0.0)  # an absent synapse is +0.0, not -0.0
        if bias is not None:
            linear.bias.copy_(bias)
    return linear.requires_grad_(False)
