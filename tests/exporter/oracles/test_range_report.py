"""The report of an export: every vector with its range, its format and the error it adds."""

from __future__ import annotations

import json
import re

import numpy as np
import onnx

from elegans.exporter.build_folder import load_model
from elegans.exporter.export import Request, export
from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.ir.interface import METADATA_KEY
from elegans.exporter.lowering.lower import lower_with_proof
from elegans.exporter.oracles.range_report import rows


def test_every_vector_has_its_row_and_every_state_its_bound(built):
    model = load_model(built)
    text = (built / "report.txt").read_text()
    for step in model.steps:
        assert re.search(rf"^  {step.name} .*Q-?\d+\.\d+.*\[.*\].*bits", text, re.M), step.name
    assert re.search(r"inter\[0\.\.3\] +Q0\.15 .*between its two heads", text)
    assert "nan" not in text


def test_each_vector_s_error_is_a_few_units_of_its_own_format(worm, built):
    network = read_file(worm)
    lowered = lower_with_proof(network)
    golden = dict(np.load(built / "vectors.npz"))
    for row in rows(lowered, network, golden):
        if row.name in ("x_in", "dt_in") or row.name.endswith("_sum"):
            continue  # inputs of corner vectors are clamped, and arguments of tanh saturate
        unit = 2.0 ** -int(row.formats[-1].split(".")[1])
        assert row.rms <= row.worst
        assert row.rms <= 8 * unit, row


def test_what_saturates_shows_as_an_error(graph, save, tmp_path):
    """The format of tanh's argument ends at 8 = 8/5 * 5; a drive of 40 is saturated there."""
    g = graph()
    wide = g.node("Mul", g.linear("x", 3, 6, "gemm"), g.hold([60.0]))
    g.rename(g.node("Tanh", wide), "h_next", "Identity")
    g.rename(g.linear("h", 6, 2, "gemm"), "y", "Identity")
    export(Request(save(g)), tmp_path / "BUILD")
    text = (tmp_path / "BUILD" / "report.txt").read_text()
    (line,) = [row for row in text.splitlines() if "_h_sum" in row]
    assert float(line.split()[-2]) > 10


def test_a_number_without_a_unit_is_no_number_with_a_one_behind_it(worm, tmp_path):
    document = onnx.load(worm)
    (entry,) = (e for e in document.metadata_props if e.key == METADATA_KEY)
    told = json.loads(entry.value)
    told["inputs"][0]["unit"], told["inputs"][1]["unit"] = "1", "m/s"
    entry.value = json.dumps(told)
    onnx.save(document, tmp_path / "net.onnx")
    export(Request(tmp_path / "net.onnx"), tmp_path / "BUILD")
    text = (tmp_path / "BUILD" / "report.txt").read_text()
    plain, speed = (
        next(line for line in text.splitlines() if line.startswith(f"  {i['name']} "))
        for i in told["inputs"][:2]
    )
    assert plain.endswith("]")
    assert speed.endswith("] m/s")
