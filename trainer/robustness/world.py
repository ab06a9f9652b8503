"""What a study needs of a task: networks that are trained on it, and errors under conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from elegans.exporter.ir.interface import Interface
from elegans.trainer.progress import Progress, silent
from elegans.trainer.robustness.timed_network import Execution, TimedNetwork

CUE = "spurious cue"


class Condition(NamedTuple):
    """A disturbance by its name, and how strong it is."""

    name: str
    strength: float


@dataclass(frozen=True)
class CellLesson:
    """How one network is trained.

    cell, neurons, wiring  as in `TrainSettings`
    rate                   the first learning rate
    seed                   of the weights and of all that is drawn while training
    epochs                 at most so many
    time                   one of `TIME_MODES`
    lost                   the share of samples that never come, in training and afterwards
    cue                    whether there is one more input that follows the target in training
    """

    cell: str
    neurons: int
    wiring: str
    rate: float
    seed: int
    epochs: int
    time: str = "given"
    lost: float = 0.0
    cue: bool = False


class World(Protocol):
    """A task. All of it is pickled, for other processes."""

    @property
    def name(self) -> str:
        """Of the task, or of the file."""

    @property
    def error(self) -> str:
        """What is measured, and its unit: lower is better."""

    @property
    def digest(self) -> str:
        """Of the data, and of all else that determines an error."""

    @property
    def strengths(self) -> Mapping[str, tuple[float, ...]]:
        """Of each disturbance that it has."""

    @property
    def outputs(self) -> int:
        """Of its networks."""

    @property
    def epochs(self) -> int:
        """Of a training, if the user does not say."""

    @property
    def cues(self) -> bool:
        """Whether it can have the spurious cue."""

    def inputs(self, cell: str) -> int:
        """The inputs of a network of `cell`, without the cue."""

    def train(self, lesson: CellLesson, progress: Progress = silent) -> tuple[TimedNetwork, float]:
        """A trained network, and its error on what is for validation."""

    def interface(self, network: TimedNetwork) -> Interface:
        """What its export declares."""

    def errors(
        self, execution: Execution, lesson: CellLesson, conditions: Sequence[Condition]
    ) -> list[float]:
        """The error of a network in each condition, on what is for testing."""
