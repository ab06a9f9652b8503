"""Intervals, effect sizes and corrections are those of the textbooks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from elegans.trainer.robustness.statistics import CellComparison, compare, corrected, estimate

_GROUPS = st.lists(st.integers(-50, 50).map(float), min_size=2, max_size=8)


@given(_GROUPS)
@settings(max_examples=30)
def test_the_interval_is_that_of_students_t(values):
    found = estimate(values)
    if np.ptp(values) == 0:
        assert (found.low, found.high) == (values[0], values[0])
        return
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_the_interval_of_five_values_is_as_tables_have_it():
    found = estimate([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found.mean == 3.0
    assert found.high - 3.0 == pytest.approx(2.776445 * np.sqrt(2.5 / 5), rel=1e-6)


def test_one_value_has_no_width():
    assert estimate([2.5]).low == estimate([2.5]).high == 2.5


@given(_GROUPS, _GROUPS)
@settings(max_examples=30)
def test_cliffs_delta_follows_from_the_statistic_of_mann_and_whitney(a, b):
    u = stats.mannwhitneyu(a, b).statistic
    assert compare(a, b).cliffs_delta == pytest.approx(2 * u / (len(a) * len(b)) - 1)


def test_hedges_g_is_cohens_d_times_the_correction_for_small_samples():
    # means 4 and 2, pooled deviation sqrt(2.5), 8 degrees of freedom: J = 1 - 3 / 31
    found = compare([2, 3, 4, 5, 6], [0, 1, 2, 3, 4])
    assert found.hedges_g == pytest.approx(2 / np.sqrt(2.5) * (1 - 3 / 31))
    assert found.p == pytest.approx(stats.ttest_ind([2, 3, 4, 5, 6], [0, 1, 2, 3, 4]).pvalue)


def test_the_test_does_not_assume_equal_variances():
    a, b = [1.0, 1.1, 0.9, 1.0], [3.0, 9.0, -4.0, 12.0]
    assert compare(a, b).p == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue)


def test_the_correction_is_that_of_benjamini_and_hochberg():
    ps = [0.005, 0.04, 0.01, 0.8]
    found = corrected([CellComparison(1.0, 1.0, p) for p in ps])
    # 4/1 0.005, 4/3 0.04, 4/2 0.01, 4/4 0.8
    assert [one.p_adjusted for one in found] == pytest.approx([0.02, 0.0533333, 0.02, 0.8])
    assert [one.verdict for one in found] == ["worse", "alike", "worse", "alike"]
    assert corrected([]) == []


def test_a_lower_error_is_better():
    found = corrected([compare([1.0, 1.1, 0.9], [5.0, 5.1, 4.9])])[0]
    assert found.verdict == "better"
    assert found.cliffs_delta == -1.0


@pytest.mark.parametrize(("a", "b"), [([1.0], [2.0]), ([1.0, 1.0], [1.0, 1.0])])
def test_too_few_seeds_or_equal_errors_tell_nothing_apart(a, b):
    assert corrected([compare(a, b)])[0].verdict == "alike"


def test_among_many_comparisons_of_noise_few_are_called_different():
    random = np.random.default_rng(0)
    groups = random.standard_normal((200, 2, 5))
    found = corrected([compare(a, b) for a, b in groups])
    assert sum(one.verdict != "alike" for one in found) <= 1
    assert sum(one.p < 0.05 for one in found) > 3  # without the correction
