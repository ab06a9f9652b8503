"""Recurrences with a normaliser or a matrix memory: xLSTM's two cells, RWKV, DeltaNet."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from elegans.benchmarks.family_parts import INPUTS, OUTPUTS, UNITS, Cell, linear


class SLSTM(Cell):
    """Exponential gates with a stabiliser m, and a normaliser n; the states are c, n, m and h."""

    def __init__(self) -> None:
        super().__init__()
        self.w = linear(INPUTS + UNITS, 4 * UNITS)
        self.out = linear(UNITS, OUTPUTS)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        c, n, m, old = h.chunk(4, -1)
        z, i, f, o = self.w(torch.cat([x, old], -1)).chunk(4, -1)
        f = functional.logsigmoid(f)
        most = torch.maximum(f + m, i)
        i, f = torch.exp(i - most), torch.exp(f + m - most)
        c, n = f * c + i * torch.tanh(z), f * n + i
        new = torch.sigmoid(o) * c / n.clamp(min=1e-2)
        return self.out(new), torch.cat([c, n, most, new], -1)


class MLSTM(nn.Module):
    """A matrix of values times keys under exponential gates, read by a query; C, n and m."""

    def __init__(self, size: int = 4) -> None:
        super().__init__()
        self.size = size
        self.q, self.k, self.v, self.o = (linear(INPUTS, size) for _ in range(4))
        self.gates, self.out = linear(INPUTS, 2), linear(size, OUTPUTS)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        size = self.size
        memory, n, m = h.split([size * size, size, 1], -1)
        memory = memory.view(1, size, size)
        q, k, v = self.q(x), self.k(x) * size**-0.5, self.v(x)
        i, f = self.gates(x).chunk(2, -1)
        f = functional.logsigmoid(f)
        most = torch.maximum(f + m, i)
        i, f = torch.exp(i - most), torch.exp(f + m - most)
        memory = f.unsqueeze(-1) * memory + i.unsqueeze(-1) * v.unsqueeze(-1) * k.unsqueeze(-2)
        n = f * n + i * k
        weight = torch.abs((n * q).sum(-1, keepdim=True))
        read = (memory @ q.unsqueeze(-1)).squeeze(-1) / torch.maximum(weight, torch.exp(-most))
        new = torch.sigmoid(self.o(x)) * read
        return self.out(new), torch.cat([memory.reshape(1, -1), n, most], -1)


class RWKV4(Cell):
    """RWKV-4's time mixing: a mean of values weighted by exp(k), which fades by exp(-w)."""

    def __init__(self) -> None:
        super().__init__()
        self.out = linear(UNITS, OUTPUTS)
        self.mixed = nn.Parameter(torch.rand(3, INPUTS))
        self.r, self.k, self.v = (linear(INPUTS) for _ in range(3))
        self.w, self.u = nn.Parameter(0.1 + torch.rand(UNITS)), nn.Parameter(torch.randn(UNITS))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        a, b, p, old = h.split([UNITS, UNITS, UNITS, INPUTS], -1)
        xr, xk, xv = (x * mix + old * (1 - mix) for mix in self.mixed)
        r, k, v = torch.sigmoid(self.r(xr)), self.k(xk), self.v(xv)
        most = torch.maximum(p, self.u + k)
        one, two = torch.exp(p - most), torch.exp(self.u + k - most)
        y = self.out(r * (one * a + two * v) / (one * b + two))
        most = torch.maximum(p - self.w, k)
        one, two = torch.exp(p - self.w - most), torch.exp(k - most)
        return y, torch.cat([one * a + two * v, one * b + two, most, x], -1)


class DeltaNet(nn.Module):
    """A matrix that a step corrects: S' = S + beta (v - S k) k^T, y = S' q; |k| = |q| = 1."""

    def __init__(self, size: int = 4) -> None:
        super().__init__()
        self.size = size
        self.q, self.k, self.v = (linear(INPUTS, size) for _ in range(3))
        self.beta, self.out = linear(INPUTS, 1), linear(size, OUTPUTS)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        memory = h.view(1, self.size, self.size)
        q, k = (functional.normalize(w(x), dim=-1, eps=1e-6) for w in (self.q, self.k))
        beta = torch.sigmoid(self.beta(x)).unsqueeze(-1)
        wrong = self.v(x).unsqueeze(-1) - memory @ k.unsqueeze(-1)
        memory = memory + beta * wrong * k.unsqueeze(-2)
        return self.out((memory @ q.unsqueeze(-1)).squeeze(-1)), memory.reshape(1, -1)
