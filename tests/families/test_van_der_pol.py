"""Van der Pol's oscillator: van der Pol, 1926, eq. 9."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_van_der_pol_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("van der Pol", tmp_path)
