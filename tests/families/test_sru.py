"""SRU: Lei et al., 2018, eq. 1-4."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_sru_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("SRU", tmp_path)
