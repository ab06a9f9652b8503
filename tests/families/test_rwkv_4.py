"""RWKV-4: Peng et al., 2023, eq. 16 and app. D."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_rwkv_4_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("RWKV-4", tmp_path)
