"""What the cells of `benchmarks.families` share: sizes, a linear output, complex numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

INPUTS, UNITS, OUTPUTS = 4, 8, 2


class Cell(nn.Module):
    """A step with a linear output of its states: x [1, I], h [1, H] -> y [1, O], h_next [1, H]."""

    def __init__(self, states: int = UNITS) -> None:
        super().__init__()
        self.out = nn.Linear(states, OUTPUTS)

    def both(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """The output and the next states."""
        return self.out(h), h


def linear(inputs: int, outputs: int = UNITS) -> nn.Linear:
    """A map with biases."""
    return nn.Linear(inputs, outputs)


def complex_product(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The product of two complex numbers as pairs of reals."""
    return a[0] * b[0] - a[1] * b[1], a[1] * b[0] + a[0] * b[1]


def legendre(order: int, window: float) -> tuple[Tensor, Tensor]:
    """The step of a memory of Legendre polynomials (Voelker et al., 2019, eq. 1-2), exact."""
    q = torch.arange(order, dtype=torch.float64)
    i, j = torch.meshgrid(q, q, indexing="ij")
    a = (2 * i + 1) * torch.where(i < j, -torch.ones_like(i), (-1.0) ** (i - j + 1))
    b = (2 * q + 1) * (-1.0) ** q
    both = torch.zeros(order + 1, order + 1, dtype=torch.float64)
    both[:order] = torch.cat([a, b[:, None]], 1) / window
    step = torch.linalg.matrix_exp(both)
    return step[:order, :order].float(), step[:order, order].float()
