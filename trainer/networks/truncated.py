"""Truncated backpropagation through time: long recordings in parts, with the state carried on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from elegans.exporter.errors import ElegansError
from elegans.trainer.networks.sequence_layer import SequenceLayer, State


def truncated(
    layer: SequenceLayer,
    input: Tensor,
    steps: int,
    hx: State | None = None,
    timespans: Tensor | None = None,
    *,
    mask: Tensor | None = None,
) -> Iterator[tuple[slice, Any, State]]:
    """Run recordings in parts of `steps` samples -> for each the place, the output, the state.

    Each part starts with the state behind the one before, detached: gradients go back through
    one part, and the memory is that of one part, however long the recordings are. Call backward
    before the next part is asked for, and the next one uses the updated weights. Arguments as of
    `SequenceLayer.forward`; `timespans` and `mask` have one value a sample.

        for part, output, state in truncated(net, x, 500, timespans=dt):
            optimiser.zero_grad()
            loss(output, y[:, part]).backward()
            optimiser.step()

    Raises ElegansError for less than one step.
    """
    if steps < 1:
        raise ElegansError("truncated", f"parts of {steps} steps", "give at least 1")
    axis = 1 if input.dim() == 3 and layer.batch_first else 0
    count = input.shape[axis]
    if mask is not None and timespans is None:
        timespans = torch.ones(input.shape[:-1], dtype=input.dtype, device=input.device)
    waiting: Tensor | None = None
    for start in range(0, count, steps):
        part = slice(start, min(start + steps, count))
        place = (slice(None), part) if axis else (part,)
        times = None if timespans is None else timespans[place]
        present = None if mask is None else mask[place]
        if times is not None and present is not None:
            times = times.reshape(present.shape)
            if waiting is not None:
                first, others = times.tensor_split([1], axis)
                times = torch.cat([first + waiting, others], dim=axis)
            waiting = _behind_the_last(times, present, axis)
        output, hx = layer(input[place], hx, times, mask=present)
        hx = (hx[0].detach(), hx[1].detach()) if isinstance(hx, tuple) else hx.detach()
        yield part, output, hx


def _behind_the_last(times: Tensor, present: Tensor, axis: int) -> Tensor:
    """The time between the last sample of a part and the part's end: the next sample's, too."""
    later = present.int().flip(axis).cumsum(axis).flip(axis) > 0
    return times.masked_fill(later, 0.0).sum(axis, keepdim=True)
