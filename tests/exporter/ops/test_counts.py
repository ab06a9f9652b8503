"""Raw counts: clamped, and shifted to the top of int16."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.ops.counts import Counts

_X = np.array([-32768, -1, 0, 1, 100, 2047, 4095, 4096, 32767])


@pytest.mark.parametrize(
    ("lo", "hi", "left"), [(0, 4095, 3), (-2048, 2047, 4), (-32768, 32767, 0), (0, 1, 14)]
)
def test_counts_give_the_same_bits_everywhere(everywhere, lo, hi, left):
    found = everywhere(Counts([lo] * 9, [hi] * 9, [left] * 9), _X[None])
    np.testing.assert_array_equal(found[0], np.clip(_X, lo, hi) * 2**left)


@pytest.mark.parametrize(
    ("lo", "hi", "left"), [(0, 4096, 3), (-4097, 0, 3), (0, 0, 16), (0, 0, -1)]
)
def test_a_shift_that_could_leave_int16_is_refused(lo, hi, left):
    with pytest.raises(ValueError, match="shift"):
        Counts([lo], [hi], [left])
