"""LTC, explicit Euler: Hasani et al., 2021, eq. 1."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_ltc_explicit_euler_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("LTC, explicit Euler", tmp_path)
