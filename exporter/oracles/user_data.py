"""The user's own data, to compare float and fixed point on: an .npz or a .csv file, and labels."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.numbers.fixed import Integers
from elegans.exporter.oracles.golden_vectors import Recording
from elegans.exporter.storage.csv_table import read_table
from elegans.exporter.storage.npz_arrays import load_arrays

Arrays = Mapping[str, NDArray[np.generic]]
RUN = "run"
"""The column of a CSV file by which its rows belong to runs, if it has one."""
NO_LABEL = -1
"""The label of a step that has none."""


def load_data(path: Path, model: Model, missing: bool = False) -> Arrays:
    """The arrays of a file by name: x, dt if it is there, and all others.

    An .npz file has them as `golden_vectors.load_recording` takes them. A .csv file has a header
    and one row for each step: a column for each input, by its name, one for `dt`, and any
    others. If it has a column `run`, rows with equal values there, one after the other, are one
    run; all runs then have the same length.

    missing  whether values may be missing: NaN, and empty cells, which become NaN

    Raises `ElegansError` for what cannot be read.
    """
    if path.suffix.lower() != ".csv":
        return load_arrays(path, missing=missing)
    columns = read_table(path, missing)
    absent = [c.name for c in model.inputs if c.name not in columns]
    if absent:
        raise ElegansError(
            path,
            f"has no column {absent[0]!r}",
            "name the columns after the inputs: " + ", ".join(c.name for c in model.inputs),
        )
    x = np.stack([columns[c.name] for c in model.inputs], axis=-1)
    arrays = {name: values for name, values in columns.items() if name != RUN} | {"x": x}
    if RUN in columns and RUN not in {c.name for c in model.inputs}:
        lengths = [len(list(rows)) for _, rows in itertools.groupby(columns[RUN])]
        if len(set(lengths)) > 1:
            raise ElegansError(
                f"{path}, column {RUN!r}",
                f"its runs have from {min(lengths)} to {max(lengths)} rows",
                "cut them to one length, or give one file for each run",
            )
        shape = (len(lengths), lengths[0])
        arrays = {name: a.reshape(*shape, *a.shape[1:]) for name, a in arrays.items()}
    return arrays


def load_labels(
    given: str, path: Path, arrays: Arrays, recording: Recording, classes: int
) -> Integers:
    """The label of each step [N, T], a class of 0 .. classes - 1, or `NO_LABEL`.

    given   the name of an array or a column of the data, or of a file with a single one
    path    of the data, `arrays` what `load_data` read from it

    There is one label for each step, or one for each run, which is that of its last step.
    Raises `ElegansError`.
    """
    place, found = f"{path}, {given!r}", arrays.get(given)
    if found is None:
        place, found = given, _single(Path(given), path, arrays)
    if classes < 2:
        fact = "are given, but the model has one output, and no threshold is known for it"
        raise ElegansError("--labels", fact, "leave them out")
    runs, steps = recording.x.shape[:2]
    each_run = arrays["x"].ndim == 3 and found.shape in ((runs,), (runs, 1))
    if not each_run and found.shape not in (arrays["x"].shape[:-1], (*arrays["x"].shape[:-1], 1)):
        fact = f"has the shape {found.shape}, the inputs have {arrays['x'].shape}"
        raise ElegansError(place, fact, "give one label for each step, or one for each run")
    values = found.astype(np.float64)
    wrong = (values != np.round(values)) | (values < 0) | (values >= classes)
    if np.any(wrong):
        fact = f"holds {values[wrong][0]:g}, which is no class"
        raise ElegansError(place, fact, f"number the classes 0 to {classes - 1}, as the outputs")
    labels = np.full((runs, steps), NO_LABEL, np.int64)
    if each_run:
        labels[:, -1] = values.reshape(runs)
    else:
        labels[:] = values.reshape(runs, steps)
    return labels


def _single(path: Path, data: Path, arrays: Arrays) -> NDArray[np.generic]:
    """The only array or column of a file of labels."""
    if path.suffix.lower() not in (".npz", ".csv"):
        known = ", ".join(name for name in arrays if name not in ("x", "dt", "h0"))
        raise ElegansError(
            "--labels",
            f"{path} is neither in {data} nor an .npz or .csv file",
            f"choose from {known}" if known else "give a file with the labels",
        )
    found: Arrays = {**read_table(path)} if path.suffix.lower() == ".csv" else load_arrays(path)
    if len(found) != 1:
        fact = f"holds {', '.join(found) or 'nothing'}"
        raise ElegansError(path, fact, "give a file with one array or column, the labels")
    return next(iter(found.values()))
