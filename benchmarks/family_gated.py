"""Gated and oscillating recurrences, reservoirs and spiking neurons."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from elegans.benchmarks.family_parts import INPUTS, UNITS, Cell, linear


class MinLSTM(Cell):
    """f' = f / (f + i), i' = i / (f + i), h' = f' h + i' W x."""

    def __init__(self) -> None:
        super().__init__()
        self.f, self.i, self.h = (linear(INPUTS) for _ in range(3))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        f, i = torch.sigmoid(self.f(x)), torch.sigmoid(self.i(x))
        return self.both(f / (f + i) * h + i / (f + i) * self.h(x))


class UnICORNN(Cell):
    """Independent oscillators: z' = z - d (tanh(w y + V x + b) + alpha y), y' = y + d z'."""

    def __init__(self, step: float = 0.2, alpha: float = 0.9) -> None:
        super().__init__(2 * UNITS)
        self.step, self.alpha = step, alpha
        self.w, self.c = nn.Parameter(torch.rand(UNITS)), nn.Parameter(torch.randn(UNITS))
        self.v = linear(INPUTS)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        y, z = h.chunk(2, -1)
        d = self.step * torch.sigmoid(self.c)
        z = z - d * (torch.tanh(self.w * y + self.v(x)) + self.alpha * y)
        return self.both(torch.cat([y + d * z, z], -1))


class STAR(Cell):
    """h' = tanh((1 - k) h + k z): a stackable recurrent cell."""

    def __init__(self) -> None:
        super().__init__()
        self.z, self.k = linear(INPUTS), linear(INPUTS + UNITS)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        z, k = torch.tanh(self.z(x)), torch.sigmoid(self.k(torch.cat([x, h], -1)))
        return self.both(torch.tanh((1 - k) * h + k * z))


class SRU(Cell):
    """A simple recurrent unit: its gates read the state element by element."""

    def __init__(self) -> None:
        super().__init__()
        self.w = linear(INPUTS, 4 * UNITS)
        self.v = nn.Parameter(0.3 * torch.randn(2, UNITS))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        new, f, r, skip = self.w(x).chunk(4, -1)
        f = torch.sigmoid(f + self.v[0] * h)
        r = torch.sigmoid(r + self.v[1] * h)
        state = f * h + (1 - f) * new
        return self.out(r * state + (1 - r) * skip), state


class QRNN(Cell):
    """fo-pooling of a convolution over two samples; the sample before is a state."""

    def __init__(self) -> None:
        super().__init__()
        self.w = linear(2 * INPUTS, 3 * UNITS)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        cell, before = h.split([UNITS, INPUTS], -1)
        z, f, o = self.w(torch.cat([before, x], -1)).chunk(3, -1)
        cell = torch.sigmoid(f) * cell + (1 - torch.sigmoid(f)) * torch.tanh(z)
        return self.out(torch.sigmoid(o) * cell), torch.cat([cell, x], -1)


class MGU(Cell):
    """A GRU with one gate."""

    def __init__(self) -> None:
        super().__init__()
        self.f, self.g = linear(INPUTS + UNITS), linear(INPUTS + UNITS)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        f = torch.sigmoid(self.f(torch.cat([x, h], -1)))
        return self.both((1 - f) * h + f * torch.tanh(self.g(torch.cat([x, f * h], -1))))


class Clockwork(Cell):
    """Neurons that change at every, every second, fourth or eighth step only."""

    def __init__(self) -> None:
        super().__init__()
        self.w = linear(INPUTS + UNITS)
        self.register_buffer("period", torch.tensor([1.0, 1, 2, 2, 4, 4, 8, 8]))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        z, count = h.split([UNITS, 1], -1)
        count = torch.remainder(count + 1, 8.0)
        new = torch.tanh(self.w(torch.cat([x, z], -1)))
        z = torch.where(torch.remainder(count, self.period) == 0, new, z)
        return self.out(z), torch.cat([z, count], -1)


class Reservoir(Cell):
    """A leaky echo state network: h' = 0.7 h + 0.3 tanh(W h + V x)."""

    def __init__(self, size: int = 16) -> None:
        super().__init__(size)
        w = torch.randn(size, size)
        self.register_buffer("w", 0.9 * w / torch.linalg.eigvals(w).abs().max())
        self.v = linear(INPUTS, size)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.both(0.7 * h + 0.3 * torch.tanh(h @ self.w.T + self.v(x)))


class AdaptiveLIF(Cell):
    """Spiking neurons whose thresholds rise with their own spikes; the output reads spikes."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.r = linear(INPUTS), nn.Linear(UNITS, UNITS, bias=False)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        v, raised, spike = h.chunk(3, -1)
        raised = 0.95 * raised + 0.05 * spike
        threshold = 0.5 + 1.8 * raised
        v = 0.9 * v + self.w(x) + self.r(spike) - spike * threshold
        spike = (v > threshold).to(v.dtype)
        return self.out(spike), torch.cat([v, raised, spike], -1)


class Izhikevich(Cell):
    """v' = 0.04 v^2 + 5 v + 140 - u + I, u' = 0.02 (0.2 v - u), half a millisecond a step.

    The states are v / 100 mV and u / 20.
    """

    def __init__(self) -> None:
        super().__init__()
        self.w = linear(INPUTS)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        v, u = h.chunk(2, -1)
        v, u = 100 * v, 20 * u
        up = v + 0.5 * (0.04 * v * v + 5 * v + 140 - u + 5 * self.w(x) + 5)
        u = u + 0.01 * (0.2 * v - u)
        fires = up >= 30
        v, u = torch.where(fires, torch.full_like(v, -65.0), up), torch.where(fires, u + 8, u)
        return self.out(fires.to(v.dtype)), torch.cat([v / 100, u / 20], -1)
