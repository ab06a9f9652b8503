"""LSTM with peepholes: Gers et al., 2002, eq. 1-6."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_lstm_with_peepholes_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("LSTM with peepholes", tmp_path)
