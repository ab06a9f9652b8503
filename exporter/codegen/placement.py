"""Placement: where each vector lives in C, so that joining and slicing cost nothing.

The clamped input and the state share one array, `v`, side by side in the order in which the
layers read them; a layer's new state takes the place of the old one as soon as nothing reads that
any more. So what the graph spells as Concat is an address. Every other vector is a local buffer,
and a kernel that may overwrite its first input does so where nothing else reads it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from elegans.exporter.codegen.images.arena import arena
from elegans.exporter.codegen.program import (
    LayerCall,
    Program,
    ProgramStep,
    elements,
    elementwise,
)
from elegans.exporter.codegen.solver.unfolds import Unfolds
from elegans.exporter.codegen.tables import table_names
from elegans.exporter.ir.fixed_model import WIDE_BITS, Argument, Step, Window
from elegans.exporter.ops.constant import Constant


@dataclass(frozen=True)
class Place:
    """`array[offset]`: the address of a vector's first element."""

    array: str
    offset: int

    def __str__(self) -> str:
        return f"&{self.array}[{self.offset}]" if self.offset else self.array


@dataclass(frozen=True)
class Local:
    """A buffer on the stack of `size` elements; `block` is the one that it is declared in.

    None stands for the whole step.
    """

    name: str
    size: int
    block: int | None


@dataclass(frozen=True)
class Placement:
    """The place of every vector, the local buffers, and the size of `v`.

    h      where the states lie
    stays  for each window of h_next whether it is computed where it belongs; if not, it is
           copied there at the end

    image_size  the elements of the buffer for images, which the caller owns, too
    """

    places: dict[str, Place]
    locals: tuple[Local, ...]
    state_size: int
    h: Place
    stays: tuple[bool, ...]
    image_size: int = 0

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
        """The address of a window."""
        place = self.places[window.vector]
        return Place(place.array, place.offset + window.lo)


def blocks(program: Program) -> list[list[ProgramStep]]:
    """The steps in their order, apart wherever the layer changes: the blocks of the C.

    A graph may weave its layers into each other, so a layer can have several blocks. Element-wise
    steps of several layers are one block, where one loop may compute them.
    """
    found: list[list[ProgramStep]] = []
    for step in program.steps:
        before = found[-1][-1] if found else None
        if before is not None and (_alike(before, step) or _looped_together(program, before, step)):
            found[-1].append(step)
        else:
            found.append([step])
    return found


def _alike(one: ProgramStep, other: ProgramStep) -> bool:
    kinds = [
        (isinstance(step, LayerCall), isinstance(step.op, Unfolds), step.group)
        for step in (one, other)
    ]
    return kinds[0] == kinds[1]


def _looped_together(program: Program, one: ProgramStep, other: ProgramStep) -> bool:
    both = (one, other)
    once = all(elementwise(step) and program.loop(step) is None for step in both)
    return once and elements(one) == elements(other)


def place(program: Program) -> Placement:
    """A placement; deterministic, and the same for every target."""
    model = program.model
    inputs = sum(step.size for step in program.steps if step.name == "x_in")
    states = sum(window.size for window in model.h_next)
    x_first = _reads(program, "x_in", "h") >= _reads(program, "h", "x_in")
    x_at, h_at = (0, inputs) if x_first else (states, 0)
    places = {
        "x": Place("x", 0),
        "dt": Place("dt" if model.dt_bits == WIDE_BITS else "&dt", 0),
        "x_in": Place("s->v", x_at),
        "h": Place("s->v", h_at),
    }
    stays, offset = [], h_at
    for window in model.h_next:
        stays.append(_replaceable(program, window, offset - h_at))
        if stays[-1]:
            places[window.vector] = Place("s->v", offset)
        offset += window.size
    names = table_names(model.name, program.steps)
    for step in program.steps:
        if isinstance(step.op, Constant):
            places[step.name] = Place(names[step.name, "v"], 0)
    if program.steps[-1].name == "y_out":
        places["y_out"] = Place("y", 0)
    images = arena(program, set(places))
    for name, offset in images.offsets.items():
        places[name] = Place("s->image.v", offset)
    buffers = _Buffers(program, places)
    for number in range(len(program.steps)):
        buffers.add(number)
    found = tuple(buffers.found.values())
    h = Place("s->v", h_at)
    return Placement(places, found, inputs + states, h, tuple(stays), images.size)


def _reads(program: Program, first: str, second: str) -> int:
    """How often an argument has a window of `second` right behind one of `first`."""
    return sum(
        (a.vector, b.vector) == (first, second)
        for step in program.steps
        for argument in step.inputs
        for a, b in itertools.pairwise(argument)
    )


def _replaceable(program: Program, window: Window, offset: int) -> bool:
    """Whether a whole new vector can take the place of the old state at `offset`."""
    made = program.index.get(window.vector)
    if made is None or (window.lo, window.hi) != (0, program.steps[made].size):
        return False
    model, maker = program.model, program.steps[made]
    if sum(w.vector == window.vector for w in model.h_next) != 1:
        return False
    if isinstance(maker, Step) and isinstance(maker.op, Constant):
        return False  # it is a table, which no step writes
    if isinstance(maker, Step) and not _overwrites(maker, offset):
        return False
    loop = program.loop(program.steps[made])
    carried = loop.carried if loop else {}
    begin = carried.get(window.vector)
    if begin is not None and begin.vector == "h" and begin.lo != offset:
        return False  # the first round would read one state and overwrite another
    # A loop begins with copies, one after the other: one must not overwrite what another reads.
    others = [] if begin is None else [w for v, w in carried.items() if v != window.vector]
    return not any(
        w.vector == "h" and w.lo < offset + window.size and offset < w.hi
        for w in (*program.read_from(made + 1), *others)
    )


def _overwrites(step: Step, offset: int) -> bool:
    """Whether a step may write its result over the states from `offset` on: it reads none of
    them, or element i only for element i of its result."""
    read = [w for a in step.inputs for w in a if w.vector == "h"]
    touched = [w for w in read if w.lo < offset + step.size and offset < w.hi]
    return not touched or (step.op.in_place and all(w.lo == offset for w in touched))


class _Buffers:
    """Local buffers for the vectors that have no place yet, shared where a kernel allows it.

    Steps are added in their order; `places` grows with them, and `found` has the buffers.
    """

    def __init__(self, program: Program, places: dict[str, Place]) -> None:
        self.program, self.places = program, places
        self.found: dict[str, Local] = {}
        self._block_of = {s.name: i for i, run in enumerate(blocks(program)) for s in run}

    def add(self, number: int) -> None:
        """Find a place for the result of a step, and for what its loop carries."""
        step = self.program.steps[number]
        loop = self.program.loop(step)
        if loop is not None and loop.names[0] == step.name:
            for name in loop.carried:
                if name not in self.places:
                    maker = self.program.steps[self.program.index[name]]
                    self.found[name] = Local(name, maker.size, self._block(maker))
                    self.places[name] = Place(name, 0)
        if step.name in self.places:
            return
        shared = self._dying_input(number, step)
        if shared is not None:
            self._take_over(step, shared)
            return
        local = Local(step.name, step.size, self._block(step))
        free = self._free(number, local)
        if free is None:
            self.found[step.name] = local
        self.places[step.name] = Place(free or step.name, 0)

    def _take_over(self, step: ProgramStep, shared: str) -> None:
        """Put a step's result into the buffer `shared` of an input that nothing reads again."""
        old = self.found.pop(shared)
        users = {old.block, self._block(step)}
        # The buffer is named after what it holds in the end.
        name = step.name if step.inputs[0][0].vector == shared else shared
        self.found[name] = Local(name, old.size, users.pop() if len(users) == 1 else None)
        for vector, place in self.places.items():
            if place.array == shared:
                self.places[vector] = Place(name, place.offset)
        self.places[step.name] = Place(name, 0)

    def _free(self, number: int, wanted: Local) -> str | None:
        """A buffer of the same block and size that nothing reads from this step on."""
        later = self.program.read_from(number)
        read = {self.places[w.vector].array for w in later if w.vector in self.places}
        for name, local in self.found.items():
            same = (local.block, local.size) == (wanted.block, wanted.size)
            if local.block is not None and same and name not in read:
                return name
        return None

    def _dying_input(self, number: int, step: ProgramStep) -> str | None:
        """The local buffer of the first input, if this step is the last to read it."""
        if not isinstance(step, Step) or not step.op.in_place or len(step.inputs[0]) != 1:
            return None
        window = step.inputs[0][0]
        buffer = self.places[window.vector]
        if buffer.array not in self.found or buffer.offset:
            return None
        if self.found[buffer.array].size != step.size or (window.lo, window.hi) != (0, step.size):
            return None
        others = [w for a in step.inputs[1:] for w in a if w.vector == window.vector]
        if any(w.lo < window.hi and w != window for w in others):
            return None  # a kernel's output may be one of its inputs, but not overlap it shifted
        later = self.program.read_from(number + 1)
        return None if any(w.vector == window.vector for w in later) else buffer.array

    def _block(self, step: ProgramStep) -> int | None:
        """The one block that makes and reads a vector; None if several do."""
        users = {self._block_of[step.name]}
        users |= {
            self._block_of[s.name]
            for s in self.program.steps
            if any(w.vector == step.name for w in self.program.read_by([s]))
        }
        outside = any(w.vector == step.name for w in self.program.results)
        return users.pop() if len(users) == 1 and not outside else None
