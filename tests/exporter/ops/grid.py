"""Inputs of an op at every combination of interesting values."""

from __future__ import annotations

import itertools

import numpy as np


def grid(*axes):
    """For each axis one row [1, points] of int64; the columns are all combinations of values."""
    points = np.array(list(itertools.product(*axes)))
    return [np.ascontiguousarray(column).reshape(1, -1) for column in points.T]
