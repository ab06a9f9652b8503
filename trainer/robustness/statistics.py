"""Means with intervals, effect sizes, and tests that are corrected for their number."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95
"""Of the intervals; 1 - `LEVEL` is the rate of false discoveries."""


@dataclass(frozen=True)
class Estimate:
    """A mean over n seeds, and the ends of its interval by Student's t."""

    n: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class CellComparison:
    """How the errors of one cell compare with those of the reference.

    hedges_g      the difference of means in pooled standard deviations, corrected for few samples
                  (Hedges 1981); above 0 where this cell errs more. None where nothing varies
    cliffs_delta  how much more often a seed of this cell errs more than one of the reference than
                  less, -1 to 1 (Cliff 1993)
    p             of Welch's t test, two-sided; 1 where there are too few seeds
    p_adjusted    after the correction for all comparisons (Benjamini and Hochberg 1995)
    """

    hedges_g: float | None
    cliffs_delta: float
    p: float
    p_adjusted: float = 1.0

    @property
    def verdict(self) -> str:
        """`better`, `worse`, or `alike` where the two cannot be told apart."""
        if self.p_adjusted >= 1.0 - LEVEL:
            return "alike"
        return "worse" if self.cliffs_delta > 0 else "better"


def estimate(values: Sequence[float]) -> Estimate:
    """The mean of one value or more; with one value the interval is that value."""
    data = np.asarray(values, np.float64)
    mean = float(data.mean())
    if len(data) < 2:
        return Estimate(len(data), mean, mean, mean)
    half = float(stats.sem(data) * stats.t.ppf(0.5 + LEVEL / 2, len(data) - 1))
    return Estimate(len(data), mean, mean - half, mean + half)


def compare(values: Sequence[float], reference: Sequence[float]) -> CellComparison:
    """One cell's errors with those of the reference; not corrected yet."""
    a, b = (np.asarray(v, np.float64) for v in (values, reference))
    difference = np.sign(a[:, None] - b[None, :]).mean()
    if min(len(a), len(b)) < 2:
        return CellComparison(None, float(difference), 1.0)
    freedom = len(a) + len(b) - 2
    pooled = ((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / freedom
    if pooled == 0.0:
        return CellComparison(None, float(difference), 1.0 if a[0] == b[0] else 0.0)
    g = float((a.mean() - b.mean()) / np.sqrt(pooled)) * (1.0 - 3.0 / (4.0 * freedom - 1.0))
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # one varies hardly
        p = float(stats.ttest_ind(a, b, equal_var=False).pvalue)
    return CellComparison(g, float(difference), p)


def corrected(found: Sequence[CellComparison]) -> list[CellComparison]:
    """The same with `p_adjusted`: of those below 0.05, at most one in twenty is expected wrong."""
    if not found:
        return []
    adjusted = stats.false_discovery_control([one.p for one in found], method="bh")
    return [
        CellComparison(one.hedges_g, one.cliffs_delta, one.p, float(p))
        for one, p in zip(found, adjusted, strict=True)
    ]
