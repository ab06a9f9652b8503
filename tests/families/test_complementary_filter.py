"""complementary filter: Mahony et al., 2008, sec. II."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_complementary_filter_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("complementary filter", tmp_path)
