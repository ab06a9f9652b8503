"""What is to be learned: which task, which classes, at each step or once a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from elegans.exporter.data.recordings.names import listed
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.storage.column_names import c_names

KINDS = ("classification", "regression", "forecasting")
MOST_CLASSES = 64
_FEW = 10
"""Whole numbers with no more than so many values are taken as classes."""


@dataclass(frozen=True)
class Goal:
    """A task: its kind, what the outputs are called, and their units.

    kind     one of `KINDS`
    targets  the names of the target columns
    outputs  a name in C for each output of the network: a class's or a target's
    units    of each output; "1" for the score of a class
    classes  of a classification, in the order of the outputs, as the data write them
    whole    a classification of whole recordings, not of each step
    steps    of a forecast: how many samples ahead
    """

    kind: str
    targets: tuple[str, ...]
    outputs: tuple[str, ...]
    units: tuple[str, ...]
    classes: tuple[str, ...] = ()
    whole: bool = False
    steps: int = 0

    @property
    def classifies(self) -> bool:
        """Whether the outputs are scores of classes."""
        return self.kind == "classification"


def infer_goal(
    columns: Sequence[tuple[str, str, npt.NDArray[Any]]],
    labels_of_recordings: Sequence[npt.NDArray[Any]],
    inputs: Sequence[str],
    kind: str | None,
    forecast: int | None,
    notes: list[str],
) -> Goal:
    """The goal that the targets show, unless `kind` or `forecast` state it.

    columns               (name, unit, values [T] of all rows) of each target
    labels_of_recordings  the values of the first target in each recording
    inputs                the names of the inputs: a target among them is forecast

    What was inferred is a note. Raises `WrongUseError` for a combination that makes no sense.
    """
    names = tuple(name for name, _, _ in columns)
    if forecast is not None and (forecast < 1 or kind not in (None, "forecasting")):
        raise WrongUseError(
            "--forecast", f"{forecast} steps of a {kind or 'forecast'}", "give 1 step or more"
        )
    reason = ""
    if kind is None and forecast is None:
        kind, reason = _inferred(columns, inputs)
        notes.append(f"task: {kind}, because {reason}")
    kind = kind or "forecasting"
    if kind == "classification":
        return _classification(names, columns[0][2], labels_of_recordings, notes)
    for name, _, values in columns:
        if values.dtype.kind == "U":
            raise ElegansError(
                f"target {name}",
                f"holds text ({next(v for v in values.tolist() if v)!r:.30})",
                f"a {kind} needs numbers; --task classification takes text",
            )
    steps = (forecast or 1) if kind == "forecasting" else 0
    if kind == "forecasting":
        if forecast is None:
            notes.append("task: forecasts 1 step ahead; --forecast STEPS takes more")
        outputs = c_names((f"{name}_next" for name in names), "y")
    else:
        outputs = c_names(names, "y")
    return Goal(kind, names, tuple(outputs), tuple(unit for _, unit, _ in columns), steps=steps)


def _inferred(
    columns: Sequence[tuple[str, str, npt.NDArray[Any]]], inputs: Sequence[str]
) -> tuple[str, str]:
    names = [name for name, _, _ in columns]
    if set(names) & set(inputs):
        return "forecasting", f"target {names[0]} is among the inputs"
    values = columns[0][2]
    if values.dtype.kind == "U":
        return "classification", f"target {names[0]} holds text"
    known = values[np.isfinite(values)]
    distinct = np.unique(known)
    if len(columns) == 1 and len(distinct) <= _FEW and bool((distinct % 1 == 0).all()):
        return "classification", f"target {names[0]} holds {len(distinct)} whole numbers only"
    return "regression", f"target {names[0]} holds {len(distinct):,} different numbers"


def _classification(
    names: tuple[str, ...],
    values: npt.NDArray[Any],
    recordings: Sequence[npt.NDArray[Any]],
    notes: list[str],
) -> Goal:
    if len(names) != 1:
        raise WrongUseError("--target", f"{len(names)} columns of classes", "give one")
    classes = class_names(values)
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise ElegansError(
            f"target {names[0]}",
            f"holds {len(classes)} classes: {listed(classes)}",
            f"give 2 to {MOST_CLASSES}; --task regression takes numbers as they are",
        )
    outputs = c_names(classes, names[0] if names[0][:1].isalpha() else "class")
    constant = all(len(class_names(one)) <= 1 for one in recordings)
    whole = constant and len(recordings) > 1
    if whole:
        notes.append(
            "task: one decision for each recording, because none has two classes; it is the "
            "largest mean score of the recording's second half"
        )
    units = tuple("1" for _ in classes)
    return Goal("classification", names, tuple(outputs), units, tuple(classes), whole)


def class_names(values: npt.NDArray[Any]) -> list[str]:
    """The classes in a column: text in alphabetical order, numbers in their own."""
    if values.dtype.kind == "U":
        return sorted(set(values.tolist()) - {""})
    return [f"{value:g}" for value in np.unique(values[np.isfinite(values)])]


def encoded(values: npt.NDArray[Any], goal: Goal) -> npt.NDArray[np.float64]:
    """The indices [T] of classes in the goal's order; NaN for a missing or unknown class."""
    if values.dtype.kind == "U":
        index = {name: float(n) for n, name in enumerate(goal.classes)}
        return np.array([index.get(value, np.nan) for value in values.tolist()])
    numbers = np.array([float(name) for name in goal.classes])
    distance = np.abs(values[:, None] - numbers)
    place = distance.argmin(axis=1)
    known = distance.min(axis=1) <= 1e-5 * np.maximum(np.abs(numbers[place]), 1e-9)
    return np.where(known, place.astype(np.float64), np.nan)


def shifted(y: npt.NDArray[np.float64], goal: Goal) -> npt.NDArray[np.float64]:
    """Targets [T, O] of a stretch: those of a forecast from `steps` samples later, NaN at its end.

    Called after the split, so that no part sees a value of the next one.
    """
    if not goal.steps:
        return y
    ahead = np.full_like(y, np.nan)
    ahead[: -goal.steps] = y[goal.steps :]
    return ahead
