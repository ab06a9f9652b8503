"""One trial: estimate, train, export, and judge the device's integers. Runs in any process."""

from __future__ import annotations

import math
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elegans.exporter.codegen.plan import plan
from elegans.exporter.cost.estimate import Cost, estimate
from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.files import npz
from elegans.exporter.ir.proof import prove
from elegans.trainer.checkpoint import weights_of
from elegans.trainer.chip_aware.limits import cost_of
from elegans.trainer.chip_aware.relowering import lowered_file
from elegans.trainer.data.augment import Augmentation
from elegans.trainer.fit import reproducible
from elegans.trainer.learn.keeping import StoppedError
from elegans.trainer.learn.model_file import model_bytes
from elegans.trainer.learn.train_settings import TrainSettings
from elegans.trainer.search.hopeless import CostLimit, HopelessError, Peer, far_behind
from elegans.trainer.search.problem import Learner, Problem
from elegans.trainer.search.space import Parameters, settings_of

COMPLETE, REFUSED, HOPELESS, FAILED = "complete", "refused", "hopeless", "failed"
_ANY_ERROR = 1e9
"""The error against float that an export accepts: a trial is judged by what its integers do."""


@dataclass(frozen=True)
class TrialPlan:
    """What all trials of a sweep have in common.

    settings     of the training, but for what a trial chooses
    core         whose instructions and flash count
    disturbance  under which the robustness is measured; None not to measure it
    """

    settings: TrainSettings
    core: str
    budget: CostLimit
    disturbance: Augmentation | None = None


@dataclass(frozen=True)
class TrialJob:
    """A trial to run: its parameters, and the finished trials that it is compared with."""

    number: int
    parameters: Parameters
    peers: tuple[Peer, ...] = ()


@dataclass(frozen=True)
class TrialOutcome:
    """What came of a trial.

    state    COMPLETE; REFUSED: too expensive; HOPELESS: too far behind; FAILED
    reason   for any state but COMPLETE, a sentence
    values   error, test_error, instructions, flash and, if measured, robustness
    losses   on the validation part after each epoch
    files    of the trial's folder, by their relative paths
    seconds  that it took
    """

    state: str
    reason: str = ""
    values: dict[str, float] = field(default_factory=dict)
    losses: tuple[float, ...] = ()
    files: dict[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0


def run_trial(shared: TrialPlan, problem: Problem, job: TrialJob) -> TrialOutcome:
    """Run a trial; the same arguments give the same outcome, but for its seconds.

    What goes wrong in it is a FAILED outcome, since one bad choice must not end a sweep; only
    Ctrl-C is raised, as `StoppedError` or KeyboardInterrupt.
    """
    begun, losses = time.monotonic(), list[float]()
    try:
        with reproducible(shared.settings.seed):
            found = _run(shared, problem, job, losses)
    except StoppedError:
        raise
    except HopelessError as error:
        found = TrialOutcome(HOPELESS, str(error), losses=tuple(losses))
    except ElegansError as error:
        found = TrialOutcome(FAILED, str(error))
    except Exception as error:
        found = TrialOutcome(FAILED, f"{type(error).__name__}: {error}"[:400])
    seconds = round(time.monotonic() - begun, 2)
    return TrialOutcome(found.state, found.reason, found.values, found.losses, found.files, seconds)


def _run(shared: TrialPlan, problem: Problem, job: TrialJob, losses: list[float]) -> TrialOutcome:
    settings = settings_of(job.parameters, shared.settings)
    weights = str(job.parameters["weights"])
    learner = problem.build(settings)
    cost = _estimated(learner, weights, shared.core)
    excess = shared.budget.excess(cost, shared.core)
    if excess is not None:
        return TrialOutcome(REFUSED, f"before the training: {excess}")

    def watch(epoch: int, loss: float) -> None:
        losses.append(loss)
        if far_behind(losses, cost, job.peers, settings.epochs):
            raise HopelessError(f"far behind cheaper trials after {epoch} epochs")

    problem.train(learner, settings, watch)
    return _exported(shared, problem, job, learner, losses)


def _estimated(learner: Learner, weights: str, core: str) -> Cost:
    """The cost of the network with random weights: it hardly depends on them."""

    def write(net: Any, path: Path) -> None:
        path.write_bytes(model_bytes(net, learner.interface))

    return cost_of(lowered_file(learner.net, write, weights), core)


def _exported(
    shared: TrialPlan, problem: Problem, job: TrialJob, learner: Learner, losses: list[float]
) -> TrialOutcome:
    from safetensors.torch import save

    recorded = problem.recorded(learner)
    files = {
        "model.onnx": model_bytes(learner.net, learner.interface),
        "recording.npz": npz({"x": recorded.x, "dt": recorded.dt, **recorded.more}),
        "weights.safetensors": save(weights_of(learner.net.net)),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, content in files.items():
            (folder / path).write_bytes(content)
        request = Request(
            folder / "model.onnx",
            recording=folder / "recording.npz",
            weight_bits=int(str(job.parameters["weights"]).removeprefix("int")),
            accept_error=_ANY_ERROR,
        )
        model = export(request, folder / "export")
        for file in sorted((folder / "export").rglob("*")):
            if file.is_file():
                files[file.relative_to(folder).as_posix()] = file.read_bytes()
    cost = estimate(plan(model, prove(model)), shared.core)
    excess = shared.budget.excess(cost, shared.core)
    if excess is not None:
        return TrialOutcome(REFUSED, f"after the training: {excess}")
    values = {
        "error": problem.errors(model, learner, "validation"),
        "test_error": problem.errors(model, learner, "test"),
        "instructions": cost.instructions,
        "flash": cost.flash,
    }
    if shared.disturbance is not None:
        values["robustness"] = problem.errors(model, learner, "validation", shared.disturbance)
    wrong = [name for name, value in values.items() if not math.isfinite(value)]
    if wrong:
        return TrialOutcome(FAILED, f"its {wrong[0]} is {values[wrong[0]]}", losses=tuple(losses))
    return TrialOutcome(COMPLETE, "", values, tuple(losses), files)
