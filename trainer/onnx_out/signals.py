"""The interface of a network that is about to be trained, checked before the training starts.

The exporter proves its integer ranges from these declared ranges alone. They travel in the ONNX
file's metadata (`exporter.ir.interface`).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from elegans.exporter.data.ranges import ranges_from, ranges_of
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.interface import (
    Interface,
    Range,
    Signal,
    checked_range,
    is_unit,
    valid_name,
)
from elegans.exporter.storage.column_names import c_names, name_and_unit

Array = npt.NDArray[np.float64]


def trained_interface(
    name: str, inputs: Sequence[Signal], dt: Signal, outputs: Sequence[Signal]
) -> Interface:
    """An `Interface` of which the exporter will accept the name and all ranges.

    inputs   one signal an input, each with a range in its unit
    dt       the elapsed time since the previous step; its range starts above zero
    outputs  one signal an output, without ranges: the exporter derives them

    Raises ElegansError for a name that cannot prefix the generated C, a missing or empty
    range, or no inputs or outputs.
    """
    valid_name(name)
    if not inputs or not outputs:
        raise ElegansError(
            f"network {name}",
            f"it has {len(inputs)} inputs and {len(outputs)} outputs",
            "declare at least one of each",
        )
    limits((*inputs, dt))
    if limits([dt])[0][0] <= 0:
        raise ElegansError(
            f"network {name}",
            f"its elapsed time starts at {limits([dt])[0][0]:g} {dt.unit}",
            "let the range of dt start above zero",
        )
    return Interface(name, tuple(inputs), tuple(outputs), dt)


def limits(signals: Sequence[Signal]) -> tuple[Array, Array]:
    """The lower and the upper end of each signal's range, [N] and [N].

    Raises ElegansError where a signal has no range, or an empty or infinite one.
    """
    ranges = []
    for signal in signals:
        if signal.range is None:
            raise ElegansError(
                f"signal {signal.name}", "it has no range", "declare one: (lowest, highest)"
            )
        ranges.append(checked_range(signal.name, signal.range))
    low, high = np.array(ranges, np.float64).T
    return low, high


def signals(
    what: str,
    count: int,
    names: Sequence[str] | None,
    units: str | Sequence[str],
    ranges: Range | Sequence[Range] | None = None,
) -> tuple[Signal, ...]:
    """The inputs or the outputs of a network, `what` says which, as the arguments of `export_onnx`.

    names   one for each, or None for x0, x1, ... and y0, y1, ...; what C does not take in them is
            replaced, with a warning
    units   one for all, or one for each; "" for those that stand behind the names, as in `temp [K]`
    ranges  (lowest, highest) of all, one for each, or None

    Raises ElegansError for another number of them, two equal names, and units that cannot stand
    in C.
    """
    letter = {"input": "x", "output": "y"}[what]
    each_name = [f"{letter}{i}" for i in range(count)] if names is None else [*names]
    each_unit = [units] * count if isinstance(units, str) else [*units]
    one = ranges is None or (len(ranges) == 2 and not isinstance(ranges[0], Sequence))
    each_range: list[Any] = [ranges] * count if one else [*(ranges or ())]
    for kind, values in (("names", each_name), ("units", each_unit), ("ranges", each_range)):
        if len(values) != count:
            fact = f"{len(values)} {what}_{kind} for {count} {what}s"
            raise ElegansError("export_onnx", fact, "give one for each")
    labels, own_units = _in_c(what, [str(name) for name in each_name])
    if not any(each_unit):
        each_unit = own_units
    return tuple(
        Signal(name, unit(f"{what}_units", text), bounds and checked_range(name, bounds))
        for name, text, bounds in zip(labels, each_unit, each_range, strict=True)
    )


def _in_c(what: str, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names that C takes, and the units that stand behind those that were given."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        fact = "is there twice"
        raise ElegansError(f"export_onnx, {what} {twice!r:.60}", fact, "give each name once")
    parted = [name_and_unit(name) for name in names]
    labels = c_names((name for name, _ in parted), {"input": "x", "output": "y"}[what])
    for name, label in zip(names, labels, strict=True):
        if name != label:
            warnings.warn(f"{what} {name!r:.80} is called {label} in C", stacklevel=4)
    return labels, [text for _, text in parted]


def from_data(
    data: Any, count: int, names: Sequence[str] | None
) -> tuple[Sequence[str] | None, list[Range], Range | None]:
    """The names and ranges of inputs, and the range of elapsed time if it is there, from data.

    data   an array or tensor [T, I] or [N, T, I]; a DataFrame with a column for each input and
           perhaps one called dt; or the path of data as `elegans export --ranges-from` takes it
    names  of the inputs, or None for those of the columns of a DataFrame

    What is found beside the ranges is a warning. Raises ElegansError for data that do not fit.
    """
    if hasattr(data, "columns"):
        own = [str(column) for column in data.columns if str(column) not in ("dt", "run")]
        names = own if names is None else [str(name) for name in names]
    labels = _in_c("input", names)[0] if names is not None else [f"x{i}" for i in range(count)]
    if isinstance(data, (str, Path)):
        found = ranges_from(Path(data), labels)
    else:
        found = ranges_of("export_onnx, ranges_from", labels, _columns(data, names, labels))
    for told in found.told:
        warnings.warn(told, stacklevel=3)
    return names, [found.ranges[label] for label in labels], found.ranges.get("dt")


def _columns(
    data: Any, names: Sequence[str] | None, labels: Sequence[str]
) -> list[tuple[str, Array]]:
    """The values of each input, and of elapsed time if it is there."""
    try:
        if hasattr(data, "columns"):
            columns = {str(column): data[column] for column in data.columns}
            read = [
                *zip(labels, names or (), strict=True),
                *([("dt", "dt")] if "dt" in columns else ()),
            ]
            return [(label, np.asarray(columns[name], np.float64)) for label, name in read]
        x = np.asarray(data, np.float64)
        if x.ndim not in (2, 3) or x.shape[-1] != len(labels):
            raise ValueError(f"its shape is {list(x.shape)}, not [T, {len(labels)}]")
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        fact = f"cannot be read as {len(labels)} inputs ({error!s:.100})"
        remedy = "give an array [T, I], a DataFrame with their columns, or a path"
        raise ElegansError("export_onnx, ranges_from", fact, remedy) from None
    return [(label, x[..., i]) for i, label in enumerate(labels)]


def unit(place: str, text: str) -> str:
    """`text`, if it can be the unit of a signal. Raises ElegansError otherwise."""
    if not is_unit(text):
        remedy = "at most 16 letters, digits, spaces and /%^²³°µ.()-"
        raise ElegansError(f"export_onnx, {place}", f"{text!r:.40} cannot be a unit", remedy)
    return text
