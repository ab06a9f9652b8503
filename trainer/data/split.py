"""Training, validation and test part: whole recordings, or one after the other in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from elegans.exporter.data.recordings.names import listed
from elegans.exporter.data.recordings.time_series import TimeSeries
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.trainer.data.series import DataSet, in_part

PARTS = ("training", "validation", "test")
SHARES = (0.7, 0.15, 0.15)
_FEWEST_GROUPS = 3
_RARE = 5
"""Fewer samples of a class are told: they may be a slip of the pen."""


@dataclass(frozen=True, eq=False)
class Parts:
    """The three parts; no row is in two of them, and no row was shuffled."""

    training: Sequence[TimeSeries]
    validation: Sequence[TimeSeries]
    test: Sequence[TimeSeries]
    how: str
    """One line: by what, and how large each part is."""


def split(data: DataSet, validation: Sequence[str] = (), test: Sequence[str] = ()) -> Parts:
    """Split by group where there are three or more, else by time.

    validation, test  the groups of these parts, if the user chooses them

    By group, 70 % of the recordings are for training and 15 % each for validation and test, in
    the order of the data; those of a classification of whole recordings class by class. By
    time, each recording is cut at 70 % and 85 % of its samples. Targets of a forecast are
    shifted afterwards, inside each part. Notes tell of classes that a part lacks. Raises
    ElegansError where a part is empty or a class is missing from the training part.
    """
    groups = data.groups
    chosen = {name: part for part, names in ((1, validation), (2, test)) for name in names}
    if chosen:
        how = "by the groups that you chose"
        places = _chosen(groups, chosen, data)
    elif len(groups) >= _FEWEST_GROUPS:
        how = "by group"
        places = _by_group(data)
    else:
        how = "by time"
        places = None
        if len(groups) > 1:
            data.notes.append(f"split: by time, because {len(groups)} recordings are too few")
    lists: list[list[TimeSeries]] = [[], [], []]
    for one in data.series if places else ():
        lists[places[one.group] if places else 0].append(one)
    if places is None:
        lists = _by_time(data)
    for name, part in zip(PARTS, lists, strict=True):
        if not part:
            raise ElegansError(
                "split", f"no samples are left for the {name} part", "give more or longer data"
            )
    sizes = (
        f"{name} {sum(map(len, part)):,} samples of {len({o.group for o in part})}"
        for name, part in zip(PARTS, lists, strict=True)
    )
    shifted = [[in_part(one, data.goal) for one in part] for part in lists]
    _check_targets(data, shifted)
    training, held, tested = shifted
    return Parts(training, held, tested, f"{how}: {'; '.join(sizes)} recordings")


def _chosen(groups: list[str], chosen: dict[str, int], data: DataSet) -> dict[str, int]:
    unknown = [name for name in chosen if name not in groups]
    if unknown:
        raise WrongUseError("split", f"no group {unknown[0]!r}", f"there are {listed(groups, 12)}")
    places = {name: chosen.get(name, 0) for name in groups}
    rest = [name for name in groups if name not in chosen]
    if 1 not in chosen.values() and len(rest) > 1:
        share = max(1, round(len(rest) * SHARES[1] / (SHARES[0] + SHARES[1])))
        places |= dict.fromkeys(rest[-share:], 1)
        data.notes.append(f"split: {listed(rest[-share:])} for validation; --validation chooses")
    if 2 not in chosen.values():
        raise WrongUseError("--validation", "comes without --test", "choose the test groups, too")
    return places


def _by_group(data: DataSet) -> dict[str, int]:
    """The part of each group: the last ones are the test part, those before them validation."""
    label = {one.group: _label(one) for one in data.series} if data.goal.whole else {}
    places: dict[str, int] = {}
    for value in sorted(set(label.values())) or [0.0]:
        names = [name for name in data.groups if label.get(name, value) == value]
        held = max(1, round(len(names) * SHARES[2])) if len(names) >= _FEWEST_GROUPS else 0
        for rank, name in enumerate(names):
            from_end = len(names) - rank
            places[name] = 2 if from_end <= held else 1 if from_end <= 2 * held else 0
    return places


def _tell_rare(labels: npt.NDArray[np.integer], data: DataSet) -> None:
    count = np.bincount(labels, minlength=len(data.goal.classes))
    rare = [f"{data.goal.classes[k]!r} ({n})" for k, n in enumerate(count) if 0 < n < _RARE]
    if rare:
        data.notes.append(
            f"target {data.goal.targets[0]}: few samples of the training part are "
            f"{listed(rare)}; if it is a misspelled class, correct it"
        )


def _label(one: TimeSeries) -> float:
    known = one.y[np.isfinite(one.y)]
    return float(known[-1]) if len(known) else -1.0


def _by_time(data: DataSet) -> list[list[TimeSeries]]:
    lists: list[list[TimeSeries]] = [[], [], []]
    left_out = 0
    for group in data.groups:
        stretches = [one for one in data.series if one.group == group]
        total = sum(map(len, stretches))
        cuts = [round(total * share) for share in np.cumsum(SHARES)[:2]]
        ends, start = [*cuts, total], 0
        for one in stretches:
            for part, (a, b) in enumerate(zip([0, *cuts], ends, strict=True)):
                piece = one.part(max(a - start, 0), max(min(b - start, len(one)), 0))
                if len(piece) > 1 + data.goal.steps:
                    lists[part].append(piece)
                else:
                    left_out += len(piece)
            start += len(one)
    if left_out:
        data.notes.append(f"split: {left_out} samples beside a cut are too few and left out")
    return lists


def _check_targets(data: DataSet, lists: Sequence[Sequence[TimeSeries]]) -> None:
    goal = data.goal
    for name, part in zip(PARTS, lists, strict=True):
        y = np.concatenate([one.y for one in part])
        known = y[np.isfinite(y).all(axis=1)]
        if not len(known):
            raise ElegansError(
                f"target {goal.targets[0]}",
                f"has no value in the {name} part",
                "split by --group, or give more data",
            )
        if len(known) < len(y) and not goal.steps:
            data.notes.append(
                f"target {goal.targets[0]}: {len(y) - len(known)} of {len(y)} samples of the "
                f"{name} part have none; the network runs over them, and they do not count"
            )
        if not goal.classifies:
            continue
        if name == "training":
            _tell_rare(known[:, 0].astype(int), data)
        absent = sorted(set(range(len(goal.classes))) - set(known[:, 0].astype(int).tolist()))
        missing = listed([repr(goal.classes[index]) for index in absent])
        if absent and name == "training":
            raise ElegansError(
                f"target {goal.targets[0]}",
                f"the training part has no {missing}",
                "choose --test and --validation groups, or give data in another order",
            )
        if absent:
            data.notes.append(
                f"target {goal.targets[0]}: the {name} part has no {missing}, so it says nothing "
                "about it; --test and --validation choose the groups"
            )
