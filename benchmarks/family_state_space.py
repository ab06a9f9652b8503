"""Linear and gated state spaces: diagonal complex ones as pairs of reals, memories, matrices."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from elegans.benchmarks.family_parts import (
    INPUTS,
    OUTPUTS,
    UNITS,
    Cell,
    complex_product,
    legendre,
    linear,
)


class S4D(nn.Module):
    """S4D-Lin, lambda = -1/2 + i pi n, zero-order hold; over a fixed step, or over elapsed time."""

    def __init__(self, step: float | None = 0.1) -> None:
        super().__init__()
        self.step = step
        self.re = nn.Parameter(torch.full((UNITS,), -0.5))
        self.im = nn.Parameter(math.pi * torch.arange(UNITS))
        self.u = linear(INPUTS, 1)
        self.c = nn.Parameter(0.5 * torch.randn(OUTPUTS, 2 * UNITS))
        self.d = nn.Parameter(torch.randn(OUTPUTS))

    def forward(self, x: Tensor, h: Tensor, dt: Tensor | None = None) -> tuple[Tensor, Tensor]:
        step = self.step if dt is None else dt
        size, angle = torch.exp(self.re * step), self.im * step
        kept = size * torch.cos(angle), size * torch.sin(angle)
        square = self.re**2 + self.im**2
        gain = complex_product((kept[0] - 1, kept[1]), (self.re / square, -self.im / square))
        u = self.u(x)
        re, im = complex_product(kept, h.chunk(2, -1))
        h = torch.cat([re + gain[0] * u, im + gain[1] * u], -1)
        return h @ self.c.T + u * self.d, h


class S5(nn.Module):
    """Many inputs, one diagonal state, time scales of its own for each; over elapsed time."""

    def __init__(self) -> None:
        super().__init__()
        self.re = nn.Parameter(-0.5 - torch.rand(UNITS))
        self.im = nn.Parameter(math.pi * torch.arange(UNITS))
        self.scale = nn.Parameter(torch.log(0.5 + 0.5 * torch.rand(UNITS)))
        self.b, self.c = linear(INPUTS, 2 * UNITS), linear(2 * UNITS, OUTPUTS)
        self.d = linear(INPUTS, OUTPUTS)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        step = torch.exp(self.scale) * dt
        size, angle = torch.exp(self.re * step), self.im * step
        kept = size * torch.cos(angle), size * torch.sin(angle)
        square = self.re**2 + self.im**2
        gain = complex_product((kept[0] - 1, kept[1]), (self.re / square, -self.im / square))
        new = complex_product(gain, self.b(x).chunk(2, -1))
        old = complex_product(kept, h.chunk(2, -1))
        h = torch.cat([old[0] + new[0], old[1] + new[1]], -1)
        return self.c(h) + self.d(x), h


class LiquidS4(Cell):
    """A diagonal state whose transition reads the input: h' = (A + B u) h + B u."""

    def __init__(self, step: float = 0.1) -> None:
        super().__init__(2 * UNITS)
        size, angle = math.exp(-0.5 * step), math.pi * step * torch.arange(UNITS)
        self.re = nn.Parameter(size * torch.cos(angle))
        self.im = nn.Parameter(size * torch.sin(angle))
        self.b = nn.Parameter(0.3 * step * torch.randn(2, UNITS))
        self.u = linear(INPUTS, 1)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        u = torch.tanh(self.u(x))
        new = self.b[0] * u, self.b[1] * u
        re, im = complex_product((self.re + new[0], self.im + new[1]), h.chunk(2, -1))
        return self.both(torch.cat([re + new[0], im + new[1]], -1))


class FullLMU(Cell):
    """A memory that reads the input, the cell and itself; the cell reads all of them."""

    def __init__(self, order: int = 6) -> None:
        super().__init__()
        self.order = order
        a, b = legendre(order, 24.0)
        self.register_buffer("a", a)
        self.register_buffer("b", b)
        self.read = nn.Linear(INPUTS + UNITS + order, 1, bias=False)
        self.cell = linear(INPUTS + UNITS + order)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        hidden, memory = h.split([UNITS, self.order], -1)
        u = torch.tanh(self.read(torch.cat([x, hidden, memory], -1)))
        memory = memory @ self.a.T + u * self.b
        hidden = torch.tanh(self.cell(torch.cat([x, hidden, memory], -1)))
        return self.out(hidden), torch.cat([hidden, memory], -1)


class LegS(Cell):
    """HiPPO-LegS by the trapezoidal rule over a fixed step."""

    def __init__(self, step: float = 0.05) -> None:
        super().__init__(UNITS)
        root = (2 * torch.arange(UNITS) + 1.0).sqrt()
        a = torch.tril(root[:, None] * root, -1) + torch.diag(torch.arange(UNITS) + 1.0)
        one = torch.eye(UNITS)
        self.register_buffer("a", torch.linalg.solve(one + step / 2 * a, one - step / 2 * a))
        self.register_buffer("b", torch.linalg.solve(one + step / 2 * a, step * root))
        self.u = linear(INPUTS, 1)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.both(h @ self.a.T + self.u(x) * self.b)


class RGLRU(Cell):
    """a = exp(-8 softplus(lambda) r), h' = a h + sqrt(1 - a^2) i W x."""

    def __init__(self) -> None:
        super().__init__()
        self.p, self.r, self.i = (linear(INPUTS) for _ in range(3))
        self.decay = nn.Parameter(torch.randn(UNITS))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        log_a = -8.0 * functional.softplus(self.decay) * torch.sigmoid(self.r(x))
        new = torch.sigmoid(self.i(x)) * self.p(x)
        return self.both(torch.exp(log_a) * h + torch.sqrt(1 - torch.exp(2 * log_a)) * new)


class RetNet(nn.Module):
    """A matrix of keys times values that fades, read by a query: S' = gamma S + k v^T, y = q S'."""

    def __init__(self, size: int = 4, gamma: float = 0.9) -> None:
        super().__init__()
        self.size, self.gamma = size, gamma
        self.q, self.k, self.v = (linear(INPUTS, size) for _ in range(3))
        self.out = linear(size, OUTPUTS)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        memory = self.gamma * h.view(1, self.size, self.size)
        memory = memory + self.k(x).unsqueeze(-1) * self.v(x).unsqueeze(-2)
        read = (self.q(x).unsqueeze(-2) @ memory).squeeze(-2)
        return self.out(read), memory.reshape(1, -1)
