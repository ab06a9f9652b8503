"""Grids of parameters that are too large for every run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def every_other(rows: Iterable[Any], columns: Iterable[Any]) -> list[Any]:
    """Half of all pairs, for parametrize, and a soak of the others: each row meets half of the
    columns, and each column half of the rows."""
    columns = list(columns)
    return [
        pytest.param(row, column, marks=[] if (i + j) % 2 == 0 else pytest.mark.soak)
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
    ]
