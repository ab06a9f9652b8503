"""Closed-form continuous-time (CfC) cells: one step of a liquid network.

A cell moves its state h by an elapsed time dt in closed form instead of integrating a
differential equation (Hasani et al. 2022). With z = [x, h], or a backbone of it:

    f = tanh(ff1 z)    g = tanh(ff2 z)    t = sigmoid((time_a z) * dt + time_b z)
    default:  h' = (1 - t) f + t g          no_gate:  h' = f + t g
    pure:     h' = A - A exp(-dt (|w_tau| + |ff1 z|)) (ff1 z)

Parameters have ncps' names and meaning, so a state_dict of `ncps.torch` loads unchanged. As
in ncps, a circuit's wiring masks ff1 and ff2 where they read the layer before; each layer's
own recurrence and both time maps are dense.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from elegans.exporter.errors import ElegansError
from elegans.trainer.kernels.sequence import CompiledCell, flattened
from elegans.trainer.wiring.ncp import Polarity, Wiring

MODES = ("default", "no_gate", "pure")
# As kernels/cfc.c numbers the activations, and limits the layers.
_COMPILED_ACTIVATIONS = ("lecun_tanh", "tanh", "relu", "silu", "gelu")
_MOST_LAYERS = 64


class LecunTanh(nn.Module):
    """1.7159 tanh(0.666 x): maps unit variance to about unit variance (LeCun et al. 1998)."""

    def forward(self, x: Tensor) -> Tensor:
        """Element by element."""
        return 1.7159 * torch.tanh(0.666 * x)


ACTIVATIONS: dict[str, type[nn.Module]] = {
    "lecun_tanh": LecunTanh,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
}


@dataclass(frozen=True)
class Backbone:
    """Dense layers between [x, h] and the maps of a CfC cell.

    Raises ElegansError for an activation that is not in `ACTIVATIONS`.
    """

    units: int = 128
    """Width of each layer."""
    layers: int = 1
    """Number of layers; 0 is no backbone."""
    activation: str = "lecun_tanh"
    dropout: float = 0.0
    """While training, the share of values that is set to 0 behind each layer but the first."""

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise ElegansError(
                "CfC backbone",
                f"no activation {self.activation!r}",
                f"choose from {', '.join(ACTIVATIONS)}",
            )


class CfCCell(nn.Module):
    """One layer of CfC neurons.

    input_size  I
    units       H, the number of neurons and of states
    mode        one of `MODES`
    synapses    [I, H], the wiring's polarities: ff1 and ff2 read an input only where there is
                a synapse; None connects all to all
    backbone    layers between [x, h] and the maps; None for none

    Raises ElegansError for an unknown mode.
    """

    sparsity_mask: Tensor | None

    def __init__(
        self,
        input_size: int,
        units: int,
        mode: str = "default",
        *,
        synapses: Polarity | None = None,
        backbone: Backbone | None = None,
    ) -> None:
        super().__init__()
        if mode not in MODES:
            raise ElegansError("CfC cell", f"no mode {mode!r}", f"choose from {', '.join(MODES)}")
        self.input_size, self.units, self.mode = input_size, units, mode
        self.state_size = self.output_size = units
        self.activation = backbone.activation if backbone is not None else "lecun_tanh"
        width = input_size + units
        self.backbone: nn.Sequential | None = None
        if backbone is not None and backbone.layers > 0:
            layers: list[nn.Module] = []
            for index in range(backbone.layers):
                layers += [nn.Linear(width, backbone.units), ACTIVATIONS[backbone.activation]()]
                if backbone.dropout > 0.0 and index > 0:  # where ncps has them
                    layers.append(nn.Dropout(backbone.dropout))
                width = backbone.units
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

    def masked_weight(self, linear: nn.Linear) -> Tensor:
        """The weight [H, I + H] of ff1 or ff2, exactly zero where there is no synapse."""
        mask = self.sparsity_mask
        return linear.weight if mask is None else linear.weight * mask

    def stacked_maps(self) -> tuple[Tensor, Tensor]:
        """ff1, ff2, time_a and time_b as one map: weight [4 H, I + H], bias [4 H]."""
        weights = [self.masked_weight(self.ff1), self.masked_weight(self.ff2)]
        weights += [self.time_a.weight, self.time_b.weight]
        biases: list[Tensor] = [self.ff1.bias, self.ff2.bias, self.time_a.bias, self.time_b.bias]
        return torch.cat(weights), torch.cat(biases)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        """x [B, I], h [B, H], dt [B, 1] in the unit used in training -> next h [B, H]."""
        z = torch.cat([x, h], dim=1)
        if self.backbone is not None:
            z = self.backbone(z)
        f = functional.linear(z, self.masked_weight(self.ff1), self.ff1.bias)
        if self.mode == "pure":
            return self.A - self.A * torch.exp(-dt * (self.w_tau.abs() + f.abs())) * f
        g = functional.linear(z, self.masked_weight(self.ff2), self.ff2.bias)
        t = torch.sigmoid(self.time_a(z) * dt + self.time_b(z))
        return blend(torch.tanh(f), torch.tanh(g), t, self.mode)

    def output(self, h: Tensor) -> Tensor:
        """All neurons: h [B, H] itself."""
        return h

    def compiled(self, period: float | None = None) -> CompiledCell | None:
        """The cell for `kernels`; None for one with gelu, or with dropout while training.

        period  the elapsed time of all samples, where it is the same
        """
        return _compiled([self], period)


class WiredCfCCell(nn.Module):
    """A circuit of CfC layers, each of which reads the layer before it and itself.

    Its state is the states of all layers in order; its output is the last layer. Raises
    ElegansError for a wiring with synapses that skip a layer or lead backwards.
    """

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
        """One cell a layer, in the order of the state."""
        return [cell for cell in self.children() if isinstance(cell, CfCCell)]

    def drawn_layers(self) -> list[NDArray[np.float64]]:
        """For each layer the weights [2, from + own, own] of its heads ff1 and ff2, zero without a
        synapse, as `plots.draw_wiring` draws them."""
        heads = [
            [cell.masked_weight(head) for head in (cell.ff1, cell.ff2)] for cell in self.layers
        ]
        return [np.stack([w.detach().double().numpy().T for w in pair]) for pair in heads]

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        """x [B, I], h [B, H] of all layers, dt [B, 1] -> next h [B, H]."""
        states = []
        for cell, state in zip(self.layers, torch.split(h, self.sizes, dim=1), strict=True):
            x = cell(x, state, dt)
            states.append(x)
        return torch.cat(states, dim=1)

    def output(self, h: Tensor) -> Tensor:
        """The neurons of the last layer: h [B, H] -> y [B, O]."""
        return h[:, self.state_size - self.output_size :]

    def compiled(self, period: float | None = None) -> CompiledCell | None:
        """The circuit for `kernels`; None for one of more layers than they take.

        period  the elapsed time of all samples, where it is the same
        """
        return _compiled(self.layers, period) if len(self.layers) <= _MOST_LAYERS else None


def _check_layers(wiring: Wiring) -> None:
    """Raise unless each layer reads only the layer before it and itself."""
    spans = wiring.spans
    for target, columns in enumerate(spans):
        reads_inputs = wiring.sensory[:, columns].any() and target > 0
        sources = [s for s, rows in enumerate(spans) if wiring.adjacency[rows, columns].any()]
        if reads_inputs or set(sources) - {target - 1, target}:
            fed_by = "the sensors" if reads_inputs else f"layers {sources}"
            raise ElegansError(
                "CfC circuit",
                f"layer {target} is fed by {fed_by}",
                "a CfC feeds forward, layer by layer; an LTC takes any wiring",
            )


def _compiled(cells: list[CfCCell], period: float | None) -> CompiledCell | None:
    """Layers for kernels/cfc.c, which says in what order sizes and weights come."""
    first, weights = cells[0], list[tuple[Tensor, Tensor | None]]()
    parts = list(first.backbone) if first.backbone is not None else []
    linear = [part for part in parts if isinstance(part, nn.Linear)]
    if first.training and any(isinstance(part, nn.Dropout) for part in parts):
        return None
    for part in linear:
        weights += [(part.weight, None), (part.bias, None)]
    for cell in cells:
        mask = cell.sparsity_mask
        if cell.mode == "pure":
            weights += [(cell.ff1.weight, mask), (cell.ff1.bias, None)]
            weights += [(cell.w_tau.abs(), None), (cell.A, None)]
        else:
            weights += [(cell.ff1.weight, mask), (cell.ff2.weight, mask)]
            gate = [(cell.time_a.weight, cell.time_a.bias), (cell.time_b.weight, cell.time_b.bias)]
            if period is not None:  # (A z + a) dt + B z + b is one map
                gate = [tuple(period * a + b for a, b in zip(*gate, strict=True))]
            weights += [(weight, None) for weight, _ in gate]
            weights += [(cell.ff1.bias, None), (cell.ff2.bias, None)]
            weights += [(bias, None) for _, bias in gate]
    mode = MODES.index(first.mode)
    mode += 3 if period is not None and first.mode != "pure" else 0
    width = linear[0].out_features if linear else 0
    sizes = [mode, _COMPILED_ACTIVATIONS.index(first.activation)]
    sizes += [len(linear), width, len(cells), first.input_size, *(cell.units for cell in cells)]
    return CompiledCell("cfc", torch.tensor(sizes, dtype=torch.int32), flattened(weights))


def blend(f: Tensor, g: Tensor, t: Tensor, mode: str) -> Tensor:
    """The next state from the heads f and g in [-1, 1] and the gate t in [0, 1].

    All have one shape; mode is `default` (in [-1, 1]) or `no_gate` (in [-2, 2]).
    """
    return f + t * g if mode == "no_gate" else f * (1.0 - t) + t * g
