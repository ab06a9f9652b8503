"""Closed-form continuous-time (CfC) cells: one step of a liquid network.

A cell moves its state h by an elapsed time dt in closed form instead of integrating a
differential equation (Hasani et al., 2022). From z = [x, h], or a backbone of it:

    f = tanh(ff1 z)    g = tanh(ff2 z)    t = sigmoid((time_a z) * dt + time_b z)
    default:  h' = (1 - t) f + t g          no_gate:  h' = f + t g
    pure:     h' = A - A exp(-dt (|w_tau| + |ff1 z|)) (ff1 z)

Parameters carry ncps' names and meaning, so a state_dict of `ncps.torch` loads as it is.
Like there, a circuit's wiring masks ff1 and ff2 where they read the layer before; each
layer's own recurrence and both time maps are dense.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from elegans.exporter.errors import ElegansError
from elegans.trainer.wiring.ncp import Polarity, Wiring

MODES = ("default", "no_gate", "pure")


class LecunTanh(nn.Module):
    """1.7159 tanh(0.666 x): unit variance in, unit variance out."""

    def forward(self, x: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(0.666 * x)


ACTIVATIONS: dict[str, type[nn.Module]] = {
    "lecun_tanh": LecunTanh,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
}


class CfCCell(nn.Module):
    """One layer of CfC neurons.

    `synapses` [inputs, neurons] keeps ff1 and ff2 to the circuit's own connections; None
    is all to all. A backbone of `backbone_layers` > 0 layers of `backbone_units` stands
    between [x, h] and the maps.
    """

    sparsity_mask: Tensor | None

    def __init__(
        self,
        input_size: int,
        units: int,
        mode: str = "default",
        *,
        synapses: Polarity | None = None,
        backbone_units: int = 128,
        backbone_layers: int = 0,
        activation: str = "lecun_tanh",
    ) -> None:
        super().__init__()
        if mode not in MODES:
            raise ElegansError("CfC cell", f"no mode {mode!r}", f"choose from {', '.join(MODES)}")
        if activation not in ACTIVATIONS:
            raise ElegansError(
                "CfC cell", f"no activation {activation!r}", f"choose from {', '.join(ACTIVATIONS)}"
            )
        self.input_size, self.units, self.mode = input_size, units, mode
        self.state_size = self.output_size = units
        width = input_size + units
        self.backbone: nn.Sequential | None = None
        if backbone_layers > 0:
            layers: list[nn.Module] = []
            for _ in range(backbone_layers):
                layers += [nn.Linear(width, backbone_units), ACTIVATIONS[activation]()]
                width = backbone_units
            self.backbone = nn.Sequential(*layers)
        self.ff1 = nn.Linear(width, units)
        if mode == "pure":
            self.w_tau = nn.Parameter(torch.zeros(1, units))
            self.A = nn.Parameter(torch.ones(1, units))
        else:
            self.ff2 = nn.Linear(width, units)
            self.time_a = nn.Linear(width, units)
            self.time_b = nn.Linear(width, units)
        mask = None
        if synapses is not None:
            recurrent = np.ones((units, units), np.int32)
            present = np.abs(np.concatenate([synapses, recurrent])).T
            mask = torch.from_numpy(np.ascontiguousarray(present, dtype=np.float32))
        self.register_buffer("sparsity_mask", mask)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.xavier_uniform_(parameter)

    def masked(self, linear: nn.Linear) -> Tensor:
        """The weight of ff1 or ff2 with absent synapses at exactly zero."""
        mask = self.sparsity_mask
        return linear.weight if mask is None else linear.weight * mask

    def fused(self) -> tuple[Tensor, Tensor]:
        """The four maps f, g, time_a, time_b as one: weight [4 H, width], bias [4 H]."""
        weights = [self.masked(self.ff1), self.masked(self.ff2)]
        weights += [self.time_a.weight, self.time_b.weight]
        biases: list[Tensor] = [self.ff1.bias, self.ff2.bias, self.time_a.bias, self.time_b.bias]
        return torch.cat(weights), torch.cat(biases)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        """x [B, I], h [B, H], dt [B, 1] in the unit it was trained in -> next h [B, H]."""
        z = torch.cat([x, h], dim=1)
        if self.backbone is not None:
            z = self.backbone(z)
        f = functional.linear(z, self.masked(self.ff1), self.ff1.bias)
        if self.mode == "pure":
            return self.A - self.A * torch.exp(-dt * (self.w_tau.abs() + f.abs())) * f
        g = functional.linear(z, self.masked(self.ff2), self.ff2.bias)
        t = torch.sigmoid(self.time_a(z) * dt + self.time_b(z))
        return blend(torch.tanh(f), torch.tanh(g), t, self.mode)

    def output(self, h: Tensor) -> Tensor:
        """All neurons."""
        return h


class WiredCfCCell(nn.Module):
    """A circuit: one CfC layer after another, each reading the one before it."""

    def __init__(self, wiring: Wiring, mode: str = "default") -> None:
        super().__init__()
        self.wiring_layers = wiring.layers
        self.sizes = [size for _, size in wiring.layers]
        self.input_size, self.state_size = wiring.inputs, wiring.neurons
        self.output_size = self.sizes[-1]
        _check_layers(wiring)
        for index, size in enumerate(self.sizes):
            synapses = wiring.feed_forward(index)
            cell = CfCCell(synapses.shape[0], size, mode, synapses=synapses)
            self.add_module(f"layer_{index}", cell)

    @property
    def layers(self) -> list[CfCCell]:
        return [cell for cell in self.children() if isinstance(cell, CfCCell)]

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        """x [B, I], h [B, H] of all layers in order, dt [B, 1] -> next h [B, H]."""
        states = []
        for cell, state in zip(self.layers, torch.split(h, self.sizes, dim=1), strict=True):
            x = cell(x, state, dt)
            states.append(x)
        return torch.cat(states, dim=1)

    def output(self, h: Tensor) -> Tensor:
        """The neurons of the last layer, [B, O]."""
        return h[:, self.state_size - self.output_size :]


def _check_layers(wiring: Wiring) -> None:
    """A CfC layer reads the layer before it and, densely, itself: no other synapses."""
    spans = wiring.spans
    for target, rows in enumerate(spans):
        sensed = wiring.sensory[:, rows].any() and target > 0
        sources = [s for s, columns in enumerate(spans) if wiring.adjacency[columns, rows].any()]
        if sensed or set(sources) - {target - 1, target}:
            raise ElegansError(
                "CfC circuit",
                f"layer {target} is fed by {'the sensors' if sensed else f'layers {sources}'}",
                "a CfC feeds forward, layer by layer; an LTC takes any wiring",
            )


def blend(f: Tensor, g: Tensor, t: Tensor, mode: str) -> Tensor:
    """The next state between its two heads f and g, by the gate t in [0, 1]."""
    return f + t * g if mode == "no_gate" else f * (1.0 - t) + t * g
