"""The arguments of a layer, checked and in one form: batch first, one elapsed time a sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from elegans.exporter.errors import ElegansError


@dataclass(frozen=True)
class Sequences:
    """Samples without gaps: those that a mask leaves out are closed up, and come as padding."""

    x: Tensor
    """[B, T, I]; 0 behind `lengths`."""
    dt: Tensor
    """[B, T]: the time before each sample."""
    period: float | None
    """The value of all of dt, where one number was given for all."""
    lengths: Tensor | None
    """[B]: the samples of each sequence; None: all T."""
    seen: Tensor | None
    """[B, T]: how many samples there are up to each one given; None: every one is there."""
    end: Tensor | None
    """[B]: the lengths given, gaps included; None: all T."""

    def last(self, states: Tensor, h0: Tensor) -> Tensor:
        """states [B, T, H] -> the states behind each sequence's last sample, [B, H]."""
        if self.lengths is None:
            return states[:, -1]
        index = self.lengths.view(-1, 1, 1).expand(-1, 1, states.shape[2])
        return torch.cat([h0.unsqueeze(1), states], dim=1).gather(1, index)[:, 0]

    def expanded(self, outputs: Tensor, before: Callable[[], Tensor]) -> Tensor:
        """outputs [B, T, O] by sample -> by place: where no sample is, the last one's.

        before  gives the outputs [B, O] before any sample
        """
        if self.seen is None:
            return outputs
        index = self.seen.unsqueeze(2).expand(-1, -1, outputs.shape[2])
        return torch.cat([before().unsqueeze(1), outputs], dim=1).gather(1, index)

    def zero_behind_lengths(self, outputs: Tensor) -> Tensor:
        """outputs [B, T, O], with 0 behind the lengths that were given."""
        if self.end is None:
            return outputs
        return outputs.masked_fill(~_before(self.end, outputs.shape[1]).unsqueeze(2), 0.0)


def from_arguments(
    input: Tensor,
    timespans: Tensor | float | None,
    lengths: Tensor | None,
    mask: Tensor | None,
    *,
    inputs: int,
    batch_first: bool,
) -> Sequences:
    """What `SequenceLayer.forward` gets -> `Sequences`. Raises ElegansError for other shapes."""
    if input.dim() not in (2, 3) or input.shape[-1] != inputs or 0 in input.shape[:-1]:
        layout = "batch, steps" if batch_first else "steps, batch"
        raise mismatch(f"input has shape {list(input.shape)}", f"[{layout}, {inputs}]")
    alone, swap = input.dim() == 2, input.dim() == 3 and not batch_first
    x = input.unsqueeze(0) if alone else input.transpose(0, 1) if swap else input
    batch, steps = x.shape[:2]
    dt = _elapsed(timespans, x, alone=alone, swap=swap)
    present = None if mask is None else _batch_first("mask", mask, (batch, steps), alone, swap)
    if lengths is not None:
        _check_lengths(lengths, batch, steps)
        lengths = lengths.to(x.device, torch.int64)
        inside = _before(lengths, steps)
        present = inside if present is None else present.bool() & inside
    period = None if isinstance(timespans, Tensor) else 1.0 if timespans is None else timespans
    if present is None:
        return Sequences(x, dt, period, None, None, None)
    if mask is None:
        x = x.masked_fill(~present.unsqueeze(2), 0.0)
        return Sequences(x, dt, period, lengths, None, lengths)
    return _closed_up(x, dt, present.bool(), lengths)


def mismatch(fact: str, wanted: str) -> ElegansError:
    """The error for an argument of another shape."""
    return ElegansError("sequence", fact, f"give {wanted}")


def _elapsed(timespans: Tensor | float | None, x: Tensor, *, alone: bool, swap: bool) -> Tensor:
    """[B, T]; only the shapes that say which sample each time belongs to."""
    batch, steps = x.shape[:2]
    if not isinstance(timespans, Tensor):
        return x.new_full((batch, steps), 1.0 if timespans is None else timespans)
    dt = timespans
    if dt.dim() == 0 or (dt.shape == (batch,) and not alone):
        return dt.reshape(-1, 1).expand(batch, steps)
    if dt.dim() == (2 if alone else 3) and dt.shape[-1] == 1:
        dt = dt.squeeze(-1)
    return _batch_first("timespans", dt, (batch, steps), alone, swap)


def _batch_first(
    name: str, given: Tensor, shape: tuple[int, int], alone: bool, swap: bool
) -> Tensor:
    batch, steps = shape
    wanted = (steps,) if alone else (steps, batch) if swap else shape
    if given.shape != wanted:
        raise mismatch(f"{name} has shape {list(given.shape)}", f"{list(wanted)}")
    return given.unsqueeze(0) if alone else given.t() if swap else given


def _check_lengths(lengths: Tensor, batch: int, steps: int) -> None:
    low, high = (int(v) for v in lengths.aminmax()) if lengths.numel() else (0, 0)
    if lengths.shape != (batch,) or low < 0 or high > steps:
        fact = f"lengths of shape {list(lengths.shape)} run from {low} to {high}"
        raise mismatch(fact, f"[{batch}], 0 to {steps} each")


def _before(lengths: Tensor, steps: int) -> Tensor:
    """[B, T]: True for the first `lengths` of each row."""
    return torch.arange(steps, device=lengths.device) < lengths.unsqueeze(1)


def _closed_up(x: Tensor, dt: Tensor, present: Tensor, end: Tensor | None) -> Sequences:
    """Move the samples that are there to the front; each waits for the sum of times since the
    one before."""
    steps = present.shape[1]
    order = torch.argsort(~present, dim=1, stable=True)
    counts, seen = present.sum(dim=1), present.cumsum(dim=1)
    # Sample k waits since sample k - 1: the times of all places between are added to its own.
    target = torch.where(present, seen - 1, seen).clamp(max=steps - 1)
    keep = _before(counts, steps)
    elapsed = torch.zeros_like(dt).scatter_add(1, target, dt)
    closed = x.gather(1, order.unsqueeze(2).expand_as(x)).masked_fill(~keep.unsqueeze(2), 0.0)
    return Sequences(closed, elapsed.masked_fill(~keep, 0.0), None, counts, seen, end)
