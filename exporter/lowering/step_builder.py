"""The steps of the fixed-point model in the making: each is proved as it is added.

Here are the steps that no map makes: inputs, elapsed time, constants. `builder` adds the maps.
"""

from __future__ import annotations

import itertools

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.builder import VectorName
from elegans.exporter.ir.fixed_model import Argument, Channel, Step, Window
from elegans.exporter.ir.proof import step_range
from elegans.exporter.ir.real_network import Network
from elegans.exporter.lowering.formats import Formats
from elegans.exporter.lowering.state_layout import StateLayout
from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    INT32_MAX,
    INT32_MIN,
    Integers,
    Interval,
    join_intervals,
)
from elegans.exporter.ops import WIDE, Op, form, same_op
from elegans.exporter.ops.clamp import Clamp
from elegans.exporter.ops.constant import Constant
from elegans.exporter.ops.counts import Counts
from elegans.exporter.ops.elapsed import Elapsed
from elegans.exporter.ops.rescale import Rescale
from elegans.exporter.ops.short_time import ShortTime
from elegans.exporter.ops.widen import Widen

_APART = 8  # bits that the formats of what a map reads may be apart


class StepBuilder:
    """The steps so far, with the format and the proved bounds of every vector."""

    def __init__(self, network: Network, formats: Formats) -> None:
        self.atoms = network.atoms
        self.dt = formats.dt
        self.carried = formats.wide.carried
        self.results = formats.wide.results
        self.long_times = formats.wide.long_times
        self.dt_range = network.interface.dt.range or (0.0, 0.0)
        self.spans = formats.spans
        self.wanted = formats.wanted
        self.steps: list[Step] = []
        self._early = 0  # steps that `once` has added, after those that clamp inputs
        self.states = StateLayout.of(network.h_next, formats.wide.pieces, formats.states)
        self.frac: dict[str, Integers] = {"h": self.states.fracs}
        self.bounds: dict[str, Interval] = {"h": self.states.bounds}
        self._names: dict[str, str] = {}  # of the fixed-point model's vectors, by the real ones'
        self._read: dict[str, Window] = {}  # what is read of the inputs from outside
        self._real: dict[Window, Window] = {}  # the windows that maps read, in the real network
        self._shifted: dict[tuple[Window, int], Window] = {}  # whole numbers in finer formats
        self.in_halves: set[str] = set()  # what has 32 bits and is no state
        self._halves: dict[str, int] = {}  # the elements of each step's result in halves
        sizes = itertools.accumulate((w.size for w in network.h_next), initial=0)
        self._heads = {
            w.vector: Window("h", at, at + w.size)
            for w, at in zip(network.h_next, sizes, strict=False)
        }
        self.outside: dict[str, tuple[Channel, ...]] = {}  # the inputs as the device receives them

    def clamp_input(
        self,
        name: str,
        channels: tuple[Channel, ...],
        inner: tuple[Channel, ...],
        read: Window | None,
    ) -> None:
        """Add an input from outside: any int16, clamped to the channels' ranges.

        inner  the channels in the formats in which the network reads the clamped integers
        read   what is read of them; None for nothing, as frames clamp their own
        """
        size = len(channels)
        self.outside[name] = channels
        frac = np.array([c.frac for c in inner])
        left = frac - np.array([c.frac for c in channels])
        self.frac[name] = frac - left
        self.bounds[name] = Interval.of(np.full(size, INT16_MIN), np.full(size, INT16_MAX))
        if read is None:
            return
        part = slice(read.lo, read.hi)
        lo, hi = np.array([(c.lo, c.hi) for c in channels[part]]).T
        op = Counts(lo, hi, left[part]) if np.any(left[part]) else Clamp(lo, hi)
        self.step(f"{name}_in", "inputs", op, ((read,),), frac[part])
        self._names[name], self._read[name] = f"{name}_in", read
        self._early = len(self.steps)

    @property
    def anything(self) -> Window:
        """An element that is always there: what a constant, which reads nothing, names."""
        return Window("x_in" if "x" in self._names else "x", 0, 1)

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
        start = self._read[window.vector].lo if window.vector in self._read else 0
        return Window(self._names[window.vector], window.lo - start, window.hi - start)

    def renamed_all(self, window: Window) -> tuple[Window, ...]:
        """The same, for a window that several pieces of the state may make up."""
        return self.states.placed(window) if window.vector == "h" else (self.renamed(window),)

    def known_halves(self, window: Window) -> Window | None:
        """The halves of a vector that has 32 bits; None for any other, and for a part of one."""
        if window.vector == "h":
            return self.states.halves(window)
        wide = window.vector in self.carried or self._names.get(window.vector) in self.in_halves
        if not wide or window.size != self.atoms[window.vector].size:
            return None
        return Window(self._names[window.vector], 0, 2 * window.size)

    def lower_of(self, window: Window) -> Window | None:
        """Where the lower halves of a window of upper ones are; None if it has 16 bits."""
        if window.vector == "h":
            for piece in self.states.pieces:
                if piece.wide and piece.at <= window.lo and window.hi <= piece.at + piece.size:
                    return Window("h", window.lo + piece.size, window.hi + piece.size)
            return None
        n = self._halves.get(window.vector, 0)
        return Window(window.vector, window.lo + n, window.hi + n) if window.hi <= n else None

    def whole(self, name: str, layer: str, window: Window) -> Argument:
        """A window of the real network as the halves of 32-bit integers; those of a vector of 16
        bits are added as a step."""
        source = self.renamed_all(window)
        lower = [self.lower_of(part) for part in source]
        if None in lower:
            fracs = np.concatenate([self.fracs(part) for part in source])
            made = self.step(name, layer, Widen(), (source,), np.concatenate([fracs, fracs + 16]))
            return (made,)
        found = (*source, *(part for part in lower if part is not None))
        if len(found) == 2 and found[0].hi == found[1].lo:
            return (Window(found[0].vector, found[0].lo, found[1].hi),)
        return found

    def state_of(self, vector: str) -> Window | None:
        """The window of h that is the whole vector of an atom, as the next state; None if there is
        none of 32 bits."""
        window = self._heads.get(vector)
        return None if window is None else self.states.halves(window)

    def held(self, name: str, source: Window, at: int) -> Window:
        """A piece of the next states that saturates where h does: from element `at` of h on."""
        bounds, ends = self.interval(source), self.bounds["h"][at : at + source.size]
        if bounds.within(ends) or not self.states.saturates[at : at + source.size].all():
            return source
        op = Clamp(ends.lo, ends.hi)
        return self.step(name, "states", op, ((source,),), self.fracs(source))

    def pieces(self, vector: str, size: int) -> list[Window]:
        """A vector in the pieces that it is made in: the state by layers, any other as one."""
        if vector != "h":
            return [self._read.get(vector, Window(vector, 0, size))]
        return self.states.windows

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
        return self.once(name, layer, Constant(values), ((self.anything,),), frac)

    def fracs(self, window: Window) -> Integers:
        """The fractional bits of a window's elements."""
        return self.frac[window.vector][window.lo : window.hi]

    def interval(self, window: Window) -> Interval:
        """The proved bounds of a window's integers."""
        return self.bounds[window.vector][window.lo : window.hi]

    def joined(self, argument: Argument) -> Interval:
        """The proved bounds of windows end to end."""
        return join_intervals([self.interval(w) for w in argument])

    def step(
        self, name: str, layer: str, op: Op, inputs: tuple[tuple[Window, ...], ...], frac: Integers
    ) -> Window:
        """Add a step and prove it. Raises ElegansError if an intermediate could leave int32."""
        name = self._unused(name)
        step = Step(name, layer, op, inputs, len(frac), tuple(int(f) for f in frac))
        args = [self.joined(a) for a in inputs]
        self.bounds[name] = step_range(len(self.steps), step, args)
        self.frac[name] = frac
        if form(op) == WIDE:
            self._halves[name] = len(frac) // 2
        self.steps.append(step)
        return Window(name, 0, step.size)

    def brought_up(self, window: Window, finest: int) -> Window:
        """Whole numbers, as truths are, shifted as far up as int16 lets them if a map reads them
        beside vectors of `finest` fractional bits: the weights of a row have one scale, and those
        of the finer vectors would have hardly a digit. Any other vector as it is."""
        fracs, reach = self.fracs(window), int(self.interval(window).reach().max())
        room = (INT16_MAX // max(reach, 1)).bit_length() - 1
        up = min(room, finest - int(fracs.min()))
        if finest - int(fracs.min()) <= _APART or up <= 0 or np.any(fracs != fracs[0]):
            return window
        if (window, up) not in self._shifted:
            name, op = f"{window.vector}_fine", Rescale(up, 0)
            found = self.step(name, "layer", op, ((window,),), fracs + up)
            self._shifted[window, up] = found
            self._real |= {found: self._real[window]} if window in self._real else {}
        return self._shifted[window, up]

    def _unused(self, name: str) -> str:
        """The name, or one with a number behind it where another step has it: vectors are read by
        their names. Raises ElegansError for that of an atom's vector, which has no other."""
        if name not in self.frac:
            return name
        if name in self._names.values():
            fact = "is the name of two vectors in the generated C"
            raise ElegansError(name, fact, "give the layers of the metadata other names")
        return next(n for k in itertools.count(2) if (n := f"{name}_{k}") not in self.frac)
