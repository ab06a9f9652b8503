"""minGRU: Feng et al., 2024, app. B."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_mingru_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("minGRU", tmp_path)
