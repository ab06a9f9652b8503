"""torch's recurrent networks exported whole become the step of the cells that they consist of."""

from __future__ import annotations

import pytest

from elegans.benchmarks.whole_networks import Sizes, write, write_cells
from elegans.exporter.frontend.import_graph import open_graph, read_interface, read_network
from elegans.exporter.ir.declared import with_ranges
from elegans.exporter.lowering.lower import lower
from elegans.exporter.oracles.sequence_check import check_sequence

_SIZES = Sizes(inputs=3, units=5, length=4, outputs=2)


def _lowered(path):
    """What the file says it is, and its model."""
    graph = open_graph(path)
    check_sequence(graph)
    interface = with_ranges(read_interface(graph, "net"), [(-1.0, 1.0)], None, None)
    return graph.found.told if graph.found else "", lower(read_network(graph, interface))


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_a_network_exported_whole_has_the_bits_of_its_cells(tmp_path, kind):
    _, wanted = _lowered(write_cells(kind, tmp_path / "cells.onnx", _SIZES))
    for dynamo in (False, True):
        path = write(f"nn.{kind}, 2 layers", tmp_path / "whole.onnx", dynamo, _SIZES)
        told, found = _lowered(path)
        article = "an" if kind == "LSTM" else "a"
        assert told == f"one step of {article} {kind} node of 2 layers, sequence of 4"
        assert found.digest == wanted.digest


@pytest.mark.parametrize(
    ("name", "kind"), [("LSTMCells in a Python loop", "LSTM"), ("nn.RNN, 2 layers", "RNN")]
)
def test_the_copies_of_a_trace_are_the_step_of_its_cells(tmp_path, name, kind):
    """torch's dynamo exporter unrolls nn.RNN by itself."""
    told, found = _lowered(write(name, tmp_path / "whole.onnx", True, _SIZES))
    _, wanted = _lowered(write_cells(kind, tmp_path / "cells.onnx", _SIZES))
    assert told == "one step of an unrolled network, sequence of 4"
    assert found.digest == wanted.digest


def test_the_body_of_a_scripted_loop_is_the_step_and_keeps_the_names_of_states(tmp_path):
    path = write("LSTMCell in a scripted loop", tmp_path / "whole.onnx", False, _SIZES)
    told, _ = _lowered(path)
    assert told == "one step of a Loop, sequence of 4"
    found = open_graph(path).found
    assert found is not None
    assert found.states == (("h0", "hn"), ("c0", "cn"))
