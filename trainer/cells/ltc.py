"""Liquid time-constant (LTC) cells: neurons whose time constant depends on their input.

    C dv/dt = g (v_leak - v) + sum_s w_s sigmoid(sigma_s (v_s - mu_s)) (E_s - v)

(Hasani et al. 2021, equation 1, in the conductance form of Lechner et al. 2020: capacitance
C, leak conductance g, and for each synapse s its weight w, reversal potential E and the
sigmoid's steepness sigma and midpoint mu.) The fused solver (Hasani et al. 2021, algorithm 1)
takes `unfolds` semi-implicit Euler steps of dt / unfolds each:

    v <- (C v + dt I) / (C + dt G),   I = g v_leak + sum w sigmoid E,   G = g + sum w sigmoid

with C = cm * unfolds. v is a weighted mean of itself, v_leak and the E, so it stays in their
hull for any input; and in this form dt = 0 leaves it where it is (ncps divides by dt, and
gives NaN).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from elegans.exporter.errors import ElegansError
from elegans.trainer.wiring.ncp import Wiring

MAPPINGS = ("affine", "linear", None)
EPSILON = 1e-8
"""Added to every sum of conductances, as in ncps: the quotient exists without any leak."""
POSITIVE = ("w", "sensory_w", "cm", "gleak")
"""The parameters that must not be negative; the solver divides by their sum."""

# Initial values are drawn uniformly from ncps' ranges.
_RANGES = {"gleak": (0.001, 1.0), "vleak": (-0.2, 0.2), "cm": (0.4, 0.6)}
_SYNAPSE_RANGES = {"w": (0.001, 1.0), "sigma": (3.0, 8.0), "mu": (0.3, 0.8)}


class LTCCell(nn.Module):
    """One step of an LTC circuit of any wiring.

    wiring          I inputs, H neurons; the last layer's O neurons are the outputs
    unfolds         solver steps in each step
    softplus        True: w, cm and gleak are a softplus of their parameters (ncps'
                    implicit_param_constraints); False: call `apply_constraints` after each
                    update
    input_mapping,  affine, linear or None (the identity), one weight for each input or
    output_mapping  output

    Parameters have ncps' names; neurons are in the wiring's order, motor neurons last. Raises
    ElegansError for less than one unfold or another mapping.
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
    ) -> None:
        super().__init__()
        if unfolds < 1 or input_mapping not in MAPPINGS or output_mapping not in MAPPINGS:
            raise ElegansError(
                "LTC cell",
                f"unfolds {unfolds}, mappings {input_mapping!r} and {output_mapping!r}",
                "give at least 1 unfold, and affine, linear or None",
            )
        self.wiring, self.unfolds, self.softplus = wiring, unfolds, softplus
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
        """x [B, I], potentials h [B, H], dt [B, 1] >= 0 -> next potentials [B, H]."""
        x = _mapped(x, self.input_w, self.input_b)
        current, conductance = self._synapses("sensory_", x)
        leak = self._positive("gleak")
        current, conductance = current + leak * self.vleak, conductance + leak + EPSILON
        capacitance = self._positive("cm") * self.unfolds
        for _ in range(self.unfolds):
            inner_i, inner_g = self._synapses("", h)
            h = (capacitance * h + dt * (current + inner_i)) / (
                capacitance + dt * (conductance + inner_g)
            )
        return h

    def output(self, h: Tensor) -> Tensor:
        """The motor neurons, mapped: [B, H] -> [B, O]."""
        return _mapped(h[:, self.state_size - self.output_size :], self.output_w, self.output_b)

    def apply_constraints(self) -> None:
        """Clip weights, leaks (to 0) and capacitances (to 1e-6) that an update made negative."""
        if not self.softplus:
            with torch.no_grad():
                for name in POSITIVE:
                    getattr(self, name).clamp_(min=1e-6 if name == "cm" else 0.0)

    def load_ncps(self, source: nn.Module | Mapping[str, Tensor]) -> None:
        """Take the parameters of an `ncps.torch.LTC` or `LTCCell` of the same wiring.

        source  the network, which also says how its parameters are kept positive, so `softplus` is
                set to that; or its state_dict, which does not: ncps' LTC has a softplus over them
                by default, its LTCCell has none

        Raises ElegansError where a parameter is missing, or negative although nothing keeps it
        positive.
        """
        if isinstance(source, nn.Module):
            cell: Any = getattr(source, "rnn_cell", source)
            self.softplus = bool(getattr(cell, "_implicit_param_constraints", self.softplus))
        state = source.state_dict() if isinstance(source, nn.Module) else source
        order = torch.tensor(ncps_order(self.wiring))
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                value = state.get(f"rnn_cell.{name}", state.get(name))
                if value is None:
                    raise ElegansError("LTC cell", f"no parameter {name!r}", "use ncps' mappings")
                if name in ("erev", "w", "mu", "sigma"):  # [H from, H to]
                    value = value[order]
                if name.split("_")[0] not in ("input", "output"):
                    value = value[..., order]
                parameter.copy_(value)
        for name in () if self.softplus else POSITIVE:
            if float(getattr(self, name).detach().min()) < 0:
                remedy = "load the network itself, or build the cell with softplus=True"
                fact = f"{name!r} is negative, so ncps had a softplus over it"
                raise ElegansError("LTC cell", fact, remedy)

    def _positive(self, name: str) -> Tensor:
        value: Tensor = getattr(self, name)
        return functional.softplus(value) if self.softplus else value

    def _synapses(self, prefix: str, v: Tensor) -> tuple[Tensor, Tensor]:
        """Current sum(w s E) and conductance sum(w s), each [B, H], with s = sigmoid(...).

        prefix  "sensory_" for the synapses from the inputs v [B, I], "" for those between the
                neurons v [B, H]
        """
        mu, sigma, erev, mask = (
            getattr(self, prefix + name) for name in ("mu", "sigma", "erev", "mask")
        )
        activation = torch.sigmoid(sigma * (v.unsqueeze(-1) - mu))  # [B, from, to]
        conductance = self._positive(f"{prefix}w") * mask * activation
        return (conductance * erev).sum(dim=1), conductance.sum(dim=1)


def ncps_order(wiring: Wiring) -> list[int]:
    """The index in ncps of each neuron of `wiring`: ncps counts the last layer first, [H]."""
    sizes = [size for _, size in wiring.layers]
    starts = [sum(sizes[index + 1 :]) for index in range(len(sizes))]
    return [start + i for start, size in zip(starts, sizes, strict=True) for i in range(size)]


def _uniform(shape: tuple[int, ...], low: float, high: float) -> nn.Parameter:
    return nn.Parameter(torch.rand(*shape) * (high - low) + low)


def _mapped(value: Tensor, w: Tensor | None, b: Tensor | None) -> Tensor:
    value = value if w is None else value * w
    return value if b is None else value + b
