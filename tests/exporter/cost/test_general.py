"""The estimate of general arithmetic is near what docs/doors.md has measured."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("torch")

from elegans.benchmarks.families import write
from elegans.benchmarks.general_cost import FAMILIES
from elegans.exporter.codegen.plan import plan
from elegans.exporter.cost.estimate import estimate
from elegans.exporter.export import export
from elegans.exporter.ir.proof import prove
from elegans.tests.places import CHECKOUT

_HELD_OUT = ("minLSTM", "STAR", "LMU")


@pytest.mark.parametrize("name", _HELD_OUT)
def test_the_instructions_of_a_family_that_it_was_not_fitted_to_are_within_a_fifth(name, tmp_path):
    assert name not in FAMILIES
    text = (CHECKOUT / "docs" / "doors.md").read_text()
    (m4, m0) = re.search(
        rf"^\| {name} \|(?:[^|]*\|){{3}} ([\d,]+) \| ([\d,]+) \|", text, re.MULTILINE
    ).groups()
    model = export(write(name, tmp_path / "n.onnx", False), tmp_path / "BUILD")
    code = plan(model, prove(model))
    for core, measured in (("m4", m4), ("m0", m0)):
        found = estimate(code, core).instructions
        assert found == pytest.approx(int(measured.replace(",", "")), rel=0.2), core
