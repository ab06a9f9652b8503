"""Real values to integers and back, with offsets and scales."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elegans.exporter.ir import conversion
from elegans.exporter.ir.fixed_model import Channel

_ENDS = -32768, 32767
_offsets = st.floats(-1e6, 1e6)
_scales = st.floats(1e-3, 1e3)


@given(st.integers(*_ENDS), st.integers(0, 15), _offsets, _scales)
def test_an_integer_survives_the_way_to_its_real_value_and_back(n, frac, offset, scale):
    channel = Channel("p", "hPa", frac, *_ENDS, offset=offset, scale=scale)
    assert channel.to_integers(channel.to_real(n)) == n


@given(st.floats(0, 1), st.integers(0, 15), _offsets, _scales)
def test_a_real_value_comes_back_to_half_a_unit(at, frac, offset, scale):
    channel = Channel("p", "hPa", frac, -1000, 20000, offset=offset, scale=scale)
    value = channel.range[0] + at * (channel.range[1] - channel.range[0])
    error = abs(channel.to_real(channel.to_integers(value)) - value)
    assert error <= channel.unit_step * 0.5 + 1e-9 * abs(value)


def test_what_lies_outside_of_the_range_is_clamped():
    channel = Channel("p", "hPa", 4, -100, 200, offset=1000.0)
    assert channel.to_integers([0.0, 1e9]).tolist() == [-100, 200]
    assert channel.range == (993.75, 1012.5)


def test_each_element_of_a_vector_has_the_format_of_its_channel():
    channels = (Channel("a", "", 0, *_ENDS), Channel("b", "", 2, *_ENDS, offset=-3.0, scale=2.0))
    integers = np.array([[[4, 4], [0, -8]]])
    real = conversion.to_real(integers, channels)
    assert real.tolist() == [[[4.0, -1.0], [0.0, -7.0]]]
    np.testing.assert_array_equal(conversion.to_integers(real, channels), integers)


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({}, "Q5.10"),
        ({"offset": 1013.0}, "Q5.10 + 1013"),
        ({"offset": -40.0, "scale": 0.5}, "Q5.10 * 0.5 - 40"),
    ],
)
def test_a_format_is_named_with_its_offset_and_its_scale(more, name):
    assert Channel("p", "", 10, *_ENDS, **more).format == name


@pytest.mark.parametrize(
    "wrong",
    [
        *({"offset": float("nan")}, {"offset": float("inf")}, {"offset": "1013"}),
        *({"scale": 0.0}, {"scale": -1.0}, {"scale": float("nan")}, {"scale": None}),
    ],
    ids=str,
)
def test_an_offset_or_a_scale_without_meaning_is_refused(wrong):
    with pytest.raises(ValueError, match="is not"):
        Channel("p", "", 10, *_ENDS, **wrong)
