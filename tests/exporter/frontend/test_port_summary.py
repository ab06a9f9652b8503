"""The line that tells what the ports were taken for, and the doubts about them."""

from __future__ import annotations

import pytest

from elegans.exporter.frontend.import_graph import open_graph, read_interface
from elegans.exporter.frontend.ports.summary import notes, summary
from elegans.exporter.ir.declared import with_ranges
from elegans.tests.exporter.frontend.steps import cfc, lstm, rnn


def _opened(path, ranges=((-1, 1),), dt=None, fixed=None, states=()):
    graph = open_graph(path, states)
    return graph, with_ranges(read_interface(graph), list(ranges), dt, fixed)


def test_ports_are_told_by_their_names_in_the_graph_with_sizes(tmp_path):
    path = lstm(tmp_path / "net.onnx", ["x", "h", "c", "y", "h_next", "c_next"])
    told = "sensors x[3] (-1:1), states h[5] c[5], no elapsed time, outputs y[2]"
    assert summary(*_opened(path)) == told


@pytest.mark.parametrize(
    ("ranges", "dt", "fixed", "told"),
    [
        ([(-1, 1)], (0.01, 0.1), None, "sensors[3] (-1:1), states before[6], elapsed time ts "),
        ([], None, None, "sensors[3] (no range), states before[6], elapsed time ts (no range), "),
        ([(0, 1), (-2, 2), (0, 1)], (0.01, 0.1), None, "sensors[3] (0:1, -2:2, 0:1), "),
        ([(-1, 1)], (0.01, 0.1), None, "elapsed time ts (0.01:0.1 s), outputs seen[2]"),
        ([(-1, 1)], None, 0.05, "elapsed time ts (fixed, 0.05 s), outputs seen[2]"),
    ],
)
def test_ranges_and_elapsed_time_are_told(tmp_path, ranges, dt, fixed, told):
    assert told in summary(*_opened(cfc(tmp_path / "net.onnx"), ranges, dt, fixed))


def test_many_ranges_of_one_port_are_told_as_one(tmp_path):
    path = cfc(tmp_path / "net.onnx", sizes=(5, 6))
    told = summary(*_opened(path, [(-i, i) for i in range(1, 6)]))
    assert told.startswith("sensors sensors[5] (5 ranges within -5:5), ")


def test_a_trained_file_tells_its_own_ranges(worm):
    assert summary(*_opened(worm, ())) == (
        "sensors x[3] (-1:1, 0:40, -0.3:0.1), states h[6], elapsed time dt (0.01:0.2 s), "
        "outputs y[2]"
    )
    assert notes(*_opened(worm, ())) == []


def test_states_that_the_user_leaves_unnamed_are_told(tmp_path):
    path = lstm(tmp_path / "net.onnx", ["x", "h", "c", "y", "h_next", "c_next"])
    graph, interface = _opened(path, states=(("h", "h_next"),))
    assert summary(graph, interface) == (
        "sensors x[3] (-1:1) c[5] (-1:1), states h[5], no elapsed time, outputs y[2] c_next[5]"
    )
    assert notes(graph, interface) == [
        "c is a sensor and c_next an output, because --state does not name them; if they are a "
        "state, add --state c:c_next"
    ]


def test_what_may_be_a_state_but_has_no_such_name_beside_others_that_do_is_told(tmp_path):
    """As a PID's measured value and its output, of which no dataflow tells them apart."""
    path = lstm(tmp_path / "net.onnx", ["x", "h", "trace", "y", "h_next", "other"])
    graph, interface = _opened(path)
    assert "trace[5] (-1:1), states h[5], " in summary(graph, interface)
    assert notes(graph, interface) == [
        "trace is a sensor and other an output, although this has its size and depends on it; if "
        "they are a state, name every state: --state h:h_next --state trace:other"
    ]


def test_names_that_a_terminal_would_obey_are_quoted(tmp_path):
    path = lstm(tmp_path / "net.onnx", ["x\x1b[2J", "h", "c", "y y", "h_next", "c_next"])
    told = summary(*_opened(path))
    assert told.startswith(r"sensors 'x\x1b[2J'[3] (-1:1), states h[5] c[5], ")
    assert told.endswith("outputs 'y y'[2]")


def test_a_range_of_elapsed_time_that_the_graph_does_not_take_is_told(tmp_path):
    graph, interface = _opened(lstm(tmp_path / "net.onnx"), dt=(0, 1))
    assert notes(graph, interface) == [
        "elapsed time has a range, but the graph takes none; if one of its inputs is the elapsed "
        "time, name it with --elapsed"
    ]


def test_inputs_that_nothing_reads_are_told(tmp_path, worm):
    path = rnn(tmp_path / "net.onnx", [("h", "h_next", 5)], {"y": 2}, {"x": 3})
    graph, interface = _opened(path)
    graph.model.graph.node[0].input[0] = "w0"
    assert notes(graph, interface) == ["nothing reads the input x; leave it out of the graph"]
    graph, interface = _opened(worm, ())
    for node in graph.model.graph.node:
        node.input[:] = ["x" if name == "dt" else name for name in node.input]
    assert "h[6], no elapsed time (nothing reads dt), " in summary(graph, interface)
