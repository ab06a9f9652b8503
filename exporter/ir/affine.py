"""A normal form for the vectors of a step graph, so that spelling does not matter.

Between two nonlinearities a network only adds, scales, joins and slices, and a liquid cell
multiplies by a gate or by elapsed time. Every such vector is

    bias + sum_k M_k v_k + sum_j P_j * u_j

with known vectors v_k, constant matrices M_k, windows u_j and affine P_j. Written so,
`f (1 - t) + t g`, `f + t (g - f)` and `t g - f t + f` are one and the same. The matrices
are sparse: joining and slicing only select, and a wiring has few synapses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.numbers.fixed import Integers, Reals

Matrix = Any  # scipy.sparse.csr_array, [rows, size of the vector]


@dataclass(frozen=True, eq=False)
class Affine:
    """`bias + sum M v`: bias [N], and for each vector by name a matrix M [N, v.size]."""

    bias: Reals
    terms: dict[str, Matrix]

    @property
    def size(self) -> int:
        return len(self.bias)

    @staticmethod
    def constant(value: Reals) -> Affine:
        return Affine(np.asarray(value, dtype=np.float64), {})

    @staticmethod
    def of(window: Window, size: int | None = None) -> Affine:
        """A window of a vector of `size` elements (one that ends with it if None)."""
        rows = np.arange(window.size)
        shape = (window.size, size or window.hi)
        entries = (np.ones(window.size), (rows, window.lo + rows))
        return Affine(np.zeros(window.size), {window.vector: sparse.csr_array(entries, shape)})

    @staticmethod
    def joined(parts: list[Affine]) -> Affine:
        """Vectors end to end."""
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
        """The given elements, in this order; an element may come several times."""
        return Affine(self.bias[rows], {v: m[rows] for v, m in self.terms.items()}).trimmed()

    def scaled(self, factor: Reals) -> Affine:
        """Each element times a constant, [N]."""
        return self.times(sparse.diags_array(np.broadcast_to(factor, self.size)).tocsr())

    def over(self, divisor: Reals) -> Affine:
        """Each element divided by a constant [N]; c / c is one to the bit, c * (1 / c) is not."""
        terms = {}
        for vector, matrix in self.terms.items():
            terms[vector] = matrix.copy()
            terms[vector].data /= np.repeat(divisor, np.diff(matrix.indptr))
        return Affine(self.bias / divisor, terms)

    def times(self, matrix: Matrix) -> Affine:
        """A constant matrix [M, N] times the vector."""
        return Affine(
            matrix @ self.bias, {v: sparse.csr_array(matrix @ m) for v, m in self.terms.items()}
        ).trimmed()

    def plus(self, other: Affine) -> Affine:
        terms = dict(self.terms)
        for vector, matrix in other.terms.items():
            terms[vector] = terms[vector] + matrix if vector in terms else matrix
        return Affine(self.bias + other.bias, terms).trimmed()

    def without(self, vector: str) -> Affine:
        return Affine(self.bias, {v: m for v, m in self.terms.items() if v != vector})

    def trimmed(self) -> Affine:
        """No stored zeros, and no vector that is not read."""
        for matrix in self.terms.values():
            matrix.eliminate_zeros()
        return Affine(self.bias, {v: m for v, m in self.terms.items() if m.nnz})

    def close_to(self, other: Affine) -> bool:
        """Whether both are the same but for the rounding of float32 constants."""
        if self.terms.keys() != other.terms.keys() or self.size != other.size:
            return False
        pairs = [(m, other.terms[v]) for v, m in self.terms.items()]
        return np.allclose(self.bias, other.bias, rtol=1e-6, atol=0.0) and all(
            a.nnz == b.nnz and abs(a - b).max() <= 1e-6 * abs(a).max() for a, b in pairs
        )

    def windows(self) -> tuple[Window, ...] | None:
        """The windows that this vector is the concatenation of, if it is one."""
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
        """For each element the element (vector, index) that it is, unchanged; else None."""
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
        """The window that this vector is, unchanged, if it is one."""
        windows = self.windows()
        return windows[0] if windows is not None and len(windows) == 1 else None

    def factor(self) -> tuple[Window, Reals] | None:
        """`(u, c)` where this vector is `c * u + bias`, element by element.

        u is as long as the vector, if it can be, or a single element that all of them share.
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
    """`affine + sum P u`: the normal form. `products` maps each factor u to its P.

    A factor is as long as the form, or a single element.
    """

    affine: Affine
    products: dict[Window, Affine]

    @property
    def size(self) -> int:
        return self.affine.size

    @staticmethod
    def constant(value: Reals) -> Form:
        return Form(Affine.constant(value), {})

    @property
    def is_constant(self) -> bool:
        return not self.products and not self.affine.terms

    def pick(self, rows: Integers) -> Form | None:
        """The given elements; None where that would tear a factor apart."""
        products = {}
        for u, p in self.products.items():
            if u.size > 1 and not np.array_equal(rows, rows[0] + np.arange(len(rows))):
                return None
            v = u if u.size == 1 else Window(u.vector, u.lo + rows[0], u.lo + rows[-1] + 1)
            products[v] = p.pick(rows)
        return Form(self.affine.pick(rows), products)

    def scaled(self, factor: Reals) -> Form:
        return Form(
            self.affine.scaled(factor), {u: p.scaled(factor) for u, p in self.products.items()}
        )

    def over(self, divisor: Reals) -> Form:
        return Form(
            self.affine.over(divisor), {u: p.over(divisor) for u, p in self.products.items()}
        )

    def plus(self, other: Form) -> Form:
        products = dict(self.products)
        for u, p in other.products.items():
            products[u] = products[u].plus(p) if u in products else p
        kept = {u: p for u, p in products.items() if p.terms or np.any(p.bias)}
        return Form(self.affine.plus(other.affine), kept)


def product(a: Affine, b: Affine, is_gate: Callable[[Window], bool]) -> Form | None:
    """`a * b` element by element; None unless one of them is a scaled gate plus a constant.

    With b = c u + d the product is (c a) u + d a. Where both would do, elapsed time is the
    factor: what it multiplies is a rate, even where that is one gate's multiple.
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
