"""The order of steps, in which more of them can be computed together.

Any order in which a step follows what it reads gives the same bits.
"""

from __future__ import annotations

from elegans.exporter.codegen.program import (
    FusedLayer,
    Program,
    ProgramStep,
    elements,
    elementwise,
    windows_of,
)


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


def delayed(program: Program) -> tuple[ProgramStep, ...]:
    """The steps, with each element-wise one moved down to the one that reads it first, if that is
    element-wise, too: one loop can then compute both.

    What reads states stays, since they could be overwritten; and so do loops.
    """
    steps = list(program.steps)
    for step in reversed(program.steps):
        at = steps.index(step)
        readers = [
            i for i, s in enumerate(steps) if step.name in {w.vector for w in windows_of([s])}
        ]
        states = any(window.vector == "h" for window in windows_of([step]))
        if not elementwise(step) or states or not readers or readers[0] == at + 1:
            continue
        reader = steps[readers[0]]
        alike = elementwise(reader) and elements(reader) == elements(step)
        if alike and program.loop(step) is None and program.loop(reader) is None:
            steps.insert(readers[0] - 1, steps.pop(at))
    return tuple(steps)
