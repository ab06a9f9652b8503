"""Batches of an epoch: stretches of recordings of one length, or whole recordings, padded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from elegans.trainer.data.augment import Augmentation, augmented
from elegans.trainer.data.normalise import Normalisation
from elegans.trainer.data.series import TimeSeries

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Stretch = tuple[Floats, Floats, Floats, Flags]
"""x [T, J], dt [T], y [T, O] and counts [T], as in a `Batch`."""


@dataclass(frozen=True, eq=False)
class Batch:
    """B stretches of at most T samples.

    x       [B, T, J], the network's inputs in physical units; padding repeats the last sample
    dt      [B, T], s
    y       [B, T, O], targets; 0 where `counts` is not set
    counts  [B, T], whether a sample counts in the loss
    """

    x: Floats
    dt: Floats
    y: Floats
    counts: Flags


@dataclass(frozen=True)
class WindowPlan:
    """How an epoch is cut.

    length   samples of a window, or None for whole recordings
    batch    windows of a batch
    updates  the least number of batches of an epoch; short data are passed over again
    """

    length: int | None
    batch: int
    updates: int

    def batches(self, series: Sequence[TimeSeries]) -> int:
        """The number of batches of every epoch."""
        return self._passes(series) * self._batches_of_a_pass(series)

    def _windows(self, series: Sequence[TimeSeries]) -> int:
        if self.length is None:
            return len(series)
        return sum(-(-len(one) // self.length) for one in series)

    def _batches_of_a_pass(self, series: Sequence[TimeSeries]) -> int:
        return -(-self._windows(series) // self.batch)

    def _passes(self, series: Sequence[TimeSeries]) -> int:
        return -(-self.updates // self._batches_of_a_pass(series))

    def epoch(
        self,
        series: Sequence[TimeSeries],
        units: Normalisation,
        augmentation: Augmentation,
        random: np.random.Generator,
    ) -> Iterator[Batch]:
        """The batches of an epoch: every sample once a pass, windows in a new order."""
        for _ in range(self._passes(series)):
            places = [(one, cut) for one in series for cut in self._cuts(len(one), random)]
            order = random.permutation(len(places))
            for first in range(0, len(order), self.batch):
                chosen = [places[k] for k in order[first : first + self.batch]]
                more = (units, augmentation, random)
                yield stacked([self._window(one, cut, *more) for one, cut in chosen])

    def _cuts(self, total: int, random: np.random.Generator) -> list[tuple[int, int]]:
        """Stretches of `length` that cover a recording, the first one shorter by a random part."""
        if self.length is None or total <= self.length:
            return [(0, total)]
        windows = -(-total // self.length)
        spare = windows * self.length - total
        first = self.length - int(random.integers(0, spare + 1))
        ends = [min(first + k * self.length, total) for k in range(windows)]
        return list(zip([0, *ends[:-1]], ends, strict=True))

    def _window(
        self,
        one: TimeSeries,
        cut: tuple[int, int],
        units: Normalisation,
        augmentation: Augmentation,
        random: np.random.Generator,
    ) -> Stretch:
        """One stretch, with as many samples before it as let the state settle: a quarter of it."""
        begin, end = cut
        start = max(0, begin - (self.length or 0) // 4)
        rows = np.arange(start, end)
        if augmentation.dropout:
            rows = rows[random.random(len(rows)) >= augmentation.dropout]
            rows = rows if len(rows) else np.array([end - 1])
        spread = units.spread[: one.x.shape[1]]
        t, x = augmented(one.t[rows], one.x[rows], spread, augmentation, random)
        before = float(t[0] - one.t[rows[0] - 1]) if rows[0] and not augmentation.dt else None
        return sample_window(t, x, one.y[rows], np.asarray(rows >= begin), units, before)


def sample_window(
    t: npt.NDArray[np.float64],
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    counts: Flags,
    units: Normalisation,
    before: float | None = None,
) -> Stretch:
    """x, dt, y and counts of samples t [T], x [T, I], y [T, O]; missing targets do not count."""
    known: Flags = np.asarray(np.isfinite(y).all(axis=1))
    target = np.where(known[:, None], y, 0.0).astype(np.float32)
    return units.inputs(t, x), units.elapsed(t, before), target, counts & known


def stacked(windows: Sequence[Stretch]) -> Batch:
    """Windows as one batch, padded behind their ends to the longest."""
    longest = max(len(window[1]) for window in windows)
    columns = []
    for part in range(4):
        mode = "constant" if part >= 2 else "edge"
        rows = []
        for window in windows:
            value = window[part]
            pad = [(0, longest - len(value))] + [(0, 0)] * (value.ndim - 1)
            rows.append(np.pad(value, pad, mode=mode))  # type: ignore[call-overload]
        columns.append(np.stack(rows))
    return Batch(*columns)
