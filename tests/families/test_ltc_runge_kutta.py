"""LTC, Runge-Kutta: Hasani et al., 2021, eq. 1."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_ltc_runge_kutta_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("LTC, Runge-Kutta", tmp_path)
