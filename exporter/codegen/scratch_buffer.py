"""Where the vectors of a run of layers lie while it is executed: among the states, or in a
buffer of the run's own, into which it copies what lies elsewhere."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from elegans.exporter.codegen import placement
from elegans.exporter.codegen.fused_ops import BLOCK, FUSED, Layer
from elegans.exporter.codegen.placement import Place
from elegans.exporter.ir.fixed_model import Argument, Model, Step, Window

_STATE = "s->v"
_MOST_INPUTS = 512


@dataclass(frozen=True)
class Scratch:
    """`v` stands for the states, `scratch` for the buffer.

    sources  of each argument: where its windows are read
    targets  of each step: where its result goes
    fetched  (offset in scratch, place, size) of what is copied there first
    left     and of what is copied from there, for those who come after the run
    """

    size: int
    sources: dict[Argument, dict[Window, Place]]
    targets: dict[str, Place]
    fetched: list[tuple[int, Place, int]]
    left: list[tuple[int, Place, int]]


def misplaced(model: Model, plan: placement.Plan) -> set[str]:
    """The layers that no kernel can execute: each must have no more inputs than M0 has a stack
    for, and if they are brought together first, none from its own run; a compact layer goes
    from states to states."""
    found = set()
    for block in placement.blocks(model):
        made = {step.name for step in block}
        for step in block:
            argument = step.inputs[0]
            if isinstance(step.op, Layer):
                own = any(window.vector in made for window in argument)
                wide = sum(window.size for window in argument) > _MOST_INPUTS
                if wide or (own and not _together(argument, plan)):
                    found.add(step.name)
            elif isinstance(step.op, FUSED):
                source, target = plan.address(argument), plan.places[step.name]
                if source is None or {source.array, target.array} != {_STATE}:
                    found.add(step.name)
    return found


def scratch(steps: list[Step], model: Model, plan: placement.Plan) -> Scratch:
    """The places of a run's vectors."""
    made = {step.name: plan.places[step.name] for step in steps}
    arguments = dict.fromkeys(step.inputs[0] for step in steps)
    near = [argument for argument in arguments if _together(argument, plan)]
    foreign = {plan.at(w).array for a in near for w in a if w.vector not in made} - {_STATE}
    copied = {local.name: local.size for local in plan.locals if local.name in foreign}
    sizes = dict(copied)
    for step in steps:
        place = made[step.name]
        if place.array != _STATE:  # several may take turns in it
            sizes[place.array] = max(sizes.get(place.array, 0), place.offset + rows(step.size))
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
    sources = {a: {w: moved(plan.at(w)) for w in a} for a in near}
    for argument in (a for a in arguments if a not in sources):
        sources[argument] = {}
        at = size
        for window in argument:
            sources[argument][window] = Place("scratch", at)
            fetched.append((at, plan.at(window), window.size))
            at += window.size
        size += rows(at - size)
    targets = {name: moved(place) for name, place in made.items()}
    left = [
        (targets[step.name].offset, made[step.name], step.size)
        for step in steps
        if made[step.name].array != _STATE and _read_beyond(model, step, set(made))
    ]
    return Scratch(size, sources, targets, fetched, left)


def rows(size: int) -> int:
    """Rows come in blocks, and every buffer starts at a word."""
    return -(-size // BLOCK) * BLOCK


def _together(argument: Argument, plan: placement.Plan) -> bool:
    """Whether windows lie in one array, apart from each other, with little between them."""
    stretches = sorted((plan.at(w).array, plan.at(w).offset, w.size) for w in argument)
    apart = all(a[1] + a[2] <= b[1] for a, b in itertools.pairwise(stretches))
    span = stretches[-1][1] + stretches[-1][2] - stretches[0][1]
    one = stretches[0][0] == stretches[-1][0]
    return one and apart and 4 * span <= 5 * sum(w.size for w in argument)


def _read_beyond(model: Model, step: Step, own: set[str]) -> bool:
    read = [w for s in model.steps if s.name not in own for a in s.inputs for w in a]
    return any(w.vector == step.name for w in (*read, *model.y, *model.h_next))
