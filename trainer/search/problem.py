"""What a sweep needs to know of a task: how to build and train a network, and how to judge it.

Nothing here is judged in float: `errors` runs the fixed-point model of an export.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.ir.interface import Interface
from elegans.trainer.data.augment import Augmentation
from elegans.trainer.data.normalise import Normalisation
from elegans.trainer.learn.train_settings import TrainSettings

Watch = Callable[[int, float], None]
"""(epochs done, loss on the validation part); raises to end the training."""


@dataclass(frozen=True, eq=False)
class Learner:
    """A network to train, in its physical units.

    net  a `PhysicalNetwork`; not typed, so that no torch is imported here
    """

    net: Any
    units: Normalisation
    interface: Interface


@dataclass(frozen=True, eq=False)
class Recorded:
    """Steps that `elegans hil` compares besides random ones: x [N, T, I] or [T, I], and dt."""

    x: npt.NDArray[np.float32]
    dt: npt.NDArray[np.float32]
    more: dict[str, npt.NDArray[Any]] = field(default_factory=dict)


class Problem(Protocol):
    """A task; it is sent to other processes.

    name           of the models
    metric         what the error is, with its unit
    outputs        of the network
    augmentations  that its training takes: noise, dropout
    digest         of the data: equal data, equal digest
    """

    name: str
    metric: str
    outputs: int
    augmentations: tuple[str, ...]
    digest: str

    def build(self, settings: TrainSettings) -> Learner:
        """A network with random weights, drawn from torch's global state."""

    def train(self, learner: Learner, settings: TrainSettings, watch: Watch) -> None:
        """Train it, and leave the best weights in it."""

    def recorded(self, learner: Learner) -> Recorded:
        """A recording for golden vectors, inside the declared ranges."""

    def errors(
        self, model: Model, learner: Learner, part: str, disturbance: Augmentation | None = None
    ) -> float:
        """The error of the device's integers on a part of the data, validation or test.

        disturbance  of what the device gets, the same for every model
        """
