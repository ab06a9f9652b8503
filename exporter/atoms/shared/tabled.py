"""What tanh, sigmoid and Phi share: a table that takes one format and gives one format."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import DT, Activation, Atom
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, affine_span, constant_span, parts_of, span_frac
from elegans.exporter.numbers.fixed import INT16_MAX, RangeError, quantise, widest_frac
from elegans.exporter.ops import Op
from elegans.exporter.ops.elapsed_gate import ElapsedGate
from elegans.exporter.ops.gated_drive import GatedDrive
from elegans.exporter.ops.narrow import Narrow
from elegans.exporter.ops.time_gate import TimeGate
from elegans.exporter.ops.wide_elapsed_gate import WideElapsedGate

_MOST_ALIGN = 15  # bits: int16 shifted by 16 would leave int32
_MOST_SHIFT = 30  # the most that `rshr` takes


@dataclass(frozen=True, eq=False)
class TabledActivation(Activation):
    """An activation whose op looks its argument up in a table."""

    takes_rate: ClassVar[bool] = True
    argument_frac: ClassVar[int]
    """Fractional bits of the table's argument."""
    gain: ClassVar[float] = 1.0
    """The factor that the argument is multiplied by, so that int16 ends where the curve is flat."""
    limits: ClassVar[tuple[float, float]]
    """The least and the greatest value of the function."""
    result_frac: ClassVar[int] = 15

    @staticmethod
    @abstractmethod
    def op() -> Op:
        """The op that looks the argument up."""

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        return constant_span(self.size, *self.limits)

    def image(self, spans: dict[str, Span], name: str) -> Span:
        lo, hi = (self.function(end) for end in self.argument_span(spans, name))
        return lo, hi

    def state_frac(self, spans: dict[str, Span], own: Span) -> int:
        return self.result_frac

    def state_ends(self, frac: int, lo: float, hi: float) -> tuple[int, int]:
        return -INT16_MAX, INT16_MAX  # no table holds the least int16

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        z = self._argument(to, name, called)
        frac = np.full(self.size, self.result_frac)
        to.step(called.name, called.layer, self.op(), ((z,),), frac)

    def _argument(self, to: Builder, own: str, called: VectorName) -> Window:
        """The steps of the argument: one map, a rescaled vector, or `drive + rate * factor`."""
        name, layer = f"{called.name}_sum", called.layer
        gain = np.array([self.gain])
        drive = self.drive.scaled(gain)
        if self.rate is not None and self.factor is not None:
            rate = self.rate.scaled(gain)
            if self.factor == DT and to.long_times:
                return self._over_long_times(to, own, called, drive, rate)
            z = (
                to.timed(name, layer, drive, rate, self.argument_frac)
                if self.factor == DT
                else None
            )
            return z or self._gated(to, called, drive, rate, self.factor)
        frac = np.full(self.size, self.argument_frac)
        halves = self.multiple(to, drive)
        if halves is not None and 0 <= (shift := halves[2] - self.argument_frac) <= _MOST_SHIFT:
            op = Narrow(self.size, halves[1], shift)
            return to.step(name, layer, op, ((halves[0],),), frac)
        window = to.direct(drive)
        if window is not None:
            return to.rescaled(name, layer, to.renamed(window), frac)
        return to.linear(name, layer, drive, frac, tabled=True)

    def _over_long_times(
        self, to: Builder, own: str, called: VectorName, drive: Affine, rate: Affine
    ) -> Window:
        """`rate * dt + drive` with elapsed time as mantissa and exponent.

        Both have the formats of their bounds in real numbers: maps saturate where these end. A
        rate a of `frac` fractional bits, times a mantissa m, is a dt 2^(frac + F - 16 + e), F
        being the fractional bits of dt.
        """
        assert to.dt is not None
        elapsed, layer = to.elapsed(), called.layer
        least = int(to.interval(elapsed).lo[1])
        to_argument = to.dt.frac - 16 - self.argument_frac
        assert self.rate is not None
        spans = [
            to.spans.get(part) or affine_span(form, to.spans)
            for part, form in zip(parts_of(own), (self.drive, self.rate), strict=True)
        ]
        b_frac, a_frac = (span_frac((lo * self.gain, hi * self.gain)) for lo, hi in spans)
        even, name = int(to.even(rate)[0]), f"{called.name}_a"
        # In 32 bits it has room for all that intervals let happen, and nothing saturates.
        frac, shift = even - 1, even - 1 + to_argument
        fits = 0 <= shift <= _MOST_SHIFT
        wide = to.wide(name, layer, rate, np.full(rate.size, frac)) if fits else None
        if wide is None:
            frac = max(a_frac, even, -to_argument - least)
            frac = min(frac, _MOST_SHIFT - to_argument)
        a = wide or to.linear(name, layer, rate, np.full(rate.size, frac))
        z_frac = np.full(drive.size, self.argument_frac)
        # The drive is not held at the ends of the table, because a dt may be its opposite.
        finest = max(b_frac, int(to.widest(drive).min()))
        align = int(np.clip(self.argument_frac - finest, 0, _MOST_ALIGN))
        fracs = np.full(drive.size, self.argument_frac - align)
        b = to.linear(f"{called.name}_b", layer, drive, fracs, tabled=align == 0)
        op = ElapsedGate(align, frac + to_argument)
        if wide is not None:
            op = WideElapsedGate(align, shift, self.size)
        return to.step(f"{called.name}_sum", layer, op, ((a,), (b,), (elapsed,)), z_frac)

    def multiple(self, to: Builder, drive: Affine) -> tuple[Window, int, int] | None:
        """Where the argument is a multiple of a vector of 32 bits, as in an LSTM's output: this
        vector, an integer to multiply it by, and the fractional bits of the product of that and
        the upper halves."""
        found = drive.factor()
        if found is None or np.any(drive.bias) or np.ptp(found[1]):
            return None
        halves, factor = to.known_halves(found[0]), float(found[1][0])
        if halves is None or not factor:
            return None
        frac = widest_frac(-abs(factor), abs(factor))
        gain = int(np.clip(quantise(factor, frac), -INT16_MAX, INT16_MAX))
        return halves, gain, int(to.fracs(halves)[0]) + frac

    def _gated(
        self, to: Builder, called: VectorName, drive: Affine, rate: Affine, factor: Window
    ) -> Window:
        """`rate * factor + drive` as two maps and a gate, the rate as fine as int32 allows.

        The product is at the scale of the rate times that of the factor, and the drive is
        shifted up to it; so the drive is never finer than the product.
        """
        u, layer = to.renamed(factor), called.layer
        u_frac = int(to.fracs(u)[0])
        finest_a, finest_b = int(to.widest(rate).min()), int(to.widest(drive).min())
        for a_frac in range(finest_a, self.argument_frac - u_frac - 1, -1):
            product_frac = a_frac + u_frac
            b_frac = min(finest_b, product_frac)
            align, shift = product_frac - b_frac, product_frac - self.argument_frac
            if align > _MOST_ALIGN or shift > _MOST_SHIFT:
                continue
            op: Op = TimeGate(align, shift) if factor == DT else GatedDrive(align, shift)
            b_fracs, a_fracs = np.full(drive.size, b_frac), np.full(rate.size, a_frac)
            # With one shift for all rows, a core's kernel takes a large map.
            shared = factor != DT
            b_map = to.mapped(f"{called.name}_b", drive, b_fracs, shared)
            a_map = to.mapped(f"{called.name}_a", rate, a_fracs, shared)
            try:
                op.range(to.range_of(a_map), to.range_of(b_map), to.interval(u))
            except RangeError:
                continue
            b = to.add(f"{called.name}_b", layer, b_map)
            a = to.add(f"{called.name}_a", layer, a_map)
            z_frac = np.full(drive.size, self.argument_frac)
            return to.step(f"{called.name}_sum", layer, op, ((a,), (b,), (u,)), z_frac)
        if factor != DT:
            raise ElegansError(
                f"{called.name}, the product with a gate",
                "is in no format that keeps its sum in int32",
                "declare a narrower --input-range, or train with smaller weights",
            )
        lo, hi = to.dt_range
        raise ElegansError(
            f"{called.name}, the time gate",
            f"no format holds its product with dt in {lo:g}:{hi:g}",
            "declare a narrower --dt-range, or another unit of time",
        )
