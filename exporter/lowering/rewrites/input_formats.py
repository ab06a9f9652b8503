"""What comes in from outside: an offset for a range far from zero, and raw counts of sensors.

Both are substituted in the real network, x = offset + scale x', before any format is chosen. The
rest of the exporter then sees inputs around zero, and inputs that are counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.fixed_model import Channel
from elegans.exporter.ir.interface import Signal
from elegans.exporter.ir.real_network import Network
from elegans.exporter.numbers.fixed import INT32_MAX, Reals, round_half_up, widest_frac
from elegans.exporter.passes.substitute_inputs import read_as_vectors, substituted

_LEAST_GAIN = 2  # bits that an offset must win
_OFF_CENTRE = 16  # an offset lies within this part of half the range from the middle
# Round numbers first. Powers of two are exact in float32 where a range is narrower than 1.
_STEPS = [10.0**n for n in range(30, -1, -1)] + [2.0**n for n in range(100, -101, -1)]


@dataclass(frozen=True)
class SubstitutedInputs:
    """A network of x', with x = offset + scale x'.

    network        its interface has the ranges of x'
    offset, scale  [I]
    raw            [I] whether x' is a count
    """

    network: Network
    offset: Reals
    scale: Reals
    raw: tuple[bool, ...]

    def channels(self, inner: tuple[Channel, ...]) -> tuple[Channel, ...]:
        """The channels of x, as the device takes it, from those that the network reads.

        A raw count comes in without fractional bits. Where the network reads it with some, the
        device shifts it to the left (`ops.counts`).
        """
        return tuple(
            replace(
                channel,
                frac=0 if raw else channel.frac,
                lo=channel.lo >> channel.frac if raw else channel.lo,
                hi=channel.hi >> channel.frac if raw else channel.hi,
                offset=float(offset),
                scale=float(scale),
            )
            for channel, raw, offset, scale in zip(
                inner, self.raw, self.offset, self.scale, strict=True
            )
        )


def substitute_inputs(network: Network) -> SubstitutedInputs:
    """The network with an offset and a scale for each input that has use of them.

    An input that a gate or a state reads as it is gets no offset, unless it is a raw count.
    Raises ElegansError for raw counts of which the declared range leaves none.
    """
    signals = network.interface.inputs
    whole = read_as_vectors(network)
    found = [_substituted(s, not whole[i]) for i, s in enumerate(signals)]
    offset, scale = (np.array([f[i] for f in found]) for i in (0, 1))
    _check_macros(signals, offset)
    inputs = tuple(replace(s, range=f[2]) for s, f in zip(signals, found, strict=True))
    inner = substituted(network, offset, scale)
    return SubstitutedInputs(
        replace(inner, interface=replace(inner.interface, inputs=inputs)),
        offset,
        scale,
        tuple(s.format is not None for s in signals),
    )


def _substituted(signal: Signal, free: bool) -> tuple[float, float, tuple[float, float] | None]:
    """(offset, scale, range of x') of an input; `free` if an offset costs nothing."""
    if signal.range is None:
        return 0.0, 1.0, None
    lo, hi = signal.range
    if signal.format is None:
        offset = _offset(lo, hi) if free else 0.0
        return offset, 1.0, (lo - offset, hi - offset)
    offset, scale = signal.format.offset, signal.format.scale
    ends = round_half_up([(lo - offset) / scale, (hi - offset) / scale])
    least, greatest = np.clip(ends, *signal.format.counts).tolist()
    if least >= greatest:
        raise ElegansError(
            f"input {signal.name!r}",
            f"no two counts of {signal.format} are in its declared range {lo:g}:{hi:g}",
            "give the values that the first and the last count stand for: TYPE:LO:HI",
        )
    # Half a count more, because a range that ends at a power of two saturates one unit before it.
    return offset, scale, (least, greatest + 0.5)


def _check_macros(signals: tuple[Signal, ...], offset: Reals) -> None:
    """The offset of an input is a macro of its own, as `interface` knows the others to be."""
    names = {signal.name.upper(): signal.name for signal in signals}
    for signal in signals:
        other = names.get(f"{signal.name.upper()}_OFFSET")
        if other is not None and offset[signals.index(signal)] != 0:
            fact = f"is also what the offset of {signal.name!r} is called in C"
            raise ElegansError(f"input {other!r}", fact, "rename one of them")


def _offset(lo: float, hi: float) -> float:
    """A round number near the middle of a range, if it wins bits; 0 if not.

    It is exact in float32, so that subtracting it from such a value costs nothing, and a whole
    int32 in units of the resulting format, so that integers can do the same on the device.
    """
    half = 0.5 * (hi - lo)
    plain, best = widest_frac(lo, hi), widest_frac(-half, half)
    for least in (best, best - 1):
        for step in _STEPS if least >= plain + _LEAST_GAIN else ():
            offset = round((lo + half) / step) * step
            frac = widest_frac(lo - offset, hi - offset)
            units = math.ldexp(offset, frac)
            near = abs(offset - (lo + half)) <= half / _OFF_CENTRE
            exact = float(np.float32(offset)) == offset and units.is_integer()
            if near and exact and frac >= least and abs(units) <= INT32_MAX:
                return offset
    return 0.0
