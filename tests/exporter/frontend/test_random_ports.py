"""Random steps whose names say little: their ports are found rightly or asked for, never wrong."""

from __future__ import annotations

import random

import onnx
import pytest

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.ports.find_ports import find_ports
from elegans.tests.exporter.frontend.steps import Step


class _RandomStep:
    """Sensors, layers of random cells on them, and outputs; the ports are in random order.

    named  whether sensors, elapsed time and outputs have names that say what they are
    """

    def __init__(self, path, seed, named):
        self.path, self.named, self.g = path, named, Step()
        self.draw = random.Random(seed)
        self.inputs, self.outputs, self.pairs, self.dt = {}, {}, {}, None
        sizes = self.draw.choice([(4,), (1, 4), (2, 4, 1), (3, 5, 7, 1)])
        self.size = lambda: self.draw.choice(sizes)
        self.sensors = [self._input("x") for _ in range(self.draw.choice([1, 1, 2]))]
        feed = [(x, self.inputs[x]) for x in self.sensors]
        for _ in range(self.draw.choice([1, 1, 2])):
            cell = self.draw.choice(
                [self._gru, self._rnn, self._lstm, self._bare_lstm, self._ctrnn]
            )
            feed = [cell(feed, self.size())]
        for _ in range(self.draw.choice([0, 1, 1, 2])):
            self._read_out(*feed[0])
        shapes = [list(side.items()) for side in (self.inputs, self.outputs)]
        for side in shapes if self.draw.random() < 0.5 else ():
            self.draw.shuffle(side)
        self.g.save(path, *({name: [1, size] for name, size in side} for side in shapes))

    def _name(self, kind):
        number = len(self.inputs) + len(self.outputs)
        said = self.named and kind in ("x", "y", "dt")
        return f"{kind}{number}" if said else f"q{chr(97 + number)}z"

    def _input(self, kind, size=None):
        name = self._name(kind)
        self.inputs[name] = self.size() if size is None else size
        return name

    def _output(self, kind, size):
        name = self._name(kind)
        self.outputs[name] = size
        return name

    def _state(self, size):
        before, after = self._input("h", size), self._output("h", size)
        self.pairs[before] = after
        return before, after

    def _map(self, feed, size, kind):
        parts = [self.g.linear(name, width, size) for name, width in feed]
        return self.g.node(kind, self.g.node("Sum", *parts))

    def _gru(self, feed, size):
        h, after = self._state(size)
        z, k = (self._map([*feed, (h, size)], size, kind) for kind in ("Sigmoid", "Tanh"))
        self.g.node("Add", k, self.g.node("Mul", z, self.g.node("Sub", h, k)), output=after)
        return after, size

    def _rnn(self, feed, size):
        h, after = self._state(size)
        self.g.node("Identity", self._map([*feed, (h, size)], size, "Tanh"), output=after)
        return after, size

    def _ctrnn(self, feed, size):
        if self.dt is None:
            self.dt = self._input("dt", 1)
        v, after = self._state(size)
        drive = self.g.node("Sub", self._map([*feed, (v, size)], size, "Tanh"), v)
        self.g.node("Add", v, self.g.node("Mul", self.dt, drive), output=after)
        return after, size

    def _lstm(self, feed, size, gated=True):
        h, after = self._state(size)
        c, c_next = self._state(size)
        f, i, o = (self._map([*feed, (h, size)], size, "Sigmoid") for _ in range(3))
        k = self._map([*feed, (h, size)], size, "Tanh")
        self.g.node("Add", self.g.node("Mul", f, c), self.g.node("Mul", i, k), output=c_next)
        if gated:
            self.g.node("Mul", o, self.g.node("Tanh", c_next), output=after)
        else:
            self.g.node("Tanh", c_next, output=after)
        return after, size

    def _bare_lstm(self, feed, size):
        return self._lstm(feed, size, gated=False)

    def _read_out(self, last, width):
        """A map of the last state, which may skip from a sensor."""
        size, sensor = self.size(), self.draw.choice(self.sensors)
        skip = (
            sensor
            if self.inputs[sensor] == size
            else self.g.linear(sensor, self.inputs[sensor], size)
        )
        read = self.g.linear(last, width, size)
        skips = self.draw.random() < 0.3
        self.g.node("Add", read, skip if skips else read, output=self._output("y", size))


@pytest.mark.parametrize("named", [False, True])
def test_ports_of_random_steps_are_never_mistaken(tmp_path, named):
    found = 0
    for seed in range(120):
        step = _RandomStep(tmp_path / "net.onnx", seed, named)
        try:
            ports = find_ports(onnx.load(step.path), step.path)
        except ElegansError:
            continue
        found += 1
        states = [p.name for p in ports.inputs if p.vector == "h"]
        pairs = dict(zip(states, (p.name for p in ports.h_next), strict=True))
        time = next((p.name for p in ports.inputs if p.vector == "dt"), None)
        assert (pairs, time) == (step.pairs, step.dt), seed
    assert found >= (80 if named else 20)
