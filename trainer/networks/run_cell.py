"""Any cell over whole sequences: compiled where it can be, else in torch, with equal numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from elegans.trainer.cells.cfc import CfCCell, WiredCfCCell
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.kernels.sequence import can_run, run_compiled
from elegans.trainer.networks.wavefront import run_wavefront, states_by_sample


def run_cell(cell: Any, x: Tensor, dt: Tensor, h0: Tensor, period: float | None = None) -> Tensor:
    """x [B, T, I], dt [B, T], h0 [B, H] -> the states behind every step, [B, T, H].

    cell  a module with `forward(x, h, dt)`, which gives the next h; compiled if it has `compiled`,
          and step by step if it or a part of it has hooks, as torch's pruning has
    period  the value of all of dt, where it is one number: a CfC then needs a map less
    """
    if _has_hooks(cell):
        return _step_by_step(cell, x, dt, h0)
    if hasattr(cell, "compiled") and can_run(x, dt, h0):
        compiled = (
            cell.compiled(period) if isinstance(cell, CfCCell | WiredCfCCell) else cell.compiled()
        )
        if compiled is not None and can_run(compiled.flat):
            given = cell.mapped(x) if isinstance(cell, LTCCell) else x
            states: Tensor = run_compiled(compiled, given, dt, h0)
            return states
    if isinstance(cell, WiredCfCCell) and cell.layers[0].mode != "pure":
        return states_by_sample(cell.layers, run_wavefront(cell.layers, x, dt, h0))
    return _step_by_step(cell, x, dt, h0)


def _has_hooks(cell: nn.Module) -> bool:
    """Whether calls of the cell or of its parts do more than their `forward`."""
    if cell._forward_hooks or cell._forward_pre_hooks:
        return True  # own recursion: `modules()` takes ten times as long
    return any(_has_hooks(part) for part in cell._modules.values() if part is not None)


def _step_by_step(cell: Any, x: Tensor, dt: Tensor, h0: Tensor) -> Tensor:
    steps, h = [], h0
    for k in range(x.shape[1]):
        h = cell(x[:, k], h, dt[:, k, None])
        steps.append(h)
    return torch.stack(steps, dim=1)
