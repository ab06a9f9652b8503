"""The step that was found in a sequence is compared with it before anything is generated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from elegans.exporter.errors import ElegansError
from elegans.exporter.export import Request, export
from elegans.exporter.frontend.import_graph import open_graph
from elegans.exporter.oracles import sequence_check
from elegans.exporter.oracles.sequence_check import check_sequence
from elegans.tests.exporter.frontend.recurrent.sequences import HIDDEN, INPUTS, LENGTH, Whole


@pytest.fixture
def graph(tmp_path):
    whole = Whole()
    states = ["h0"]
    whole.recurrent("GRU", "x", ["y", "hn"], states=states, linear_before_reset=1)
    shapes = {"x": [LENGTH, 1, INPUTS], "h0": [1, 1, HIDDEN]}
    return open_graph(whole.save(tmp_path / "gru.onnx", shapes, {"y": 4, "hn": 3}))


def _with_weights(graph, change):
    """The graph, with a step whose weights have been changed."""
    model = onnx.ModelProto()
    model.CopyFrom(graph.found.model)
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.shape == (HIDDEN, HIDDEN):
            tensor.CopyFrom(numpy_helper.from_array(change(array), tensor.name))
    return replace(graph, found=replace(graph.found, model=model))


def test_a_step_that_repeats_to_the_sequence_passes(graph):
    check_sequence(graph)


@pytest.mark.parametrize("change", [lambda a: a * np.float32(1.01), lambda a: a.T])
def test_a_step_that_computes_something_else_is_refused(graph, change):
    with pytest.raises(ElegansError, match=r"'y'.*a GRU node, sequence of 6 was found, but"):
        check_sequence(_with_weights(graph, change))


def test_a_sequence_too_long_to_be_compared_is_refused(graph, monkeypatch):
    monkeypatch.setattr(sequence_check, "_MOST_PRODUCTS", 100)
    with pytest.raises(ElegansError, match=r"6 steps, too long to be compared.*shorter"):
        check_sequence(graph)


def test_the_first_line_of_the_report_says_where_the_step_was_found(graph, tmp_path):
    told = []
    export(Request(graph.path, input_ranges=((-1, 1),)), tmp_path / "BUILD", told=told.append)
    first = (tmp_path / "BUILD" / "report.txt").read_text().splitlines()[0]
    assert told == [first]
    assert first == (
        "one step of a GRU node, sequence of 6: sensors x[3] (-1:1), states h0[4], "
        "no elapsed time, outputs y[4]"
    )
