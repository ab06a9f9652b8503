"""Kalman filter, constant gain: Anderson and Moore, 1979, ch. 4."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_kalman_filter_constant_gain_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("Kalman filter, constant gain", tmp_path)
