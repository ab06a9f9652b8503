"""Every family has a file of tests, and what is no known cell's is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("torch")

from elegans.benchmarks.families import FAMILIES, write
from elegans.exporter.export import export
from elegans.tests.families.held import near_float_and_of_one_meaning


def test_every_family_has_a_file_of_tests():
    files = {path.stem for path in Path(__file__).parent.glob("test_*.py")}
    named = {"test_" + re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") for name in FAMILIES}
    assert files - {"test_every_family"} == named


def test_a_family_from_the_other_exporter_of_torch(tmp_path):
    """benchmarks.doors has all of them."""
    near_float_and_of_one_meaning("minGRU", tmp_path, dynamo=True)


def test_what_no_known_cell_has_is_told_in_the_report(tmp_path):
    export(write("minGRU", tmp_path / "model.onnx", False), tmp_path / "BUILD")
    report = (tmp_path / "BUILD" / "report.txt").read_text()
    told = (
        r"note: general: 1 choice, 1 comparison; no known cell has .* about (\d+) of the ([\d,]+) "
    )
    found = re.search(told + "instructions of a step on an M4", report)
    assert found is not None
    assert 100 < int(found[1]) < int(found[2].replace(",", "")) < 4000
