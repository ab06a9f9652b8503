"""echo state network: Jaeger et al., 2007, eq. 2."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from elegans.tests.families.held import near_float_and_of_one_meaning


def test_echo_state_network_is_near_float_and_has_one_meaning_everywhere(tmp_path):
    near_float_and_of_one_meaning("echo state network", tmp_path)
