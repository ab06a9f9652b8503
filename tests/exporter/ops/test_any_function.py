"""Functions by tables of pieces: every argument, near the exact result and the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.numbers.expressions import function_named
from elegans.exporter.numbers.fixed import INT16_MAX, INT16_MIN, Interval
from elegans.exporter.numbers.function_tables import MOST_PIECES, fitted
from elegans.exporter.numbers.real_functions import FUNCTIONS
from elegans.exporter.ops import from_json, to_json
from elegans.exporter.ops.any_function import AnyFunction

_ALL = np.arange(-(1 << 15), 1 << 15, dtype=np.int64)
# name, parameter, ends of the argument, its fractional bits, those of the result
_TABLES = [
    ("acos", 0, -1, 1, 15, 13),
    ("acosh", 0, 1, 3.9, 13, 13),
    ("asin", 0, -1, 1, 15, 14),
    ("asinh", 0, -60, 60, 9, 12),
    ("atan", 0, -100, 100, 8, 14),
    ("atanh", 0, -0.99, 0.99, 15, 13),
    ("cos", 0, -7, 7, 12, 15),
    ("cosh", 0, -3, 3, 13, 11),
    ("erf", 0, -4, 4, 13, 15),
    ("exp", 0, -4, 4, 13, 9),
    ("exp", 0, -16, 0, 11, 15),
    ("exp_linear", 0, -8, 8, 12, 11),
    ("log", 0, 0.01, 4, 13, 12),
    ("power", -2.5, 0.1, 3, 13, 6),
    ("reciprocal", 0, 0.01, 4, 13, 8),
    ("reciprocal_below_zero", 0, -4, -0.5, 13, 14),
    ("root", 0.3, 0, 2, 14, 14),
    ("sin", 0, -7, 7, 12, 15),
    ("sinh", 0, -3, 3, 13, 11),
    ("softsign", 0, -30, 30, 10, 15),
    ("sqrt", 0, 0, 4, 13, 14),
    ("tan", 0, -1.5, 1.5, 14, 11),
    ("whole_power", 5, -2, 2, 14, 10),
    ("(z * exp((-0.5 * (z * z))))", 0, -6, 6, 12, 15),
]
_IDS = [f"{name.split('(')[0] or 'expression'}_{i}" for i, (name, *_) in enumerate(_TABLES)]


def _op(name, parameter, lo, hi, z_frac, y_frac):
    least, most = (int(np.clip(round(end * 2**z_frac), INT16_MIN, INT16_MAX)) for end in (lo, hi))

    def in_units(z):
        return function_named(name).function(np.ldexp(z, -z_frac), parameter) * 2.0**y_frac

    with np.errstate(all="ignore"):
        pieces = fitted(in_units, least, most)
    assert pieces is not None
    return AnyFunction.of(name, float(parameter), (z_frac, y_frac), (least, most), pieces)


def test_every_function_has_a_table_here():
    assert {name for name, *_ in _TABLES} - set(FUNCTIONS) == {_TABLES[-1][0]}
    assert set(FUNCTIONS) < {name for name, *_ in _TABLES}


@pytest.mark.parametrize("table", _TABLES, ids=_IDS)
def test_every_argument_gives_the_same_bits_everywhere(everywhere, table):
    """A quarter of them: every fourth, and another one in each row."""
    z = np.ascontiguousarray(_ALL.reshape(-1, 64)[:, ::4].reshape(4, -1))
    everywhere(_op(*table), z)


@pytest.mark.parametrize("table", _TABLES, ids=_IDS)
def test_every_result_is_within_a_unit_of_the_function_and_the_table_is_small(table):
    name, parameter, _, _, z_frac, y_frac = table
    op = _op(*table)
    z = np.arange(op.lo, op.hi + 1)
    with np.errstate(all="ignore"):
        truth = function_named(name).function(np.ldexp(z.astype(float), -z_frac), parameter)
    held = np.clip(truth * 2.0**y_frac, -32768, 32767)
    assert np.abs(op.integer(z) - held).max() <= 1.0
    assert sum(part.bytes for part in op.tables()) <= 2304
    assert np.array_equal(op.integer(np.array([-32768, 32767])), op.integer(z[[0, -1]]))


@pytest.mark.parametrize("table", _TABLES, ids=_IDS)
def test_no_sum_leaves_int32_and_no_result_int16(table):
    op = _op(*table)
    at = np.arange(op.hi - op.lo + 1)
    i = np.searchsorted(op.start, at, side="right") - 1
    j = ((at - op.start[i]) << op.left[i]) - (1 << 15)
    line = op.slope[i] + ((op.bend[i] * j) >> 16)
    total = op.value[i] + ((line * j) >> 16)
    upper = [(a >> 16) * j for a in (op.bend[i], line)]
    assert max(int(np.abs(part).max()) for part in (j, line, total, *upper)) < 2**31
    assert np.abs(j).max() <= 1 << 15
    assert np.array_equal(total >> 15, op.integer(at + op.lo))
    assert np.abs((total >> 15) + 0.5).max() <= 32768


def test_the_range_is_the_exact_image():
    op = _op(*_TABLES[_IDS.index("cos_6")])
    z = Interval.of([-4000, -32768, 5], [100, 32767, 5])
    found = op.range(z)
    for n in range(3):
        values = op.integer(np.arange(z.lo[n], z.hi[n] + 1))
        assert (found.lo[n], found.hi[n]) == (values.min(), values.max())


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_a_function_that_turns_too_often_has_no_table(name):
    def waves(z):
        return FUNCTIONS[name].function(z * 0.03, 0.0) * 30000

    assert fitted(waves, -32768, 32767) is None
    assert MOST_PIECES == 256


@pytest.mark.parametrize(
    ("name", "ends", "span"),
    [
        ("sin", (0, 10), (-1, 1)),
        ("cos", (-1, 0.5), (np.cos(1), 1)),
        ("cosh", (-1, 2), (1, np.cosh(2))),
    ],
)
def test_the_span_of_a_function_that_turns_is_exact(name, ends, span):
    found = FUNCTIONS[name].spans(*(np.array([end], float) for end in ends), 0.0)
    assert np.ravel(found) == pytest.approx(span, abs=1e-12)


def test_a_function_that_is_none_is_no_op():
    """Its name is printed in a comment of the C."""
    op = _op(*_TABLES[0])
    data = to_json(op) | {"function": "z */ evil()"}
    with pytest.raises(ValueError, match="function"):
        from_json(data)
