"""Hints about declared ranges that cost precision, each one sentence with its remedy.

A 16-bit format is as fine as the largest value that it must hold allows, so a range that is
wider than what occurs, or far from zero, costs bits on every step. Proofs use the declared
ranges alone; a recording is only compared with them here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from elegans.exporter.data.recording import Recording
from elegans.exporter.ir.fixed_model import Channel, Model
from elegans.exporter.numbers.fixed import Integers, Reals

USED_LITTLE = 1 / 8
"""A recording that uses less than this part of a declared range is told: three bits are lost."""
BITS_LOST = 2.0
"""A range so far from zero that this many bits are lost is told."""
HARDLY_EVER = 0.99
"""The share of gaps below `SHORT` of the longest declared one that is told."""
SHORT = 1 / 8
"""Of the longest elapsed time; a format for it alone would have three bits more."""
_PAST = 1e-2  # of where a state saturates: how far float is beyond it
_MOST = 4  # channels with a hint of one kind; the others are counted
_ROOM = 4.0  # times the greatest value of an output, for values that the runs do not show
_MOST_NAMED = 8  # outputs in a remedy


def hints(model: Model, recording: Recording | None) -> list[str]:
    """All hints about a model's inputs and elapsed time, for a recording if there is one."""
    found = _told([(c, offset(c)) for c in model.inputs])
    if recording is None:
        return found
    columns = [(c, recording.x[..., i].ravel()) for i, c in enumerate(model.inputs)]
    found += _told([(c, constant(c, values)) for c, values in columns])
    found += _told([(c, unused_range(c, values)) for c, values in columns])
    gaps = recording.dt.ravel()
    told = (fixed_period(model.dt, gaps), rarely_long(model.dt, gaps)) if model.dt else ()
    return [*found, *(hint for hint in told if hint)]


def saturated(states: Sequence[Channel], h: Reals) -> tuple[str, str] | None:
    """The state that float [T, H] takes farthest beyond where it saturates, and what to declare."""
    lo, hi = np.array([c.range for c in states]).T
    past = np.maximum(h.max(axis=0) - hi, lo - h.min(axis=0)) / np.maximum(-lo, hi)
    past[[not c.saturates for c in states]] = 0.0
    i = int(past.argmax())
    if past[i] <= _PAST:
        return None
    far, layer = float(h[np.abs(h[:, i]).argmax(), i]), states[i].name.split("[")[0]
    end = roomy(abs(far))
    return (
        f"{states[i].name} saturates at {(hi if far > 0 else lo)[i]:.4g}, and float reaches "
        f"{far:.4g}",
        f"declare a wider range of this state with --state-range {layer}={-end:g}:{end:g}",
    )


def at_rest(truth: Mapping[str, tuple[Reals, Reals]]) -> list[str]:
    """That nothing ever moves in the float runs (y, h_next), which start from states of zeros: as
    of a quaternion, whose length of 1 no step makes of a length of 0."""
    if any(np.any(part) for run in truth.values() for part in run):
        return []
    return [
        "states of zeros stay zeros, so no run has measured an error: write each state as its "
        "difference from where it starts, as (q0 - 1, q1, q2, q3) of a quaternion"
    ]


def unused_range(channel: Channel, values: Reals) -> str | None:
    """What to declare if the values [T] use less than `USED_LITTLE` of the channel's range.

    None for constant values, about which `constant` speaks.
    """
    (lo, hi), least, most = channel.range, float(values.min()), float(values.max())
    if most == least or most - least >= USED_LITTLE * (hi - lo):
        return None
    return (
        f"{channel.name}: the recording uses {_span(least, most)} of the declared "
        f"{_span(lo, hi, channel)}, less than an eighth; declare a narrower range, beyond which "
        "values are clamped (--input-range)"
    )


def offset(channel: Channel) -> str | None:
    """What a range far from zero costs, unless the channel's format has an offset of its own."""
    lo, hi = channel.range
    if getattr(channel, "offset", 0) or not lo < hi:
        return None
    lost = math.log2(max(abs(lo), abs(hi)) / ((hi - lo) / 2))
    if lost < BITS_LOST:
        return None
    middle = f"{abs(lo + hi) / 2:.4g}"
    less, more = ("-", "add") if hi > 0 else ("+", "subtract")
    return (
        f"{channel.name}: its range {_span(lo, hi, channel)} is far from zero, which costs "
        f"{lost:.1f} of 16 bits; feed the network {channel.name} {less} {middle}, and let its "
        f"first layer {more} {middle}"
    )


def constant(channel: Channel, values: Reals) -> str | None:
    """That an input has one value [T] in all of the recording."""
    if len(values) < 2 or values.min() != values.max():
        return None
    value = f"{values[0]:.4g} {channel.shown_unit}".rstrip()
    return (
        f"{channel.name}: is {value} in every step of the recording; record its changes, too, or "
        "leave it out of the network"
    )


def fixed_period(channel: Channel, gaps: Reals) -> str | None:
    """That all gaps [T] are equal, although a range of elapsed time is declared."""
    if len(gaps) < 2 or gaps.min() != gaps.max():
        return None
    period = f"{gaps[0]:.4g}"
    shown = f"{period} {channel.shown_unit}".rstrip()
    return (
        f"{channel.name}: is {shown} in every step of the recording; "
        f"if it always is, --dt {period} folds it into the weights"
    )


def rarely_long(channel: Channel, gaps: Reals) -> str | None:
    """What to declare if hardly any of the gaps [T] come near the longest elapsed time.

    None for equal gaps, about which `fixed_period` speaks.
    """
    lo, hi = channel.range
    short = SHORT * hi
    share = float(np.mean(gaps < short))
    if share < HARDLY_EVER or lo >= short or gaps.min() == gaps.max():
        return None
    most = min(_upper(float(np.quantile(gaps, HARDLY_EVER, method="inverted_cdf"))), short)
    unit = f" {channel.shown_unit}".rstrip()
    return (
        f"{channel.name}: {_percent(share)} of the recording's gaps are below {short:.4g}{unit}, "
        f"an eighth of the longest in its declared range {lo:.4g}:{hi:.4g}; declare --dt-range up "
        f"to {most:.4g}{unit}, and split longer gaps into several steps"
    )


def output_ranges(model: Model, wide: Integers, most: Reals) -> str:
    """The options that declare ranges of these outputs."""
    ends = np.array([roomy(most[i]) for i in wide])
    if len(wide) == len(model.outputs) and np.ptp(ends) == 0.0:
        return f"--output-range {-ends[0]:g}:{ends[0]:g}"
    named = zip(wide[:_MOST_NAMED], ends, strict=False)
    return " ".join(f"--output-range {model.outputs[i].name}={-e:g}:{e:g}" for i, e in named)


def roomy(most: float) -> float:
    """A power of two, which formats end at, with room for more than the greatest value seen."""
    return float(np.exp2(np.ceil(np.log2(_ROOM * max(most, 2.0**-100)))))


def _told(found: Sequence[tuple[Channel, str | None]]) -> list[str]:
    """The hints of one kind; beyond `_MOST`, the names of the other channels in one line."""
    told = [(channel.name, hint) for channel, hint in found if hint]
    if len(told) <= _MOST + 1:
        return [hint for _, hint in told]
    others = ", ".join(name for name, _ in told[_MOST : 2 * _MOST])
    more = f" and {len(told) - 2 * _MOST} more" if len(told) > 2 * _MOST else ""
    return [*(hint for _, hint in told[:_MOST]), f"{others}{more}: the same"]


def _span(lo: float, hi: float, channel: Channel | None = None) -> str:
    return f"{lo:.4g}:{hi:.4g} {channel.shown_unit if channel else ''}".rstrip()


def _percent(share: float) -> str:
    """At most 99.9 % unless it is all of them."""
    return "all" if share == 1.0 else f"{math.floor(share * 1000) / 10:g} %"


def _upper(value: float) -> float:
    """`value`, rounded up to two significant digits."""
    if value <= 0:
        return value
    scale = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / scale - 1e-9) * scale:.2g}")
