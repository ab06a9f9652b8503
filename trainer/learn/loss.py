"""Losses over windows in which not every sample counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from elegans.exporter.data.recordings.time_series import TimeSeries
from elegans.trainer.data.goal import Goal
from elegans.trainer.data.normalise import Normalisation
from elegans.trainer.data.windows import Batch
from elegans.trainer.learn.train_settings import TrainSettings

SCORE_SCALE = 6.0
"""Motor neurons lie in [-1, 1]; 6 times their difference can assign nearly all probability."""
_SMOOTHING = 0.1
"""Label smoothing: without it a network learns to flip between saturated states, where rounding
errors of the device grow (measured for the task `motions`)."""


class Scored(Protocol):
    """What a loss and an evaluation need of a network over sequences."""

    def __call__(self, x: Tensor, dt: Tensor) -> Tensor:
        """Physical x [B, T, J] and dt [B, T], s -> physical y [B, T, O]."""

    def scores(self, x: Tensor, dt: Tensor) -> Tensor:
        """The same before the outputs got their units."""


Loss = Callable[[Scored, Batch], Tensor]


def loss_of(
    goal: Goal, settings: TrainSettings, units: Normalisation, training: Sequence[TimeSeries]
) -> Loss:
    """The mean loss of a batch: cross entropy, or squared error in units of the gain."""
    if not goal.classifies:
        gain, offset = (torch.tensor(v, dtype=torch.float32) for v in (units.gain, units.offset))

        def squared(net: Scored, batch: Batch) -> Tensor:
            wanted = (torch.from_numpy(batch.y) - offset) / gain
            error = (net.scores(*_given(batch)) - wanted).square().mean(dim=2)
            return _mean(error, torch.from_numpy(batch.counts))

        return squared

    scale = SCORE_SCALE if settings.wired else 1.0
    weights = class_weights(goal, training) if settings.class_weights == "balanced" else None

    def entropy(net: Scored, batch: Batch) -> Tensor:
        logits, label = scale * net.scores(*_given(batch)), torch.from_numpy(batch.y[..., 0])
        counts = torch.from_numpy(batch.counts)
        if goal.whole:
            late = second_half(counts)[..., None].float()
            logits = (logits * late).sum(dim=1) / late.sum(dim=1).clamp(min=1.0)
            label, counts = label.max(dim=1).values, counts.any(dim=1)
        return (
            functional.cross_entropy(
                logits[counts], label[counts].long(), weights, label_smoothing=_SMOOTHING
            )
            if bool(counts.any())
            else logits.sum() * 0.0
        )

    return entropy


def second_half(counts: Tensor) -> Tensor:
    """[B, T], which samples count -> the later half of them, at least one."""
    order = counts.cumsum(dim=1)
    return counts & (2 * order > counts.sum(dim=1, keepdim=True))


def class_weights(goal: Goal, training: Sequence[TimeSeries]) -> Tensor:
    """[classes]: inversely proportional to how often each occurs; the mean over samples is 1."""
    labels = [one.y[np.isfinite(one.y[:, 0]), 0].astype(int) for one in training]
    labels = [one[-1:] for one in labels] if goal.whole else labels
    count = np.bincount(np.concatenate(labels), minlength=len(goal.classes))
    return torch.tensor(count.sum() / (len(count) * np.maximum(count, 1)), dtype=torch.float32)


def _given(batch: Batch) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(batch.x), torch.from_numpy(batch.dt)


def _mean(values: Tensor, counts: Tensor) -> Tensor:
    return (values * counts).sum() / counts.sum().clamp(min=1)
