"""`Network` to `Model`: every vector gets a format, every weight an integer.

Formats come from proofs, not from samples. Activations know theirs, a state is bounded
by theorem or saturates, and everything else takes the finest scale that its interval allows.
"""

from __future__ import annotations

import numpy as np

from elegans.exporter import quantise
from elegans.exporter.algebra import Affine
from elegans.exporter.errors import ElegansError
from elegans.exporter.fixed import (
    INT16_MAX,
    INT16_MIN,
    Integers,
    Interval,
    RangeError,
    join_intervals,
    q_name,
    widest_frac,
)
from elegans.exporter.formats import ACTIVATIONS, GATES, channel, state_channels
from elegans.exporter.interface import Interface
from elegans.exporter.layers import Layer, layers
from elegans.exporter.model import Channel, Model, Step, Window, prove, step_range
from elegans.exporter.network import Activation, Gate, Network
from elegans.exporter.ops import Op
from elegans.exporter.ops.clamp import Clamp
from elegans.exporter.ops.gated_drive import GatedDrive
from elegans.exporter.ops.relu import Relu
from elegans.exporter.ops.rescale import Rescale
from elegans.exporter.ops.time_gate import TimeGate


def lower(network: Network, weight_bits: int = 16) -> Model:
    """The fixed-point model of a network, its weights in 16 or 8 bits, all ranges proved.

    Raises `ElegansError` for an input without a range, and for a step that cannot be
    proved.
    """
    return _Lowering(network, weight_bits).model()


class _Lowering:
    """The steps so far, with the format and the proved bounds of every vector."""

    def __init__(self, network: Network, weight_bits: int) -> None:
        self.network = network
        self.weight_bits = weight_bits
        self.steps: list[Step] = []
        self.frac: dict[str, Integers] = {}
        self.bounds: dict[str, Interval] = {}
        self.names = {"h": "h"}
        self.layers = layers(network)

    def model(self) -> Model:
        interface = self.network.interface
        inputs = tuple(channel(signal) for signal in interface.inputs)
        self._given("x", inputs)
        dt = channel(interface.dt) if self.network.timed else None
        if dt:
            self._given("dt", (dt,))
        states = state_channels(self.network, self.layers)
        self.frac["h"] = np.array([s.frac for s in states])
        self.bounds["h"] = Interval.of([s.lo for s in states], [s.hi for s in states])
        for name, atom in self.network.atoms.items():
            layer = self.layers[name]
            if isinstance(atom, Gate):
                self._gate(name, atom, layer)
            else:
                self._activation(name, atom, layer)
        y = self._output()
        model = Model(
            name=interface.name,
            inputs=inputs,
            dt=dt,
            states=states,
            outputs=self._outputs(interface, y),
            steps=tuple(self.steps),
            y=y,
            h_next=self._renamed(self.network.h_next),
        )
        prove(model)
        return model

    def _given(self, name: str, channels: tuple[Channel, ...]) -> None:
        """An input from outside: any int16, clamped to the declared range."""
        size = len(channels)
        frac = np.array([c.frac for c in channels])
        lo, hi = np.array([c.lo for c in channels]), np.array([c.hi for c in channels])
        self.frac[name] = frac
        self.bounds[name] = Interval.of(np.full(size, INT16_MIN), np.full(size, INT16_MAX))
        self._step(f"{name}_in", "inputs", Clamp(lo, hi), ((Window(name, 0, size),),), frac)
        self.names[name] = f"{name}_in"

    def _activation(self, name: str, atom: Activation, layer: Layer) -> None:
        self.names[name] = layer.name
        if atom.function not in ACTIVATIONS:
            frac = self._even(atom.drive)
            drive = layer.name if atom.function == "identity" else f"{layer.name}_sum"
            z = self._linear(drive, layer.group, atom.drive, frac)
            if atom.function == "relu":
                self._step(layer.name, layer.group, Relu(), ((z,),), frac)
            return
        op, z_frac, out_frac = ACTIVATIONS[atom.function]
        drive = f"{layer.name}_sum"
        if atom.rate is not None and atom.factor is not None:
            z = self._gated(drive, layer, atom.drive, atom.rate, atom.factor, z_frac)
        elif (window := atom.drive.window()) is not None:
            z = self._rescaled(drive, layer.group, window, z_frac)
        else:
            z = self._linear(drive, layer.group, atom.drive, np.full(atom.size, z_frac))
        self._step(layer.name, layer.group, op, ((z,),), np.full(atom.size, out_frac))

    def _rescaled(self, name: str, group: str, window: Window, frac: int) -> Window:
        """A vector as an argument: at another scale, where its own is a different one."""
        (source,) = self._renamed((window,))
        shifts = {frac - int(f) for f in self.frac[source.vector][source.lo : source.hi]}
        if shifts == {0}:
            return source
        if len(shifts) > 1 or not -15 <= (shift := shifts.pop()) <= 15:
            return self._linear(name, group, Affine.of(window), np.full(window.size, frac))
        op = Rescale(max(shift, 0), max(-shift, 0))
        return self._step(name, group, op, ((source,),), np.full(window.size, frac))

    def _gated(
        self, name: str, layer: Layer, drive: Affine, rate: Affine, factor: Window, z_frac: int
    ) -> Window:
        """`rate * factor + drive`, with the rate as fine as the int32 sum allows.

        The drive is never finer than the product, to whose scale it is brought.
        """
        (u,) = self._renamed((factor,))
        u_frac = int(self.frac[u.vector][u.lo])
        finest_a, finest_b = int(self._widest(rate).min()), int(self._widest(drive).min())
        before = len(self.steps)
        for a_frac in range(finest_a, z_frac - u_frac - 1, -1):
            product_frac = a_frac + u_frac
            b_frac = min(finest_b, product_frac)
            align, shift = product_frac - b_frac, product_frac - z_frac
            if align > 15 or shift > 30:
                continue
            b = self._linear(f"{layer.name}_b", layer.group, drive, np.full(drive.size, b_frac))
            a = self._linear(f"{layer.name}_a", layer.group, rate, np.full(rate.size, a_frac))
            timed = factor.vector == "dt"
            op: Op = TimeGate(align, shift) if timed else GatedDrive(align, shift)
            args = ((a,), (b,), (u,))
            try:
                op.range(*(self.bounds[w.vector][w.lo : w.hi] for (w,) in args))
            except RangeError:
                del self.steps[before:]
                continue
            return self._step(name, layer.group, op, args, np.full(b.size, z_frac))
        lo, hi = self.network.interface.dt.range or (0.0, 0.0)
        raise ElegansError(
            f"{layer.name}, the time gate",
            f"no format holds its product with dt in {lo:g}:{hi:g}",
            "declare a narrower --dt-range, or another unit of time",
        )

    def _gate(self, name: str, atom: Gate, layer: Layer) -> None:
        op, wanted, frac = GATES[atom.kind]
        out = np.full(atom.size, frac)
        parts = list(self._renamed(atom.parts))
        if atom.kind == "product":  # whatever the scale of v, it is that of the result
            out = self.frac[parts[1].vector][parts[1].lo : parts[1].hi]
            wanted = (15, int(out[0]))
        for part, bits in zip(parts, wanted, strict=True):
            if set(self.frac[part.vector][part.lo : part.hi].tolist()) != {bits}:
                raise ElegansError(
                    f"{layer.name} ({atom.kind})",
                    f"takes {part.vector!r}, which is not in {q_name(bits)}",
                    "use the cell's own tanh and sigmoid heads",
                )
        self._step(layer.name, layer.group, op, tuple((part,) for part in parts), out)
        self.names[name] = layer.name

    def _linear(self, name: str, group: str, affine: Affine, out_frac: Integers) -> Window:
        terms = {w: m for w, m in affine.terms.items() if np.any(m)}
        if not terms:  # a constant: one column of zeros, for C has no empty arrays
            terms = {Window("x", 0, 1): np.zeros((affine.size, 1))}
        inputs = self._renamed(tuple(terms))
        x = join_intervals([self.bounds[w.vector][w.lo : w.hi] for w in inputs])
        frac = np.concatenate([self.frac[w.vector][w.lo : w.hi] for w in inputs])
        matrix = np.concatenate(list(terms.values()), axis=1)
        op = quantise.linear(matrix, affine.bias, frac, x.reach(), out_frac, self.weight_bits)
        if op is None:
            raise ElegansError(
                name,
                f"with weights up to {np.abs(matrix).max():g} and biases up to "
                f"{np.abs(affine.bias).max():g}, no int{self.weight_bits} scale holds every row",
                "declare a narrower input range, or train with smaller weights",
            )
        return self._step(name, group, op, (inputs,), out_frac)

    def _widest(self, affine: Affine) -> Integers:
        """The finest scale for an affine form's interval, element by element."""
        reach = np.abs(affine.bias)
        for window, matrix in affine.terms.items():
            (w,) = self._renamed((window,))
            bounds, frac = self.bounds[w.vector][w.lo : w.hi], self.frac[w.vector][w.lo : w.hi]
            reach = reach + np.abs(matrix) @ np.ldexp(bounds.reach().astype(np.float64), -frac)
        return np.array([widest_frac(-float(r), float(r)) for r in reach])

    def _even(self, affine: Affine) -> Integers:
        """One scale for all elements, as fine as the widest of them allows."""
        return np.full(affine.size, self._widest(affine).min())

    def _output(self) -> tuple[Window, ...]:
        windows = self.network.y.windows()
        if windows is not None:
            return self._renamed(windows)
        return (self._linear("y_out", "outputs", self.network.y, self._widest(self.network.y)),)

    def _outputs(self, interface: Interface, y: tuple[Window, ...]) -> tuple[Channel, ...]:
        bounds = join_intervals([self.bounds[w.vector][w.lo : w.hi] for w in y])
        frac = np.concatenate([self.frac[w.vector][w.lo : w.hi] for w in y])
        return tuple(
            Channel(signal.name, signal.unit, int(f), int(lo), int(hi))
            for signal, f, lo, hi in zip(interface.outputs, frac, bounds.lo, bounds.hi, strict=True)
        )

    def _renamed(self, windows: tuple[Window, ...]) -> tuple[Window, ...]:
        return tuple(Window(self.names[w.vector], w.lo, w.hi) for w in windows)

    def _step(
        self, name: str, group: str, op: Op, inputs: tuple[tuple[Window, ...], ...], frac: Integers
    ) -> Window:
        step = Step(name, group, op, inputs, len(frac), tuple(int(f) for f in frac))
        args = [join_intervals([self.bounds[w.vector][w.lo : w.hi] for w in a]) for a in inputs]
        self.bounds[name] = step_range(len(self.steps), step, args)
        self.frac[name] = frac
        self.steps.append(step)
        return Window(name, 0, step.size)
