"""The three studies, as lists of trainings: cells under shift, sizes, and elapsed time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import nn

from elegans.exporter.errors import WrongUseError
from elegans.trainer.cells.cfc import CfCCell
from elegans.trainer.cells.ltc import LTCCell
from elegans.trainer.chip_aware.settings import INTEGERS
from elegans.trainer.learn.build_network import build_network
from elegans.trainer.learn.train_settings import CELLS, WIRED, TrainSettings
from elegans.trainer.robustness.effects import NONE
from elegans.trainer.robustness.timed_network import TIME_MODES
from elegans.trainer.robustness.world import CUE, CellLesson, Condition, World

STUDIES = ("shift", "size", "time")
NEURONS = 19
"""The neurons of the circuits that the literature reports."""
LOST = (0.0, 0.5, 0.8, 0.9)
"""Shares of the samples that never come, in the study of time."""
CUE_STRENGTHS = (0.25, 0.5, 0.75, 1.0)
"""0: the cue follows the target as in training; 0.5: it says nothing; 1: it is inverted."""
_TUNING_SEED = 90_001
"""Of the trainings that choose a learning rate; none of them is counted."""
_MOST_NEURONS = 4096
_NEUTRAL = Condition(NONE, 0.0)


@dataclass(frozen=True)
class StudyOptions:
    """What is measured, and how much of it. Raises `WrongUseError` for a value out of its range.

    study    one of `STUDIES`
    cells    of `CELLS`; the first is what the others are compared with
    seeds    1, 2, ..., so many
    epochs   of a training at most; None for the task's own
    rates    learning rates that are tried, each once; one rate is taken as it is
    budget   of parameters; None for that of 19 neurons of the first cell
    sizes    of the study of sizes: the least and the greatest budget
    steps    budgets between the two, both included
    weights  int16 or int8: the device's numbers
    quick    one strength a disturbance
    """

    study: str = "shift"
    cells: tuple[str, ...] = CELLS
    seeds: int = 5
    epochs: int | None = None
    rates: tuple[float, ...] = (0.003, 0.01, 0.03)
    budget: int | None = None
    sizes: tuple[int, int] = (200, 20_000)
    steps: int = 5
    weights: str = "int16"
    quick: bool = False

    def __post_init__(self) -> None:
        """Check all values."""
        _check("--study", self.study in STUDIES, self.study, f"choose from {', '.join(STUDIES)}")
        for cell in self.cells:
            _check("--cells", cell in CELLS, cell, f"choose from {', '.join(CELLS)}")
        twice = len(set(self.cells)) < len(self.cells)
        _check("--cells", bool(self.cells) and not twice, self.cells, "name each cell once")
        _check("--seeds", self.seeds >= 1, self.seeds, "give at least 1")
        _check("--epochs", self.epochs is None or self.epochs >= 1, self.epochs, "give at least 1")
        good = bool(self.rates) and all(0 < rate < np.inf for rate in self.rates)
        _check("--rates", good, self.rates, "give rates above 0")
        _check("--budget", self.budget is None or self.budget >= 1, self.budget, "give 1 or more")
        low, high = self.sizes
        _check("--sizes", 1 <= low < high, f"{low}:{high}", "give LO:HI, as 200:20000")
        _check("--weights", self.weights in INTEGERS, self.weights, "give int16 or int8")


def _check(place: str, good: bool, value: object, remedy: str) -> None:
    if not good:
        raise WrongUseError(place, f"{value!s:.60}", remedy)


@dataclass(frozen=True)
class Size:
    """How large the networks of a row of the table are.

    label       as the table names it
    parameters  the budget; None where neurons are given
    """

    label: str
    parameters: int | None = None

    def neurons(self, cell: str, world: World) -> int:
        """The neurons of a cell at this size."""
        if self.parameters is None:
            return max(NEURONS, world.outputs + 3)
        shape = wiring(cell), world.inputs(cell), world.outputs
        return neurons_for(self.parameters, cell, *shape)


def wiring(cell: str) -> str:
    """How the networks of a cell are wired: CfC and LTC as circuits, with the usual sparsity."""
    return "ncp" if cell in WIRED else "dense"


def sizes(options: StudyOptions, world: World) -> list[Size]:
    """The sizes of a study."""
    if options.study == "size":
        budgets = np.geomspace(*options.sizes, options.steps)
        return [Size(f"{round(n):,} parameters", round(n)) for n in budgets]
    neurons = Size(f"{NEURONS} neurons")
    first = options.cells[0]
    own = parameters_of(
        first, neurons.neurons(first, world), wiring(first), world.inputs(first), world.outputs
    )
    budget = Size("equal parameters", options.budget or own)
    return [budget] if options.study == "time" or options.quick else [budget, neurons]


def conditions(options: StudyOptions, world: World, cue: bool) -> list[Condition]:
    """What each network is tested under."""
    if options.study == "time":
        return [_NEUTRAL]
    if cue:
        return [_NEUTRAL, *(Condition(CUE, s) for s in CUE_STRENGTHS)]
    return [
        _NEUTRAL,
        *(
            Condition(name, strength)
            for name, strengths in world.strengths.items()
            for strength in (strengths[1:2] if options.quick else strengths)
        ),
    ]


def lessons(options: StudyOptions, world: World) -> list[CellLesson]:
    """All trainings of a study but for those of tuning, each once; seed by seed, so that a part
    of them is a study with fewer seeds. Their rates are still 0."""
    epochs = options.epochs or world.epochs
    found = []
    for seed in range(1, options.seeds + 1):
        for rank, size in enumerate(sizes(options, world)):
            for cell in options.cells:
                plain = CellLesson(cell, size.neurons(cell, world), wiring(cell), 0.0, seed, epochs)
                cue = options.study == "shift" and world.cues and not rank and not options.quick
                found += list(_variants(plain, options, cue))
    return list(dict.fromkeys(found))


def _variants(plain: CellLesson, options: StudyOptions, cue: bool) -> Iterator[CellLesson]:
    if options.study != "time":
        yield plain
        if cue:
            yield replace(plain, cue=True)
        return
    for share in LOST[::2] if options.quick else LOST:
        for mode in TIME_MODES:
            yield replace(plain, lost=share, time=mode)


def tuned(lesson: CellLesson) -> CellLesson:
    """The training by whose error on validation data the learning rate of a lesson is chosen:
    undisturbed, elapsed time given, no cue, and a seed of its own."""
    return replace(lesson, seed=_TUNING_SEED, time="given", lost=0.0, cue=False, rate=0.0)


def tuning(options: StudyOptions, world: World) -> list[CellLesson]:
    """The trainings of the tuning: each rate once for each cell and size."""
    if len(options.rates) == 1:
        return []
    found = dict.fromkeys(tuned(one) for one in lessons(options, world))
    return [replace(one, rate=rate) for one in found for rate in options.rates]


def as_dict(options: StudyOptions) -> dict[str, Any]:
    """All values by name, for JSON."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(options).items()}


def count_parameters(net: nn.Module) -> int:
    """The trained numbers of a network, without those of synapses that its wiring does not have."""
    count = sum(parameter.numel() for parameter in net.parameters())
    for part in net.modules():
        if isinstance(part, CfCCell) and part.sparsity_mask is not None:
            maps = 2 if part.mode != "pure" else 1
            count -= maps * int((part.sparsity_mask == 0).sum())
        if isinstance(part, LTCCell):  # w, sigma, mu and the reversal potential of each
            count -= 4 * sum(int((mask == 0).sum()) for mask in (part.mask, part.sensory_mask))
    return count


@cache
def parameters_of(cell: str, neurons: int, wiring: str, inputs: int, outputs: int) -> int:
    """The parameters of a network of so many neurons."""
    with torch.random.fork_rng(devices=[]):
        settings = TrainSettings(cell=cell, neurons=neurons, wiring=wiring)
        return count_parameters(build_network(settings, inputs, outputs)[0])


def neurons_for(budget: int, cell: str, wiring: str, inputs: int, outputs: int) -> int:
    """The neurons with which a cell comes nearest to `budget` parameters."""
    shape = (wiring, inputs, outputs)
    least = outputs + 3 if wiring.startswith("ncp") else 1
    few, many = least, least + 1
    while many < _MOST_NEURONS and parameters_of(cell, many, *shape) < budget:
        few, many = many, 2 * many
    while many - few > 1:
        middle = (few + many) // 2
        if parameters_of(cell, middle, *shape) < budget:
            few = middle
        else:
            many = middle
    return min((few, many), key=lambda n: abs(parameters_of(cell, n, *shape) - budget))
