"""What the graph alone cannot tell: names, units, and the ranges of inputs and of time.

The trainer writes it into the ONNX file's metadata under the key `elegans`; the command
line can override it. A model file is hostile: everything here is checked, and what ends up
in generated C has the shape of an identifier.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from elegans.exporter.errors import ElegansError

METADATA_KEY = "elegans"
"""The key of the ONNX file's metadata under which `to_metadata` is stored."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
# What the runtime's and the firmware's own functions begin with.
_TAKEN = frozenset(("board", "cortex", "el", "fault", "serial", "uart"))
_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_UNIT = re.compile(r"[A-Za-z0-9/%^²³°µ.() -]{0,16}")
_LARGEST = 1e30  # fixed.widest_frac reaches just as far
Range = tuple[float, float]


@dataclass(frozen=True)
class Signal:
    """A named quantity with a unit and, where the file or the user says so, a range."""

    name: str
    unit: str = ""
    range: Range | None = None


@dataclass(frozen=True)
class Interface:
    """A model's name and signals. `dt_fixed` is the sample period when it never varies."""

    name: str
    inputs: tuple[Signal, ...]
    outputs: tuple[Signal, ...]
    dt: Signal
    dt_fixed: float | None = None
    layers: tuple[tuple[str, int], ...] = ()


def from_metadata(text: str | None, name: str, inputs: int, outputs: int) -> Interface:
    """The interface that an ONNX file declares; plain names where it declares nothing."""
    place = "the model's metadata key 'elegans'"
    if text is None:
        return Interface(
            name=valid_name(name),
            inputs=tuple(Signal(f"x{i}") for i in range(inputs)),
            outputs=tuple(Signal(f"y{i}") for i in range(outputs)),
            dt=Signal("dt", "s"),
        )
    try:
        data = json.loads(text)
        found = Interface(
            name=valid_name(data["name"]),
            inputs=tuple(_signal(entry) for entry in data["inputs"]),
            outputs=tuple(_signal(entry) for entry in data["outputs"]),
            dt=_time(data["dt"]) if data.get("dt") else Signal("dt", "s"),
            layers=tuple((_label(e["name"]), int(e["size"])) for e in data.get("layers", [])),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ElegansError(
            place, f"is not what elegans writes ({error!r})", "export the model again"
        ) from None
    for what, signals, count in (
        ("inputs", found.inputs, inputs),
        ("outputs", found.outputs, outputs),
    ):
        if len(signals) != count:
            raise ElegansError(
                place,
                f"describes {len(signals)} {what}, the graph has {count}",
                "export the model again",
            )
        macros = [m for s in signals for m in (s.name.upper(), f"{s.name.upper()}_FRAC")]
        if len(set(macros)) != len(macros):
            raise ElegansError(place, f"two {what} have the same name in C", "name them apart")
    return found


def to_metadata(interface: Interface, more: Mapping[str, Any] | None = None) -> str:
    """The JSON document that `from_metadata` reads, with sorted keys: equal input, equal bytes.

    `more` adds entries that only people read, such as the wiring.
    """
    document = {
        "schema": 1,
        "name": interface.name,
        "inputs": [_entry(signal) for signal in interface.inputs],
        "dt": {k: v for k, v in _entry(interface.dt).items() if k != "name"},
        "outputs": [_entry(signal) for signal in interface.outputs],
        "layers": [{"name": name, "size": size} for name, size in interface.layers],
        **(more or {}),
    }
    return json.dumps(document, separators=(",", ":"), sort_keys=True)


def _entry(signal: Signal) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": signal.name, "unit": signal.unit}
    return entry if signal.range is None else {**entry, "range": [float(v) for v in signal.range]}


def with_ranges(
    interface: Interface, inputs: list[Range], dt: Range | None, dt_fixed: float | None
) -> Interface:
    """The interface with the user's own ranges: one for all inputs, or one a channel."""
    if inputs and len(inputs) not in (1, len(interface.inputs)):
        raise ElegansError(
            "--input-range",
            f"given {len(inputs)} times, the model has {len(interface.inputs)} inputs",
            "give it once for all of them, or once for each in their order",
        )
    if inputs:
        ranges = inputs * len(interface.inputs) if len(inputs) == 1 else inputs
        signals = zip(interface.inputs, ranges, strict=True)
        interface = replace(
            interface, inputs=tuple(replace(s, range=checked(s.name, r)) for s, r in signals)
        )
    if dt is not None:
        interface = replace(interface, dt=replace(interface.dt, range=_checked_time(dt)))
    if dt_fixed is not None:
        if not (math.isfinite(dt_fixed) and dt_fixed > 0):
            raise ElegansError("--dt", f"is {dt_fixed:g}", "give the sample period, above zero")
        interface = replace(interface, dt_fixed=dt_fixed)
    return interface


def checked(place: str, bounds: Range) -> Range:
    """A range of finite numbers in ascending order."""
    lo, hi = float(bounds[0]), float(bounds[1])
    if not (math.isfinite(lo) and math.isfinite(hi) and lo < hi):
        raise ElegansError(
            f"the range of {place}", f"{lo:g}:{hi:g} is empty or not finite", "give LO:HI, LO < HI"
        )
    if max(abs(lo), abs(hi)) > _LARGEST:
        raise ElegansError(
            f"the range of {place}", f"{lo:g}:{hi:g} ends beyond {_LARGEST:g}", "take another unit"
        )
    return lo, hi


def _checked_time(bounds: Range) -> Range:
    lo, hi = checked("dt", bounds)
    if lo < 0:
        raise ElegansError("the range of dt", f"starts at {lo:g}", "elapsed time is never negative")
    return lo, hi


def valid_name(name: str) -> str:
    """A model's name: it becomes the prefix of the generated C, none of elegans' own."""
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.split("_")[0] in _TAKEN:
        raise ElegansError(
            f"the model name {name!r:.60}",
            "cannot be a prefix in C",
            "choose one with --name: a-z, 0-9 and _, at most 31, no prefix of elegans' own C",
        )
    return name


def _time(entry: dict[str, Any]) -> Signal:
    signal = _signal({**entry, "name": "dt"})
    return replace(signal, range=_checked_time(signal.range)) if signal.range else signal


def _signal(entry: dict[str, Any]) -> Signal:
    name, unit, bounds = _label(entry["name"]), entry.get("unit", ""), entry.get("range")
    if not isinstance(unit, str) or not _UNIT.fullmatch(unit):
        raise ValueError(f"unit {unit!r:.40}")
    if bounds is None:
        return Signal(name, unit)
    lo, hi = bounds
    return Signal(name, unit, checked(name, (lo, hi)))


def _label(name: Any) -> str:
    if not isinstance(name, str) or not _LABEL.fullmatch(name):
        raise ValueError(f"name {name!r:.60}")
    return name
