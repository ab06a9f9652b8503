"""The scratch buffer of a run of fused layers: where their vectors lie while they are computed.

A fused layer reads from the states or from the run's own buffer, into which is copied what lies
elsewhere, and leaves its result in one of the two.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from elegans.exporter.codegen.placement import Place, Placement, blocks
from elegans.exporter.codegen.program import (
    BLOCK,
    CompactLayer,
    FusedLayer,
    LayerCall,
    Program,
)
from elegans.exporter.codegen.solver.unfolds import Unfolds
from elegans.exporter.ir.fixed_model import Argument, Window

_STATE = "s->v"
_MOST_INPUTS = 512  # of a layer; M0 keeps them as words, in 2 kB of stack


@dataclass(frozen=True)
class Scratch:
    """Places of a run's vectors; the array `v` is that of the states, `scratch` the buffer.

    size     of the buffer, in elements
    sources  for each argument: where its windows are read
    targets  for each step: where its result is written
    fetched  (offset in scratch, place, size) of what is copied into it before the run
    left     the same of what is copied out of it after the run, for steps that come later
    kept     by the name of a buffer that this run is the first to write: where it lies in scratch,
             to stay there for steps that come later
    """

    size: int
    sources: dict[Argument, dict[Window, Place]]
    targets: dict[str, Place]
    fetched: list[tuple[int, Place, int]]
    left: list[tuple[int, Place, int]]
    kept: dict[str, int]


def misplaced(program: Program, placement: Placement) -> set[str]:
    """The layers that no kernel can execute, by name.

    A fused layer must not have more inputs than M0 has a stack for; and if its inputs have to
    be copied together first, none of them may be made in its own run. A compact layer must
    read states and write states. Each argument of a solver must lie in one piece.
    """
    found = set()
    for block in blocks(program):
        made = {step.name for step in block}
        for step in block:
            argument = step.inputs[0]
            if isinstance(step.op, FusedLayer):
                own = any(window.vector in made for window in argument)
                wide = sum(window.size for window in argument) > _MOST_INPUTS
                if wide or (own and not _together(argument, placement)):
                    found.add(step.name)
            elif isinstance(step.op, Unfolds):
                if any(placement.address(argument) is None for argument in step.inputs):
                    found.add(step.name)
            elif isinstance(step.op, CompactLayer):
                source, target = placement.address(argument), placement.places[step.name]
                if source is None or {source.array, target.array} != {_STATE}:
                    found.add(step.name)
    return found


def scratch(steps: Sequence[LayerCall], program: Program, placement: Placement) -> Scratch:
    """The places of a run's vectors."""
    made = {step.name: placement.places[step.name] for step in steps}
    arguments = dict.fromkeys(step.inputs[0] for step in steps)
    near = [argument for argument in arguments if _together(argument, placement)]
    foreign = {placement.at(w).array for a in near for w in a if w.vector not in made} - {_STATE}
    copied = {local.name: local.size for local in placement.locals if local.name in foreign}
    whole = {local.name: local.size for local in placement.locals}
    sizes = dict(copied)
    for step in steps:
        place = made[step.name]
        if place.array != _STATE:  # several vectors may share one buffer
            most = max(sizes.get(place.array, 0), whole.get(place.array, 0))
            sizes[place.array] = max(most, place.offset + rows(step.size))
    size = max(rows(step.size) for step in steps)  # where a new state waits
    offsets = {}
    for array, most in sizes.items():
        offsets[array] = size
        size += rows(most)

    def moved(place: Place) -> Place:
        if place.array == _STATE:
            return Place("v", place.offset)
        return Place("scratch", offsets[place.array] + place.offset)

    fetched = [(offsets[array], Place(array, 0), most) for array, most in copied.items()]
    sources = {a: {w: moved(placement.at(w)) for w in a} for a in near}
    for argument in (a for a in arguments if a not in sources):
        sources[argument] = {}
        at = size
        for window in argument:
            sources[argument][window] = Place("scratch", at)
            fetched.append((at, placement.at(window), window.size))
            at += window.size
        size += rows(at - size)
    targets = {name: moved(place) for name, place in made.items()}
    beyond = [
        step
        for step in steps
        if made[step.name].array != _STATE and _read_beyond(program, step, set(made))
    ]
    first = _begun(steps, program, placement) - copied.keys()
    kept = {a: offsets[a] for a in (made[step.name].array for step in beyond) if a in first}
    left = [
        (targets[step.name].offset, made[step.name], step.size)
        for step in beyond
        if made[step.name].array not in kept
    ]
    return Scratch(size, sources, targets, fetched, left, kept)


def _begun(steps: Sequence[LayerCall], program: Program, placement: Placement) -> set[str]:
    """The local buffers that no step before these writes."""
    before = program.steps[: min(program.index[step.name] for step in steps)]
    written = {placement.places[step.name].array for step in before}
    return {local.name for local in placement.locals} - written


def rows(size: int) -> int:
    """The elements that so many rows take: rows come in blocks, and buffers start at a word."""
    return -(-size // BLOCK) * BLOCK


def _together(argument: Argument, placement: Placement) -> bool:
    """Whether windows lie in one array, apart from each other, with little between them."""
    stretches = sorted((placement.at(w).array, placement.at(w).offset, w.size) for w in argument)
    apart = all(a[1] + a[2] <= b[1] for a, b in itertools.pairwise(stretches))
    span = stretches[-1][1] + stretches[-1][2] - stretches[0][1]
    one = stretches[0][0] == stretches[-1][0]
    near = stretches[0][0] == _STATE or "->" not in stretches[0][0]  # images are not fetched whole
    return one and near and apart and 4 * span <= 5 * sum(w.size for w in argument)


def _read_beyond(program: Program, step: LayerCall, own: set[str]) -> bool:
    read = program.read_by([s for s in program.steps if s.name not in own])
    return any(w.vector == step.name for w in (*read, *program.results))
