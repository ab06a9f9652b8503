"""How a form depends on elapsed time."""

from __future__ import annotations

import numpy as np

from elegans.exporter.ir.affine import Affine, Form
from elegans.exporter.ir.atom import DT


def rate_of_time(form: Form) -> Affine:
    """What a form multiplies dt by: its product with dt, and the constants in dt's own column."""
    zero = Affine.constant(np.zeros(form.size))
    column = form.affine.terms.get(DT.vector)
    alone = zero if column is None else Affine.constant(column.toarray()[:, 0])
    return form.products.get(DT, zero).plus(alone)
