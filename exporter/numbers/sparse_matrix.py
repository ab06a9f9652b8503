"""A constant matrix of integers that holds what is not zero: a wiring has few synapses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[Any]


@dataclass(frozen=True, eq=False)
class SparseMatrix:
    """A matrix [rows, cols], row by row.

    counts   [rows] how many synapses each row has
    columns  of every synapse, rising within a row
    values   of every synapse

    Whatever wants an array of it gets the dense one.
    """

    cols: int
    counts: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: Numbers

    @staticmethod
    def of(matrix: ArrayLike | SparseMatrix) -> SparseMatrix:
        """What is not zero of a dense matrix."""
        if isinstance(matrix, SparseMatrix):
            return matrix
        array = np.asarray(matrix)
        if array.ndim != 2:
            raise ValueError(f"expected 2 dimensions, found {array.ndim}")
        rows, columns = np.nonzero(array)
        return SparseMatrix.at(array.shape, rows, columns, array[rows, columns])

    @staticmethod
    def at(
        shape: tuple[int, ...], rows: ArrayLike, columns: ArrayLike, values: ArrayLike
    ) -> SparseMatrix:
        """Values at their places, in the order of the rows; zeros are left out."""
        kept = np.flatnonzero(values)
        counts = np.bincount(np.asarray(rows)[kept], minlength=shape[0])
        return SparseMatrix(
            shape[1],
            _frozen(counts),
            _frozen(np.asarray(columns)[kept]),
            _frozen(np.asarray(values)[kept], np.asarray(values).dtype),
        )

    @staticmethod
    def from_json(data: dict[str, Any]) -> SparseMatrix:
        """What `to_json` wrote. Raises ValueError, KeyError or TypeError for anything else."""
        names = ("counts", "columns", "values")
        counts, columns, values = (np.array(data[name], dtype=np.int64) for name in names)
        cols = int(data["cols"])
        found = SparseMatrix(cols, _frozen(counts), _frozen(columns), _frozen(values))
        if any(part.ndim != 1 for part in (counts, columns, values)) or counts.min(initial=0) < 0:
            raise ValueError("no list of synapses")
        if not counts.sum() == len(columns) == len(values):
            raise ValueError(f"{counts.sum()} synapses, {len(columns)} columns")
        rising = np.diff(columns + found.rows * cols) > 0
        if columns.min(initial=0) < 0 or columns.max(initial=-1) >= cols or not np.all(rising):
            raise ValueError("columns of synapses do not rise within their rows")
        return found

    def to_json(self) -> dict[str, Any]:
        """The matrix as plain data."""
        parts = {"counts": self.counts, "columns": self.columns, "values": self.values}
        return {"cols": self.cols} | {name: part.tolist() for name, part in parts.items()}

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.counts), self.cols

    @property
    def T(self) -> Numbers:  # noqa: N802 - NumPy's own name
        """The dense matrix, columns first."""
        return np.asarray(self).T

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.values.dtype

    @property
    def size(self) -> int:
        """Entries of the dense matrix."""
        return len(self.counts) * self.cols

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The row of every synapse."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @cached_property
    def matrix(self) -> Any:
        """The same as scipy's, in float64: it multiplies in the time of the synapses."""
        from scipy.sparse import csr_array

        starts = np.concatenate([[0], np.cumsum(self.counts)])
        return csr_array((self.values.astype(np.float64), self.columns, starts), shape=self.shape)

    def with_values(self, values: Numbers) -> SparseMatrix:
        """Other values on the same synapses."""
        return SparseMatrix(self.cols, self.counts, self.columns, values)

    def __abs__(self) -> SparseMatrix:
        return self.with_values(np.abs(self.values))

    def __matmul__(self, x: Numbers) -> NDArray[np.float64]:
        """The matrix times columns `[cols]` or `[cols, n]`, in float64."""
        result: NDArray[np.float64] = self.matrix @ x.astype(np.float64)
        return result

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Numbers:
        dense = np.zeros(self.shape, dtype or self.values.dtype)
        dense[self.rows, self.columns] = self.values
        return dense

    def __getitem__(self, index: Any) -> Numbers:
        found: Numbers = np.asarray(self)[index]
        return found


def _frozen(values: ArrayLike, dtype: Any = np.int64) -> Numbers:
    array = np.array(values, dtype=dtype)
    array.setflags(write=False)
    return array
