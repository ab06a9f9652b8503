"""Graphs of one step with ports of any names and shapes, built by hand."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Step:
    """Builds a graph with inputs and outputs of any names and shapes."""

    def __init__(self):
        self.rng, self.nodes, self.held = np.random.default_rng(0), [], []

    def node(self, kind, *inputs, output=None, **attributes):
        name = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def linear(self, x, cols, rows):
        name = f"w{len(self.held)}"
        weights = self.rng.normal(0, 0.3, (cols, rows)).astype(np.float32)
        self.held.append(numpy_helper.from_array(weights, name))
        return self.node("MatMul", x, name)

    def save(self, path, inputs, outputs):
        ports = [
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in side.items()]
            for side in (inputs, outputs)
        ]
        graph = helper.make_graph(self.nodes, "step", *ports, self.held)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
        return path


def lstm(path, names=("v", "a", "b", "o", "a2", "b2"), shape=(1, 5), crossed=False):
    """An LSTM whose ports x, h, c, y, h_next, c_next have any names.

    crossed  c_next comes before h_next among the outputs
    """
    x, h, c, y, h_next, c_next = names
    g = Step()
    gates = [g.node("Add", g.linear(x, 3, 5), g.linear(h, 5, 5)) for _ in range(4)]
    i, f, o = (g.node("Sigmoid", z) for z in gates[:3])
    k = g.node("Tanh", gates[3])
    g.node("Add", g.node("Mul", f, c), g.node("Mul", i, k), output=c_next)
    g.node("Mul", o, g.node("Tanh", c_next), output=h_next)
    g.node("Tanh", g.linear(h_next, 5, 2), output=y)
    last = [c_next, h_next] if crossed else [h_next, c_next]
    return g.save(path, {x: [1, 3], h: shape, c: shape}, {y: [1, 2]} | dict.fromkeys(last, shape))


def cfc(path, time="ts", batch=1, sizes=(3, 6), outputs=2, copies=False):
    x, h = sizes
    g = Step()
    z = g.node("Concat", "sensors", "before", axis=-1)
    f, k = (g.node("Tanh", g.linear(z, x + h, h)) for _ in "fg")
    rate = g.node("Mul", g.linear(z, x + h, h), time)
    t = g.node("Sigmoid", g.node("Add", rate, g.linear(z, x + h, h)))
    g.node("Add", f, g.node("Mul", t, g.node("Sub", k, f)), output="after")
    if copies:
        g.node("Identity", "after", output="seen")
    else:
        g.node("Tanh", g.linear("after", h, outputs), output="seen")
    shapes = {"sensors": [batch, x], "before": [batch, h], time: [batch, 1]}
    return g.save(path, shapes, {"seen": [batch, h if copies else outputs], "after": [batch, h]})


def rnn(path, layers, outputs, sensors):
    """Tanh layers, each of which reads the sensors, its own state and the layer before.

    layers   (name, next name, size) of each state
    outputs  sizes by name; each is a map of the last layer
    sensors  sizes by name
    """
    g = Step()
    feed = [(name, size) for name, size in sensors.items()]
    for before, after, size in layers:
        parts = [g.linear(name, width, size) for name, width in [*feed, (before, size)]]
        g.node("Tanh", g.node("Sum", *parts), output=after)
        feed = [(after, size)]
    for name, size in outputs.items():
        g.node("Tanh", g.linear(*feed[0], size), output=name)
    inputs = sensors | {before: size for before, _, size in layers}
    shown = outputs | {after: size for _, after, size in layers}
    return g.save(path, *({n: [1, s] for n, s in side.items()} for side in (inputs, shown)))


def gru(path, inputs, outputs):
    """A GRU whose ports are x, h and y, h_next; y is a map of h_next.

    inputs, outputs  sizes by name
    """
    (x, i), (h, n) = inputs.items()
    (y, o), (h_next, _) = outputs.items()
    g = Step()
    z, r = (
        g.node("Sigmoid", g.node("Add", g.linear(x, i, n), g.linear(h, n, n))) for _ in range(2)
    )
    new = g.node("Add", g.linear(x, i, n), g.node("Mul", r, g.linear(h, n, n)))
    new = g.node("Tanh", new)
    g.node("Add", new, g.node("Mul", z, g.node("Sub", h, new)), output=h_next)
    g.node("Tanh", g.linear(h_next, n, o), output=y)
    return g.save(path, *({n: [1, s] for n, s in side.items()} for side in (inputs, outputs)))
