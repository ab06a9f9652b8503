"""The interface of a network that is about to be trained, checked before the training starts.

The exporter proves its integer ranges from these declared ranges alone. They travel in the ONNX
file's metadata (`exporter.ir.interface`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.interface import (
    Interface,
    Range,
    Signal,
    checked_range,
    is_label,
    is_unit,
    valid_name,
)

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

    names   one for each, or None for x0, x1, ... and y0, y1, ...
    units   one for all, or one for each
    ranges  (lowest, highest) of all, one for each, or None

    Raises ElegansError for another number of them, and for names or units that cannot stand in C.
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
    macros: set[str] = set()
    for name in each_name:
        own = {str(name).upper(), f"{str(name).upper()}_FRAC"}
        if not is_label(name) or own & macros:
            fact = "is there twice in C" if own & macros else "cannot stand in C"
            remedy = "at most 40 letters, digits and _, and a letter first; each only once"
            raise ElegansError(f"export_onnx, {what} {name!r:.60}", fact, remedy)
        macros |= own
    return tuple(
        Signal(name, unit(f"{what}_units", text), bounds)
        for name, text, bounds in zip(each_name, each_unit, each_range, strict=True)
    )


def unit(place: str, text: str) -> str:
    """`text`, if it can be the unit of a signal. Raises ElegansError otherwise."""
    if not is_unit(text):
        remedy = "at most 16 letters, digits, spaces and /%^²³°µ.()-"
        raise ElegansError(f"export_onnx, {place}", f"{text!r:.40} cannot be a unit", remedy)
    return text
