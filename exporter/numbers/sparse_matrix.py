"""A constant integer matrix that stores only its nonzero entries, as most wirings are sparse."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[Any]
_WIDEST = 1 << 16  # rows and columns of a matrix of a file
_ONE_THREAD = 1 << 18  # multiplications of a product that OpenBLAS computes in one thread
_WASTED = 1 << 16  # multiplications that BLAS does while scipy begins
_EACH = 4  # multiplications that BLAS does in the time of one of scipy's, or more


@dataclass(frozen=True, eq=False)
class SparseMatrix:
    """A matrix [rows, cols] in compressed-row form; its entries are the nonzero elements.

    cols     the number of columns
    counts   [rows] the number of entries in each row
    columns  [entries] the column of each entry, row by row, ascending within a row
    values   [entries] the value of each entry, in the same order

    `np.asarray` and indexing give the dense matrix.
    """

    cols: int
    counts: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: Numbers

    @staticmethod
    def of(matrix: ArrayLike | SparseMatrix) -> SparseMatrix:
        """A dense matrix in sparse form. Raises ValueError unless it has two dimensions."""
        if isinstance(matrix, SparseMatrix):
            return matrix
        array = np.asarray(matrix)
        if array.ndim != 2:
            raise ValueError(f"expected 2 dimensions, found {array.ndim}")
        rows, columns = np.nonzero(array)
        return SparseMatrix.from_entries(array.shape, rows, columns, array[rows, columns])

    @staticmethod
    def from_entries(
        shape: tuple[int, ...], rows: ArrayLike, columns: ArrayLike, values: ArrayLike
    ) -> SparseMatrix:
        """The matrix with `values` at (rows, columns), which are sorted; zeros are left out."""
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
        """The matrix that `to_json` wrote. Raises ValueError, KeyError or TypeError for others."""
        names = ("counts", "columns", "values")
        counts, columns, values = (np.array(data[name], dtype=np.int64) for name in names)
        cols = int(data["cols"])
        if not 0 < cols <= _WIDEST or len(counts) > _WIDEST:
            raise ValueError(f"a matrix of {len(counts)} rows and {cols} columns")
        found = SparseMatrix(cols, _frozen(counts), _frozen(columns), _frozen(values))
        if any(part.ndim != 1 for part in (counts, columns, values)) or counts.min(initial=0) < 0:
            raise ValueError("counts, columns and values are not flat lists with counts >= 0")
        if not counts.sum() == len(columns) == len(values):
            raise ValueError(
                f"{counts.sum()} entries, {len(columns)} columns, {len(values)} values"
            )
        rising = np.diff(columns + found.rows * cols) > 0
        if columns.min(initial=0) < 0 or columns.max(initial=-1) >= cols or not np.all(rising):
            raise ValueError("columns are outside of the matrix, or not ascending in a row")
        return found

    def to_json(self) -> dict[str, Any]:
        """The matrix as plain data, for `from_json`."""
        parts = {"counts": self.counts, "columns": self.columns, "values": self.values}
        return {"cols": self.cols} | {name: part.tolist() for name, part in parts.items()}

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return len(self.counts), self.cols

    @property
    def T(self) -> Numbers:  # noqa: N802 - NumPy's own name
        """The dense transpose, [cols, rows]."""
        return np.asarray(self).T

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values."""
        return self.values.dtype

    @property
    def size(self) -> int:
        """The number of elements of the dense matrix, rows * cols."""
        return len(self.counts) * self.cols

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """[entries] the row of each entry."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @cached_property
    def as_scipy(self) -> Any:
        """The matrix as scipy's, in float64: the time of a product grows with the entries only."""
        from scipy.sparse import csr_array

        starts = np.concatenate([[0], np.cumsum(self.counts)])
        return csr_array(
            (self.values.astype(np.float64, copy=False), self.columns, starts), shape=self.shape
        )

    @cached_property
    def as_dense(self) -> NDArray[np.float64]:
        """The dense transpose in float64, for products with row vectors."""
        return np.ascontiguousarray(np.asarray(self).T, np.float64)

    def with_values(self, values: Numbers) -> SparseMatrix:
        """The matrix with other values at the same entries."""
        return SparseMatrix(self.cols, self.counts, self.columns, values)

    def __abs__(self) -> SparseMatrix:
        return self.with_values(np.abs(self.values))

    def __matmul__(self, x: Numbers) -> NDArray[np.float64]:
        """The matrix times column vectors `[cols]` or `[cols, n]`, in float64."""
        result: NDArray[np.float64] = self.as_scipy @ x.astype(np.float64, copy=False)
        return result

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Numbers:
        dense = np.zeros(self.shape, dtype or self.values.dtype)
        dense[self.rows, self.columns] = self.values
        return dense

    def __getitem__(self, index: Any) -> Numbers:
        found: Numbers = np.asarray(self)[index]
        return found


def better_dense(vectors: int, size: int, entries: int) -> bool:
    """Whether the product of so many vectors with a sparse matrix takes less time as a dense one.

    size, entries  of the matrix: its elements, and those that are not zero
    """
    wasted = vectors * (size - _EACH * entries)
    return wasted <= _WASTED and vectors * size <= _ONE_THREAD


def _frozen(values: ArrayLike, dtype: Any = np.int64) -> Numbers:
    array = np.array(values, dtype=dtype)
    array.setflags(write=False)
    return array
