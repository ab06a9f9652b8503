"""Batches of an epoch: stretches of recordings of one length, or whole recordings, padded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from elegans.exporter.data.recordings.time_series import TimeSeries
from elegans.trainer.data.augment import Augmentation, augmented
from elegans.trainer.data.normalise import Normalisation

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
    lengths [B], the samples of each without the padding
    fresh   [B], whether the state before it is 0, or else that behind the same row of the batch
            before
    """

    x: Floats
    dt: Floats
    y: Floats
    counts: Flags
    lengths: npt.NDArray[np.int64]
    fresh: Flags


@dataclass(frozen=True)
class WindowPlan:
    """How an epoch is cut.

    length   samples of a window, or None for whole recordings
    batch    windows of a batch
    updates  the least number of batches of an epoch; short data are passed over again
    carry    whether a window goes on with the state behind the one before it in its recording,
             which is then in the same row of the batch before: recordings lie one behind the
             other in as many rows as a batch has
    """

    length: int | None
    batch: int
    updates: int
    carry: bool = False

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
        """The batches of an epoch: every sample once a pass, windows or, if they carry their state,
        recordings in a new order."""
        more = (units, augmentation, random)
        for _ in range(self._passes(series)):
            if self.carry:
                yield from self._rows(series, *more)
                continue
            places = [(one, cut) for one in series for cut in self._cuts(len(one), random)]
            order = random.permutation(len(places))
            for first in range(0, len(order), self.batch):
                chosen = [places[k] for k in order[first : first + self.batch]]
                yield stacked([self._window(one, cut, *more) for one, cut in chosen])

    def _rows(
        self,
        series: Sequence[TimeSeries],
        units: Normalisation,
        augmentation: Augmentation,
        random: np.random.Generator,
    ) -> Iterator[Batch]:
        """The batches of a pass in which windows carry their state."""
        places = [
            (series[k], cut, not index)
            for k in random.permutation(len(series))
            for index, cut in enumerate(self._cuts(len(series[k]), random))
        ]
        long = self._batches_of_a_pass(series)
        for turn in range(long):
            chosen = [(one, cut, turn == 0 or begins) for one, cut, begins in places[turn::long]]
            fresh = np.array([begins for *_, begins in chosen])
            more = (units, augmentation, random)
            yield stacked([self._window(one, cut, *more, f) for one, cut, f in chosen], fresh)

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
        fresh: bool = True,
    ) -> Stretch:
        """One stretch, with as many samples before it as let a fresh state settle: a quarter."""
        begin, end = cut
        start = max(0, begin - (self.length or 0) // 4) if fresh else begin
        rows = np.arange(start, end)
        if augmentation.dropout:
            lost = random.random(len(rows)) < augmentation.dropout
            lost[-1] &= not self.carry  # the next window's first step begins there
            rows = rows[~lost]
            rows = rows if len(rows) else np.array([end - 1])
        spread = units.spread[: one.x.shape[1]]
        t, x = augmented(one.t[rows], one.x[rows], spread, augmentation, random)
        since = start if self.carry else rows[0]  # of the last sample that was not lost
        before = float(t[0] - one.t[since - 1]) if since and not augmentation.dt else None
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


def stacked(windows: Sequence[Stretch], fresh: Flags | None = None) -> Batch:
    """Windows as one batch, padded behind their ends to the longest; all are fresh by default."""
    lengths = np.array([len(window[1]) for window in windows])
    longest = int(lengths.max())
    columns: list[npt.NDArray[Any]] = []
    for part in range(4):
        mode = "constant" if part >= 2 else "edge"
        rows = []
        for window in windows:
            value = window[part]
            pad = [(0, longest - len(value))] + [(0, 0)] * (value.ndim - 1)
            rows.append(np.pad(value, pad, mode=mode))  # type: ignore[call-overload]
        columns.append(np.stack(rows))
    x, dt, y, counts = columns
    fresh = np.ones(len(windows), bool) if fresh is None else fresh
    return Batch(x, dt, y, counts, lengths, fresh)
