"""CT-GRU: Mozer et al., 2017, eq. 5-9."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_ct_gru_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("CT-GRU", tmp_path)
