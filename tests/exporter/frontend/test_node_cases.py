"""onnx's own tests of single nodes: each operator that is read computes what they expect."""

from __future__ import annotations

import re
import shutil

import pytest
from click.testing import CliRunner

from elegans.benchmarks import node_table
from elegans.benchmarks.node_cases import cases, tried
from elegans.exporter.frontend.operators import RULES
from elegans.tests.places import CHECKOUT


@pytest.fixture(scope="module")
def found():
    return cases()


def _wrong(chosen, folder):
    outcomes = [(case.name, tried(case, folder)) for case in chosen]
    return outcomes, [(name, o.why) for name, o in outcomes if o.verdict == "wrong"]


def test_a_test_of_each_operator_passes_or_is_refused(found, tmp_path):
    """The first one of each; `test_no_node_test_is_wrong` runs them all."""
    chosen = list({case.operator: case for case in reversed(found)}.values())
    outcomes, wrong = _wrong(chosen, tmp_path)
    assert wrong == []
    passed = sum(o.verdict == "passed" for _, o in outcomes)
    assert passed >= 0.8 * sum(o.verdict != "not applicable" for _, o in outcomes)


@pytest.mark.soak
def test_no_node_test_is_wrong(found, tmp_path):
    outcomes, wrong = _wrong(found, tmp_path)
    assert wrong == []
    assert len(outcomes) > 600


def test_the_document_has_every_operator_that_onnx_tests(found):
    text = (CHECKOUT / "docs" / "doors.md").read_text()
    table = text[text.index("<!-- table: nodes -->") :]
    rows = dict(re.findall(r"^\| (\w+) \| (\d+) \|", table, re.MULTILINE))
    counts = dict.fromkeys(rows, 0)
    for case in found:
        counts[case.operator] = counts.get(case.operator, 0) + 1
    assert {n: int(k) for n, k in rows.items() if n in RULES} == {
        n: k for n, k in counts.items() if n in RULES
    }


def test_a_row_that_is_measured_anew_leaves_the_others(found, tmp_path, monkeypatch):
    """Shrink also is a test of the first opset that is read."""
    monkeypatch.setattr(node_table, "cases", lambda: found)
    before = CHECKOUT / "docs" / "doors.md"
    copy = tmp_path / "doors.md"
    shutil.copyfile(before, copy)
    done = CliRunner().invoke(node_table.main, ["--only", "Shrink", "--write", str(copy)])
    assert done.exit_code == 0, done.output
    assert copy.read_text() == before.read_text()
    assert "| Shrink | 2 | 2 | 0 | 0 | 0 |  |" in done.output
