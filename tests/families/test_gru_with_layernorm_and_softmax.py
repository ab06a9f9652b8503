"""GRU with LayerNorm and softmax: Ba et al., 2016."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_gru_with_layernorm_and_softmax_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("GRU with LayerNorm and softmax", tmp_path)
