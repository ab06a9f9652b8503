"""ODE-RNN: Rubanova et al., 2019, alg. 1."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_ode_rnn_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("ODE-RNN", tmp_path)
