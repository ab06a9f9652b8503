"""Which steps stay apart, and the order of steps in which fused layers follow each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elegans.exporter.codegen.program import FusedLayer, ProgramStep
from elegans.exporter.ops.linear import Linear


def gathered(steps: list[ProgramStep]) -> tuple[ProgramStep, ...]:
    """The steps, with each fused layer moved up to follow another one where it can.

    Layers that follow each other are one call, and what they read is copied to them once. A
    layer may move up past steps that make nothing that it reads.
    """
    found: list[ProgramStep] = []
    for step in steps:
        at = len(found)
        if isinstance(step.op, FusedLayer) and step is not steps[-1]:
            read = {window.vector for argument in step.inputs for window in argument}
            ready = max((i for i, s in enumerate(found) if s.name in read), default=0)
            behind = [i + 1 for i in range(ready, at) if isinstance(found[i].op, FusedLayer)]
            at = max(behind, default=at)
        found.insert(at, step)
    return tuple(found)


def repeated(steps: Sequence[ProgramStep]) -> set[str]:
    """Maps that occur more than once: they share one table, and a fused layer has its own."""
    found: dict[tuple[bytes, ...], list[str]] = {}
    for step in steps:
        if isinstance(step.op, Linear):
            tables = tuple(np.asarray(table.values).tobytes() for table in step.op.tables())
            found.setdefault(tables, []).append(step.name)
    return {name for names in found.values() if len(names) > 1 for name in names}
