"""The memory of images: one buffer, in which an image takes the place of those that are done.

An image is read by few steps and then never again. In a chain of convolutions two are alive at a
time, so the buffer is as large as the largest two neighbours together, not as all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from elegans.exporter.codegen.program import Program
from elegans.exporter.ir.fixed_model import Step
from elegans.exporter.ops.convolution import Convolve
from elegans.exporter.ops.depthwise import Depthwise
from elegans.exporter.ops.frame import CameraFrame
from elegans.exporter.ops.max_pool import MaxPool
from elegans.exporter.ops.mean_pool import MeanPool

_IMAGES = (Convolve, Depthwise, CameraFrame, MaxPool, MeanPool)
_LEAST = 256
"""Elements of a vector from which on it lies here; a shorter one is a buffer on the stack."""


@dataclass(frozen=True)
class Arena:
    """The offset of each image, by its step's name, and the size of the buffer in elements."""

    offsets: dict[str, int]
    size: int


@dataclass(frozen=True)
class _Life:
    """From the step that makes an image to the last one that reads it, both included."""

    first: int
    last: int
    size: int

    def meets(self, other: _Life) -> bool:
        return self.first <= other.last and other.first <= self.last


def arena(program: Program, placed: set[str]) -> Arena:
    """The images of a program that are not among those `placed` elsewhere."""
    lives = _lives(program, placed)
    if not lives:
        return Arena({}, 0)
    shared = _in_place(program, lives)
    own = {name: life for name, life in lives.items() if name not in shared}
    size = max(_alive(own, step) for step in range(len(program.steps)))
    while (offsets := _packed(own, size)) is None:
        size += min(life.size for life in own.values())
    for name, other in shared.items():
        offsets[name] = offsets[other]
    return Arena(offsets, size)


def _lives(program: Program, placed: set[str]) -> dict[str, _Life]:
    images: set[str] = set()
    for step in program.steps:
        read = {w.vector for argument in step.inputs for w in argument}
        image = isinstance(step.op, _IMAGES) or (images & read and isinstance(step, Step))
        if image and step.size >= _LEAST and step.name not in placed:
            images.add(step.name)
    needed = [{w.vector for w in program.read_from(n)} for n in range(len(program.steps))]
    found = {}
    for name in (step.name for step in program.steps if step.name in images):
        made = program.index[name]
        last = max((n for n, read in enumerate(needed) if name in read), default=made)
        even = program.steps[made].size + program.steps[made].size % 2
        found[name] = _Life(made, max(last, made), even)
    return found


def _in_place(program: Program, lives: dict[str, _Life]) -> dict[str, str]:
    """The images that take the place of their first input, by a kernel that may do so, and the
    image at whose place that one lies; the life of that is made longer."""
    found: dict[str, str] = {}
    for name in list(lives):
        step = program.steps[program.index[name]]
        source = step.inputs[0][0] if len(step.inputs[0]) == 1 else None
        old = None if source is None else lives.get(source.vector)
        if source is None or old is None or not isinstance(step, Step) or not step.op.in_place:
            continue
        others = {w.vector for argument in step.inputs[1:] for w in argument}
        whole = (source.lo, source.hi) == (0, step.size) and source.vector not in others
        if whole and old.last == lives[name].first:
            owner = found[name] = found.get(source.vector, source.vector)
            lives[owner] = _Life(lives[owner].first, lives[name].last, lives[owner].size)
    return found


def _alive(lives: dict[str, _Life], step: int) -> int:
    return sum(life.size for life in lives.values() if life.first <= step <= life.last)


def _packed(lives: dict[str, _Life], size: int) -> dict[str, int] | None:
    """Offsets within a buffer of this size; None if this way finds none.

    Images go to its two ends in turn, so that two neighbours of a chain never share an end.
    """
    found: dict[str, int] = {}
    low = True
    for name, life in lives.items():
        taken = sorted(
            (found[other], found[other] + lives[other].size)
            for other in found
            if life.meets(lives[other])
        )
        edges = [0, *(edge for stretch in taken for edge in stretch), size]
        gaps = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= life.size]
        if not gaps:
            return None
        found[name] = gaps[0][0] if low else gaps[-1][1] - life.size
        low = not low
    return found
