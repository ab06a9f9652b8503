"""Metrics of a trained network on stretches of recordings, and plain baselines beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from elegans.exporter.data.recordings.time_series import TimeSeries
from elegans.trainer.data.goal import Goal
from elegans.trainer.data.normalise import Normalisation
from elegans.trainer.data.windows import Batch
from elegans.trainer.learn.loss import Scored, second_half
from elegans.trainer.learn.training_loop import whole_batches

Values = npt.NDArray[np.float64]
Scores = dict[str, float]


@dataclass(frozen=True, eq=False)
class Decisions:
    """What should be and what was said, for each sample that counts, or each whole recording.

    truth, said  [N] class indices, or [N, O] numbers
    """

    truth: npt.NDArray[Any]
    said: npt.NDArray[Any]

    def scores(self, goal: Goal) -> Scores:
        """The metrics of the goal."""
        if goal.classifies:
            return class_scores(self.truth, self.said, len(goal.classes))
        return number_scores(self.truth, self.said, goal.targets)


@torch.no_grad()
def decide(
    net: Scored, series: Sequence[TimeSeries], units: Normalisation, goal: Goal
) -> Decisions:
    """Run each stretch from its beginning, with h = 0, and compare where there is a target."""
    found = []
    for batch in whole_batches(series, units):
        y = net(torch.from_numpy(batch.x), torch.from_numpy(batch.dt)).numpy()
        found.append(decided(y, batch, goal))
    return joined(found)


def decided(y: npt.NDArray[Any], batch: Batch, goal: Goal) -> Decisions:
    """What outputs y [B, T, O] of a batch say, beside its targets."""
    if goal.whole:
        late = second_half(torch.from_numpy(batch.counts)).numpy()[..., None]
        mean = (y * late).sum(axis=1) / np.maximum(late.sum(axis=1), 1)
        known = batch.counts.any(axis=1)
        truth = batch.y[..., 0].max(axis=1)[known].astype(int)
        return Decisions(truth, mean.argmax(axis=1)[known])
    if goal.classifies:
        return Decisions(batch.y[batch.counts][:, 0].astype(int), y[batch.counts].argmax(axis=1))
    return Decisions(batch.y[batch.counts], y[batch.counts])


def joined(parts: Sequence[Decisions]) -> Decisions:
    """All of them, one behind the other."""
    return Decisions(
        np.concatenate([one.truth for one in parts]), np.concatenate([one.said for one in parts])
    )


def plain_baselines(
    goal: Goal, training: Sequence[TimeSeries], test: Sequence[TimeSeries], truth: npt.NDArray[Any]
) -> dict[str, Scores]:
    """The scores on the test part of what needs no network.

    majority     the most frequent class of the training part
    mean         the mean of each target in the training part
    persistence  of a forecast: the target stays what it is. Its first samples of each stretch,
                 as many as the forecast is ahead, are not counted
    """
    if goal.classifies:
        labels = [one.y[np.isfinite(one.y[:, 0]), 0].astype(int) for one in training]
        labels = [one[-1:] for one in labels] if goal.whole else labels
        most = int(np.bincount(np.concatenate(labels)).argmax())
        return {"majority": class_scores(truth, np.full_like(truth, most), len(goal.classes))}
    mean = np.nanmean(np.concatenate([one.y for one in training]), axis=0)
    found = {"mean": number_scores(truth, np.broadcast_to(mean, truth.shape), goal.targets)}
    if goal.steps:
        pairs = [(one.y[goal.steps :], one.y[: -goal.steps]) for one in test]
        later, now = (np.concatenate(part) for part in zip(*pairs, strict=True))
        known = np.isfinite(later).all(axis=1) & np.isfinite(now).all(axis=1)
        if known.any():
            found["persistence"] = number_scores(later[known], now[known], goal.targets)
    return found


def class_scores(
    truth: npt.NDArray[np.integer], said: npt.NDArray[np.integer], classes: int
) -> Scores:
    """Accuracy; the mean recall and the mean F1 score of the classes that occur in `truth`."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (truth, said), 1)
    right, of, as_ = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    there = of > 0
    return {
        "accuracy": float(right.sum() / max(len(truth), 1)),
        "balanced_accuracy": float((right[there] / of[there]).mean()),
        "macro_f1": float((2 * right[there] / (of + as_)[there]).mean()),
    }


def number_scores(truth: Values, said: Values, targets: Sequence[str]) -> Scores:
    """Root mean square and mean absolute error in the target's unit, and R^2; by target if several.

    R^2 is 1 minus the squared error over that of the mean of `truth`; 0 where that is constant.
    """
    found: Scores = {}
    for column, name in enumerate(targets):
        end = f"_{name}" if len(targets) > 1 else ""
        error = np.asarray(said[:, column], np.float64) - truth[:, column]
        spread = float(np.var(np.asarray(truth[:, column], np.float64)))
        found[f"rmse{end}"] = float(np.sqrt(np.mean(error**2)))
        found[f"mae{end}"] = float(np.abs(error).mean())
        found[f"r2{end}"] = 1.0 - float(np.mean(error**2)) / spread if spread > 0 else 0.0
    return found


def clipped_values(series: Sequence[TimeSeries], units: Normalisation) -> int:
    """How many values and steps lie outside their declared ranges, where the device clips them."""
    low, high = np.array([signal.range for signal in units.signals]).T
    channels = series[0].x.shape[1]
    shortest, longest = units.dt.range or (0.0, np.inf)
    count = 0
    for one in series:
        count += int(((one.x < low[:channels]) | (one.x > high[:channels])).sum())
        steps = np.diff(one.t)
        count += int(((steps < shortest) | (steps > longest)).sum())
    return count
