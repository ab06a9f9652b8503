"""Filters and observers, whose states are linear and forget: what signal processing runs today."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from elegans.benchmarks.family_parts import INPUTS, UNITS, Cell, linear

_PERIOD, _STEP = 0.1, 0.5


class Biquads(nn.Module):
    """A low-pass of second order for each input, in the transposed direct form II."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("b", torch.tensor([0.0675, 0.1349, 0.0675]))
        self.register_buffer("a", torch.tensor([-1.143, 0.4128]))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        first, second = h.chunk(2, -1)
        y = self.b[0] * x + first
        first = self.b[1] * x - self.a[0] * y + second
        return y, torch.cat([first, self.b[2] * x - self.a[1] * y], -1)


class Kalman(nn.Module):
    """Positions and speeds of two axes from measured positions, with the gain of steady state."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("gain", torch.tensor([0.3, 0.5]))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        position, speed = h.chunk(2, -1)
        position = position + _PERIOD * speed
        new = x - position
        position, speed = position + self.gain[0] * new, speed + self.gain[1] * new
        return position, torch.cat([position, speed], -1)


class LinOSS(Cell):
    """Forced harmonic oscillators, implicit steps."""

    def __init__(self) -> None:
        super().__init__()
        self.drive = linear(INPUTS)
        self.register_buffer("stiffness", torch.linspace(1.0, 8.0, UNITS))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        y, z = h.chunk(2, -1)
        inverse = 1 / (1 + _STEP**2 * self.stiffness)
        z = inverse * (z + _STEP * (self.drive(x) - self.stiffness * y))
        y = y + _STEP * z
        return self.out(y), torch.cat([y, z], -1)
