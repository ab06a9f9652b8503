"""A normal form for the vectors of a step graph, so that spelling does not matter.

Between two nonlinearities a network only adds, scales, joins and slices, and a liquid cell
multiplies by a gate or by elapsed time. Every such vector is

    bias + sum_k M_k w_k + sum_j P_j * u_j

with windows w_k and u_j of known vectors, constant matrices M_k and affine P_j. Written so,
`f (1 - t) + t g`, `f + t (g - f)` and `t g - f t + f` are one and the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from elegans.exporter.fixed import Reals
from elegans.exporter.model import Window


@dataclass(frozen=True)
class Affine:
    """`bias + sum M w`: bias [N], each M [N, w.size]."""

    bias: Reals
    terms: dict[Window, Reals]

    @property
    def size(self) -> int:
        return len(self.bias)

    @staticmethod
    def of(window: Window) -> Affine:
        return Affine(np.zeros(window.size), {window: np.eye(window.size)})

    def rows(self, change: Callable[[Reals], Reals]) -> Affine:
        """The same change made to the rows of the bias and of every matrix."""
        return Affine(change(self.bias), {w: change(m) for w, m in self.terms.items()})

    def widened(self, size: int) -> Affine:
        """Broadcast: a single element repeated."""
        return self if self.size == size else self.rows(lambda m: np.repeat(m, size, axis=0))

    def scaled(self, factor: Reals) -> Affine:
        """Each element times a constant, [N] or [1]."""
        wide = self.widened(max(self.size, len(factor)))
        scaled = wide.rows(lambda m: m * (factor if m.ndim == 1 else factor[:, None]))
        return Affine(scaled.bias, {w: m for w, m in scaled.terms.items() if np.any(m)})

    def times(self, matrix: Reals) -> Affine:
        """The row vector times a constant matrix [N, M]."""
        return self.rows(lambda m: matrix.T @ m)

    def plus(self, other: Affine) -> Affine:
        size = max(self.size, other.size)
        a, b = self.widened(size), other.widened(size)
        terms = dict(a.terms)
        for window, matrix in b.terms.items():
            terms[window] = terms[window] + matrix if window in terms else matrix
        return Affine(a.bias + b.bias, {w: m for w, m in terms.items() if np.any(m)})

    def window(self) -> Window | None:
        """The window that this vector is, unchanged, if it is one."""
        if len(self.terms) != 1 or np.any(self.bias):
            return None
        ((window, matrix),) = self.terms.items()
        same = matrix.shape == (window.size, window.size) and np.array_equal(
            matrix, np.eye(window.size)
        )
        return window if same else None

    def windows(self) -> tuple[Window, ...] | None:
        """The windows that this vector is the concatenation of, if it is one."""
        if np.any(self.bias):
            return None
        found: dict[int, Window] = {}
        for window, matrix in self.terms.items():
            rows, columns = np.nonzero(matrix)
            if not len(rows) or np.any(matrix[rows, columns] != 1):
                return None
            whole = np.array_equal(columns, np.arange(window.size))
            if not whole or not np.array_equal(rows, rows[0] + columns):
                return None
            found[int(rows[0])] = window
        parts = tuple(found[row] for row in sorted(found))
        return parts if sum(part.size for part in parts) == self.size else None

    def factor(self) -> tuple[Window, Reals] | None:
        """`(u, c)` where this vector is `c * u + bias`, element by element."""
        if len(self.terms) != 1:
            return None
        ((window, matrix),) = self.terms.items()
        if window.size == 1:
            return window, matrix[:, 0]
        diagonal = np.diag(matrix) if matrix.shape[0] == window.size else None
        if diagonal is None or not np.array_equal(matrix, np.diag(diagonal)):
            return None
        return window, diagonal


@dataclass(frozen=True)
class Form:
    """`affine + sum P u`: the normal form. `products` maps each factor u to its P."""

    affine: Affine
    products: dict[Window, Affine]

    @property
    def size(self) -> int:
        return max([self.affine.size, *(p.size for p in self.products.values())])

    @staticmethod
    def of(window: Window) -> Form:
        return Form(Affine.of(window), {})

    @staticmethod
    def constant(value: Reals) -> Form:
        return Form(Affine(value, {}), {})

    @property
    def is_constant(self) -> bool:
        return not self.products and not self.affine.terms

    def scaled(self, factor: Reals) -> Form:
        return Form(
            self.affine.scaled(factor), {u: p.scaled(factor) for u, p in self.products.items()}
        )

    def plus(self, other: Form) -> Form:
        products = dict(self.products)
        for u, p in other.products.items():
            products[u] = products[u].plus(p) if u in products else p
        return Form(self.affine.plus(other.affine), products)


def product(a: Affine, b: Affine, is_gate: Callable[[Window], bool]) -> Form | None:
    """`a * b` element by element; None unless one of them is a scaled gate plus a constant.

    With b = c u + d the product is (c a) u + d a. Where both would do, the factor is the
    one that `is_gate` says is a gate.
    """
    if not b.terms:
        return Form(a.scaled(b.bias), {})
    if not a.terms:
        return Form(b.scaled(a.bias), {})
    choices = [(left, right, right.factor()) for left, right in ((a, b), (b, a))]
    for left, right, found in choices:
        if found is not None and is_gate(found[0]):
            u, c = found
            return Form(left.scaled(right.bias), {u: left.scaled(c)})
    return None
