"""Wilson-Cowan: Wilson and Cowan, 1972, eq. 1-2."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_wilson_cowan_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("Wilson-Cowan", tmp_path)
