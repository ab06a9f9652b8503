"""The user's own data, to compare float and fixed point on: an .npz or a .csv file, and labels."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.oracles.golden_vectors import Recording, load_arrays

Arrays = dict[str, NDArray[np.generic]]
RUN = "run"
"""The column of a CSV file by which its rows belong to runs, if it has one."""
NO_LABEL = -1
"""The label of a step that has none."""


def load_data(path: Path, model: Model) -> Arrays:
    """The arrays of a file by name: x, dt if it is there, and all others.

    An .npz file has them as `golden_vectors.load_recording` takes them. A .csv file has a header
    and one row for each step: a column for each input, by its name, one for `dt`, and any
    others. If it has a column `run`, rows with equal values there, one after the other, are one
    run; all runs then have the same length.

    Raises `ElegansError` for what cannot be read.
    """
    if path.suffix.lower() != ".csv":
        return load_arrays(path)
    columns = _columns(path)
    absent = [c.name for c in model.inputs if c.name not in columns]
    if absent:
        raise ElegansError(
            path,
            f"has no column {absent[0]!r}",
            "name the columns after the inputs: " + ", ".join(c.name for c in model.inputs),
        )
    x = np.stack([columns[c.name] for c in model.inputs], axis=-1)
    arrays: Arrays = {name: values for name, values in columns.items() if name != RUN}
    arrays["x"] = x
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
    found: Arrays = {**_columns(path)} if path.suffix.lower() == ".csv" else load_arrays(path)
    if len(found) != 1:
        fact = f"holds {', '.join(found) or 'nothing'}"
        raise ElegansError(path, fact, "give a file with one array or column, the labels")
    return next(iter(found.values()))


def _columns(path: Path) -> dict[str, Reals]:
    """The columns [T] of a .csv file by their names. Raises `ElegansError` naming the line."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [(number, row) for number, row in enumerate(csv.reader(file), 1) if row]
    except OSError as error:
        remedy = "give a .csv file with a header"
        raise WrongUseError(path, error.strerror or "cannot be read", remedy) from None
    except (csv.Error, UnicodeDecodeError) as error:
        remedy = "save it as plain text with commas"
        raise ElegansError(path, f"is not a .csv file ({error})", remedy) from None
    names = [name.strip() for name in rows[0][1]] if rows else []
    if len(rows) < 2 or len(set(names)) < len(names):
        fact = "names two columns alike" if len(rows) > 1 else "holds no rows below a header"
        raise ElegansError(path, fact, "give a header of names, and one row for each step")
    values = np.empty((len(rows) - 1, len(names)))
    for index, (number, row) in enumerate(rows[1:]):
        try:
            values[index] = [float(cell) for cell in row]
            whole = bool(np.all(np.isfinite(values[index])))
        except ValueError:  # no number, or not as many as there are names
            whole = False
        if not whole:
            fact = f"is not {len(names)} finite numbers: {','.join(row):.60}"
            raise ElegansError(f"{path}, line {number}", fact, "correct or remove the row")
    return dict(zip(names, values.T, strict=True))
