"""A normal form of vectors, in which equal expressions are equal however they are written.

Between two nonlinearities a network only adds, scales, concatenates and slices, and a liquid
cell also multiplies by a gate or by elapsed time. Every such vector is

    bias + sum_k M_k v_k + sum_j P_j * u_j

with known vectors v_k, constant matrices M_k, windows u_j of known vectors, and affine P_j;
`*` is element by element. In this form `f (1 - t) + t g`, `f + t (g - f)` and
`t g - f t + f` are the same. The matrices are sparse, because slices and concatenations only
select, and a wiring has few synapses.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.numbers.sparse_matrix import better_dense

Matrix = Any  # a scipy.sparse.csr_array of float64, [rows, size of the vector it multiplies]


@dataclass(frozen=True, eq=False)
class Affine:
    """A vector of N elements, `bias + sum_v M_v v`.

    bias   [N]
    terms  the matrix M_v, [N, size of v], by the name of the vector v
    """

    bias: Reals
    terms: dict[str, Matrix]

    @property
    def size(self) -> int:
        """The number of elements, N."""
        return len(self.bias)

    @cached_property
    def _dense(self) -> dict[str, Reals]:
        return {}

    def transposed(self, vector: str) -> Reals:
        """The matrix of a vector as a dense one, transposed, for row vectors."""
        if vector not in self._dense:
            self._dense[vector] = np.ascontiguousarray(self.terms[vector].toarray().T)
        return self._dense[vector]

    @cached_property
    def signs(self) -> dict[str, tuple[Matrix, Matrix]]:
        """The matrices in two parts each: what is positive of them, and what is negative."""
        return {v: (m.maximum(0), m.minimum(0)) for v, m in self.terms.items()}

    @staticmethod
    def constant(value: Reals) -> Affine:
        """The constant vector `value`, [N]."""
        return Affine(np.asarray(value, dtype=np.float64), {})

    @staticmethod
    def of(window: Window, size: int | None = None) -> Affine:
        """A window of a vector of `size` elements; None if the vector ends where it does."""
        rows = np.arange(window.size)
        shape = (window.size, size or window.hi)
        entries = (np.ones(window.size), (rows, window.lo + rows))
        return Affine(np.zeros(window.size), {window.vector: sparse.csr_array(entries, shape)})

    @staticmethod
    def joined(parts: list[Affine]) -> Affine:
        """The concatenation of vectors."""
        ends = np.cumsum([p.size for p in parts])
        total = Affine.constant(np.zeros(ends[-1]))
        for part, end in zip(parts, ends, strict=True):
            into = sparse.csr_array(
                (np.ones(part.size), (np.arange(end - part.size, end), np.arange(part.size))),
                (ends[-1], part.size),
            )
            total = total.plus(part.times(into))
        return total

    def pick(self, rows: Integers) -> Affine:
        """The elements at these indices, in this order; an index may be repeated."""
        return Affine(self.bias[rows], {v: m[rows] for v, m in self.terms.items()}).trimmed()

    def scaled(self, factor: Reals) -> Affine:
        """Each element times a constant; `factor` is [N] or [1]."""
        return self.times(sparse.diags_array(np.broadcast_to(factor, self.size)).tocsr())

    def over(self, divisor: Reals) -> Affine:
        """Each element divided by a constant, [N].

        Not `scaled` by the reciprocal: in floats c / c is exactly 1, c * (1 / c) need not be.
        """
        terms = {}
        for vector, matrix in self.terms.items():
            terms[vector] = matrix.copy()
            terms[vector].data /= np.repeat(divisor, np.diff(matrix.indptr))
        return Affine(self.bias / divisor, terms)

    def times(self, matrix: Matrix) -> Affine:
        """A constant matrix [M, N] times the vector, [M]."""
        return Affine(
            matrix @ self.bias, {v: sparse.csr_array(matrix @ m) for v, m in self.terms.items()}
        ).trimmed()

    def plus(self, other: Affine) -> Affine:
        """The sum of two vectors of one size."""
        terms = dict(self.terms)
        for vector, matrix in other.terms.items():
            terms[vector] = terms[vector] + matrix if vector in terms else matrix
        return Affine(self.bias + other.bias, terms).trimmed()

    def without(self, vector: str) -> Affine:
        """The vector without the term of one vector."""
        return Affine(self.bias, {v: m for v, m in self.terms.items() if v != vector})

    def trimmed(self) -> Affine:
        """The same without stored zeros, and without terms that are all zero."""
        for matrix in self.terms.values():
            matrix.eliminate_zeros()
        return Affine(self.bias, {v: m for v, m in self.terms.items() if m.nnz})

    def close_to(self, other: Affine) -> bool:
        """Whether both are equal to a relative 1e-6, which allows for constants in float32."""
        if self.terms.keys() != other.terms.keys() or self.size != other.size:
            return False
        pairs = [(m, other.terms[v]) for v, m in self.terms.items()]
        return np.allclose(self.bias, other.bias, rtol=1e-6, atol=0.0) and all(
            a.nnz == b.nnz and abs(a - b).max() <= 1e-6 * abs(a).max() for a, b in pairs
        )

    def windows(self) -> tuple[Window, ...] | None:
        """The windows that this vector is a concatenation of, or None if it is not one."""
        if np.any(self.bias) or sum(m.nnz for m in self.terms.values()) != self.size:
            return None
        found: list[Window] = []
        for source in self.sources():
            if source is None:
                return None
            vector, column = source
            if found and (found[-1].vector, found[-1].hi) == source:
                found[-1] = Window(vector, found[-1].lo, column + 1)
            else:
                found.append(Window(vector, column, column + 1))
        return tuple(found)

    def sources(self) -> list[tuple[str, int] | None]:
        """[N]: the (vector, index) of which each element is a copy, or None if it is not one."""
        count = np.zeros(self.size, np.int64)
        found: list[tuple[str, int] | None] = [None] * self.size
        for vector, matrix in self.terms.items():
            entries = matrix.tocoo()
            count += np.diff(matrix.indptr)
            for row, column, value in zip(entries.row, entries.col, entries.data, strict=True):
                if value == 1.0 and self.bias[row] == 0.0:
                    found[row] = (vector, int(column))
        return [s if n == 1 else None for s, n in zip(found, count, strict=True)]

    def window(self) -> Window | None:
        """The window that this vector is a copy of, or None if it is not one."""
        windows = self.windows()
        return windows[0] if windows is not None and len(windows) == 1 else None

    def factor(self) -> tuple[Window, Reals] | None:
        """`(u, c)` with this vector = `c * u + bias`, element by element; None if there is none.

        u is as long as this vector if possible, or else a single element that all rows share;
        c is [N].
        """
        if len(self.terms) != 1:
            return None
        ((vector, matrix),) = self.terms.items()
        entries = matrix.tocoo()
        if np.any(np.diff(matrix.indptr) > 1):
            return None
        scale = np.zeros(self.size)
        scale[entries.row] = entries.data
        lo = int(entries.col[0] - entries.row[0])
        if 0 <= lo <= matrix.shape[1] - self.size and np.all(entries.col - entries.row == lo):
            return Window(vector, lo, lo + self.size), scale
        if np.all(entries.col == entries.col[0]):
            lo = int(entries.col[0])
            return Window(vector, lo, lo + 1), scale
        return None


@dataclass(frozen=True, eq=False)
class Form:
    """A vector in the normal form, `affine + sum_u P_u * u`.

    products  the affine P_u by its factor u, which is as long as the form or has one element
    """

    affine: Affine
    products: dict[Window, Affine]

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.affine.size

    @staticmethod
    def constant(value: Reals) -> Form:
        """The constant vector `value`."""
        return Form(Affine.constant(value), {})

    @property
    def is_constant(self) -> bool:
        """Whether the vector depends on nothing."""
        return not self.products and not self.affine.terms

    def pick(self, rows: Integers) -> Form | None:
        """The elements at these indices; None if a factor's elements were no longer a window."""
        products = {}
        for u, p in self.products.items():
            if u.size > 1 and not np.array_equal(rows, rows[0] + np.arange(len(rows))):
                return None
            v = u if u.size == 1 else Window(u.vector, u.lo + rows[0], u.lo + rows[-1] + 1)
            products[v] = p.pick(rows)
        return Form(self.affine.pick(rows), products)

    def scaled(self, factor: Reals) -> Form:
        """Each element times a constant; `factor` is [size] or [1]."""
        return Form(
            self.affine.scaled(factor), {u: p.scaled(factor) for u, p in self.products.items()}
        )

    def over(self, divisor: Reals) -> Form:
        """Each element divided by a constant, [size]."""
        return Form(
            self.affine.over(divisor), {u: p.over(divisor) for u, p in self.products.items()}
        )

    def plus(self, other: Form) -> Form:
        """The sum of two forms of one size."""
        products = dict(self.products)
        for u, p in other.products.items():
            products[u] = products[u].plus(p) if u in products else p
        kept = {u: p for u, p in products.items() if p.terms or np.any(p.bias)}
        return Form(self.affine.plus(other.affine), kept)


def product(a: Affine, b: Affine, is_gate: Callable[[Window], bool]) -> Form | None:
    """`a * b` element by element; None unless one of them is constant or `c * u + d`.

    u is a gate, that is a window for which `is_gate` is true, and c and d are constants. With
    b = c u + d the product is (c a) u + d a. If both have this shape, elapsed time becomes
    the factor u, so that what it multiplies is read as a rate of change.
    """
    if not b.terms:
        return Form(a.scaled(b.bias), {})
    if not a.terms:
        return Form(b.scaled(a.bias), {})
    for left, right in ((b, a), (a, b)) if "dt" in a.terms else ((a, b), (b, a)):
        found = right.factor()
        if found is not None and is_gate(found[0]):
            u, c = found
            return Form(left.scaled(right.bias), {u: left.scaled(c)})
    return None


def proportion(a: Affine, b: Affine) -> Reals:
    """[size]: the c for which `a = c b` in each row, if there is one."""
    over, under = a.bias * b.bias, b.bias**2
    for vector, matrix in b.terms.items():
        under = under + matrix.multiply(matrix).sum(axis=1)
        if vector in a.terms:
            over = over + matrix.multiply(a.terms[vector]).sum(axis=1)
    return np.divide(over, under, out=np.ones(b.size), where=under > 0)


def read(window: Window, vectors: dict[str, Reals]) -> Reals:
    """The elements of a window, from vectors [N, ...]."""
    return vectors[window.vector][:, window.lo : window.hi]


def affine_value(form: Affine, vectors: dict[str, Reals]) -> Reals:
    """An affine form [N, size] of vectors [N, ...]; `h` must be among them."""
    total: Reals | None = None
    for vector, matrix in form.terms.items():
        values = vectors[vector]
        if better_dense(len(values), math.prod(matrix.shape), matrix.nnz):
            part = values @ form.transposed(vector)
        else:
            part = (matrix @ values.T).T
        part += form.bias if total is None else total
        total = part
    if total is None:
        return np.broadcast_to(form.bias, (len(vectors["h"]), form.size))
    return total
