"""Clockwork RNN: Koutnik et al., 2014, sec. 3."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_clockwork_rnn_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("Clockwork RNN", tmp_path)
