"""Workers that train nothing: what comes of a trial follows from its parameters alone."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from elegans.trainer.data.augment import Augmentation
from elegans.trainer.learn.train_settings import TrainSettings
from elegans.trainer.search.hopeless import CostLimit
from elegans.trainer.search.space import Space
from elegans.trainer.search.sweep import SweepPlan, run_sweep
from elegans.trainer.search.trial import COMPLETE, FAILED, HOPELESS, TrialOutcome, TrialPlan


@dataclass(frozen=True)
class Named:
    """As much of a `Problem` as a sweep reads itself."""

    name: str = "made"
    metric: str = "error"
    outputs: int = 1
    augmentations: tuple[str, ...] = ("noise",)
    digest: str = "made 1"


def plan(seed: int = 1, objectives=("error", "instructions", "flash"), **changed) -> SweepPlan:
    settings = TrainSettings(seed=seed, epochs=5)
    given = {"core": "m4", "budget": CostLimit(), "disturbance": None} | changed
    if given["disturbance"] is True:
        given["disturbance"] = Augmentation(noise=0.5)
    return SweepPlan(
        "made", objectives, Space(augmentations=("noise",)), TrialPlan(settings, **given)
    )


def outcome_of(job, state: str = COMPLETE) -> TrialOutcome:
    """Larger networks are better and dearer, int8 is worse and cheaper."""
    chosen = job.parameters
    if state != COMPLETE:
        return TrialOutcome(state, "as the test wants")
    half = chosen["weights"] == "int8"
    values = {
        "error": 1.0 / chosen["neurons"] + abs(chosen["lr"] - 0.01) + 0.02 * half,
        "test_error": 0.5,
        "instructions": 100 * chosen["neurons"] * (2 if chosen["cell"] in ("gru", "lstm") else 1),
        "flash": 1000 + 200 * chosen["neurons"] // (1 + half),
        "robustness": 1.0 / chosen["neurons"],
    }
    files = {"model.onnx": repr(sorted(chosen.items())).encode(), "export/model.json": b"{}"}
    return TrialOutcome(COMPLETE, "", values, (0.5, 0.4), files, 0.1)


@dataclass
class Scripted:
    """Workers with `places` places.

    stop_at  the trial at which Ctrl-C comes, as `stopped`
    die_at   the trial at which the whole process is killed
    lost     how often the process of a trial dies, by its number
    states   of trials that do not complete, by their numbers
    """

    places: int = 1
    stop_at: int | None = None
    die_at: int | None = None
    lost: dict[int, int] = field(default_factory=dict)
    states: dict[int, str] = field(default_factory=dict)
    ran: list[int] = field(default_factory=list)
    waiting: list = field(default_factory=list)
    closed: bool = False
    stopped: BaseException = field(default_factory=KeyboardInterrupt)

    def submit(self, job) -> None:
        self.waiting.append(job)

    def done(self):
        job = self.waiting.pop(0)
        if job.number == self.stop_at:
            raise self.stopped
        if job.number == self.die_at:
            os._exit(9)
        self.ran.append(job.number)
        if self.lost.get(job.number, 0) > 0:
            self.lost[job.number] -= 1
            return [(job, None)]
        return [(job, outcome_of(job, self.states.get(job.number, COMPLETE)))]

    def close(self) -> None:
        self.closed = True


def swept(folder, trials: int = 6, workers: Scripted | None = None, storage=None, **changed):
    """The front's document of a sweep with scripted workers."""
    workers = workers or Scripted()
    return run_sweep(plan(**changed), Named(), folder, trials, lambda: workers, storage)


__all__ = ["FAILED", "HOPELESS", "Named", "Scripted", "outcome_of", "plan", "swept"]
