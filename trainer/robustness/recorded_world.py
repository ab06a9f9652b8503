"""Recordings as a world: trained as `elegans train` does, and disturbed on their test part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from elegans.exporter.data.recordings.time_series import TimeSeries
from elegans.exporter.ir.interface import Interface
from elegans.trainer.data.arrays import from_arrays
from elegans.trainer.data.goal import Goal
from elegans.trainer.data.normalise import Normalisation, learn_normalisation
from elegans.trainer.data.series import DataSet
from elegans.trainer.data.split import Parts
from elegans.trainer.data.windows import Batch, WindowPlan
from elegans.trainer.fit import reproducible
from elegans.trainer.learn.evaluate import Decisions, decided, joined
from elegans.trainer.learn.loss import loss_of
from elegans.trainer.learn.train_settings import TrainSettings
from elegans.trainer.learn.training_loop import TrainingLoop, whole_batches
from elegans.trainer.progress import Progress, silent
from elegans.trainer.robustness.effects import STRENGTHS, disturbed, effect, lost, no_effect
from elegans.trainer.robustness.timed_network import (
    TIMED,
    Execution,
    FloatExecution,
    TimedNetwork,
    with_elapsed,
)
from elegans.trainer.robustness.world import CellLesson, Condition
from elegans.trainer.tasks.motions.recordings import ACTIVITIES, CHANNELS, PERIOD, load

_LONGEST = 2048
"""Samples of a run of the test: a longer recording is cut, so that its parts run side by side."""
_TOGETHER = 512  # runs
_MOST_SAMPLES = 1 << 21  # of all runs that are in memory at once
_LEAST_UPDATES = 8
_CLOCK_NOISE_SEED = 17


@dataclass(frozen=True, eq=False)
class RecordedWorld:
    """See `World`.

    data, parts  what is learned, and how it is split
    settings     of a training; cell, neurons, wiring, rate, seed and epochs are the lesson's
    """

    name: str
    data: DataSet
    parts: Parts
    settings: TrainSettings
    digest: str
    epochs: int = 30
    cues: bool = False
    strengths: Mapping[str, tuple[float, ...]] = field(default_factory=lambda: STRENGTHS)

    @property
    def error(self) -> str:
        """See `World`."""
        if self.data.goal.classifies:
            return "balanced error [share]"
        return "error, rms [standard deviations of the target]"

    @property
    def outputs(self) -> int:
        """See `World`."""
        return len(self.data.goal.outputs)

    def inputs(self, cell: str) -> int:
        """See `World`."""
        return len(self._units(TrainSettings(), 0.0).signals) + (cell not in TIMED)

    def interface(self, network: TimedNetwork) -> Interface:
        """See `World`."""
        return network.units.interface("network", self.data)

    def train(self, lesson: CellLesson, progress: Progress = silent) -> tuple[TimedNetwork, float]:
        """See `World`: early stopping by the loss on the validation part."""
        settings = replace(
            self.settings,
            cell=lesson.cell,
            neurons=lesson.neurons,
            wiring=lesson.wiring,
            lr=lesson.rate,
            seed=lesson.seed,
            epochs=lesson.epochs,
            augmentation=replace(
                self.settings.augmentation,
                dropout=max(self.settings.augmentation.dropout, lesson.lost),
            ),
        )
        goal, parts = self.data.goal, self.parts
        validation = [
            _without_lost(one, lesson.lost, 1000 + place)
            for place, one in enumerate(parts.validation)
        ]
        with reproducible(lesson.seed):
            base = self._units(settings, lesson.lost)
            steps = np.concatenate([np.diff(one.t) for one in parts.training])
            units = with_elapsed(base, lesson.cell, float(np.std(steps)))
            network = TimedNetwork(settings, units, lesson.time)
            plan = WindowPlan(
                None if goal.whole else settings.window, settings.batch, _LEAST_UPDATES
            )
            loss = loss_of(goal, settings, base, parts.training)
            loop = TrainingLoop(network, loss, base, plan, settings)
            loop.run(parts.training, validation, "train", progress)
            error = self._error_of(FloatExecution(network), base, [validation])[0]
        return network, error

    def errors(
        self, execution: Execution, lesson: CellLesson, conditions: Sequence[Condition]
    ) -> list[float]:
        """See `World`: as many conditions as fit into memory run side by side."""
        together = max(1, _MOST_SAMPLES // sum(map(len, self.parts.test)))
        parts = [conditions[k : k + together] for k in range(0, len(conditions), together)]
        return [error for part in parts for error in self._errors(execution, lesson, part)]

    def _errors(
        self, execution: Execution, lesson: CellLesson, conditions: Sequence[Condition]
    ) -> list[float]:
        units = execution.network.units
        sensors = len(self.data.inputs)
        centre, spread = units.centre[:sensors], units.spread[:sensors]
        pieces = [piece for one in self.parts.test for piece in _pieces(one, self.data.goal)]
        tests = []
        for name, strength in conditions:
            series = []
            for place, one in enumerate(pieces):
                kept = _without_lost(one, lesson.lost, place)
                known = name in STRENGTHS
                what = (
                    effect(name, strength, len(kept), sensors, place)
                    if known
                    else no_effect(len(kept), sensors)
                )
                series.append(disturbed(kept, what, centre, spread))
            tests.append(series)
        with reproducible(lesson.seed):  # for its one thread
            return self._error_of(execution, _base(units, execution.network), tests)

    def _units(self, settings: TrainSettings, share: float) -> Normalisation:
        """Without the notes, which were told when the data were read."""
        data = replace(self.data, notes=[])
        units = learn_normalisation(data, self.parts.training, settings.augmentation)
        return replace(units, period=units.period / (1.0 - share)) if share else units

    def _error_of(
        self, execution: Execution, units: Normalisation, tests: Sequence[Sequence[TimeSeries]]
    ) -> list[float]:
        """The error on each list of series; `units` are those without elapsed time as an input."""
        goal, network = self.data.goal, execution.network
        batches = [
            (test, batch) for test, one in enumerate(tests) for batch in whole_batches(one, units)
        ]
        decisions: list[list[Decisions]] = [[] for _ in tests]
        for group in _grouped(batches):
            x, dt = _side_by_side([batch for _, batch in group])
            random = torch.Generator().manual_seed(_CLOCK_NOISE_SEED)
            y = execution.run(*network.given(torch.from_numpy(x), torch.from_numpy(dt), random))
            row = 0
            for test, batch in group:
                rows, samples = batch.dt.shape
                decisions[test].append(decided(y[row : row + rows, :samples], batch, goal))
                row += rows
        return [_error(joined(one), goal) for one in decisions]


def motions() -> tuple[DataSet, list[str], list[str]]:
    """The recordings of the task `motions`, and the groups of its validation and test part.

    Raises ElegansError if aeon or its data are missing.
    """
    training, test = load()
    x = np.concatenate([training.x, test.x])
    label = np.concatenate([training.label, test.label])
    names = [f"{part}_{k}" for part in ("train", "test") for k in range(len(test.label))]
    data = from_arrays(
        x,
        [ACTIVITIES[k] for k in label],
        PERIOD,
        groups=names,
        inputs=[(name, "") for name in CHANNELS],
        targets=[("activity", "")],
        kind="classification",
    )
    count = len(training.label)
    return data, names[2:count:5], names[count:]


def _base(units: Normalisation, network: TimedNetwork) -> Normalisation:
    """The units without elapsed time as an input."""
    if not network.as_input:
        return units
    return replace(
        units, centre=units.centre[:-1], spread=units.spread[:-1], signals=units.signals[:-1]
    )


def _without_lost(one: TimeSeries, share: float, place: int) -> TimeSeries:
    if not share:
        return one
    kept = ~lost(share, len(one), place)
    return replace(one, t=one.t[kept], x=one.x[kept], y=one.y[kept])


def _pieces(one: TimeSeries, goal: Goal) -> list[TimeSeries]:
    if goal.whole:
        return [one]
    return [one.part(k, k + _LONGEST) for k in range(0, len(one), _LONGEST)]


def _grouped(batches: Sequence[tuple[int, Batch]]) -> list[list[tuple[int, Batch]]]:
    """Batches that run side by side, at most `_TOGETHER` rows of similar lengths."""
    groups: list[list[tuple[int, Batch]]] = []
    rows = _TOGETHER
    for test, batch in sorted(batches, key=lambda pair: pair[1].dt.shape[1]):
        if rows + len(batch.dt) > _TOGETHER:
            groups.append([])
            rows = 0
        groups[-1].append((test, batch))
        rows += len(batch.dt)
    return groups


def _side_by_side(
    batches: Sequence[Batch],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """x and dt of all rows, padded behind their ends to the longest."""
    longest = max(batch.dt.shape[1] for batch in batches)

    def padded(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        more = [(0, 0), (0, longest - values.shape[1])] + [(0, 0)] * (values.ndim - 2)
        return np.pad(values, more, mode="edge")

    x = np.concatenate([padded(batch.x) for batch in batches])
    return x, np.concatenate([padded(batch.dt) for batch in batches])


def _error(found: Decisions, goal: Goal) -> float:
    """1 - balanced accuracy; or the mean over targets of the error in standard deviations."""
    if goal.classifies:
        return 1.0 - found.scores(goal)["balanced_accuracy"]
    truth = np.asarray(found.truth, np.float64)
    squares = np.mean((np.asarray(found.said, np.float64) - truth) ** 2, axis=0)
    spread = np.var(truth, axis=0)
    return float(np.sqrt(squares / np.where(spread > 0, spread, 1.0)).mean())
