"""The self-test of a package: golden vectors as tables of C, few enough for a small flash.

A row is one step: the states before it, inputs, elapsed time, and the outputs and states that must
follow. Half of the rows are corner cases, half are from random runs; both are spread evenly over
theirs. The user's recording is not among them, so that the rows follow from the model alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elegans.hil_tests.session.build_files import Vectors
from elegans.packages.source import PackageSource

_BYTES = 2048  # of tables, if the least number of rows fits
_FEWEST, _MOST = 4, 48
_PER_LINE = 12
_SECTIONS = 2  # corner cases and random runs; the third is the recording


@dataclass(frozen=True)
class ConstantTable:
    """A constant array of C: its name, the bits of an element, the columns of a row, its lines."""

    name: str
    bits: int
    columns: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Selftest:
    """What the templates of a self-test print.

    count   rows
    total   golden vectors of the BUILD from which they were taken
    bytes   of the tables in flash
    """

    count: int
    total: int
    bytes: int
    tables: tuple[ConstantTable, ...]


def selftest(source: PackageSource) -> Selftest:
    """The self-test of a BUILD: as many rows as fit 2 KiB of flash, but 4 to 48."""
    macro = source.name.upper()
    vectors = source.vectors[np.flatnonzero(source.vectors.section < _SECTIONS)]
    state, time = source.model.state_bits, source.model.dt_bits
    parts = {
        "before": (vectors.h, state, f"{macro}_STATES"),
        "inputs": (vectors.x, 16, f"{macro}_INPUTS"),
        "elapsed": (vectors.dt, time, ""),
        "outputs": (vectors.y, 16, f"{macro}_OUTPUTS"),
        "after": (vectors.h_next, state, f"{macro}_STATES"),
    }
    if source.model.dt is None:
        del parts["elapsed"]
    row = sum(bits // 8 * int(np.prod(v.shape[1:])) for v, bits, _ in parts.values())
    rows = _rows(vectors, min(max(_BYTES // row, _FEWEST), _MOST))
    tables = tuple(
        ConstantTable(name, bits, columns, tuple(_lines(values[rows])))
        for name, (values, bits, columns) in parts.items()
    )
    return Selftest(len(rows), len(vectors), row * len(rows), tables)


def _rows(vectors: Vectors, count: int) -> NDArray[np.intp]:
    """The rows that are taken: corner cases and random runs in turn, so that an interrupted test
    has seen both."""
    parts = []
    for section in range(_SECTIONS):
        there = np.flatnonzero(vectors.section == section)
        parts.append(there[np.linspace(0, len(there) - 1, count // _SECTIONS).round().astype(int)])
    return np.stack(parts, axis=1).reshape(-1)


def _lines(values: NDArray[np.generic]) -> Iterator[str]:
    """The rows of a table as initialisers, in lines of moderate length."""
    for row in values.tolist():
        if not isinstance(row, list):
            yield f"{row},"
            continue
        chunks = [row[i : i + _PER_LINE] for i in range(0, len(row), _PER_LINE)]
        texts = [", ".join(map(str, chunk)) for chunk in chunks]
        for i, text in enumerate(texts):
            first, last = "{" * (i == 0), "}" * (i == len(texts) - 1)
            yield f"{first}{text}{last},"
