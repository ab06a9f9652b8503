"""CTRNN with delays: Beer, 1995, eq. 1, delayed."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_ctrnn_with_delays_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("CTRNN with delays", tmp_path)
