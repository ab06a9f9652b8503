"""The errors of each state and output: in `report.txt`, in `model.json`, beside float32's own."""

from __future__ import annotations

import json
import re

import pytest

from elegans.exporter.build_folder import read_build_folder
from elegans.exporter.export import Request, export
from elegans.exporter.oracles import error_table
from elegans.exporter.oracles.onnx_float import OnnxRuntimeError


@pytest.fixture
def rows(built):
    """name, least and greatest value used, worst and rms of each line of the table."""
    text = (built / "report.txt").read_text()
    table = text[text.index("Each state and output") :].split("\n\n")[1]
    line = re.compile(r"  (\S+) +random +\[(\S+), (\S+)\] +(\S+) +(\S+)")
    return [(m[1], *map(float, m.groups()[1:])) for m in map(line.match, table.splitlines()) if m]


def test_every_state_and_output_has_its_line_and_the_worst_is_the_first(built, rows):
    folder = read_build_folder(built)
    assert {name for name, *_ in rows} == {c.name for c in (*folder.states, *folder.outputs)}
    assert rows[0][0] == folder.errors[0].name
    assert rows[0][3] == folder.errors[0].worst
    assert [row[3] for row in rows] == sorted((row[3] for row in rows), reverse=True)


def test_what_is_used_lies_within_what_is_proved_and_rms_below_the_worst(built, rows):
    folder = read_build_folder(built)
    proved = {c.name: c.range for c in (*folder.states, *folder.outputs)}
    for name, lo, hi, worst, rms in rows:
        assert proved[name][0] - 1e-3 <= lo <= hi <= proved[name][1] + 1e-3
        assert 0 <= rms <= worst


def test_model_json_has_the_same_figures(built, rows):
    each = json.loads((built / "model.json").read_text())["errors_of_each"]["random"]
    stated = {item["name"]: (item["worst"], item["rms"]) for item in each}
    assert stated == {name: (worst, rms) for name, _, _, worst, rms in rows}


def test_the_graph_runs_free_in_float32_too(built):
    text = (built / "report.txt").read_text()
    found = re.search(r"run free by onnxruntime: worst (\S+) \(random\)", text)
    assert found is not None
    assert 1e-9 < float(found[1]) < 1e-5


def test_a_graph_that_onnxruntime_does_not_run_has_no_such_figure(worm, tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OnnxRuntimeError("no kernel")

    monkeypatch.setattr(error_table, "OnnxStep", refuse)
    export(Request(worm), tmp_path / "BUILD")
    text = (tmp_path / "BUILD" / "report.txt").read_text()
    assert "Each state and output" in text
    assert "onnxruntime" not in text
