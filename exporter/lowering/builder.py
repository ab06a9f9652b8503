"""What lowering knows so far: the steps, and the format and bounds of every vector."""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy import sparse

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine, Matrix
from elegans.exporter.ir.fixed_model import Channel, Model, Step, Window, step_range
from elegans.exporter.ir.interface import Interface
from elegans.exporter.ir.real_network import DT, Network
from elegans.exporter.lowering import quantise_maps
from elegans.exporter.lowering.bounds import Span, bounds
from elegans.exporter.lowering.formats import channel, declared, state_channels, wanted
from elegans.exporter.lowering.vector_names import layers
from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    Integers,
    Interval,
    Reals,
    join_intervals,
    widest_frac,
)
from elegans.exporter.ops import Op
from elegans.exporter.ops.clamp import Clamp
from elegans.exporter.ops.rescale import Rescale


class Lowering:
    """Steps are added one by one; each is proved as it comes."""

    def __init__(self, network: Network, weight_bits: int) -> None:
        self.network = network
        self.weight_bits = weight_bits
        self.steps: list[Step] = []
        self.frac: dict[str, Integers] = {}
        self.bounds: dict[str, Interval] = {}
        self.names = {"h": "h"}
        self.layers = layers(network)
        interface = network.interface
        self.inputs = tuple(channel(signal) for signal in interface.inputs)
        self._given("x", self.inputs)
        self.dt = channel(interface.dt) if network.timed else None
        if self.dt:
            self._given("dt", (self.dt,))
        self.spans = self._spans(interface)
        self.wanted = wanted(network, self.spans)
        self.states = state_channels(network, self.layers, self.spans, self.inputs)
        self.frac["h"] = np.array([s.frac for s in self.states])
        self.bounds["h"] = Interval.of([s.lo for s in self.states], [s.hi for s in self.states])

    def _spans(self, interface: Interface) -> dict[str, Span]:
        ranges = [declared(signal) for signal in interface.inputs]
        inputs = tuple(np.array(end, dtype=np.float64) for end in zip(*ranges, strict=True))
        dt = None
        if self.dt:
            lo, hi = declared(interface.dt)
            dt = (np.array([lo]), np.array([hi]))
        return bounds(self.network, (inputs[0], inputs[1]), dt)

    def model(self) -> Model:
        interface = self.network.interface
        y, h_next = self._output(), self._h_next()
        return Model(
            name=interface.name,
            inputs=self.inputs,
            dt=self.dt,
            states=self.states,
            outputs=self._outputs(interface, y),
            steps=tuple(self.steps),
            y=y,
            h_next=h_next,
        )

    def _given(self, name: str, channels: tuple[Channel, ...]) -> None:
        """An input from outside: any int16, clamped to the declared range."""
        size = len(channels)
        frac = np.array([c.frac for c in channels])
        lo, hi = np.array([c.lo for c in channels]), np.array([c.hi for c in channels])
        self.frac[name] = frac
        self.bounds[name] = Interval.of(np.full(size, INT16_MIN), np.full(size, INT16_MAX))
        self.step(f"{name}_in", "inputs", Clamp(lo, hi), ((Window(name, 0, size),),), frac)
        self.names[name] = f"{name}_in"

    def rescaled(self, name: str, group: str, source: Window, frac: Integers) -> Window:
        """A vector at another scale, where its own is a different one."""
        shifts = set((frac - self.fracs(source)).tolist())
        if shifts == {0}:
            return source
        if len(shifts) > 1 or not -15 <= (shift := shifts.pop()) <= 15:
            one = sparse.eye_array(source.size, format="csr")
            return self._map(name, group, (source,), one, np.zeros(len(frac)), frac)
        op = Rescale(max(shift, 0), max(-shift, 0))
        return self.step(name, group, op, ((source,),), frac)

    def linear(
        self, name: str, group: str, affine: Affine, out_frac: Integers, tabled: bool = False
    ) -> Window:
        """An affine form as a step; its vectors are read by the pieces they are made in."""
        windows, (weights,) = self._matrices(affine)
        return self._map(name, group, windows, weights, affine.bias, out_frac, tabled)

    def timed(self, name: str, group: str, drive: Affine, rate: Affine, frac: int) -> Window | None:
        """`drive + rate dt` as one step; None where it does not fit, or is mostly zeros."""
        windows, (still, moving) = self._matrices(drive, rate)
        dense = still.nnz + moving.nnz >= math.prod(still.shape)
        if not dense:
            return None
        reach = join_intervals([self.interval(w) for w in windows]).reach()
        fracs = np.concatenate([self.fracs(w) for w in windows])
        dt = self.renamed(DT)
        elapsed = int(self.fracs(dt)[0]), int(self.interval(dt).reach()[0])
        maps = (still.toarray(), drive.bias, moving.toarray(), rate.bias)
        op = quantise_maps.timed(maps, fracs, reach, elapsed, frac, self.weight_bits)
        if op is None:
            return None
        return self.step(name, group, op, (windows, (dt,)), np.full(drive.size, frac))

    def _matrices(self, *affines: Affine) -> tuple[tuple[Window, ...], tuple[Matrix, ...]]:
        """The windows that these forms read, and each one's matrix over all of them."""
        windows: list[Window] = []
        columns: list[list[Matrix]] = []
        for vector in dict.fromkeys(vector for affine in affines for vector in affine.terms):
            found = [affine.terms.get(vector) for affine in affines]
            size = next(m.shape[1] for m in found if m is not None)
            used = np.unique(np.concatenate([m.indices for m in found if m is not None]))
            for piece in self._pieces(vector, size):
                if np.any((used >= piece.lo) & (used < piece.hi)):
                    windows.append(self.renamed(piece))
                    columns.append(
                        [
                            sparse.csr_array((affine.size, piece.size))
                            if m is None
                            else m[:, piece.lo : piece.hi]
                            for affine, m in zip(affines, found, strict=True)
                        ]
                    )
        if not windows:  # a constant: one column of zeros, for C has no empty arrays
            windows = [self.renamed(Window("x", 0, 1))]
            columns = [[sparse.csr_array((affine.size, 1)) for affine in affines]]
        matrices = (sparse.hstack(part, format="csr") for part in zip(*columns, strict=True))
        return tuple(windows), tuple(matrices)

    def _map(
        self,
        name: str,
        group: str,
        inputs: tuple[Window, ...],
        weights: Matrix,
        bias: Reals,
        out_frac: Integers,
        tabled: bool = False,
    ) -> Window:
        reach = join_intervals([self.interval(w) for w in inputs]).reach()
        frac = np.concatenate([self.fracs(w) for w in inputs])
        op = quantise_maps.linear(weights, bias, frac, reach, out_frac, self.weight_bits, tabled)
        if op is None:
            raise ElegansError(
                name,
                f"with weights up to {abs(weights).max():g} and biases up to "
                f"{np.abs(bias).max():g}, no int{self.weight_bits} scale holds every row",
                "declare a narrower input range, or train with smaller weights"
                + (", or take --weights int16" if self.weight_bits < 16 else ""),
            )
        return self.step(name, group, op, (inputs,), out_frac)

    def _pieces(self, vector: str, size: int) -> list[Window]:
        """The state comes in the layers that made it, everything else as one vector."""
        if vector != "h":
            return [Window(vector, 0, size)]
        ends = [0, *itertools.accumulate(w.size for w in self.network.h_next)]
        return [Window("h", lo, hi) for lo, hi in itertools.pairwise(ends)]

    def widest(self, affine: Affine) -> Integers:
        """The finest scale for an affine form's interval, element by element."""
        reach = np.abs(affine.bias)
        for vector, matrix in affine.terms.items():
            w = self.renamed(Window(vector, 0, matrix.shape[1]))
            values = np.ldexp(self.interval(w).reach().astype(np.float64), -self.fracs(w))
            reach = reach + abs(matrix) @ values
        return np.array([widest_frac(-float(r), float(r)) for r in reach])

    def even(self, affine: Affine) -> Integers:
        """One scale for all elements, as fine as the widest of them allows."""
        return np.full(affine.size, self.widest(affine).min())

    def fracs(self, window: Window) -> Integers:
        return self.frac[window.vector][window.lo : window.hi]

    def interval(self, window: Window) -> Interval:
        return self.bounds[window.vector][window.lo : window.hi]

    def renamed(self, window: Window) -> Window:
        return Window(self.names[window.vector], window.lo, window.hi)

    def _output(self) -> tuple[Window, ...]:
        y = self.network.y
        windows = y.windows()
        if windows is not None:
            return tuple(self.renamed(w) for w in windows)
        return (self.linear("y_out", "outputs", y, self.widest(y)),)

    def _h_next(self) -> tuple[Window, ...]:
        """The next states, each in the format of its channel."""
        windows, start = [], 0
        for window in self.network.h_next:
            source, frac = self.renamed(window), self.frac["h"][start : start + window.size]
            windows.append(self.rescaled(f"{source.vector}_state", "states", source, frac))
            start += window.size
        return tuple(windows)

    def _outputs(self, interface: Interface, y: tuple[Window, ...]) -> tuple[Channel, ...]:
        bounds = join_intervals([self.interval(w) for w in y])
        frac = np.concatenate([self.fracs(w) for w in y])
        return tuple(
            Channel(signal.name, signal.unit, int(f), int(lo), int(hi))
            for signal, f, lo, hi in zip(interface.outputs, frac, bounds.lo, bounds.hi, strict=True)
        )

    def step(
        self, name: str, group: str, op: Op, inputs: tuple[tuple[Window, ...], ...], frac: Integers
    ) -> Window:
        step = Step(name, group, op, inputs, len(frac), tuple(int(f) for f in frac))
        args = [join_intervals([self.interval(w) for w in a]) for a in inputs]
        self.bounds[name] = step_range(len(self.steps), step, args)
        self.frac[name] = frac
        self.steps.append(step)
        return Window(name, 0, step.size)
