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

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from elegans.exporter.errors import ElegansError
from elegans.trainer.kernels.sequence import CompiledCell
from elegans.trainer.wiring.ncp import Wiring

MAPPINGS = ("affine", "linear", None)
EPSILON = 1e-8
"""By default added to every sum of conductances, as in ncps: the quotient exists without a leak."""
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
    epsilon         added to every sum of conductances

    Parameters have ncps' names; neurons are in the wiring's order, motor neurons last. The state
    dict of an `ncps.torch.LTCCell` is put into this order when it is loaded. Raises ElegansError
    for less than one unfold or another mapping, and while loading for other synapses.
    """

    gleak: Tensor
    vleak: Tensor
    erev: Tensor
    sensory_erev: Tensor
    mask: Tensor
    sensory_mask: Tensor
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
        epsilon: float = EPSILON,
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
        self.output_size, self.epsilon = wiring.outputs, epsilon
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
        self.register_load_state_dict_pre_hook(_take_ncps)  # type: ignore[no-untyped-call]

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        """x [B, I], potentials h [B, H], dt [B, 1] >= 0 -> next potentials [B, H]."""
        x = self.mapped(x)
        current, conductance = self._synapses("sensory_", x)
        leak = self._positive("gleak")
        current, conductance = current + leak * self.vleak, conductance + leak + self.epsilon
        capacitance = self._positive("cm") * float(self.unfolds)  # torch 2.11 exports no int here
        for _ in range(self.unfolds):
            inner_i, inner_g = self._synapses("", h)
            h = (capacitance * h + dt * (current + inner_i)) / (
                capacitance + dt * (conductance + inner_g)
            )
        return h

    def mapped(self, x: Tensor) -> Tensor:
        """The inputs as the synapses read them: [..., I] -> [..., I]."""
        return _mapped(x, self.input_w, self.input_b)

    def output(self, h: Tensor) -> Tensor:
        """The motor neurons, mapped: [B, H] -> [B, O]."""
        return _mapped(h[:, self.state_size - self.output_size :], self.output_w, self.output_b)

    def apply_constraints(self) -> None:
        """Clip weights, leaks (to 0) and capacitances (to 1e-6) that an update made negative."""
        if not self.softplus:
            with torch.no_grad():
                for name in POSITIVE:
                    getattr(self, name).clamp_(min=1e-6 if name == "cm" else 0.0)

    def compiled(self) -> CompiledCell:
        """The cell for `kernels`, on mapped inputs; ltc.c says in what order weights come."""
        leak, wirings, counts = self._positive("gleak"), list[Tensor](), list[int]()
        weights = [self._positive("cm") * self.unfolds, leak + self.epsilon, leak * self.vleak]
        for prefix in ("sensory_", ""):
            mask: Tensor = getattr(self, f"{prefix}mask")
            targets, sources = mask.t().nonzero(as_tuple=True)  # sorted by target
            starts = torch.searchsorted(targets, torch.arange(self.state_size + 1))
            wirings += [starts.int(), sources.int()]
            counts.append(len(sources))
            place = sources * self.state_size + targets
            mu, sigma, erev, w = (
                value.flatten().index_select(0, place)
                for value in (
                    *(getattr(self, prefix + name) for name in ("mu", "sigma", "erev")),
                    self._positive(f"{prefix}w") * mask,
                )
            )
            weights += [mu, sigma, w, w * erev]
        sizes = torch.tensor([self.input_size, self.state_size, self.unfolds, *counts])
        return CompiledCell("ltc", torch.cat([sizes.int(), *wirings]), torch.cat(weights))

    def drawn_layers(self) -> list[NDArray[np.float64]]:
        """For each layer of the wiring the weights [1, from + own, own] of its synapses, w times
        the sign of the reversal potential, as `plots.draw_wiring` draws them."""
        before, own = [
            (self._positive(f"{kind}w") * mask * torch.sign(erev)).detach().double().numpy()
            for kind, mask, erev in (
                ("sensory_", self.sensory_mask, self.sensory_erev),
                ("", self.mask, self.erev),
            )
        ]
        found, start = [], 0
        for _, size in self.wiring.layers:
            here = slice(start, start + size)
            found.append(np.concatenate([before[:, here], own[here, here]])[None])
            before, start = own[here], here.stop
        return found

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


def _take_ncps(
    cell: LTCCell, state: dict[str, Tensor], prefix: str, *_: object, **__: object
) -> None:
    """Turn the state dict of an LTC of ncps, if it is one, into one of an `LTCCell`, in place."""
    wiring = cell.wiring
    masks = {"sparsity_mask": wiring.adjacency, "sensory_sparsity_mask": wiring.sensory}
    if not all(prefix + name in state for name in masks):
        return
    order = torch.tensor(ncps_order(wiring))
    for name in [name for name in state if name.startswith(prefix)]:
        kind = name.removeprefix(prefix)
        if kind.split("_")[0] in ("input", "output"):
            continue
        value = state.pop(name)
        if value.shape[-1] == len(order):
            value = value[..., order]
        if kind in ("erev", "w", "mu", "sigma", "sparsity_mask") and len(value) == len(order):
            value = value[order]  # [H from, H to]
        state[prefix + kind.replace("sparsity_mask", "mask")] = value
        if kind in masks and not np.array_equal(value.cpu().numpy(), np.abs(masks[kind])):
            raise ElegansError(
                "weights of ncps",
                "they belong to a circuit with other synapses",
                "give the layer the wiring, and the seed, that they were trained with",
            )
    for name in () if cell.softplus else POSITIVE:
        if bool((state[prefix + name] < 0).any()):
            raise ElegansError(
                "weights of ncps",
                f"{name!r} is negative, so ncps had a softplus over it",
                "build the cell with softplus=True",
            )


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
