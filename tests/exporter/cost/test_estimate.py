"""The estimate of a step's cost is within 5 % of what is compiled and counted."""

from __future__ import annotations

import json

import pytest

from elegans.benchmarks.step_cost import measured, row
from elegans.benchmarks.step_cost_nets import FITTED, HELD
from elegans.exporter.cost.cores import CORES
from elegans.exporter.cost.estimate import FILE

_NETS = (
    ("CfC wired 7-22-2, spread 1 x1, int8", "m0"),
    ("CfC wired 7-22-2, spread 1 x1, int8, period fixed", "m4"),
    ("GRU 8-19-1", "m4"),
    ("LTC 8-19-1", "m4"),
)


@pytest.mark.parametrize(("name", "core"), _NETS)
def test_instructions_and_flash_of_a_network_that_it_was_not_fitted_to(
    name: str, core: str
) -> None:
    line, *errors = row(measured(HELD[name], core))
    assert max(map(abs, errors)) < 0.05, line


def test_no_network_is_both_fitted_to_and_held_out() -> None:
    assert not FITTED.keys() & HELD.keys()
    assert set(json.loads(FILE.read_text())) == set(CORES.values())
