"""The steps of relatives of the known cells, each written out from its published equations.

x [1, I], h [1, H] and, if it is timed, dt [1, 1] -> y [1, O], h_next [1, H]. `benchmarks.families`
names the papers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from elegans.benchmarks.family_parts import INPUTS, UNITS, Cell, legendre, linear


class FastGRNN(Cell):
    """z = sigmoid(W x + U h + b_z), h' = (zeta (1 - z) + nu) tanh(W x + U h + b_h) + z h."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.u = linear(INPUTS), nn.Linear(UNITS, UNITS, bias=False)
        self.bias = nn.Parameter(torch.zeros(UNITS))
        self.zeta, self.nu = nn.Parameter(torch.tensor(1.0)), nn.Parameter(torch.tensor(-4.0))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        both = self.w(x) + self.u(h)
        z, c = torch.sigmoid(both + self.bias), torch.tanh(both)
        kept = torch.sigmoid(self.zeta) * (1 - z) + torch.sigmoid(self.nu)
        return self.both(kept * c + z * h)


class GRUD(Cell):
    """x is values [D], masks [D] and gaps [D]; h is a GRU's state, and the last values seen."""

    def __init__(self, values: int = 3) -> None:
        super().__init__(UNITS + values)
        self.values = values
        self.decay_x = nn.Parameter(torch.rand(values))
        self.decay_h = nn.Linear(values, UNITS)
        self.gates = linear(2 * values + UNITS, 2 * UNITS)
        self.candidate = linear(2 * values + UNITS)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        value, mask, gap = x.split(self.values, dim=-1)
        state, last = h.split([UNITS, self.values], dim=-1)
        gamma = torch.exp(-torch.relu(self.decay_x * gap))
        filled = mask * value + (1 - mask) * gamma * last
        state = state * torch.exp(-torch.relu(self.decay_h(gap)))
        z, r = torch.sigmoid(self.gates(torch.cat([filled, state, mask], -1))).chunk(2, -1)
        new = torch.tanh(self.candidate(torch.cat([filled, r * state, mask], -1)))
        state = (1 - z) * state + z * new
        return self.both(torch.cat([state, torch.where(mask > 0.5, value, last)], -1))


class MinGRU(Cell):
    """h' = (1 - z) h + z g(W x), with g(v) = v + 1/2 where v >= 0, else sigmoid(v)."""

    def __init__(self) -> None:
        super().__init__()
        self.z, self.g = linear(INPUTS), linear(INPUTS)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        v, z = self.g(x), torch.sigmoid(self.z(x))
        new = torch.where(v >= 0, v + 0.5, torch.sigmoid(v))
        return self.both((1 - z) * h + z * new)


class LMU(Cell):
    """A memory of Legendre polynomials, its step exact, read by a tanh cell."""

    def __init__(self, order: int = 6, window: float = 24.0) -> None:
        super().__init__(UNITS + order)
        a, b = legendre(order, window)
        self.register_buffer("a", a)
        self.register_buffer("b", b)
        self.order = order
        self.read, self.cell = nn.Linear(INPUTS, 1), linear(INPUTS + order + UNITS)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        state, memory = h.split([UNITS, self.order], dim=-1)
        memory = memory @ self.a.T + torch.tanh(self.read(x)) * self.b
        state = torch.tanh(self.cell(torch.cat([x, memory, state], -1)))
        return self.both(torch.cat([state, memory], -1))


class ExplicitLTC(Cell):
    """x' = x + dt (-(1 / tau + f) x + f A), f = sigmoid(W [input, x] + b); `order` 1 or 4."""

    def __init__(self, order: int) -> None:
        super().__init__()
        self.order, self.f = order, linear(INPUTS + UNITS)
        self.leak = nn.Parameter(0.5 + torch.rand(UNITS))
        self.target = nn.Parameter(2.0 * torch.randn(UNITS).sign())

    def _slope(self, x: Tensor, h: Tensor) -> Tensor:
        f = torch.sigmoid(self.f(torch.cat([x, h], -1)))
        return f * self.target - (self.leak + f) * h

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        k = self._slope(x, h)
        if self.order == 1:
            return self.both(h + dt * k)
        k2 = self._slope(x, h + dt * k / 2)
        k3 = self._slope(x, h + dt * k2 / 2)
        k4 = self._slope(x, h + dt * k3)
        return self.both(h + dt * (k + 2 * k2 + 2 * k3 + k4) / 6)


class PeepholeLSTM(Cell):
    """An LSTM whose gates read the cell, too."""

    def __init__(self) -> None:
        super().__init__(2 * UNITS)
        self.gates = linear(INPUTS + UNITS, 4 * UNITS)
        self.peep = nn.Parameter(torch.randn(3, UNITS) * 0.1)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        state, cell = h.chunk(2, -1)
        i, f, o, g = self.gates(torch.cat([x, state], -1)).chunk(4, -1)
        i, f = torch.sigmoid(i + self.peep[0] * cell), torch.sigmoid(f + self.peep[1] * cell)
        cell = f * cell + i * torch.tanh(g)
        state = torch.sigmoid(o + self.peep[2] * cell) * torch.tanh(cell)
        return self.both(torch.cat([state, cell], -1))


class JANET(Cell):
    """c' = f c + (1 - f) tanh(W x + U c + b): an LSTM with nothing but its forget gate."""

    def __init__(self) -> None:
        super().__init__()
        self.f, self.c = linear(INPUTS + UNITS), linear(INPUTS + UNITS)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        both = torch.cat([x, h], -1)
        f = torch.sigmoid(self.f(both))
        return self.both(f * h + (1 - f) * torch.tanh(self.c(both)))


class LEM(Cell):
    """Two states, each of which goes a gated step of time towards a tanh."""

    def __init__(self, step: float = 0.5) -> None:
        super().__init__(2 * UNITS)
        self.step, both = step, INPUTS + UNITS
        self.times, self.z, self.y = linear(both, 2 * UNITS), linear(both), linear(both)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        y, z = h.chunk(2, -1)
        t1, t2 = (self.step * torch.sigmoid(self.times(torch.cat([x, y], -1)))).chunk(2, -1)
        z = (1 - t1) * z + t1 * torch.tanh(self.z(torch.cat([x, y], -1)))
        y = (1 - t2) * y + t2 * torch.tanh(self.y(torch.cat([x, z], -1)))
        return self.both(torch.cat([y, z], -1))


class CoRNN(Cell):
    """z' = z + dt (tanh(W y + V z + U x + b) - gamma y - epsilon z), y' = y + dt z'."""

    def __init__(self, step: float = 0.1, gamma: float = 1.0, epsilon: float = 1.5) -> None:
        super().__init__(2 * UNITS)
        self.step, self.gamma, self.epsilon = step, gamma, epsilon
        self.drive = linear(INPUTS + 2 * UNITS)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        y, z = h.chunk(2, -1)
        drive = torch.tanh(self.drive(torch.cat([x, y, z], -1)))
        z = z + self.step * (drive - self.gamma * y - self.epsilon * z)
        return self.both(torch.cat([y + self.step * z, z], -1))


class AntisymmetricRNN(Cell):
    """h' = h + eps tanh((W - W^T - gamma I) h + V x + b)."""

    def __init__(self, step: float = 0.1, gamma: float = 0.5) -> None:
        super().__init__()
        self.step, self.gamma, self.v = step, gamma, linear(INPUTS)
        self.w = nn.Parameter(torch.randn(UNITS, UNITS) * 0.4)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        skew = self.w - self.w.T - self.gamma * torch.eye(UNITS)
        return self.both(h + self.step * torch.tanh(h @ skew.T + self.v(x)))


class LipschitzRNN(Cell):
    """h' = h + eps (A h + tanh(W h + U x + b)), A with eigenvalues below zero."""

    def __init__(self, step: float = 0.1) -> None:
        super().__init__()
        self.step, self.u, m = step, linear(INPUTS + UNITS), torch.randn(UNITS, UNITS) * 0.3
        self.a = nn.Parameter(0.6 * (m - m.T) + 0.4 * (m + m.T) / 2 - 1.5 * torch.eye(UNITS))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        drive = torch.tanh(self.u(torch.cat([x, h], -1)))
        return self.both(h + self.step * (h @ self.a.T + drive))


class LRU(Cell):
    """A diagonal recurrence of complex numbers as pairs of reals, and a gated output."""

    def __init__(self) -> None:
        super().__init__(2 * UNITS)
        size, angle = 0.8 + 0.19 * torch.rand(UNITS), 0.6 * torch.rand(UNITS)
        self.re, self.im = nn.Parameter(size * angle.cos()), nn.Parameter(size * angle.sin())
        self.gain = nn.Parameter((1 - size**2).sqrt())
        self.b = nn.Linear(INPUTS, 2 * UNITS, bias=False)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        (a, b), (p, q) = h.chunk(2, -1), self.b(x).chunk(2, -1)
        p, q = self.gain * p, self.gain * q
        state = torch.cat([self.re * a - self.im * b + p, self.im * a + self.re * b + q], -1)
        return self.both(state)


class Mamba(Cell):
    """A selective step of one channel a state: h' = exp(delta A) h + delta B(x) u, y = C(x) h."""

    def __init__(self) -> None:
        super().__init__()
        self.delta, self.b, self.c = (linear(INPUTS) for _ in range(3))
        self.u, self.a = linear(INPUTS), nn.Parameter(0.5 + torch.rand(UNITS))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        delta = functional.softplus(self.delta(x) - 1.0)
        h = torch.exp(-delta * self.a) * h + delta * self.b(x) * self.u(x)
        return self.out(self.c(x) * h), h


class LIF(Cell):
    """Leaky neurons that fire at a threshold and are set back by it; the output reads spikes."""

    def __init__(self, leak: float = 0.9, threshold: float = 1.0) -> None:
        super().__init__()
        self.leak, self.threshold, self.w = leak, threshold, linear(INPUTS)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        v = self.leak * h + self.w(x)
        spike = (v > self.threshold).to(v.dtype)
        return self.out(spike), v - self.threshold * spike


class ODERNN(Cell):
    """An Euler step of a small network between two samples, then a GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.f, self.back, self.cell = linear(UNITS), linear(UNITS), nn.GRUCell(INPUTS, UNITS)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        return self.both(self.cell(x, h + dt * torch.tanh(self.back(torch.tanh(self.f(h))))))


class TLSTM(Cell):
    """An LSTM whose short memory decays with 1 / log(e + dt) before each step."""

    def __init__(self) -> None:
        super().__init__(2 * UNITS)
        self.short, self.gates = linear(UNITS), linear(INPUTS + UNITS, 4 * UNITS)

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        state, cell = h.chunk(2, -1)
        short = torch.tanh(self.short(cell))
        cell = cell - short + short / torch.log(math.e + dt)
        i, f, o, g = self.gates(torch.cat([x, state], -1)).chunk(4, -1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        return self.both(torch.cat([torch.sigmoid(o) * torch.tanh(cell), cell], -1))


class NormalisedGRU(Cell):
    """A GRU that reads a normalised state, with a softmax of its output: a policy."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.cell = nn.LayerNorm(INPUTS), nn.GRUCell(INPUTS, UNITS)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = self.cell(self.norm(x), h)
        return torch.softmax(self.out(h), dim=-1), h
