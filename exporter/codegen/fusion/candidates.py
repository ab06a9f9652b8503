"""What `fuse` asks about the steps of a program: which share a table, which feed one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from elegans.exporter.codegen.program import FusedLayer, LayerCall, ProgramStep
from elegans.exporter.ir.fixed_model import Step
from elegans.exporter.ops.any_function import AnyFunction
from elegans.exporter.ops.linear import Linear


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


def saturating(call: ProgramStep) -> LayerCall:
    """A fused layer with kernels that saturate, whatever its weights can reach."""
    assert isinstance(call, LayerCall)
    assert isinstance(call.op, FusedLayer)
    maps = tuple(replace(one, saturates=True) for one in call.op.maps)
    return replace(call, op=replace(call.op, maps=maps))
