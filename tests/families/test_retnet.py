"""RetNet: Sun et al., 2023, eq. 6."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_retnet_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("RetNet", tmp_path)
