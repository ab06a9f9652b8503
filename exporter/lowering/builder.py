"""The fixed-point model in the making: steps are added one by one, each proved as it is added."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from scipy import sparse

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine, Matrix
from elegans.exporter.ir.atom import DT, MappedForm, VectorName
from elegans.exporter.ir.fixed_model import Argument, Channel, Step, Window
from elegans.exporter.ir.proof import step_range
from elegans.exporter.ir.real_network import Network
from elegans.exporter.lowering import quantise_maps
from elegans.exporter.lowering.formats import Formats
from elegans.exporter.lowering.joint_rounding import InputStatistics
from elegans.exporter.lowering.quantise_maps import RealMap, RealTimedMap
from elegans.exporter.lowering.state_layout import StateLayout
from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    INT32_MAX,
    INT32_MIN,
    Integers,
    Interval,
    Reals,
    join_intervals,
    widest_frac,
)
from elegans.exporter.ops import Op, same_op
from elegans.exporter.ops.clamp import Clamp
from elegans.exporter.ops.constant import Constant
from elegans.exporter.ops.counts import Counts
from elegans.exporter.ops.elapsed import Elapsed
from elegans.exporter.ops.rescale import Rescale
from elegans.exporter.ops.short_time import ShortTime
from elegans.exporter.ops.widen import Widen

_MOST_SHIFT = 15  # of a vector that is only rescaled; beyond that it is a map of ones


class ModelBuilder:
    """The steps so far, with the format and the proved bounds of every vector.

    It implements `atom.Builder`, which is what an atom needs to add its own steps.
    """

    def __init__(self, network: Network, formats: Formats, weight_bits: int) -> None:
        self.atoms = network.atoms
        self.dt = formats.dt
        self.carried = formats.wide.carried
        self.long_times = formats.wide.long_times
        self.dt_range = network.interface.dt.range or (0.0, 0.0)
        self.spans = formats.spans
        self._statistics = InputStatistics(network, formats.spans if weight_bits == 16 else {})
        self.wanted = formats.wanted
        self.weight_bits = weight_bits
        self.steps: list[Step] = []
        self._early = 0  # steps that `once` has added, after those that clamp inputs
        self.frac: dict[str, Integers] = {}
        self.bounds: dict[str, Interval] = {}
        self._names: dict[str, str] = {}  # of the fixed-point model's vectors, by the real ones'
        self._states = StateLayout.of(network.h_next, formats.wide.pieces, formats.states)
        self.frac["h"], self.bounds["h"] = self._states.fracs, self._states.bounds
        self._real: dict[Window, Window] = {}  # the windows that maps read, in the real network

    def clamp_input(
        self, name: str, channels: tuple[Channel, ...], inner: tuple[Channel, ...]
    ) -> None:
        """Add an input from outside: any int16, clamped to the channels' ranges.

        inner  the channels in the formats in which the network reads the clamped integers
        """
        size = len(channels)
        frac = np.array([c.frac for c in inner])
        left = frac - np.array([c.frac for c in channels])
        lo, hi = np.array([c.lo for c in channels]), np.array([c.hi for c in channels])
        self.frac[name] = frac - left
        self.bounds[name] = Interval.of(np.full(size, INT16_MIN), np.full(size, INT16_MAX))
        op = Counts(lo, hi, left) if np.any(left) else Clamp(lo, hi)
        self.step(f"{name}_in", "inputs", op, ((Window(name, 0, size),),), frac)
        self._names[name] = f"{name}_in"
        self._early = len(self.steps)

    def name(self, vector: str, called: VectorName) -> None:
        """Say what the vector of an atom is called in the fixed-point model."""
        self._names[vector] = called.name

    def add_time(self, channel: Channel) -> None:
        """Add a 32-bit elapsed time; atoms read it as `elapsed`, or as a short one."""
        self.frac["dt"] = np.array([channel.frac])
        self.bounds["dt"] = Interval.of([INT32_MIN], [INT32_MAX])

    def elapsed(self) -> Window:
        """Elapsed time as mantissa and exponent."""
        assert self.dt is not None
        op, dt = Elapsed(self.dt.lo, self.dt.hi), ((Window("dt", 0, 1),),)
        return self.once("dt_in", "inputs", op, dt, np.zeros(2, np.int64))

    def _short_time(self) -> Window:
        assert self.dt is not None
        op, dt = ShortTime(self.dt.lo, self.dt.hi), ((Window("dt", 0, 1),),)
        return self.once("dt_short", "inputs", op, dt, self.frac["dt"] - 16)

    def renamed(self, window: Window) -> Window:
        """A window of the real network as one of the fixed-point model."""
        if window.vector == "h":
            (found,) = self.renamed_all(window)
            return found
        if window.vector == "dt" and "dt" not in self._names:
            return self._short_time()
        return Window(self._names[window.vector], window.lo, window.hi)

    def renamed_all(self, window: Window) -> tuple[Window, ...]:
        """The same, for a window that several pieces of the state may make up."""
        return self._states.placed(window) if window.vector == "h" else (self.renamed(window),)

    def known_halves(self, window: Window) -> Window | None:
        """The halves of a vector that has 32 bits; None for any other, and for a part of one."""
        if window.vector == "h":
            return self._states.halves(window)
        whole = window.vector in self.carried and window.size == self.atoms[window.vector].size
        if not whole:
            return None
        return Window(self._names[window.vector], 0, 2 * window.size)

    def halves(self, name: str, layer: str, window: Window, frac: int) -> Window:
        """A whole vector of the real network as the halves of its 32-bit integers.

        One that has 16 bits is given `frac` fractional bits, and lower halves of zero.
        """
        found = self.known_halves(window)
        if found is not None:
            return found
        source = self.renamed(window)
        fracs = np.full(window.size, frac)
        upper = self.rescaled(f"{name}_upper", layer, source, fracs)
        return self.step(name, layer, Widen(), ((upper,),), np.concatenate([fracs, fracs + 16]))

    def once(
        self, name: str, layer: str, op: Op, inputs: tuple[tuple[Window, ...], ...], frac: Integers
    ) -> Window:
        """A step that is added only if no equal one is there.

        It reads inputs and earlier steps of this kind only, so it stands before all others: what
        the unfolds of a solver share is no part of their loop.
        """
        for step in self.steps:
            if step.inputs == inputs and same_op(step.op, op):
                return Window(step.name, 0, step.size)
        found = self.step(name, layer, op, inputs, frac)
        self.steps.insert(self._early, self.steps.pop())
        self._early += 1
        return found

    def constant(self, name: str, layer: str, values: Integers, frac: Integers) -> Window:
        """A constant vector, which lies in flash."""
        return self.once(name, layer, Constant(values), ((Window("x_in", 0, 1),),), frac)

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
            whole = self.renamed_all(Window(vector, 0, matrix.shape[1]))
            integers = self._joined(whole).reach().astype(np.float64)
            fracs = np.concatenate([self.fracs(w) for w in whole])
            reach = reach + abs(matrix) @ np.ldexp(integers, -fracs)
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
        self,
        name: str,
        layer: str,
        affine: Affine,
        out_frac: Integers,
        tabled: bool = False,
        alike: bool = False,
    ) -> Window:
        """Add an affine form as a step; `tabled` where a table looks its result up, `alike` where
        its rows shall share a shift, which is faster, if that costs few bits."""
        return self.add(name, layer, self.mapped(name, affine, out_frac, tabled, alike))

    def add(self, name: str, layer: str, mapped: MappedForm) -> Window:
        """Add a mapped affine form as a step."""
        return self.step(name, layer, mapped.op, (mapped.inputs,), mapped.frac)

    def mapped(
        self,
        name: str,
        affine: Affine,
        out_frac: Integers,
        tabled: bool = False,
        alike: bool = False,
    ) -> MappedForm:
        """An affine form in integers, not yet added. Raises ElegansError if no scale holds it."""
        windows, (weights,) = self._matrices(affine)
        return self._mapped(name, windows, (weights, affine.bias), out_frac, tabled, alike)

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

    def held(self, name: str, source: Window, at: int) -> Window:
        """A piece of the next states that saturates where h does: from element `at` of h on."""
        bounds, ends = self.interval(source), self.bounds["h"][at : at + source.size]
        if bounds.within(ends) or not self._states.saturates[at : at + source.size].all():
            return source
        op = Clamp(ends.lo, ends.hi)
        return self.step(name, "states", op, ((source,),), self.fracs(source))

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
            together=self._together(windows, fracs),
        )
        op = quantise_maps.timed(real, self.weight_bits)
        if op is None:
            return None
        return self.step(name, layer, op, (windows, (dt,)), np.full(drive.size, frac))

    def _matrices(self, *affines: Affine) -> tuple[tuple[Window, ...], tuple[Matrix, ...]]:
        """The windows that these forms read, and each form's matrix over all of them."""
        windows: list[Window] = []
        columns: list[list[Matrix]] = []
        vectors = dict.fromkeys(vector for affine in affines for vector in affine.terms)
        if self._states.wide:
            # Lower halves lie behind the upper ones, so only what is before these is beside them.
            vectors = dict.fromkeys(sorted(vectors, key="x".__ne__))
        for vector in vectors:
            found = [affine.terms.get(vector) for affine in affines]
            size = next(m.shape[1] for m in found if m is not None)
            used = np.unique(np.concatenate([m.indices for m in found if m is not None]))
            for piece in self._pieces(vector, size):
                if np.any((used >= piece.lo) & (used < piece.hi)):
                    windows.append(self.renamed(piece))
                    self._real[windows[-1]] = piece
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

    def _together(self, windows: tuple[Window, ...], frac: Integers) -> quantise_maps.Together:
        """Rounds the weights of inputs in these windows together."""
        real = tuple(self._real.get(w) for w in windows)
        return partial(self._statistics.rounded, windows=real, frac=frac)

    def _pieces(self, vector: str, size: int) -> list[Window]:
        """A vector in the pieces that it is made in: the state by layers, any other as one."""
        if vector != "h":
            return [Window(vector, 0, size)]
        return self._states.windows

    def _mapped(
        self,
        name: str,
        inputs: tuple[Window, ...],
        form: tuple[Matrix, Reals],
        out_frac: Integers,
        tabled: bool = False,
        alike: bool = False,
    ) -> MappedForm:
        weights, bias = form
        reach = self._joined(inputs).reach()
        frac = np.concatenate([self.fracs(w) for w in inputs])
        real = RealMap(weights, bias, frac, reach, out_frac, self._together(inputs, frac))
        op = quantise_maps.linear(real, self.weight_bits, tabled, alike)
        if op is None:
            raise ElegansError(
                name,
                f"with weights up to {abs(weights).max():g} and biases up to "
                f"{np.abs(bias).max():g}, no int{self.weight_bits} scale holds every row",
                "declare a narrower input range, or train with smaller weights"
                + (", or take --weights int16" if self.weight_bits < 16 else ""),
            )
        return MappedForm(inputs, op, out_frac)
