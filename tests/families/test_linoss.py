"""LinOSS: Rusch and Rus, 2024, implicit steps."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_linoss_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("LinOSS", tmp_path)
