"""What an ONNX graph does not say: names, units, and the ranges of inputs and elapsed time.

The trainer writes them into the ONNX file's metadata under the key `elegans`, as JSON; the
command line can override them. Model files are not trusted: everything is checked here, and
every name that appears in generated C is a plain identifier.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.raw_format import RawFormat, raw_format
from elegans.exporter.numbers.fixed import LARGEST_REAL

METADATA_KEY = "elegans"
"""The key of the ONNX file's metadata under which `to_metadata` is stored."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
# The first words of the names of the runtime's and the firmware's own C functions.
_TAKEN = frozenset(("board", "cortex", "el", "fault", "serial", "uart"))
_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_PORT = re.compile(r"[!-~]{1,80}")  # what ONNX calls a tensor, as in `/rnn/hx.1`
_UNIT = re.compile(r"[A-Za-z0-9/%^²³°µ.() -]{0,16}")
Range = tuple[float, float]  # (least, greatest), in the unit of a signal


@dataclass(frozen=True)
class Signal:
    """A named quantity with its unit and its range; the range is None if nobody gave one.

    format  of an input that is a sensor's raw count; None for a real value
    """

    name: str
    unit: str = ""
    range: Range | None = None
    format: RawFormat | None = None


@dataclass(frozen=True)
class StateRange:
    """Where a state saturates that no theorem bounds.

    ends  (least, greatest) of its values
    why   where they are from, for report.txt
    """

    ends: Range
    why: str


@dataclass(frozen=True)
class Interface:
    """A model's name and signals.

    inputs, outputs  one signal for each element of x and y
    dt               elapsed time
    dt_fixed         the sample period, in dt's unit, if it is a constant of the model
    layers           (name, size) of the groups of states, as the trainer names them
    declared_states  (name or None, range) of states that saturate, as the file declares them: see
                     `exporter.state_ranges`
    states           for each state, where it saturates or None; () if none does
    """

    name: str
    inputs: tuple[Signal, ...]
    outputs: tuple[Signal, ...]
    dt: Signal
    dt_fixed: float | None = None
    layers: tuple[tuple[str, int], ...] = ()
    declared_states: tuple[tuple[str | None, Range], ...] = ()
    states: tuple[StateRange | None, ...] = ()


def from_metadata(text: str | None, name: str, inputs: int, outputs: int) -> Interface:
    """The interface that an ONNX file declares, or x0, x1, ..., y0, ... if it declares none.

    text             the value of the metadata key `elegans`, or None
    name             the model's name if the file does not give one
    inputs, outputs  the sizes of x and y in the graph, which the declaration must match

    Raises `ElegansError` for a declaration that is malformed or does not match.
    """
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
            inputs=tuple(_input(entry) for entry in data["inputs"]),
            outputs=tuple(_signal(entry) for entry in data["outputs"]),
            dt=_time(data["dt"]) if data.get("dt") else Signal("dt", "s"),
            layers=tuple((_label(e["name"]), int(e["size"])) for e in data.get("layers", [])),
            declared_states=tuple(_state(entry) for entry in data.get("states", [])),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ElegansError(
            place, f"is not a valid declaration ({error!r})", "export the model again"
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
            raise ElegansError(place, f"two {what} have the same name in C", "rename one of them")
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
    if interface.declared_states:
        document["states"] = [
            ({} if name is None else {"name": name}) | {"range": [float(v) for v in ends]}
            for name, ends in interface.declared_states
        ]
    return json.dumps(document, separators=(",", ":"), sort_keys=True)


def _entry(signal: Signal) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": signal.name, "unit": signal.unit}
    if signal.range is not None:
        entry["range"] = [float(v) for v in signal.range]
    return entry if signal.format is None else {**entry, "format": str(signal.format)}


def with_ranges(
    interface: Interface, inputs: list[Range], dt: Range | None, dt_fixed: float | None
) -> Interface:
    """The interface with the ranges that the user gave, each of which overrides the file's.

    inputs    none, one range for all inputs, or one for each input in order
    dt        the range of elapsed time, or None
    dt_fixed  a constant sample period, or None

    Raises `ElegansError` for ranges that are empty, infinite, or of the wrong number.
    """
    if inputs and len(inputs) not in (1, len(interface.inputs)):
        raise ElegansError(
            "--input-range",
            f"given {len(inputs)} times, the model has {len(interface.inputs)} inputs",
            "give it once for all inputs, or once for each input in order",
        )
    if inputs:
        ranges = inputs * len(interface.inputs) if len(inputs) == 1 else inputs
        signals = zip(interface.inputs, ranges, strict=True)
        interface = replace(
            interface, inputs=tuple(replace(s, range=checked_range(s.name, r)) for s, r in signals)
        )
    if dt is not None:
        interface = replace(interface, dt=replace(interface.dt, range=_checked_time(dt)))
    if dt_fixed is not None:
        if not (math.isfinite(dt_fixed) and dt_fixed > 0):
            raise ElegansError(
                "--dt", f"is {dt_fixed:g}", "give the sample period, a number above zero"
            )
        interface = replace(interface, dt_fixed=dt_fixed)
    return interface


def with_formats(
    interface: Interface, formats: Sequence[tuple[str | None, RawFormat]]
) -> Interface:
    """The interface with raw counts as inputs, as the user declared them: (name or None, format).

    Without names it is one format for all inputs, or one for each in order. A format without ends
    stands for the declared range of its input, and an input without a range gets the format's.

    Raises `ElegansError` for a name that no input has, and for a wrong number of formats.
    """
    names = [signal.name for signal in interface.inputs]
    given = [name for name, _ in formats]
    if not any(given) and len(formats) in (1, len(names)):
        each = [formats[0][1]] * len(names) if len(formats) == 1 else [f for _, f in formats]
        chosen = dict(zip(names, each, strict=True))
    elif all(name in names for name in given) and len(set(given)) == len(given):
        chosen = {str(name): found for name, found in formats}
    else:
        raise ElegansError(
            "--input-format",
            f"given for {', '.join(name or 'all inputs' for name in given):.80}, the model has "
            f"{', '.join(names):.200}",
            "give it once for all inputs, once for each input in order, or by NAME=",
        )
    return replace(
        interface,
        inputs=tuple(_raw(s, chosen[s.name]) if s.name in chosen else s for s in interface.inputs),
    )


def _raw(signal: Signal, form: RawFormat) -> Signal:
    """The signal as a raw count. Raises `ElegansError` if neither it nor the format has a range."""
    bounds = form.range or signal.range
    if bounds is None:
        raise ElegansError(
            f"input {signal.name!r}",
            f"has no range that {form} could stand for",
            f"give --input-format {signal.name}={form}:LO:HI",
        )
    return replace(signal, range=signal.range or bounds, format=replace(form, range=bounds))


def checked_range(place: str, bounds: Range) -> Range:
    """`bounds`, if both are finite, in ascending order and not beyond `LARGEST_REAL`.

    Raises `ElegansError` naming `place` otherwise.
    """
    lo, hi = float(bounds[0]), float(bounds[1])
    if not (math.isfinite(lo) and math.isfinite(hi) and lo < hi):
        raise ElegansError(
            f"the range of {place}", f"{lo:g}:{hi:g} is empty or not finite", "give LO:HI, LO < HI"
        )
    if max(abs(lo), abs(hi)) > LARGEST_REAL:
        raise ElegansError(
            f"the range of {place}",
            f"{lo:g}:{hi:g} ends beyond {LARGEST_REAL:g}",
            "take another unit",
        )
    return lo, hi


def _checked_time(bounds: Range) -> Range:
    lo, hi = checked_range("dt", bounds)
    if lo < 0:
        raise ElegansError("the range of dt", f"starts at {lo:g}", "elapsed time is never negative")
    return lo, hi


def valid_name(name: str) -> str:
    """`name`, if it can be the prefix of all names in the generated C.

    It is 1 to 31 of a-z, 0-9 and _, begins with a letter, and its first word is not one that
    elegans' own C functions begin with. Raises `ElegansError` otherwise.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.split("_")[0] in _TAKEN:
        raise ElegansError(
            f"the model name {name!r:.60}",
            "cannot be a prefix in C",
            "choose one with --name: at most 31 of a-z, 0-9 and _, and no first word that elegans' "
            f"own C has ({', '.join(sorted(_TAKEN))})",
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
    return Signal(name, unit, checked_range(name, (lo, hi)))


def _input(entry: dict[str, Any]) -> Signal:
    signal, form = _signal(entry), entry.get("format")
    return signal if form is None else _raw(signal, raw_format(form))


def _state(entry: dict[str, Any]) -> tuple[str | None, Range]:
    """A state's range by the name of its port or layer; without a name, that of all."""
    name = entry.get("name")
    if name is not None and not (isinstance(name, str) and _PORT.fullmatch(name)):
        raise ValueError(f"state {name!r:.60}")
    lo, hi = entry["range"]
    return name, checked_range("states" if name is None else f"state {name!r}", (lo, hi))


def _label(name: Any) -> str:
    if not isinstance(name, str) or not _LABEL.fullmatch(name):
        raise ValueError(f"name {name!r:.60}")
    return name
