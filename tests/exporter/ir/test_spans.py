"""Real intervals: each is the least one that holds every value."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import (
    affine_span,
    constant_span,
    element_fracs,
    hull,
    integer_ends,
    reach,
    span_frac,
    times,
    window_span,
    with_zero,
)

_ENDS = st.tuples(st.integers(-8, 8), st.integers(-8, 8)).map(sorted)
_MATRIX = st.lists(st.lists(st.integers(-3, 3), min_size=2, max_size=2), min_size=3, max_size=3)


def _span(*ends):
    lo, hi = np.array(ends, np.float64).T
    return lo, hi


@given(st.lists(_ENDS, min_size=4, max_size=4), _MATRIX, _MATRIX, st.integers(-5, 5))
def test_an_affine_form_spans_what_the_corners_of_its_box_give(ends, first, second, bias):
    a, b = np.array(first), np.array(second)
    terms = {"x": sparse.csr_array(a), "h": sparse.csr_array(b)}
    lo, hi = affine_span(
        Affine(np.full(3, float(bias)), terms), {"x": _span(*ends[:2]), "h": _span(*ends[2:])}
    )
    corners = np.array(list(itertools.product(*ends)))
    values = corners[:, :2] @ a.T + corners[:, 2:] @ b.T + bias
    np.testing.assert_array_equal(lo, values.min(axis=0))
    np.testing.assert_array_equal(hi, values.max(axis=0))


@given(_ENDS, _ENDS)
def test_products_hulls_and_reaches_are_the_least(one, other):
    a, b = _span(one), _span(other)
    products = [x * y for x in one for y in other]
    for found, values in (
        (times(a, b), products),
        (hull(a, b), [*one, *other]),
        (with_zero(a), [*one, 0]),
    ):
        assert (found[0].tolist(), found[1].tolist()) == ([min(values)], [max(values)])
    assert reach(a).tolist() == [max(abs(end) for end in one)]


def test_a_window_has_the_ends_of_its_elements():
    spans = {"v": _span((-1, 1), (-2, 2), (-3, 3), (-4, 4))}
    lo, hi = window_span(Window("v", 1, 3), spans)
    assert (lo.tolist(), hi.tolist()) == ([-2, -3], [2, 3])
    lo, hi = constant_span(3, -0.5, 1.0)
    assert (lo.tolist(), hi.tolist()) == ([-0.5] * 3, [1.0] * 3)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(
    ("end", "frac"),
    [(1.0, 15), (1.0001, 15), (1.0002, 14), (0.5, 16), (3.9, 13), (1e-40, 100), (1e29, -82)],
)
def test_a_span_may_pass_a_power_of_two_by_one_part_in_8192(end, frac, sign):
    other = -sign * end / 64
    span = _span(sorted((sign * end, other)), (-end / 128, end / 128))
    assert span_frac(span) == frac
    own = element_fracs(span)
    assert own.tolist() == [frac, min(frac + 7, 100)]


def test_no_element_is_more_than_8_bits_finer_than_the_coarsest():
    span = _span((-3.0, 1.0), (-0.001, 0.002), (0.0, 0.0), (0.0, 0.05))
    assert element_fracs(span).tolist() == [13, 21, 15, 19]


def test_ends_as_integers_hold_zero_and_saturate():
    assert integer_ends(12, -1.5, 2.25) == (-6144, 9216)
    assert integer_ends(12, 0.5, 2.25) == (0, 9216)
    assert integer_ends(12, -2.0, -1.0) == (-8192, 0)
    assert integer_ends(12, -9.0, 9.0) == (-32768, 32767)
