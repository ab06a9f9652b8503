"""linear system, trapezoidal: Gu et al., 2022, eq. 3."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_linear_system_trapezoidal_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("linear system, trapezoidal", tmp_path)
