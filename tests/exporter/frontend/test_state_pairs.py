"""States are paired by names, gates and elimination, or asked for: never silently sensors."""

from __future__ import annotations

import re

import onnx
import onnx.parser
import pytest

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.ports.find_ports import find_ports
from elegans.tests.exporter.frontend.steps import Step, gru, lstm, rnn


def _found(path, states=(), elapsed=None):
    """Sensors, (state, next state) pairs, and outputs, by their names."""
    ports = find_ports(onnx.load(path), path, states, elapsed)
    sides = [[p.name for p in ports.inputs if p.vector == v] for v in ("x", "h")]
    after = [p.name for p in ports.h_next]
    return sides[0], list(zip(sides[1], after, strict=True)), [p.name for p in ports.y]


def _asked(path, **more):
    """The states that the error of an undecided graph shows, as options to copy."""
    with pytest.raises(ElegansError) as error:
        find_ports(onnx.load(path), path, **more)
    return [
        tuple(pair.split(":")) for pair in re.findall(r"--state (\S+:[^\s,]+)", str(error.value))
    ]


@pytest.mark.parametrize("crossed", [False, True])
@pytest.mark.parametrize(
    "names",
    [
        "x h c y h_next c_next",
        "x h0 c0 y hn cn",
        "u hx cx y hy cy",
        "X initial_h initial_c Y Y_h Y_c",
        "input hidden cell output new_hidden new_cell",
        "x h_prev c_prev y h c",
        "x h_in c_in y h_out c_out",
        "x prevH prevC y nextH nextC",
        "x h_0 c_0 y h_1 c_1",
        "x h_t c_t y h_t1 c_t1",
        "x hidden_state cell_state logits hidden_out cell_out",
        "x state0 state1 y state0_new state1_new",
        "x h c y output cn",
        "0 1 2 10 11 12",
        "input.1 input.2 input.3 40 41 42",
        "onnx::Gemm_0 onnx::Gemm_1 onnx::Mul_2 26 onnx::Gemm_25 onnx::Tanh_23",
        "input_1 input_2 input_3 output_1 output_2 output_3",
        "p q r s t w",
    ],
)
def test_both_states_of_an_lstm_are_found_whatever_they_are_called(tmp_path, names, crossed):
    x, h, c, y, h_next, c_next = names.split()
    path = lstm(tmp_path / "net.onnx", names.split(), crossed=crossed)
    assert _found(path) == ([x], [(h, h_next), (c, c_next)], [y])


def test_in_and_out_of_a_joint_are_no_state_for_their_names_alone(tmp_path):
    ports = {"left_out": 1, "right_out": 1}, {"left_in": 1, "right_in": 1}
    path = rnn(tmp_path / "net.onnx", [("h", "h_next", 5)], *ports)
    assert _found(path) == (["left_in", "right_in"], [("h", "h_next")], ["left_out", "right_out"])
    ports = {"arm2": 1, "leg2": 1}, {"arm1": 1, "leg1": 1, "x": 3}
    path = rnn(tmp_path / "net.onnx", [("h", "h_next", 5)], *ports)
    assert _asked(path)[-1] == ("h", "h_next")
    layers = [("v_in", "v_out", 5), ("w_in", "w_out", 5)]
    path = rnn(tmp_path / "net.onnx", layers, {"y": 1}, {"x": 2})
    assert _found(path)[1] == [("v_in", "v_out"), ("w_in", "w_out")]


def test_spikes_that_follow_from_the_next_potential_are_a_state_where_they_come_in(tmp_path):
    """Element by element, which the command of a joint is not."""
    text = '<ir_version: 8, opset_import: ["" : 18]> lif (float[1,4] x, float[1,4] mem,'
    text += " float[1,4] spk) => (float[1,1] y, float[1,4] mem_out, float[1,4] spk_out)"
    text += " <float one = {1.0}, float[4,4] w, float[4,1] v> { s = MatMul(spk, w)  a = Add(x, s)"
    text += "  b = Add(a, mem)  mem_out = Sub(b, spk)  up = Greater(mem_out, one)"
    text += "  spk_out = Cast<to = 1>(up)  y = MatMul(spk_out, v) }"
    path = tmp_path / "net.onnx"
    onnx.save(onnx.parser.parse_model(text), path)
    assert _found(path) == (["x"], [("mem", "mem_out"), ("spk", "spk_out")], ["y"])


@pytest.mark.parametrize(
    ("state", "after", "output"),
    [("x", "x_next", "y"), ("y_prev", "y", "a"), ("prev", "next", "y")],
)
def test_names_that_tell_before_from_after_make_a_state_of_any_name(tmp_path, state, after, output):
    path = rnn(tmp_path / "net.onnx", [(state, after, 5)], {output: 5}, {"u": 5})
    assert _found(path) == (["u"], [(state, after)], [output])


def test_what_may_be_a_delay_of_one_step_is_asked_for(tmp_path):
    """A derivative's last error is no sensor, though its next value does not depend on it."""
    head = '<ir_version: 8, opset_import: ["" : 18]> pid (float[1,2] x, float[1,2] a'
    for text, pairs in (
        (") => (float[1,2] y, float[1,2] p) { p = Neg(x)  y = Sub(p, a) }", [("a", "p")]),
        (") => (float[1,2] q, float[1,2] p) { p = Neg(x)  q = Sub(p, a) }", [("a", "q")]),
        (
            ", float[1,2] b) => (float[1,2] y, float[1,2] i, float[1,2] e) { e = Neg(x)"
            "  i = Add(a, e)  d = Sub(e, b)  y = Add(i, d) }",
            [("a", "i"), ("b", "e")],
        ),
    ):
        path = tmp_path / "net.onnx"
        onnx.save(onnx.parser.parse_model(head + text), path)
        assert _asked(path) == pairs


def test_two_names_that_tell_before_from_after_count_before_a_sensor_of_their_stem(tmp_path):
    path = rnn(tmp_path / "net.onnx", [("x_prev", "x_next", 5)], {"y": 2}, {"x": 5})
    assert _found(path) == (["x"], [("x_prev", "x_next")], ["y"])


def test_names_against_the_gates_are_refused(tmp_path):
    path = lstm(tmp_path / "net.onnx", ["x", "h", "c", "y", "c_next", "h_next"])
    with pytest.raises(ElegansError, match="disagree: c:c_next by their names, but c is blended"):
        _found(path)
    assert sorted(_asked(path)) == [("c", "h_next"), ("h", "c_next")]
    assert _found(path, _asked(path))[0] == ["x"]


@pytest.mark.parametrize(
    ("sensors", "outputs"),
    [
        ({"x": 1}, {"y": 1}),
        ({"x": 5}, {"y": 5}),
        ({"x": 5, "u": 2}, {"y": 5, "out": 2}),
        ({"speed": 1, "heading": 1}, {"steering": 1, "throttle": 1}),
        ({"obs": 3}, {"p": 3}),
        ({"p": 3}, {"action": 3}),
        ({"temp_c": 1, "p": 2}, {"y": 1}),
        ({"x_in": 3}, {"x_out": 3}),
        ({"state": 4}, {"action": 4}),
    ],
)
def test_sensors_with_the_sizes_of_outputs_are_told_by_their_names(tmp_path, sensors, outputs):
    path = rnn(tmp_path / "net.onnx", [("h", "h_next", 5)], outputs, sensors)
    assert _found(path) == (list(sensors), [("h", "h_next")], list(outputs))


@pytest.mark.parametrize("size", [1, 4])
def test_the_only_input_beside_the_state_is_a_sensor(tmp_path, size):
    path = rnn(tmp_path / "net.onnx", [("a", "b", 6)], {"p": size}, {"q": size})
    assert _found(path) == (["q"], [("a", "b")], ["p"])
    path = gru(tmp_path / "net.onnx", {"0": size, "1": 6}, {"8": size, "9": 6})
    assert _found(path) == (["0"], [("1", "9")], ["8"])


def test_a_gate_tells_the_state_from_a_sensor_of_its_size(tmp_path):
    path = gru(tmp_path / "net.onnx", {"0": 6, "1": 6}, {"8": 6, "9": 6})
    assert _found(path) == (["0"], [("1", "9")], ["8"])


def test_a_second_input_with_an_output_of_its_size_is_asked_for(tmp_path):
    path = rnn(tmp_path / "net.onnx", [("a", "b", 6)], {"p": 1}, {"q": 3, "r": 1})
    assert _asked(path) == [("a", "b")]
    assert _found(path, _asked(path)) == (["q", "r"], [("a", "b")], ["p"])


def test_layers_without_gates_are_asked_for_unless_their_names_are_those_of_states(tmp_path):
    layers = [("a", "b", 6), ("p", "q", 6)]
    path = rnn(tmp_path / "net.onnx", layers, {"y": 2}, {"v": 3})
    assert _asked(path) == [("a", "b"), ("p", "q")]
    assert _found(path, _asked(path))[1] == [("a", "b"), ("p", "q")]
    layers = [("h1", "add_3", 6), ("h2", "add_5", 6)]
    path = rnn(tmp_path / "net.onnx", layers, {"linear_1": 2}, {"x": 3})
    assert _found(path)[1] == [("h1", "add_3"), ("h2", "add_5")]


def test_a_state_whose_next_value_is_called_output_is_found_or_asked_for(tmp_path):
    path = rnn(tmp_path / "net.onnx", [("h", "output", 6)], {}, {"x": 3})
    assert _found(path) == (["x"], [("h", "output")], ["output"])
    path = rnn(tmp_path / "net.onnx", [("h", "output", 6), ("c", "c_next", 5)], {"y": 2}, {"x": 3})
    assert _found(path) == (["x"], [("h", "output"), ("c", "c_next")], ["y"])


def test_a_state_with_the_name_of_a_sensor_is_asked_for(tmp_path):
    path = gru(tmp_path / "net.onnx", {"x": 6, "obs": 6}, {"y": 6, "action": 6})
    with pytest.raises(ElegansError, match="keeps no state: its inputs have the names of sensors"):
        _found(path)
    assert _found(path, (("obs", "action"),)) == (["x"], [("obs", "action")], ["y"])


def test_states_that_are_joined_on_one_side_only_are_refused(tmp_path):
    g = Step()
    z = g.node("Sum", g.linear("x", 3, 4), g.linear("h", 4, 4), g.linear("c", 4, 4))
    g.node("Concat", g.node("Tanh", z), g.node("Sigmoid", z), axis=-1, output="hc")
    g.node("Tanh", g.node("Add", g.linear("x", 3, 2), g.linear("m", 2, 2)), output="m_next")
    shapes = {"x": [1, 3], "h": [1, 4], "c": [1, 4], "m": [1, 2]}
    path = g.save(tmp_path / "net.onnx", shapes, {"hc": [1, 8], "m_next": [1, 2]})
    with pytest.raises(ElegansError, match="states h, c apart, but joined in 'hc'; join both"):
        _found(path)


@pytest.mark.parametrize("size", [1, 5])
def test_a_state_without_a_next_value_is_no_sensor_unless_the_user_says_so(tmp_path, size):
    path = rnn(tmp_path / "net.onnx", [("c", "c_next", 5)], {"y": 2}, {"x": 3, "h": size})
    with pytest.raises(ElegansError, match="'h', a state by its name, but no output that is its"):
        _found(path)
    assert _found(path, _asked(path)) == (["x", "h"], [("c", "c_next")], ["y"])


def test_many_candidates_are_listed_in_part_and_soon(tmp_path):
    sensors = {f"p{i}a": 1 for i in range(30)}
    path = rnn(tmp_path / "net.onnx", [("b", "d", 6)], {f"q{i}b": 1 for i in range(30)}, sensors)
    with pytest.raises(ElegansError, match=r"p0a:q0b.* and 889 more; name them"):
        _found(path)


def test_two_states_that_an_exporter_merged_are_told(tmp_path):
    """torch's dynamo exporter, given one tensor for h0 and c0, reads c0 for both."""
    path = lstm(tmp_path / "m.onnx", ("x", "h0", "c0", "y", "hn", "cn"))
    proto = onnx.load(path)
    for node in proto.graph.node:
        node.input[:] = ["c0" if name == "h0" else name for name in node.input]
    onnx.save(proto, path)
    match = "input 'h0', a state by its name, that is read by nothing; pass distinct tensors"
    for states in ((), (("h0", "hn"), ("c0", "cn"))):
        with pytest.raises(ElegansError, match=match):
            find_ports(proto, path, states)


def test_where_next_states_are_called_so_a_port_that_is_not_is_none(tmp_path):
    """A measured value and a control of one number beside an integral of one number."""
    path = rnn(
        tmp_path / "net.onnx", [("integral", "integral_next", 1)], {"drive": 1}, {"tacho": 1}
    )
    assert _found(path) == (["tacho"], [("integral", "integral_next")], ["drive"])


def test_a_letter_is_a_name_of_a_state_where_its_output_says_next(tmp_path):
    path = rnn(
        tmp_path / "net.onnx", [("P", "P_next", 4), ("n", "n_next", 4)], {"est": 1}, {"z": 1}
    )
    assert _found(path) == (["z"], [("P", "P_next"), ("n", "n_next")], ["est"])
