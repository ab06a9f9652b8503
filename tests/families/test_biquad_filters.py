"""biquad filters: Oppenheim and Schafer, 2010, sec. 6.3.3."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_biquad_filters_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("biquad filters", tmp_path)
