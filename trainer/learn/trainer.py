"""`Trainer`: fit, evaluate and export, on arrays in memory or on a `DataSet` from files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.trainer.data.arrays import Time, from_arrays
from elegans.trainer.data.augment import parse_augmentation
from elegans.trainer.data.normalise import Normalisation, learn_normalisation
from elegans.trainer.data.series import DataSet, in_part
from elegans.trainer.data.split import Parts, split
from elegans.trainer.data.windows import WindowPlan
from elegans.trainer.fit import reproducible
from elegans.trainer.learn.build_network import GruBaseline, PhysicalNetwork, build_network
from elegans.trainer.learn.evaluate import Decisions, Scores, decide, plain_baselines
from elegans.trainer.learn.keeping import Keeping, Store
from elegans.trainer.learn.loss import Loss, loss_of
from elegans.trainer.learn.on_chip import DEVICE_FILE, Lesson, fine_tuned
from elegans.trainer.learn.tensorboard_log import Log, require_tensorboard, tensorboard_log
from elegans.trainer.learn.train_settings import TrainSettings
from elegans.trainer.learn.training_loop import Course, TrainingLoop
from elegans.trainer.progress import Progress, silent

_LEAST_UPDATES = 8
"""Updates of an epoch at least: few recordings are passed over several times."""


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """Everything about a finished training.

    scores     of the network on the validation and the test part
    baselines  on the test part, by name
    device     the figures of `on_chip.fine_tuned`; empty without `settings.qat`
    """

    data: DataSet
    parts: Parts
    units: Normalisation
    net: PhysicalNetwork
    course: Course
    test: Decisions
    scores: dict[str, Scores]
    baselines: dict[str, dict[str, Any]]
    device: dict[str, Any]


class Trainer:
    """Trains a network on recordings.

    Options are the fields of `TrainSettings`; `augment` is text as `noise=0.1,dropout=0.1`.
    `tell` is called with each note about the data before the training begins. Raises
    ElegansError for a value out of its range.
    """

    def __init__(
        self,
        settings: TrainSettings | None = None,
        *,
        progress: Progress = silent,
        tell: Callable[[str], None] | None = None,
        augment: str | None = None,
        **options: Any,
    ) -> None:
        if augment is not None:
            options["augmentation"] = parse_augmentation(augment)
        unknown = set(options) - set(TrainSettings.__dataclass_fields__)
        if unknown or (settings is not None and options):
            fields = ", ".join(TrainSettings.__dataclass_fields__)
            raise WrongUseError("Trainer", f"takes no {sorted(options)}", f"give {fields}")
        self.settings = settings or TrainSettings(**options)
        self._progress, self._tell = progress, tell
        self._outcome: TrainingResult | None = None

    @property
    def outcome(self) -> TrainingResult:
        """What came out of `fit`. Raises ElegansError before it."""
        if self._outcome is None:
            raise ElegansError("Trainer", "was not trained yet", "call fit first")
        return self._outcome

    def fit(
        self,
        x: Any,
        y: Any,
        t: Time = None,
        *,
        keeping: Keeping | None = None,
        validation: Sequence[str] = (),
        test: Sequence[str] = (),
        **names: Any,
    ) -> Trainer:
        """Train on arrays, see `data.arrays.from_arrays` for their shapes and for `names`.

        validation, test  the groups of these parts; default: `data.split.split` chooses
        """
        return self.fit_data(from_arrays(x, y, t, **names), keeping, validation, test)

    def fit_data(
        self,
        data: DataSet,
        keeping: Keeping | None = None,
        validation: Sequence[str] = (),
        test: Sequence[str] = (),
    ) -> Trainer:
        """Train on a data set; what was found in it is in the notes of `outcome.data`.

        The same data, settings and version give the same bits. Raises ElegansError for data that
        cannot be split or learned, and `StoppedError` for Ctrl-C.
        """
        if keeping is not None and keeping.tensorboard is not None:
            require_tensorboard()
        data = replace(data, notes=list(data.notes))
        with reproducible(self.settings.seed):
            self._outcome = self._train(data, split(data, validation, test), keeping)
        return self

    def _train(self, data: DataSet, parts: Parts, keeping: Keeping | None) -> TrainingResult:
        settings, goal = self.settings, data.goal
        units = learn_normalisation(data, parts.training, settings.augmentation)
        inputs, outputs = len(units.signals), len(goal.outputs)
        if self._tell is not None:
            for note in (*data.notes, f"split: {parts.how}"):
                self._tell(note)
        built, wiring = build_network(settings, inputs, outputs)
        net = PhysicalNetwork(built, units, wiring)
        baseline = PhysicalNetwork(GruBaseline(inputs, settings.neurons, outputs), units)
        if keeping is not None and not keeping.resume:
            for name in ("network", "gru"):  # or --resume would take the later one for its own
                Store(keeping.folder, name, "").forget()
            (keeping.folder / DEVICE_FILE).unlink(missing_ok=True)
        with tensorboard_log(keeping.tensorboard if keeping else None) as log:
            course = self._run("train", "network", net, data, parts, units, keeping, log)
            self._run("baseline", "gru", baseline, data, parts, units, keeping, log)
        device: dict[str, Any] = {}
        if settings.qat:
            lesson = Lesson(data, parts, units, *lesson_of(data, parts, units, settings), settings)
            net, device = fine_tuned(net, lesson, self._progress, keeping)
        self._progress("evaluate", 0, 1, "")
        decisions = decide(net, parts.test, units, goal)
        validation = decide(net, parts.validation, units, goal).scores(goal)
        scores = {"test": decisions.scores(goal), "validation": validation}
        plain = plain_baselines(goal, parts.training, parts.test, decisions.truth)
        gru = decide(baseline, parts.test, units, goal).scores(goal)
        baselines: dict[str, dict[str, Any]] = {**plain, "gru": {**gru, "units": settings.neurons}}
        self._progress("evaluate", 1, 1, "")
        return TrainingResult(data, parts, units, net, course, decisions, scores, baselines, device)

    def _run(
        self,
        stage: str,
        name: str,
        net: PhysicalNetwork,
        data: DataSet,
        parts: Parts,
        units: Normalisation,
        keeping: Keeping | None,
        log: Log,
    ) -> Course:
        settings = self.settings
        store = None
        if keeping is not None:
            groups = [
                sorted({one.group for one in part}) for part in (parts.validation, parts.test)
            ]
            digest = hashlib.sha256(repr((data.digest, groups)).encode()).hexdigest()
            store = Store(keeping.folder, name, digest, keeping.resume)
        plan, loss = lesson_of(data, parts, units, settings)
        loop = TrainingLoop(net, loss, units, plan, settings, store)
        loop.run(parts.training, parts.validation, stage, self._progress, log)
        return loop.course

    def evaluate(self, x: Any = None, y: Any = None, t: Time = None) -> Scores:
        """The metrics on the test part; or, with `x`, `y` and `t` as for `fit`, on other data."""
        done = self.outcome
        if x is None:
            return done.scores["test"]
        goal = done.data.goal
        targets = [(name, "") for name in goal.targets]
        data = from_arrays(x, y, t, inputs=done.data.inputs, targets=targets, goal=goal)
        series = [in_part(one, goal) for one in data.series]
        return decide(done.net, series, done.units, goal).scores(goal)

    def export(self, folder: str | Path, name: str = "model") -> Path:
        """Write model.onnx, weights, metrics, a recording and pictures into `folder`.

        name  of the model: the prefix of the generated C. Returns the path of model.onnx.
        """
        from elegans.trainer.learn.results import write_results

        return write_results(self.outcome, self.settings, Path(folder), name)


def lesson_of(
    data: DataSet, parts: Parts, units: Normalisation, settings: TrainSettings
) -> tuple[WindowPlan, Loss]:
    """How an epoch of the training part is cut, and the loss that is trained."""
    length = None if data.goal.whole else settings.window
    carry = settings.carry and length is not None
    plan = WindowPlan(length, settings.batch, _LEAST_UPDATES, carry)
    return plan, loss_of(data.goal, settings, units, parts.training)
