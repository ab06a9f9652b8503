"""S4D, elapsed time: Gu et al., 2022, eq. 4 and 9."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_s4d_elapsed_time_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("S4D, elapsed time", tmp_path)
