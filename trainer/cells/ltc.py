"""Liquid time-constant (LTC) cells: neurons whose time constant depends on their input.

    C dv/dt = g (v_leak - v) + sum_s w_s sigmoid(sigma_s (v_s - mu_s)) (E_s - v)

(Hasani et al. 2021, equation 1, in the conductance form of Lechner et al. 2020). The fused
solver takes `unfolds` semi-implicit Euler steps of dt / unfolds each:

    v <- (C v + dt I) / (C + dt G),   I = g v_leak + sum w sigmoid E,   G = g + sum w sigmoid

with C = cm * unfolds. v is a weighted mean of itself, v_leak and the E, so it stays in
their hull whatever the input; and written so, dt = 0 leaves it where it is (ncps, which
divides by dt, makes NaN of that).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from elegans.exporter.errors import ElegansError
from elegans.trainer.wiring.ncp import Wiring

MAPPINGS = ("affine", "linear", None)
_RANGES = {"gleak": (0.001, 1.0), "vleak": (-0.2, 0.2), "cm": (0.4, 0.6)}
_SYNAPSE_RANGES = {"w": (0.001, 1.0), "sigma": (3.0, 8.0), "mu": (0.3, 0.8)}
_POSITIVE = ("w", "sensory_w", "cm", "gleak")


class LTCCell(nn.Module):
    """One step of an LTC circuit.

    `unfolds` solver steps a step; `softplus` keeps w, cm and gleak positive by a softplus
    at run time (ncps' implicit_param_constraints), otherwise `apply_constraints` must
    follow each update. Mappings of inputs and outputs are affine, linear or None.
    Parameters carry ncps' names; neurons are in the wiring's order, motor neurons last.
    """

    gleak: Tensor
    vleak: Tensor
    input_w: Tensor | None
    input_b: Tensor | None
    output_w: Tensor | None
    output_b: Tensor | None

    def __init__(
        self,
        wiring: Wiring,
        *,
        unfolds: int = 6,
        softplus: bool = False,
        input_mapping: str | None = "affine",
        output_mapping: str | None = "affine",
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__()
        if unfolds < 1 or input_mapping not in MAPPINGS or output_mapping not in MAPPINGS:
            raise ElegansError(
                "LTC cell",
                f"unfolds {unfolds}, mappings {input_mapping!r} and {output_mapping!r}",
                "give at least 1 unfold, and affine, linear or None",
            )
        self.wiring, self.unfolds, self.softplus, self.epsilon = wiring, unfolds, softplus, epsilon
        self.input_size, self.state_size = wiring.inputs, wiring.neurons
        self.output_size = wiring.outputs
        for name, (low, high) in _RANGES.items():
            self.register_parameter(name, _uniform((self.state_size,), low, high))
        for prefix, polarity in (("", wiring.adjacency), ("sensory_", wiring.sensory)):
            for name, (low, high) in _SYNAPSE_RANGES.items():
                self.register_parameter(prefix + name, _uniform(polarity.shape, low, high))
            reversal = torch.from_numpy(polarity.astype(np.float32))
            self.register_parameter(f"{prefix}erev", nn.Parameter(reversal))
            self.register_buffer(f"{prefix}mask", reversal.abs())
        for prefix, mapping, size in (
            ("input", input_mapping, self.input_size),
            ("output", output_mapping, self.output_size),
        ):
            w = nn.Parameter(torch.ones(size)) if mapping else None
            b = nn.Parameter(torch.zeros(size)) if mapping == "affine" else None
            self.register_parameter(f"{prefix}_w", w)
            self.register_parameter(f"{prefix}_b", b)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        """x [B, I], h [B, H] potentials, dt [B, 1], at least 0 -> next potentials [B, H]."""
        x = _mapped(x, self.input_w, self.input_b)
        current, conductance = self._synapses("sensory_", x)
        leak = self._positive("gleak")
        current, conductance = current + leak * self.vleak, conductance + leak + self.epsilon
        capacity = self._positive("cm") * self.unfolds
        for _ in range(self.unfolds):
            inner, opened = self._synapses("", h)
            h = (capacity * h + dt * (current + inner)) / (capacity + dt * (conductance + opened))
        return h

    def output(self, h: Tensor) -> Tensor:
        """The motor neurons, mapped: [B, H] -> [B, O]."""
        return _mapped(h[:, self.state_size - self.output_size :], self.output_w, self.output_b)

    def apply_constraints(self) -> None:
        """Weights, capacities and leaks that training made negative back to zero."""
        if not self.softplus:
            with torch.no_grad():
                for name in _POSITIVE:
                    getattr(self, name).clamp_(min=1e-6 if name == "cm" else 0.0)

    def load_ncps(self, state: dict[str, Tensor]) -> None:
        """Take the parameters of an `ncps.torch.LTCCell` or `LTC` of the same wiring.

        ncps counts the neurons of the last layer first; here is the one place that knows.
        """
        order = torch.tensor(ncps_order(self.wiring))
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                value = state.get(f"rnn_cell.{name}", state.get(name))
                if value is None:
                    raise ElegansError("LTC cell", f"no parameter {name!r}", "match the mappings")
                if name in ("erev", "w", "mu", "sigma"):
                    value = value[order]
                if name.split("_")[0] not in ("input", "output"):
                    value = value[..., order]
                parameter.copy_(value)

    def _positive(self, name: str) -> Tensor:
        value: Tensor = getattr(self, name)
        return functional.softplus(value) if self.softplus else value

    def _synapses(self, prefix: str, v: Tensor) -> tuple[Tensor, Tensor]:
        """Current sum w s E and conductance sum w s of one kind of synapses, each [B, H]."""
        mu, sigma, erev, mask = (
            getattr(self, prefix + name) for name in ("mu", "sigma", "erev", "mask")
        )
        opened = torch.sigmoid(sigma * (v.unsqueeze(-1) - mu))
        weighed = self._positive(f"{prefix}w") * mask * opened
        return (weighed * erev).sum(dim=1), weighed.sum(dim=1)


def ncps_order(wiring: Wiring) -> list[int]:
    """For each neuron here, its number in ncps, where the last layer comes first."""
    sizes = [size for _, size in wiring.layers]
    starts = [sum(sizes[index + 1 :]) for index in range(len(sizes))]
    return [start + i for start, size in zip(starts, sizes, strict=True) for i in range(size)]


def _uniform(shape: tuple[int, ...], low: float, high: float) -> nn.Parameter:
    return nn.Parameter(torch.rand(*shape) * (high - low) + low)


def _mapped(value: Tensor, w: Tensor | None, b: Tensor | None) -> Tensor:
    value = value if w is None else value * w
    return value if b is None else value + b
