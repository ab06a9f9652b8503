"""The fixed-point model in the making: steps are added one by one, each proved as it is added."""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy import sparse

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine, Matrix
from elegans.exporter.ir.atom import DT, MappedForm, VectorName
from elegans.exporter.ir.fixed_model import Argument, Channel, Step, Window, step_range
from elegans.exporter.ir.real_network import Network
from elegans.exporter.lowering import quantise_maps
from elegans.exporter.lowering.formats import Formats
from elegans.exporter.lowering.quantise_maps import RealMap, RealTimedMap
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

_MOST_SHIFT = 15  # of a vector that is only rescaled; beyond that it is a map of ones


class ModelBuilder:
    """The steps so far, with the format and the proved bounds of every vector.

    It implements `atom.Builder`, which is what an atom needs to add its own steps.
    """

    def __init__(self, network: Network, formats: Formats, weight_bits: int) -> None:
        self._h_next = network.h_next
        self.dt_range = network.interface.dt.range or (0.0, 0.0)
        self.spans = formats.spans
        self.wanted = formats.wanted
        self.weight_bits = weight_bits
        self.steps: list[Step] = []
        states = formats.states
        self.frac: dict[str, Integers] = {"h": np.array([s.frac for s in states])}
        self.bounds = {"h": Interval.of([s.lo for s in states], [s.hi for s in states])}
        self._names = {"h": "h"}  # of the fixed-point model's vectors, by the real network's

    def clamp_input(self, name: str, channels: tuple[Channel, ...]) -> None:
        """Add an input from outside: any int16, clamped to the channels' ranges."""
        size = len(channels)
        frac = np.array([c.frac for c in channels])
        lo, hi = np.array([c.lo for c in channels]), np.array([c.hi for c in channels])
        self.frac[name] = frac
        self.bounds[name] = Interval.of(np.full(size, INT16_MIN), np.full(size, INT16_MAX))
        self.step(f"{name}_in", "inputs", Clamp(lo, hi), ((Window(name, 0, size),),), frac)
        self._names[name] = f"{name}_in"

    def name(self, vector: str, called: VectorName) -> None:
        """Say what the vector of an atom is called in the fixed-point model."""
        self._names[vector] = called.name

    def renamed(self, window: Window) -> Window:
        """A window of the real network as one of the fixed-point model."""
        return Window(self._names[window.vector], window.lo, window.hi)

    def fracs(self, window: Window) -> Integers:
        """The fractional bits of a window's elements."""
        return self.frac[window.vector][window.lo : window.hi]

    def interval(self, window: Window) -> Interval:
        """The proved bounds of a window's integers."""
        return self.bounds[window.vector][window.lo : window.hi]

    def _joined(self, argument: Argument) -> Interval:
        return join_intervals([self.interval(w) for w in argument])

    def widest(self, affine: Affine) -> Integers:
        """For each row of an affine form the finest int16 format that holds it."""
        reach = np.abs(affine.bias)
        for vector, matrix in affine.terms.items():
            w = self.renamed(Window(vector, 0, matrix.shape[1]))
            values = np.ldexp(self.interval(w).reach().astype(np.float64), -self.fracs(w))
            reach = reach + abs(matrix) @ values
        return np.array([widest_frac(-float(r), float(r)) for r in reach])

    def even(self, affine: Affine) -> Integers:
        """One format for all rows: the finest that holds every one of them."""
        return np.full(affine.size, self.widest(affine).min())

    def step(
        self, name: str, layer: str, op: Op, inputs: tuple[tuple[Window, ...], ...], frac: Integers
    ) -> Window:
        """Add a step and prove it. Raises ElegansError if an intermediate could leave int32."""
        step = Step(name, layer, op, inputs, len(frac), tuple(int(f) for f in frac))
        args = [self._joined(a) for a in inputs]
        self.bounds[name] = step_range(len(self.steps), step, args)
        self.frac[name] = frac
        self.steps.append(step)
        return Window(name, 0, step.size)

    def linear(
        self, name: str, layer: str, affine: Affine, out_frac: Integers, tabled: bool = False
    ) -> Window:
        """Add an affine form as a step; `tabled` where a table looks its result up."""
        return self.add(name, layer, self.mapped(name, affine, out_frac, tabled))

    def add(self, name: str, layer: str, mapped: MappedForm) -> Window:
        """Add a mapped affine form as a step."""
        return self.step(name, layer, mapped.op, (mapped.inputs,), mapped.frac)

    def mapped(
        self, name: str, affine: Affine, out_frac: Integers, tabled: bool = False
    ) -> MappedForm:
        """An affine form in integers, not yet added. Raises ElegansError if no scale holds it."""
        windows, (weights,) = self._matrices(affine)
        return self._mapped(name, windows, (weights, affine.bias), out_frac, tabled)

    def range_of(self, mapped: MappedForm) -> Interval:
        """The bounds that the result of a mapped affine form would have."""
        return mapped.op.range(self._joined(mapped.inputs))

    def rescaled(self, name: str, layer: str, source: Window, frac: Integers) -> Window:
        """A vector in another format; the vector itself where it has that format."""
        shifts = set((frac - self.fracs(source)).tolist())
        if shifts == {0}:
            return source
        if len(shifts) > 1 or not -_MOST_SHIFT <= (shift := shifts.pop()) <= _MOST_SHIFT:
            one = sparse.eye_array(source.size, format="csr")
            mapped = self._mapped(name, (source,), (one, np.zeros(len(frac))), frac)
            return self.add(name, layer, mapped)
        op = Rescale(max(shift, 0), max(-shift, 0))
        return self.step(name, layer, op, ((source,),), frac)

    def timed(self, name: str, layer: str, drive: Affine, rate: Affine, frac: int) -> Window | None:
        """Add `drive + rate * dt` as one step; None where no format holds it, or it is sparse."""
        windows, (still, moving) = self._matrices(drive, rate)
        if still.nnz + moving.nnz < math.prod(still.shape):
            return None
        reach = self._joined(windows).reach()
        fracs = np.concatenate([self.fracs(w) for w in windows])
        dt = self.renamed(DT)
        real = RealTimedMap(
            *(still.toarray(), drive.bias, moving.toarray(), rate.bias),
            *(fracs, reach),
            dt_frac=int(self.fracs(dt)[0]),
            dt_reach=int(self.interval(dt).reach()[0]),
            out_frac=frac,
            ends=_ends(windows),
        )
        op = quantise_maps.timed(real, self.weight_bits)
        if op is None:
            return None
        return self.step(name, layer, op, (windows, (dt,)), np.full(drive.size, frac))

    def _matrices(self, *affines: Affine) -> tuple[tuple[Window, ...], tuple[Matrix, ...]]:
        """The windows that these forms read, and each form's matrix over all of them."""
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
        if not windows:  # a constant: one column of zeros, because C has no empty arrays
            windows = [self.renamed(Window("x", 0, 1))]
            columns = [[sparse.csr_array((affine.size, 1)) for affine in affines]]
        matrices = (sparse.hstack(part, format="csr") for part in zip(*columns, strict=True))
        return tuple(windows), tuple(matrices)

    def _pieces(self, vector: str, size: int) -> list[Window]:
        """A vector in the pieces that it is made in: the state by layers, any other as one."""
        if vector != "h":
            return [Window(vector, 0, size)]
        ends = [0, *itertools.accumulate(w.size for w in self._h_next)]
        return [Window("h", lo, hi) for lo, hi in itertools.pairwise(ends)]

    def _mapped(
        self,
        name: str,
        inputs: tuple[Window, ...],
        form: tuple[Matrix, Reals],
        out_frac: Integers,
        tabled: bool = False,
    ) -> MappedForm:
        weights, bias = form
        reach = self._joined(inputs).reach()
        frac = np.concatenate([self.fracs(w) for w in inputs])
        real = RealMap(weights, bias, frac, reach, out_frac, _ends(inputs))
        op = quantise_maps.linear(real, self.weight_bits, tabled)
        if op is None:
            raise ElegansError(
                name,
                f"with weights up to {abs(weights).max():g} and biases up to "
                f"{np.abs(bias).max():g}, no int{self.weight_bits} scale holds every row",
                "declare a narrower input range, or train with smaller weights"
                + (", or take --weights int16" if self.weight_bits < 16 else ""),
            )
        return MappedForm(inputs, op, out_frac)


def _ends(windows: Argument) -> tuple[int, ...]:
    """The columns at which the windows of an argument end."""
    return tuple(itertools.accumulate(window.size for window in windows))
