"""The interface of a network that is about to be trained, checked before the training starts.

The exporter proves its integer ranges from these declared ranges alone. They travel in the ONNX
file's metadata (`exporter.ir.interface`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.interface import Interface, Signal, checked_range, valid_name

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
