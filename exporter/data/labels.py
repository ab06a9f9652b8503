"""Labels of the user's series: a class for each step, or one for each series."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.data.sources import RUN, TABLES, RawSeries, classes_of
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.storage.column_names import c_names
from elegans.exporter.storage.npz_arrays import load_arrays

NO_LABEL = -1
"""The label of a step that has none."""

_FOR_EACH = "give one label for each step, or one for each series"


def labels_of(
    given: str, series: Sequence[RawSeries], several: bool, outputs: Sequence[str]
) -> Integers:
    """The label of each step [N, T], the number of a class and of its output, or `NO_LABEL`.

    given    the name of an array or a column of the data, or of a file with a single one; in a
             table a column `run` may name the series that a label belongs to
    series   of up to T steps; `several` as `read_series` says it
    outputs  the names of the outputs

    There is one label for each step, or one for each series, which is that of its last step. It is
    the number of an output, or a class that an output is called after, as `elegans train` does it;
    an empty one is none. Raises `ElegansError`.
    """
    if len(outputs) < 2:
        fact = "are given, but the model has one output, and no threshold is known for it"
        raise WrongUseError("--labels", fact, "leave them out")
    if any(given in one.arrays for one in series):
        places = [f"{one.place}, {given!r}" for one in series]
        parts: Sequence[NDArray[np.generic]] = [_own(given, one) for one in series]
    else:
        places = [given] * len(series)
        parts = _of_file(Path(given), series, several)
    numbers = _numbers({text for part in parts for text in _written(part) if text}, given, outputs)
    labels = np.full((len(series), max(one.steps for one in series)), NO_LABEL, np.int64)
    for row, part, place, one in zip(labels, parts, places, series, strict=True):
        if part.size not in (1, one.steps):
            fact = f"has the shape {part.shape}, the inputs have {one.arrays['x'].shape}"
            raise ElegansError(place, fact, _FOR_EACH)
        texts = _written(part)
        wrong = next((text for text in texts if text and text not in numbers), None)
        if wrong is not None:
            fact = f"holds {wrong:.40}, which is no class"
            remedy = f"number the classes 0 to {len(outputs) - 1}, as the outputs, or name them as "
            raise ElegansError(place, fact, f"{remedy}{', '.join(outputs):.120}")
        row[one.steps - part.size : one.steps] = [numbers.get(text, NO_LABEL) for text in texts]
    return labels


def _written(part: NDArray[np.generic]) -> list[str]:
    """Labels as text: 2 for 2.0, and nothing for one that is missing."""
    if part.dtype.kind == "U":
        return [str(text) for text in part.reshape(-1)]
    values = part.astype(np.float64).reshape(-1).tolist()
    return ["" if value != value else f"{value:g}" for value in values]


def _numbers(classes: Collection[str], given: str, outputs: Sequence[str]) -> dict[str, int]:
    """The number of each class by its text: of the output that is called after it if there is one
    for each, else of those that are numbers of outputs."""
    before = given if given[:1].isalpha() else "class"
    called = {text: c_names([text], before)[0] for text in classes}
    if classes and all(name in outputs for name in called.values()):
        return {text: outputs.index(name) for text, name in called.items()}
    return {str(number): number for number in range(len(outputs))}


def share_of_hits(y: Reals, labels: Integers) -> float:
    """The share of the labels [...] that are the number of the greatest output of y [..., O]."""
    return float(np.mean((y.argmax(-1) == labels)[labels != NO_LABEL]))


def _own(given: str, one: RawSeries) -> NDArray[np.generic]:
    if given not in one.arrays:
        raise ElegansError(one.place, f"has no {given!r}, and others have", _FOR_EACH)
    return one.arrays[given]


def _of_file(
    path: Path, series: Sequence[RawSeries], several: bool
) -> Sequence[NDArray[np.generic]]:
    """The labels of each series: one, or as many as it has steps."""
    reader = TABLES.get(path.suffix.lower())
    keys: tuple[str, ...] = ()
    found: Mapping[str, NDArray[np.generic]]
    if reader is not None:
        table = reader(path, (), RUN)
        names, keys = [name for name in table.names if name != RUN], table.keys
        if len(names) != 1:
            raise _not_one(path, names)
        found = {names[0]: classes_of(path, reader, names[0])}
    elif path.suffix.lower() == ".npz":
        found = load_arrays(path)
    else:
        known = ", ".join(series[0].others)
        fact = f"{path} is neither among the data nor an .npz, .csv or .parquet file"
        remedy = f"choose from {known}" if known else "give a file with the labels"
        raise WrongUseError("--labels", fact, remedy)
    if len(found) != 1:
        raise _not_one(path, [*found])
    [values] = found.values()
    return (
        _by_name(path, keys, values, series) if keys else _in_order(path, values, series, several)
    )


def _not_one(path: Path, names: Sequence[str]) -> ElegansError:
    fact = f"holds {', '.join(names) or 'nothing'}"
    return ElegansError(path, fact, "give a file with one array or column, the labels")


def _by_name(
    path: Path, keys: Sequence[str], values: NDArray[np.generic], series: Sequence[RawSeries]
) -> list[NDArray[np.generic]]:
    rows: dict[str, list[int]] = {}
    for i, key in enumerate(keys):
        rows.setdefault(key, []).append(i)
    for name, count in Counter(one.name for one in series).items():
        if count > 1:
            fact = f"names {name!r:.40}, and {count} series are called so"
            raise ElegansError(path, fact, "rename them, or leave out the column 'run'")
        if name not in rows:
            fact = f"has no label for the series {name!r:.40}"
            raise ElegansError(path, fact, "add it, or leave out the column 'run'")
    return [values[rows[one.name]] for one in series]


def _in_order(
    path: Path, values: NDArray[np.generic], series: Sequence[RawSeries], several: bool
) -> Sequence[NDArray[np.generic]]:
    runs, steps = len(series), [one.steps for one in series]
    shape = values.shape[:-1] if values.ndim > 1 and values.shape[-1] == 1 else values.shape
    if not several:
        return [values]
    if shape == (runs,):
        return list(values.reshape(runs, 1))
    if shape == (runs, max(steps)):
        return [row[:n] for row, n in zip(values.reshape(shape), steps, strict=True)]
    if shape == (sum(steps),):
        return np.split(values.reshape(-1), np.cumsum(steps)[:-1])
    fact = f"has the shape {values.shape}, and there are {runs} series of {sum(steps):,} steps"
    raise ElegansError(path, fact, _FOR_EACH)
