"""The tuned float C of one step of each cell: what a careful engineer writes by hand.

Every factor that is known is in the weights: those of sigmoid and lecun_tanh, the capacitances of
an LTC, 1 / ln 2 for exponential functions. Rows are interleaved (`c_text`), states lie beside the
inputs that are read with them, and nothing is copied that need not be.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from elegans.benchmarks.peers.c_text import Columns, CText, Step, loop, real, values
from elegans.benchmarks.peers.float_ltc import ltc_step
from elegans.trainer.cells.cfc import CfCCell, WiredCfCCell
from elegans.trainer.cells.ctrnn import CTRNNCell
from elegans.trainer.cells.gru_lstm_mlp import GRUCell, LSTMCell, MLPCell
from elegans.trainer.cells.ltc import LTCCell

_LOG2_E = 1.0 / math.log(2.0)


def step_of(cell: Any, text: CText) -> Step:
    """The step of a cell, whose constants and functions go into `text`."""
    return _CELLS[type(cell)](cell, text)


def _copied(cell: Any) -> str:
    return f"__builtin_memcpy(v, x, {4 * cell.input_size});"


def _wired(cell: WiredCfCCell, text: CText) -> Step:
    places, at = [], cell.input_size
    for layer in cell.layers:
        places.append(at)
        at += text.padded(layer.units)
    sizes = [layer.units for layer in cell.layers]
    step = Step(at, list(zip(places, sizes, strict=True)), [_copied(cell)])
    before, read = 0, cell.input_size
    for index, (layer, here) in enumerate(zip(cell.layers, places, strict=True)):
        own = tuple(range(here - before, here - before + layer.units))
        columns = Columns((*range(read), *own), here - before + text.padded(layer.units))
        step.body += _cfc_layer(layer, text, f"layer{index}", columns, before, here, [1.0, None])
        before, read = here, layer.units
    step.output, step.columns = f"v + {places[-1]}", Columns(tuple(range(sizes[-1])), sizes[-1])
    return step


def _dense(cell: CfCCell, text: CText) -> Step:
    at, units = cell.input_size, cell.units
    columns = Columns(tuple(range(at + units)), at + text.padded(units))
    step = Step(columns.length, [(at, units)], [_copied(cell)])
    scale: list[Any] = [1.0, None]
    for index, linear in enumerate([] if cell.backbone is None else list(cell.backbone)[::2]):
        into, out = {"lecun_tanh": (0.666, 1.7159), "tanh": (1.0, 1.0)}[cell.activation]
        weight, bias = values(linear.weight) * scale[0] * into, values(linear.bias) * into
        name, width = f"backbone{index}", len(bias)
        text.matrix(name, [(weight, bias)], columns)
        step.body += [f"float b{index}[{text.padded(width)}];"]
        step.body += [f"{name}({scale[1] or 'v'}, b{index});"]
        step.body += loop(text, width, [f"store(b{index} + i, fast_tanh(load(b{index} + i)));"])
        columns = Columns(tuple(range(width)), text.padded(width))
        scale = [out, f"b{index}"]
    step.body += _cfc_layer(cell, text, "maps", columns, 0, at, scale)
    step.output, step.columns = f"v + {at}", Columns(tuple(range(units)), units)
    return step


def _cfc_layer(
    cell: CfCCell,
    text: CText,
    name: str,
    columns: Columns,
    before: int,
    here: int,
    scale: list[Any],
) -> list[str]:
    """The maps, and the new states at `here` in v.

    scale  the factor of the inputs, and where they are if not in v from `before` on
    """
    factor, source = scale[0], scale[1] or f"v + {before}"
    f = values(cell.masked_weight(cell.ff1)) * factor, values(cell.ff1.bias)
    if cell.mode == "pure":
        offsets = text.matrix(name, [f], columns)
        amplitude = text.vector(values(cell.A)[0])
        text.floats(f"{name}_a", amplitude)
        text.floats(f"{name}_tau", text.vector(np.abs(values(cell.w_tau)[0])))
        lines = ["const vf f = load(m + i);"]
        lines += [f"const vf e = times(add(absolute(f), load({name}_tau + i)), decay);"]
        lines += [f"const vf a = load({name}_a + i);"]
        lines += [f"store(v + {here} + i, sub(a, mul(mul(a, f), fast_exp2(e))));"]
        begin = [f"const float decay = dt * {real(-_LOG2_E)};"]
    else:
        g = values(cell.masked_weight(cell.ff2)) * factor, values(cell.ff2.bias)
        times = [
            (0.5 * factor * values(one.weight), 0.5 * values(one.bias))
            for one in (cell.time_a, cell.time_b)
        ]
        offsets = text.matrix(name, [f, g, *times], columns)
        blend = {  # with t = (1 + s) / 2
            "default": "times(madd(add(f, g), s, sub(g, f)), 0.5f)",
            "no_gate": "madd(madd1(f, g, 0.5f), times(s, 0.5f), g)",
        }[cell.mode]
        parts = [f"load(m + {offset} + i)" for offset in offsets[:4]]
        lines = [f"const vf f = fast_tanh({parts[0]});", f"const vf g = fast_tanh({parts[1]});"]
        lines += [f"const vf s = fast_tanh(madd1({parts[3]}, {parts[2]}, dt));"]
        lines += [f"store(v + {here} + i, {blend});"]
        begin = []
    call = [*begin, f"float m[{offsets[-1]}];", f"{name}({source}, m);"]
    return ["{", *(f"    {line}" for line in [*call, *loop(text, cell.units, lines)]), "}"]


def _gru(cell: GRUCell, text: CText) -> Step:
    own, at, units = cell.cell, cell.input_size, cell.state_size
    of_x, of_h = values(own.weight_ih), values(own.weight_hh)
    b_x, b_h = values(own.bias_ih), values(own.bias_hh)
    r, z, n = (slice(i * units, (i + 1) * units) for i in range(3))
    both = Columns(tuple(range(at + units)), at + text.padded(units))
    gates = [(0.5 * np.hstack([of_x[g], of_h[g]]), 0.5 * (b_x[g] + b_h[g])) for g in (r, z)]
    offsets = text.matrix("gates", gates, both)
    text.matrix("of_x", [(of_x[n], b_x[n])], Columns(tuple(range(at)), at))
    # The new state's map of h counts (1 + s) / 2 times.
    own_h = Columns(tuple(range(units)), text.padded(units))
    text.matrix("of_h", [(0.5 * of_h[n], 0.5 * b_h[n])], own_h)
    lines = [
        "const vf h = load(hidden + i), o = load(old + i);",
        "const vf s = fast_tanh(load(m + i));",
        "const vf n = fast_tanh(madd(add(load(new + i), o), s, o));",
        f"const vf z = fast_tanh(load(m + {offsets[1]} + i));",
        "store(hidden + i, times(madd(add(n, h), z, sub(h, n)), 0.5f));",
    ]
    body = [_copied(cell), f"float m[{offsets[-1]}], new[{text.padded(units)}];"]
    body += [f"float old[{text.padded(units)}], *const hidden = v + {at};"]
    body += ["gates(v, m);", "of_x(v, new);", "of_h(hidden, old);", *loop(text, units, lines)]
    return Step(both.length, [(at, units)], body, f"v + {at}", Columns(tuple(range(units)), units))


def _lstm(cell: LSTMCell, text: CText) -> Step:
    own, at, units = cell.cell, cell.input_size, cell.output_size
    weight = np.hstack([values(own.weight_ih), values(own.weight_hh)])
    bias = values(own.bias_ih) + values(own.bias_hh)
    scales = (0.5, 0.5, 1.0, 0.5)  # input, forget, candidate, output
    each = [slice(i * units, (i + 1) * units) for i in range(4)]
    maps = [(k * weight[part], k * bias[part]) for k, part in zip(scales, each, strict=True)]
    both = Columns(tuple(range(at + units)), at + text.padded(units))
    offsets = text.matrix("gates", maps, both)
    parts = [f"fast_tanh(load(m + {offset} + i))" for offset in offsets[:4]]
    lines = [
        f"const vf c = load(v + {both.length} + i), g = {parts[2]};",
        f"const vf k = madd(c, {parts[1]}, c);",
        f"const vf n = times(add(k, madd(g, {parts[0]}, g)), 0.5f);",
        f"store(v + {both.length} + i, n);",
        "const vf t = times(fast_tanh(n), 0.5f);",
        f"store(v + {at} + i, madd(t, {parts[3]}, t));",
    ]
    body = [_copied(cell), f"float m[{offsets[-1]}];", "gates(v, m);", *loop(text, units, lines)]
    segments = [(at, units), (both.length, units)]
    size = both.length + text.padded(units)
    return Step(size, segments, body, f"v + {at}", Columns(tuple(range(units)), units))


def _ctrnn(cell: CTRNNCell, text: CText) -> Step:
    assert (cell.solver, cell.unfolds) == ("exact", 1)
    at, units = cell.input_size, cell.state_size
    both = Columns(tuple(range(at + units)), at + text.padded(units))
    text.matrix("drive", [(values(cell.drive.weight), values(cell.drive.bias))], both)
    text.floats("rate", text.vector(-_LOG2_E * np.exp(-values(cell.log_tau))))
    lines = [
        "const vf f = fast_tanh(load(m + i));",
        "const vf e = fast_exp2(times(load(rate + i), dt));",
        f"store(v + {at} + i, madd(f, sub(load(v + {at} + i), f), e));",
    ]
    body = [_copied(cell), f"float m[{text.padded(units)}];", "drive(v, m);"]
    body += loop(text, units, lines)
    return Step(both.length, [(at, units)], body, f"v + {at}", Columns(tuple(range(units)), units))


def _mlp(cell: MLPCell, text: CText) -> Step:
    """The samples lie in a ring, twice, so that the last ones are always consecutive."""
    size, new = cell.state_size, cell.input_size
    body = [f"float *const oldest = v + *at, *const again = oldest + {size};"]
    body += [f"__builtin_memcpy({place}, x, {4 * new});" for place in ("oldest", "again")]
    body += [f"*at = *at == {size - new} ? 0 : *at + {new};"]
    source, columns = "v + *at", Columns(tuple(range(size)), size)
    layers = list(cell.layers)[::2]
    for index, linear in enumerate(layers[:-1]):
        width = linear.out_features
        text.matrix(f"layer{index}", [(values(linear.weight), values(linear.bias))], columns)
        body += [f"float b{index}[{text.padded(width)}];", f"layer{index}({source}, b{index});"]
        body += loop(text, width, [f"store(b{index} + i, positive(load(b{index} + i)));"])
        source, columns = f"b{index}", Columns(tuple(range(width)), text.padded(width))
    text.dot("last", values(layers[-1].weight)[0], float(values(layers[-1].bias)[0]), columns)
    body += [f"float last_of[1] = {{last({source})}};"]
    return Step(2 * size, [(0, size)], body, "last_of", Columns((0,), 1))


_CELLS: dict[type, Callable[[Any, CText], Step]] = {
    WiredCfCCell: _wired,
    CfCCell: _dense,
    GRUCell: _gru,
    LSTMCell: _lstm,
    CTRNNCell: _ctrnn,
    MLPCell: _mlp,
    LTCCell: ltc_step,
}
