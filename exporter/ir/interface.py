"""What an ONNX graph does not say: names, units, and the ranges of inputs and elapsed time.

The trainer writes them into the ONNX file's metadata under the key `elegans`, as JSON; the
command line can override them. Model files are not trusted: everything is checked here, and
every name that appears in generated C is a plain identifier.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.raw_format import RawFormat, raw_format
from elegans.exporter.numbers.fixed import LARGEST_REAL
from elegans.exporter.storage.read_files import parse_json

METADATA_KEY = "elegans"
"""The key of the ONNX file's metadata under which `to_metadata` is stored."""

_LONGEST = 1 << 24  # characters of the metadata that are read
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
# The first words of the names of the runtime's and the firmware's own C functions.
_TAKEN = frozenset(("board", "cortex", "el", "elegans", "fault", "serial", "uart"))
# The headers of C, which a header NAME.h would hide.
_HEADERS = re.compile(
    "assert|complex|ctype|errno|fenv|float|inttypes|iso646|limits|locale|math|setjmp|signal|"
    "std(align|arg|atomic|bool|def|int|io|lib|noreturn)|string|tgmath|threads|time|[uw]char|"
    "wctype"
)
# What the other files of a model end in: `car_float.h` is a header of `car`.
_OF_ANOTHER = re.compile(r"(\w+)_(clock|float|health|layers|selftest|weights)")
_LONGEST_MODEL, _KEPT = 31, 25  # characters of a model's name, and of a longer one that stay
_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_PORT = re.compile(r"[!-~]{1,80}")  # what ONNX calls a tensor, as in `/rnn/hx.1`
_UNIT = re.compile(r"[A-Za-z0-9/%^²³°µ.() -]{0,16}")
Range = tuple[float, float]  # (least, greatest), in the unit of a signal


@dataclass(frozen=True)
class Signal:
    """A named quantity with its unit and its range; the range is None if nobody gave one.

    range   of an input: it is clamped to it. Of an output: it saturates there, if it can be beyond
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
        if len(text) > _LONGEST:
            raise ValueError(f"it has {len(text)} characters")
        data = parse_json(text)
        found = Interface(
            name=valid_name(data["name"]),
            inputs=tuple(_input(entry) for entry in data["inputs"]),
            outputs=tuple(_signal(entry) for entry in data["outputs"]),
            dt=_time(data["dt"]) if data.get("dt") else Signal("dt", "s"),
            layers=tuple((_label(e["name"]), int(e["size"])) for e in data.get("layers", [])),
            declared_states=tuple(_state(entry) for entry in data.get("states", [])),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ElegansError(
            place, f"is not a valid declaration ({error!r:.120})", "export the model again"
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


def raw_signal(signal: Signal, form: RawFormat) -> Signal:
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


def checked_time(bounds: Range) -> Range:
    """`bounds` of elapsed time. Raises `ElegansError` if they are no range, or start below 0."""
    lo, hi = checked_range("dt", bounds)
    if lo < 0:
        raise ElegansError("the range of dt", f"starts at {lo:g}", "elapsed time is never negative")
    return lo, hi


def valid_name(name: str) -> str:
    """`name`, if it can be the prefix of all names in the generated C.

    It is 1 to 31 of a-z, 0-9 and _, begins with a letter, its first word is not one that
    elegans' own C functions begin with, and it is not the name of one of C's own headers or of
    a file that another model may have. Raises `ElegansError` otherwise.
    """
    if isinstance(name, str) and _HEADERS.fullmatch(name):
        raise ElegansError(
            f"the model name {name!r}",
            f"would make a header {name}.h, which C has itself",
            f"choose another with --name, such as {name}_model",
        )
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.split("_")[0] in _TAKEN:
        raise ElegansError(
            f"the model name {name!r:.60}",
            "cannot be a prefix in C",
            "choose one with --name: a letter and up to 30 more of a-z, 0-9 and _, no first word "
            f"that elegans' own C has ({', '.join(sorted(_TAKEN))})",
        )
    if found := _OF_ANOTHER.fullmatch(name):
        raise ElegansError(
            f"the model name {name!r}",
            f"is what a file of a model {found[1]!r} is called",
            f"choose another with --name, such as {name[:_KEPT]}_model",
        )
    return name


def model_name(text: str) -> str:
    """A model's name from that of a file without its suffix: `My-model.v2` -> `my_model_v2`."""
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    name = name if len(name) <= _LONGEST_MODEL else name[:_KEPT].strip("_")
    for usable in (name, f"model_{name[:_KEPT]}".rstrip("_"), f"{name[:_KEPT]}_model"):
        with suppress(ElegansError):
            return valid_name(usable)
    return "model"


def is_label(name: object) -> bool:
    """Whether `name` can be that of a signal: it becomes part of macros in C."""
    return isinstance(name, str) and bool(_LABEL.fullmatch(name))


def is_unit(text: object) -> bool:
    """Whether `text` can be the unit of a signal: it stands in comments of the C."""
    return isinstance(text, str) and bool(_UNIT.fullmatch(text))


def _time(entry: dict[str, Any]) -> Signal:
    signal = _signal({**entry, "name": "dt"})
    return replace(signal, range=checked_time(signal.range)) if signal.range else signal


def _signal(entry: dict[str, Any]) -> Signal:
    name, unit, bounds = _label(entry["name"]), entry.get("unit", ""), entry.get("range")
    if not is_unit(unit):
        raise ValueError(f"unit {unit!r:.40}")
    if bounds is None:
        return Signal(name, unit)
    lo, hi = bounds
    return Signal(name, unit, checked_range(name, (lo, hi)))


def _input(entry: dict[str, Any]) -> Signal:
    signal, form = _signal(entry), entry.get("format")
    return signal if form is None else raw_signal(signal, raw_format(form))


def _state(entry: dict[str, Any]) -> tuple[str | None, Range]:
    """A state's range by the name of its port or layer; without a name, that of all."""
    name = entry.get("name")
    if name is not None and not (isinstance(name, str) and _PORT.fullmatch(name)):
        raise ValueError(f"state {name!r:.60}")
    lo, hi = entry["range"]
    return name, checked_range("states" if name is None else f"state {name!r}", (lo, hi))


def _label(name: Any) -> str:
    if not is_label(name):
        raise ValueError(f"name {name!r:.60}")
    return str(name)
