"""The border of a model as its headers have it: how a value becomes an integer, and back.

What a user's program needs besides the step is in headers of its own, each of which costs nothing
unless it is included: `NAME_float.h`, `NAME_clock.h`, `NAME_health.h` and `NAME.hpp`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elegans.exporter.ir.fixed_model import Channel, Model
from elegans.exporter.numbers.fixed import INT32_MAX

_MOST_NAMED = 256
"""Signals that get macros and functions by their names; of a picture nobody calls one pixel."""

_MOST_OFFSET = 1 << 30  # so that the ends of a range fit int32 with it
_MS = {"s": (1, 1000), "ms": (1, 1), "us": (1000, 1), "min": (1, 60_000), "h": (1, 3_600_000)}
_MS |= {"µs": _MS["us"]}
"""Milliseconds in a unit of time, as (units, in so many milliseconds)."""


@dataclass(frozen=True)
class Conversion:
    """How values of one kind become integers, and the inputs `start`..`end` that are of it."""

    start: int
    end: int
    channel: Channel

    @property
    def scaled(self) -> bool:
        """Whether it takes double: see el_real.h."""
        return self.channel.scale != 1 or abs(self.offset) > _MOST_OFFSET

    @property
    def offset(self) -> int:
        """The integer that stands for the real offset, at the scale of the channel."""
        if self.channel.scale != 1:
            return 0
        return round(math.ldexp(self.channel.offset, self.channel.frac))

    def call(self, value: str, lo: int | None = None, hi: int | None = None) -> str:
        """The C of the integer that a real value becomes; by default held in the range."""
        lo = self.channel.lo if lo is None else lo
        hi = self.channel.hi if hi is None else hi
        if self.scaled:
            c = self.channel
            numbers = f"{_double(c.offset)}, {_double(c.scale)}, {_double(math.ldexp(1, c.frac))}"
            return f"el_nearest_scaled((double){value}, {numbers}, {lo}, {hi})"
        units = _float(math.ldexp(1, self.channel.frac))
        found = f"el_nearest({value} * {units}, {lo + self.offset}, {hi + self.offset})"
        return f"{found} - ({self.offset})" if self.offset else found

    def constant(self, value: str) -> str:
        """The same of a constant, as an initialiser may have it."""
        c = self.channel
        if self.scaled:
            at = f"(((({value}) - {_double(c.offset)}) / {_double(c.scale)})"
            return f"EL_NEAREST({at} * {_double(math.ldexp(1, c.frac))}), {c.lo}, {c.hi})"
        ends = f"{c.lo + self.offset}, {c.hi + self.offset}"
        found = f"EL_NEAREST(({value}) * {_double(math.ldexp(1, c.frac))}, {ends})"
        return f"({found} - ({self.offset}))" if self.offset else found


def conversions(channels: Sequence[Channel]) -> list[Conversion]:
    """Runs of neighbouring channels that are converted alike."""
    found = []
    at = 0
    for _, run in itertools.groupby(channels, lambda c: (c.frac, c.lo, c.hi, c.offset, c.scale)):
        first, *others = run
        found.append(Conversion(at, at + 1 + len(others), first))
        at = found[-1].end
    return found


def border(model: Model, counts: Mapping[str, str]) -> dict[str, Any]:
    """What the templates of the headers print.

    counts  for each input that is a sensor's raw count, its type, such as uint12, by name
    """
    runs = conversions(model.inputs)
    dt = Conversion(0, 1, model.dt) if model.dt else None
    named = max(len(model.inputs), len(model.outputs)) <= _MOST_NAMED
    taken = {f"{c.name.upper()}{end}" for c in model.inputs for end in ("", "_FRAC", "_OFFSET")}
    inputs = [_input(model, i, c, taken) for i, c in enumerate(model.inputs)] if named else []
    of_y = {f"{c.name.upper()}{end}" for c in model.outputs for end in ("", "_FRAC")}
    return {
        "input_runs": [_run(run) for run in runs],
        "signals": inputs,
        "results": [_output(model, c, of_y) for c in model.outputs] if named else [],
        "output_runs": [
            _loop(run.start, run.end) | {"unit": _float(math.ldexp(1, -run.channel.frac))}
            for run in conversions(model.outputs)
        ],
        "scaled": any(run.scaled for run in runs),
        "raw_counts": [
            _count(model, c, counts[c.name], taken) for c in model.inputs if c.name in counts
        ]
        if named
        else [],
        "time": None if dt is None else _time(model, dt),
        "saturating": _saturating(model),
        "Name": model.name.capitalize(),
    }


def _loop(start: int, end: int) -> dict[str, Any]:
    """What the statement of a run of signals needs: its ends, and the index in it."""
    single = end == start + 1
    return {"start": start, "end": end, "single": single, "i": str(start) if single else "i"}


def _run(run: Conversion) -> dict[str, Any]:
    c, loop = run.channel, _loop(run.start, run.end)
    value = f"x[{loop['i']}]"
    found = {"of_x": run.call(value), "of_x_beyond": run.call(value, c.lo - 2, c.hi + 2)}
    return loop | found | {"lo": c.lo, "hi": c.hi, "below": c.lo - 1, "above": c.hi + 1}


def _input(model: Model, index: int, channel: Channel, taken: set[str]) -> dict[str, Any]:
    conversion = Conversion(index, index + 1, channel)
    lo, hi = channel.range
    label = channel.name.upper()
    macro = f"{model.name.upper()}_X_{label}"
    helpers = {"_FROM": f"(v) ((int16_t){conversion.constant('v')})"}
    helpers |= {"_MIN": f" ({_float(lo)})", "_MAX": f" ({_float(hi)})"}
    return {
        "function": f"{model.name}_x_{channel.name.lower()}_from",
        "call": conversion.call("v"),
        "unit": f" in {channel.shown_unit}" if channel.shown_unit else "",
        "name": channel.name,
        "macros": [
            f"{macro}{end}{text}" for end, text in helpers.items() if label + end not in taken
        ],
        "missing": [f"{macro}{end}" for end in helpers if label + end in taken],
    }


def _output(model: Model, channel: Channel, taken: set[str]) -> dict[str, Any]:
    label = f"{channel.name.upper()}_TO_FLOAT"
    unit = _float(math.ldexp(1, -channel.frac))
    text = f"{model.name.upper()}_Y_{label}(y) ((float)(y) * {unit})"
    return {"macro": "" if label in taken else text}


def _count(model: Model, channel: Channel, kind: str, taken: set[str]) -> dict[str, Any]:
    """The macro that takes a raw count of this type; of int16, also that of uint16."""
    bits = int(kind.removeprefix("u").removeprefix("int"))
    unsigned = kind.startswith("u")
    lo, hi = (0, (1 << bits) - 1) if unsigned else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    held = f"((n) > {hi}) ? {hi} : (n)"
    held = held if unsigned else f"((n) < {lo}) ? {lo} : ({held})"
    ends = {f"_FROM_{'U' if unsigned else 'S'}{bits}": f"((int16_t)({held}))"}
    if kind == "int16":
        ends["_FROM_U16"] = "((int16_t)((int32_t)(n) - 32768))"
    label = channel.name.upper()
    macro = f"{model.name.upper()}_X_{label}"
    return {
        "name": channel.name,
        "kind": kind,
        "macros": [f"{macro}{e}(n) {text}" for e, text in ends.items() if label + e not in taken],
    }


def _time(model: Model, dt: Conversion) -> dict[str, Any]:
    """Elapsed time: `ms` is None where its unit is none that milliseconds can be turned into."""
    c = dt.channel
    lo, hi = c.range
    found: dict[str, Any] = {
        "call": dt.call("v"),
        "beyond": dt.call("dt", c.lo - 2, min(c.hi + 2, INT32_MAX)),
        "below": c.lo - 1,
        "above": min(c.hi + 1, INT32_MAX),
        "constant": dt.constant("v"),
        "min": _float(lo),
        "max": _float(hi),
        "lo": c.lo,
        "hi": c.hi,
        "unit": c.unit,
        "bits": c.bits,
        "ms": None,
    }
    if c.unit in _MS:
        found["ms"] = _milliseconds(c, *_MS[c.unit])
    return found


def _milliseconds(channel: Channel, units: int, in_ms: int) -> dict[str, Any] | None:
    """n milliseconds as an integer: floor((n * up + half) / down), held in the range.

    up / down is `units * 2^frac / in_ms` in lowest terms, with `down` even, so that half of it is
    whole. Below `first` the integer is the least, from `last` on the greatest, and beyond `longest`
    it would be greater. None if the range is beyond what 32 bits of milliseconds count.
    """
    up, down = units, in_ms
    if channel.frac >= 0:
        up <<= channel.frac
    else:
        down <<= -channel.frac
    shared = math.gcd(up, down)
    up, down = 2 * up // shared, 2 * down // shared
    half = down // 2

    def least(integer: int) -> int:
        """The least n that gives this integer or more."""
        return max(0, -(-(integer * down - half) // up))

    first, last = least(channel.lo), least(channel.hi)
    longest = ((channel.hi + 1) * down - half - 1) // up
    if max(last, longest) > 0xFFFF_FFFF or last * up + half > 0xFFFF_FFFF_FFFF_FFFF:
        return None
    wide = last * up + half > 0xFFFF_FFFF
    return {
        "up": up,
        "down": down,
        "half": half,
        "first": first,
        "longest": longest,
        "last": last,
        "suffix": "ULL" if wide else "UL",
    }


def _saturating(model: Model) -> list[dict[str, Any]]:
    """Runs of states that nothing but the ends of their range bounds, with these ends.

    Of a state of 32 bits the upper half is at its end: the lower one may then be anything.
    """
    found: list[dict[str, Any]] = []
    at = 0
    for (saturates, lo, hi, bits), run in itertools.groupby(
        model.states, lambda c: (c.saturates, c.lo, c.hi, c.bits)
    ):
        count = len(list(run))
        unit = (1 << 16) if bits == 32 else 1
        if saturates:
            ends = {"lo": lo + unit - 1, "hi": hi - unit + 1}
            found.append(_loop(at, at + count) | ends)
        at += count
    return found


def _float(value: float) -> str:
    """A float literal of C that is read back as the float32 nearest to a value."""
    text = f"{value:.9g}"
    return f"{text}F" if _has_point(text) else f"{text}.0F"


def _double(value: float) -> str:
    """A double literal of C that is read back as this value."""
    text = repr(float(value))
    return text if _has_point(text) else f"{text}.0"


def _has_point(text: str) -> bool:
    return any(mark in text for mark in ".e")
