"""What a sweep varies, and how a trial's parameters become the settings of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from elegans.exporter.errors import WrongUseError
from elegans.trainer.chip_aware.settings import INTEGERS
from elegans.trainer.data.augment import Augmentation
from elegans.trainer.learn.train_settings import CELLS, WIRED, TrainSettings

WIRINGS = ("dense", "ncp:0.3", "ncp:0.5", "ncp:0.7")
_RATES = (1e-3, 3e-2)
_MOST_AUGMENTATION = {"noise": 0.5, "dropout": 0.2}
_LEAST_NEURONS, _MOST_NEURONS = 6, 40
_BESIDE_OUTPUTS = 3
"""Neurons that a circuit has at least beside its motor neurons, as `build_network` asks."""

Parameters = Mapping[str, Any]


class Suggests(Protocol):
    """What a space asks of Optuna's trials."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of the choices."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool) -> int:
        """A number from low to high."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float:
        """A number from low to high."""


@dataclass(frozen=True)
class Space:
    """The choices of a sweep; its wirings, rates and augmentations are always the same.

    cells, weights  among which a trial chooses
    neurons         the least and the most, drawn on a logarithmic scale
    augmentations   which of noise and dropout the data take

    Raises `WrongUseError` for choices that do not exist.
    """

    cells: tuple[str, ...] = CELLS
    weights: tuple[str, ...] = ("int16", "int8")
    neurons: tuple[int, int] = (_LEAST_NEURONS, _MOST_NEURONS)
    augmentations: tuple[str, ...] = ("noise", "dropout")

    def __post_init__(self) -> None:
        for option, chosen, known in (
            ("--cells", self.cells, CELLS),
            ("--weights", self.weights, INTEGERS),
        ):
            wrong = [name for name in chosen if name not in known]
            if wrong or not chosen:
                fact = f"{wrong[0]!r:.40} is none" if wrong else "is empty"
                raise WrongUseError(option, fact, f"choose from {', '.join(known)}")
        low, high = self.neurons
        if not 1 <= low <= high <= 1000:
            raise WrongUseError("--neurons", f"{low}:{high}", "give LO:HI, from 1 to 1000")

    def drawn(self, trial: Suggests) -> None:
        """Let a trial choose all its parameters; a trial that has some already keeps them."""
        cell = trial.suggest_categorical("cell", self.cells)
        if cell in WIRED:
            trial.suggest_categorical("wiring", WIRINGS)
        trial.suggest_int("neurons", *self.neurons, log=True)
        trial.suggest_categorical("weights", self.weights)
        trial.suggest_float("lr", *_RATES, log=True)
        for name in self.augmentations:
            trial.suggest_float(name, 0.0, _MOST_AUGMENTATION[name], log=False)

    def complete(self, parameters: Parameters) -> bool:
        """Whether a trial has chosen everything: its process may have been killed before."""
        wanted = {"cell", "neurons", "weights", "lr", *self.augmentations}
        wanted |= {"wiring"} if parameters.get("cell") in WIRED else set()
        return wanted <= parameters.keys()


def space_for(
    outputs: int,
    augmentations: Sequence[str],
    cells: Sequence[str] = (),
    weights: Sequence[str] = (),
    neurons: tuple[int, int] | None = None,
) -> Space:
    """The space for a network with so many outputs; what is empty has its default.

    Raises `WrongUseError` where a circuit would have too few neurons for its outputs.
    """
    first = Space()
    least = outputs + _BESIDE_OUTPUTS
    default = max(first.neurons[0], least), max(first.neurons[1], 3 * least)
    space = replace(
        first,
        cells=tuple(cells) or first.cells,
        weights=tuple(weights) or first.weights,
        neurons=neurons or default,
        augmentations=tuple(augmentations),
    )
    if space.neurons[0] < least and set(space.cells) & set(WIRED):
        raise WrongUseError(
            "--neurons",
            f"{space.neurons[0]} are too few for a circuit with {outputs} outputs",
            f"give at least {least}, or --cells without {' and '.join(WIRED)}",
        )
    return space


def settings_of(parameters: Parameters, first: TrainSettings) -> TrainSettings:
    """The settings `first` with what a trial chose."""
    return replace(
        first,
        cell=parameters["cell"],
        wiring=parameters.get("wiring", ""),
        neurons=parameters["neurons"],
        lr=parameters["lr"],
        augmentation=Augmentation(
            noise=parameters.get("noise", 0.0), dropout=parameters.get("dropout", 0.0)
        ),
    )
