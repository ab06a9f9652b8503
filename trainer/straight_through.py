"""The fixed-point model in torch: integers of the device forward, gradients backward.

Forward, each op executes the same Python body as NumPy does, so the values are exactly the
device's. Backward, its gradient is that of the op on real numbers (the straight-through
estimator of Bengio et al. 2013), since a rounded value has the gradient 0.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from elegans.exporter.ir.fixed_model import Model, Step, walk
from elegans.exporter.numbers.fixed import Value, halves


class _StraightThrough(torch.autograd.Function):
    """The value of `fixed` with the gradient of `real`; both have one shape."""

    @staticmethod
    def forward(ctx: Any, fixed: Tensor, real: Tensor) -> Tensor:
        return fixed.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        return None, gradients[0]


def step(model: Model, x: Tensor, dt: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """One step on integers held in float64: x [..., I], dt [..., 1], h [..., H] -> y, h_next.

    y [..., O] and h_next [..., H] are exactly the integers of `exporter.oracles.reference.step`,
    and are differentiable with respect to x, dt and h.
    """
    given = {"x": x.double(), "dt": dt.double(), "h": h.double()}
    y, h_next, _ = walk(model, given, _join, _apply, _halves)
    return y, h_next


def _join(parts: list[Value]) -> Tensor:
    return torch.cat(parts, dim=-1)


def _apply(step: Step, args: list[Value]) -> Value:
    fixed, real = step.op.integer(*[a.detach().long() for a in args]), step.op.real(*args)
    if isinstance(fixed, tuple):
        return tuple(through(*pair) for pair in zip(fixed, real, strict=True))
    return through(fixed, real)


def _halves(a: Tensor) -> tuple[Tensor, Tensor]:
    """The gradient goes to the upper half alone, as in the ops that make halves."""
    upper, lower = halves(a.detach().long())
    return through(upper, a * 2.0**-16), through(lower, a * 0.0)


def through(fixed: Tensor, real: Tensor) -> Tensor:
    """The values of `fixed`, in the precision of `real`, with the gradient of `real`."""
    return cast(Tensor, _StraightThrough.apply(fixed.to(real.dtype), real))  # type: ignore[no-untyped-call]
