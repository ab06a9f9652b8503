"""The fixed-point model in torch: its forward pass is the device's, its backward pass flows.

Each op computes its integer meaning, the very body that NumPy executes, and hands gradients
to its real-valued twin (the straight-through estimator of Bengio et al., 2013).
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from elegans.exporter.ir.fixed_model import Model, Step, walk
from elegans.exporter.numbers.fixed import Value


class _Through(torch.autograd.Function):
    """The first argument's value, the second one's gradient."""

    @staticmethod
    def forward(ctx: Any, fixed: Tensor, real: Tensor) -> Tensor:
        return fixed.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        return None, gradients[0]


def step(model: Model, x: Tensor, dt: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """One step on integers held in float64: x [..., I], dt [..., 1], h [..., H] -> y, h_next.

    The results are exactly the integers of `exporter.reference.step`; they are
    differentiable with respect to x, dt and h.
    """
    given = {"x": x.double(), "dt": dt.double(), "h": h.double()}
    y, h_next, _ = walk(model, given, _join, _apply)
    return y, h_next


def _join(parts: list[Value]) -> Tensor:
    return torch.cat(parts, dim=-1)


def _apply(step: Step, args: list[Value]) -> Value:
    fixed = step.op.integer(*[a.detach().long() for a in args])
    return cast(Tensor, _Through.apply(fixed.double(), step.op.real(*args)))  # type: ignore[no-untyped-call]
