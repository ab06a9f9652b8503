"""GRU-D, gaps as states: Che et al., 2018, eq. 2-10."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_gru_d_gaps_as_states_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("GRU-D, gaps as states", tmp_path)
