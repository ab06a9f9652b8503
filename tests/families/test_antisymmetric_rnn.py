"""antisymmetric RNN: Chang et al., 2019, eq. 11."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_antisymmetric_rnn_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("antisymmetric RNN", tmp_path)
