"""Recordings as a `Problem`: the user's own data, and the built-in tasks that are recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from elegans.exporter.data.recordings.time_series import TimeSeries
from elegans.exporter.ir.conversion import to_real
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.oracles import reference
from elegans.trainer.chip_aware.on_device import device_inputs
from elegans.trainer.data.arrays import from_arrays
from elegans.trainer.data.augment import Augmentation, augmented
from elegans.trainer.data.normalise import Normalisation, learn_normalisation
from elegans.trainer.data.series import DataSet
from elegans.trainer.data.split import Parts, split
from elegans.trainer.learn.build_network import PhysicalNetwork, build_network
from elegans.trainer.learn.evaluate import decide
from elegans.trainer.learn.train_settings import TrainSettings
from elegans.trainer.learn.trainer import lesson_of
from elegans.trainer.learn.training_loop import TrainingLoop
from elegans.trainer.progress import silent
from elegans.trainer.search.problem import Learner, Recorded, Watch
from elegans.trainer.tasks.motions.recordings import ACTIVITIES, CHANNELS, PERIOD, load

_RECORDED_STEPS = 600
_SEED_OF_DISTURBANCE = 7
_HELD = 4  # of the ten training series of each activity


@dataclass(frozen=True, eq=False)
class RecordingsProblem:
    """Recordings in three parts. The error is 1 - accuracy, or the root mean square error.

    balanced  whether each class counts as much as any other, in training and in the error
    """

    name: str
    data: DataSet
    parts: Parts
    balanced: bool = False

    @property
    def metric(self) -> str:
        """What the error is."""
        goal = self.data.goal
        if goal.classifies:
            return "1 - balanced accuracy" if self.balanced else "1 - accuracy"
        if len(goal.targets) > 1:
            return "root mean square error, each target in units of its range"
        unit = goal.units[0]
        return f"root mean square error of {goal.targets[0]}" + (f", {unit}" if unit else "")

    @property
    def outputs(self) -> int:
        """Of the network."""
        return len(self.data.goal.outputs)

    @property
    def augmentations(self) -> tuple[str, ...]:
        """That the training takes."""
        return ("noise", "dropout")

    @property
    def digest(self) -> str:
        """Of the data and how they are split."""
        return f"{self.data.digest[:16]} {self.parts.how}"

    def build(self, settings: TrainSettings) -> Learner:
        """A network with random weights, drawn from torch's global state."""
        data = replace(self.data, notes=[])
        units = learn_normalisation(data, self.parts.training, settings.augmentation)
        net, wiring = build_network(settings, len(units.signals), self.outputs)
        interface = units.interface(self.name, self.data)
        return Learner(PhysicalNetwork(net, units, wiring), units, interface)

    def train(self, learner: Learner, settings: TrainSettings, watch: Watch) -> None:
        """Train it as `elegans train` does, and leave the best weights in it."""
        settings = replace(settings, class_weights="balanced" if self.balanced else "none")
        plan, loss = lesson_of(self.data, self.parts, learner.units, settings)
        loop = TrainingLoop(learner.net, loss, learner.units, plan, settings)

        def log(epoch: int, values: Mapping[str, float]) -> None:
            watch(epoch, values["loss/train_validation"])

        loop.run(self.parts.training, self.parts.validation, "train", silent, log)

    def recorded(self, learner: Learner) -> Recorded:
        """The beginning of the test part."""
        longest = max(self.parts.test, key=len)
        part = longest.part(0, _RECORDED_STEPS)
        return Recorded(learner.units.inputs(part.t, part.x), learner.units.elapsed(part.t))

    def errors(
        self, model: Model, learner: Learner, part: str, disturbance: Augmentation | None = None
    ) -> float:
        """The error of the device's integers on the validation or the test part."""
        goal, units = self.data.goal, learner.units
        series: Sequence[TimeSeries] = getattr(self.parts, part)
        if disturbance is not None:
            random = np.random.default_rng(_SEED_OF_DISTURBANCE)
            series = [disturbed(one, units, disturbance, random) for one in series]
        decisions = decide(OnIntegers(model), series, units, goal)
        scores = decisions.scores(goal)
        if goal.classifies:
            return 1.0 - scores["balanced_accuracy" if self.balanced else "accuracy"]
        if len(goal.targets) == 1:
            return scores["rmse"]
        each = [scores[f"rmse_{name}"] for name in goal.targets] / units.gain
        return float(np.sqrt(np.mean(np.square(each))))


def disturbed(
    one: TimeSeries, units: Normalisation, how: Augmentation, random: np.random.Generator
) -> TimeSeries:
    """A recording as a worse sensor gives it: noise on its values, and samples that are lost."""
    rows = np.flatnonzero(random.random(len(one)) >= how.dropout)
    rows = rows if len(rows) > 1 else np.arange(len(one))[-2:]
    spread = units.spread[: one.x.shape[1]]
    t, x = augmented(one.t[rows], one.x[rows], spread, how, random)
    return TimeSeries(one.group, t, x, one.y[rows])


class OnIntegers:
    """A fixed-point model as `evaluate.decide` takes a network."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def __call__(self, x: Tensor, dt: Tensor) -> Tensor:
        """x [B, T, J] and dt [B, T], rounded as the device's host does -> y [B, T, O]."""
        found = reference.run(self._model, *device_inputs(self._model, x, dt))
        y = to_real(found.y, self._model.outputs).swapaxes(0, 1)
        return torch.from_numpy(np.ascontiguousarray(y, np.float32))

    def scores(self, x: Tensor, dt: Tensor) -> Tensor:
        """The same: decisions read nothing else."""
        return self(x, dt)


def motions() -> RecordingsProblem:
    """The task `motions`: 24 of its training series to train, 16 to choose by, 40 to test.

    Raises ElegansError without its recordings.
    """
    sets = dict(zip(("train", "test"), load(), strict=True))
    x = np.concatenate([one.x for one in sets.values()])
    label = np.concatenate([one.label for one in sets.values()])
    groups = [f"{name}_{k}" for name, one in sets.items() for k in range(len(one.label))]
    data = from_arrays(
        x,
        [ACTIVITIES[k] for k in label],
        PERIOD,
        groups=groups,
        inputs=[(name, "1") for name in CHANNELS],
        targets=[("activity", "")],
        kind="classification",
    )
    of_each = [np.flatnonzero(sets["train"].label == k) for k in range(len(ACTIVITIES))]
    held = [f"train_{k}" for rows in of_each for k in rows[-_HELD:]]
    data = replace(data, source="motions")
    return RecordingsProblem("motions", data, split(data, held, groups[len(sets["train"].label) :]))
