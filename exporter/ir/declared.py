"""What the user declares beside the file: ranges, the sample period, raw counts as inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from elegans.exporter.errors import WrongUseError
from elegans.exporter.ir.interface import (
    Interface,
    Range,
    checked_range,
    checked_time,
    raw_signal,
)
from elegans.exporter.ir.raw_format import RawFormat


def with_ranges(
    interface: Interface, inputs: list[Range], dt: Range | None, dt_fixed: float | None
) -> Interface:
    """The interface with the ranges that the user gave, each of which overrides the file's.

    inputs    none, one range for all inputs, or one for each input in order
    dt        the range of elapsed time, or None
    dt_fixed  a constant sample period, or None

    Raises `WrongUseError` for ranges that are empty, infinite, or of the wrong number.
    """
    if inputs and len(inputs) not in (1, len(interface.inputs)):
        raise WrongUseError(
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
        interface = replace(interface, dt=replace(interface.dt, range=checked_time(dt)))
    if dt_fixed is not None:
        if not (math.isfinite(dt_fixed) and dt_fixed > 0):
            raise WrongUseError(
                "--dt", f"is {dt_fixed:g}", "give the sample period, a number above zero"
            )
        interface = replace(interface, dt_fixed=dt_fixed)
    return interface


def with_named_ranges(interface: Interface, ranges: Sequence[tuple[str, Range]]) -> Interface:
    """The interface with the ranges of single inputs, by their names.

    Raises `WrongUseError` for a name that no input has, or a range that is empty or infinite.
    """
    chosen, names = dict(ranges), [signal.name for signal in interface.inputs]
    for name in chosen:
        if name not in names:
            remedy = f"choose from {', '.join(names):.200}"
            raise WrongUseError("--input-range", f"no input is called {name!r:.40}", remedy)
    return replace(
        interface,
        inputs=tuple(
            replace(s, range=checked_range(s.name, chosen[s.name])) if s.name in chosen else s
            for s in interface.inputs
        ),
    )


def with_output_ranges(
    interface: Interface, ranges: Sequence[tuple[str | None, Range]]
) -> Interface:
    """The interface with the ranges at whose ends outputs saturate: (name or None, range).

    A name of None stands for all outputs; what comes later goes before.

    Raises `WrongUseError` for a name that no output has.
    """
    names = [signal.name for signal in interface.outputs]
    chosen: dict[str, Range] = {}
    for name, ends in ranges:
        if name is not None and name not in names:
            remedy = f"choose from {', '.join(names):.200}"
            raise WrongUseError("--output-range", f"no output is called {name!r:.40}", remedy)
        chosen |= dict.fromkeys(names if name is None else [name], ends)
    return replace(
        interface,
        outputs=tuple(
            replace(s, range=checked_range(s.name, chosen[s.name])) if s.name in chosen else s
            for s in interface.outputs
        ),
    )


def with_formats(
    interface: Interface, formats: Sequence[tuple[str | None, RawFormat]]
) -> Interface:
    """The interface with raw counts as inputs, as the user declared them: (name or None, format).

    Without names it is one format for all inputs, or one for each in order. A format without ends
    stands for the declared range of its input, and an input without a range gets the format's.

    Raises `WrongUseError` for a name that no input has, and for a wrong number of formats.
    """
    names = [signal.name for signal in interface.inputs]
    given = [name for name, _ in formats]
    if not any(given) and len(formats) in (1, len(names)):
        each = [formats[0][1]] * len(names) if len(formats) == 1 else [f for _, f in formats]
        chosen = dict(zip(names, each, strict=True))
    elif all(name in names for name in given) and len(set(given)) == len(given):
        chosen = {str(name): found for name, found in formats}
    else:
        raise WrongUseError(
            "--input-format",
            f"given for {', '.join(name or 'all inputs' for name in given):.80}, the model has "
            f"{', '.join(names):.200}",
            "give it once for all inputs, once for each input in order, or by NAME=",
        )
    return replace(
        interface,
        inputs=tuple(
            raw_signal(s, chosen[s.name]) if s.name in chosen else s for s in interface.inputs
        ),
    )
