"""What `fuse` asks about the steps of a program: which share a table, which feed one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from elegans.exporter.codegen.program import FusedLayer, LayerCall, ProgramStep
from elegans.exporter.ir.fixed_model import Argument, Step, Window
from elegans.exporter.ops.any_function import AnyFunction
from elegans.exporter.ops.gated_sum import GatedSum
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.mix import Mix
from elegans.exporter.ops.sigmoid import Sigmoid
from elegans.exporter.ops.tanh import Tanh
from elegans.exporter.ops.timed_linear import TimedLinear

LARGEST = 1 << 16
"""Entries of a sparse map that is still worth writing out as a dense one."""
DT: Argument = (Window("dt_in", 0, 1),)
"""Elapsed time."""


def repeated(steps: Sequence[ProgramStep]) -> set[str]:
    """Maps that occur more than once: they share one table, and a fused layer has its own."""
    found: dict[tuple[bytes, ...], list[str]] = {}
    for step in steps:
        if isinstance(step.op, Linear):
            tables = tuple(np.asarray(table.values).tobytes() for table in step.op.tables())
            found.setdefault(tables, []).append(step.name)
    return {name for names in found.values() if len(names) > 1 for name in names}


def looked_up(steps: Sequence[ProgramStep]) -> frozenset[str]:
    """The vectors that tables of any function read."""
    tables = (s for s in steps if isinstance(s, Step) and isinstance(s.op, AnyFunction))
    return frozenset(w.vector for step in tables for argument in step.inputs for w in argument)


def for_any_weights(call: ProgramStep) -> LayerCall:
    """A fused layer with kernels that saturate, whatever its weights can reach, and that read the
    scales of int8 weights even where they are 1."""
    assert isinstance(call, LayerCall)
    assert isinstance(call.op, FusedLayer)
    maps = tuple(
        replace(one, saturates=True, scales=one.scales and replace(one.scales, parted=True))
        for one in call.op.maps
    )
    return replace(call, op=replace(call.op, maps=maps))


def cfc_sums(run: Sequence[Step]) -> list[Step] | None:
    """The maps of f, g and t, if these seven steps are a layer of CfC neurons."""
    if not isinstance(run[-1].op, (Mix, GatedSum)):
        return None
    made = {s.name: s for s in run}
    sums: list[Step] = []
    used = {run[-1].name}
    for argument, kind in zip(run[-1].inputs, (Tanh, Tanh, Sigmoid), strict=True):
        part = made.get(whole_vector(argument))
        drive = made.get(whole_vector(part.inputs[0])) if part else None
        if part is None or drive is None or not isinstance(part.op, kind):
            return None
        timed = isinstance(drive.op, TimedLinear) and kind is Sigmoid
        if not ((timed and drive.inputs[1] == DT) or isinstance(drive.op, Linear)):
            return None
        sums.append(drive)
        used |= {part.name, drive.name}
    return sums if used == set(made) else None


def whole_vector(argument: Argument) -> str:
    """The name of the vector that an argument begins with, if that is all of it."""
    return argument[0].vector if len(argument) == 1 and argument[0].lo == 0 else ""
