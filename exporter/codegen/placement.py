"""Where each vector lives in C, so that joining and slicing cost nothing.

The clamped input and the state share one array, `v`, side by side in the order in which
the layers read them; a layer's new state takes its old one's place as soon as nobody reads
that any more. So what the graph spells as Concat is an address. Everything else is local
to a block, and an element-wise kernel works in the buffer of its first input.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from elegans.exporter.ir.fixed_model import Argument, Model, Step, Window


@dataclass(frozen=True)
class Place:
    """`array[offset]`: the address of a vector's first element."""

    array: str
    offset: int

    def __str__(self) -> str:
        return f"&{self.array}[{self.offset}]" if self.offset else self.array


@dataclass(frozen=True)
class Local:
    """A buffer on the stack; `block` is the one that it lives in, None for the whole step."""

    name: str
    size: int
    block: int | None


@dataclass(frozen=True)
class Plan:
    """The place of every vector, the local buffers, and the size of `v`.

    `stays` tells whether each part of h_next is computed where it belongs, or must be
    copied there at the end.
    """

    places: dict[str, Place]
    locals: tuple[Local, ...]
    state_size: int
    h: Place
    stays: tuple[bool, ...]

    def address(self, argument: Argument) -> Place | None:
        """The address of windows end to end; None if they do not lie so in memory."""
        first = self.at(argument[0])
        expected = first
        for window in argument:
            if self.at(window) != expected:
                return None
            expected = Place(expected.array, expected.offset + window.size)
        return first

    def at(self, window: Window) -> Place:
        place = self.places[window.vector]
        return Place(place.array, place.offset + window.lo)


def blocks(model: Model) -> list[list[Step]]:
    """The steps in their order, apart wherever the layer changes: the blocks of the C.

    A graph may weave its layers into each other, so a layer can have several blocks.
    """
    return [list(run) for _, run in itertools.groupby(model.steps, key=lambda step: step.group)]


def plan(model: Model) -> Plan:
    """A placement; deterministic, and the same for every target."""
    inputs, neurons = len(model.inputs), len(model.states)
    x_first = _reads(model, "x_in", "h") >= _reads(model, "h", "x_in")
    x_at, h_at = (0, inputs) if x_first else (neurons, 0)
    places = {
        "x": Place("x", 0),
        "dt": Place("&dt", 0),
        "x_in": Place("s->v", x_at),
        "h": Place("s->v", h_at),
    }
    stays, offset = [], h_at
    for window in model.h_next:
        stays.append(_replaceable(model, window, offset - h_at))
        if stays[-1]:
            places[window.vector] = Place("s->v", offset)
        offset += window.size
    if model.steps[-1].name == "y_out":
        places["y_out"] = Place("y", 0)
    return Plan(places, _locals(model, places), inputs + neurons, Place("s->v", h_at), tuple(stays))


def _reads(model: Model, first: str, second: str) -> int:
    """How often an argument has a window of `second` right behind one of `first`."""
    return sum(
        (a.vector, b.vector) == (first, second)
        for step in model.steps
        for argument in step.inputs
        for a, b in itertools.pairwise(argument)
    )


def _replaceable(model: Model, window: Window, offset: int) -> bool:
    """Whether a whole new vector can take the place of the old state at `offset`."""
    made = next((i for i, s in enumerate(model.steps) if s.name == window.vector), None)
    if made is None or (window.lo, window.hi) != (0, model.steps[made].size):
        return False
    if sum(w.vector == window.vector for w in model.h_next) != 1:
        return False
    later = [w for step in model.steps[made + 1 :] for a in step.inputs for w in a]
    return not any(
        w.vector == "h" and w.lo < offset + window.size and offset < w.hi
        for w in (*later, *model.y, *model.h_next)
    )


def _locals(model: Model, places: dict[str, Place]) -> tuple[Local, ...]:
    """Buffers for the vectors that have no place yet, shared where a kernel allows it."""
    found: dict[str, Local] = {}
    block_of = {s.name: i for i, block in enumerate(blocks(model)) for s in block}
    for number, step in enumerate(model.steps):
        if step.name in places:
            continue
        shared = _dying_input(model, number, step, places, found)
        if shared is not None:
            old = found.pop(shared)
            users = {old.block, _block(model, step, block_of)}
            own = step.inputs[0][0].vector == shared  # it takes the name of what it ends up as
            name = step.name if own else shared
            found[name] = Local(name, old.size, users.pop() if len(users) == 1 else None)
            for vector, place in places.items():
                if place.array == shared:
                    places[vector] = Place(name, place.offset)
            places[step.name] = Place(name, 0)
            continue
        local = Local(step.name, step.size, _block(model, step, block_of))
        free = _free(model, number, local, found, places)
        if free is None:
            found[step.name] = local
        places[step.name] = Place(free or step.name, 0)
    return tuple(found.values())


def _free(
    model: Model, number: int, wanted: Local, found: dict[str, Local], places: dict[str, Place]
) -> str | None:
    """A buffer of the same block and size that nothing reads from this step on."""
    later = [w for s in model.steps[number:] for a in s.inputs for w in a]
    read = {places[w.vector].array for w in (*later, *model.y, *model.h_next) if w.vector in places}
    for name, local in found.items():
        same = local.block is not None and (local.block, local.size) == (wanted.block, wanted.size)
        if same and name not in read:
            return name
    return None


def _dying_input(
    model: Model, number: int, step: Step, places: dict[str, Place], found: dict[str, Local]
) -> str | None:
    """The local buffer of the first input, if this step is the last to read it."""
    if not step.op.in_place or len(step.inputs[0]) != 1:
        return None
    window = step.inputs[0][0]
    buffer = places[window.vector]
    if buffer.array not in found or buffer.offset or found[buffer.array].size != step.size:
        return None
    if (window.lo, window.hi) != (0, step.size):
        return None
    others = [w for a in step.inputs[1:] for w in a if w.vector == window.vector]
    if any(w.lo < window.hi and w != window for w in others):
        return None  # a kernel's output may be one of its inputs, but not overlap it shifted
    later = [w for s in model.steps[number + 1 :] for a in s.inputs for w in a]
    read_again = any(w.vector == window.vector for w in (*later, *model.y, *model.h_next))
    return None if read_again else buffer.array


def _block(model: Model, step: Step, block_of: dict[str, int]) -> int | None:
    """The one block that makes and reads a vector; None if several do."""
    users = {block_of[step.name]}
    users |= {
        block_of[s.name] for s in model.steps for a in s.inputs for w in a if w.vector == step.name
    }
    outside = any(w.vector == step.name for w in (*model.y, *model.h_next))
    return users.pop() if len(users) == 1 and not outside else None
