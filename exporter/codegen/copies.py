"""Copies, buffers and what else the generated step has in its own lines instead of a kernel.

Results are copied to where the caller, or the next step, expects them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from elegans.exporter.codegen.placement import Local, Place, Placement
from elegans.exporter.codegen.program import Program, ProgramStep
from elegans.exporter.delivery.layouts import CodeLayout
from elegans.exporter.ir.fixed_model import Argument, Window
from elegans.exporter.numbers.fixed import INT16_MAX, INT16_MIN
from elegans.exporter.ops.clamp import Clamp
from elegans.exporter.ops.constant import Constant
from elegans.exporter.ops.counts import Counts
from elegans.exporter.ops.linear import Linear

_COPIED = 32  # elements that are copied without a loop
_ROWS = 2  # of a map that is written into the step

FEW = 32
"""Inputs that are clamped one by one in the step itself, faster and smaller than by a call."""

_Move = tuple[Place, Place, int]  # target, source, elements


def copy_lines(target: Place, source: Place, size: int) -> list[str]:
    """The C that copies `size` elements, overlapping or not."""
    if _overlap(target, size, source, size):
        copy = "el_copy_down" if target.offset > source.offset else "el_copy"
        return [f"{copy}({target}, {source}, {size}U);"]
    if size > _COPIED:
        return [f"el_copy({target}, {source}, {size}U);"]
    pairs = range(0, size - 1, 2)
    lines = [f"el_copy2(&{element(target, i)}, &{element(source, i)});" for i in pairs]
    if size % 2:
        lines.append(f"{element(target, size - 1)} = {element(source, size - 1)};")
    return lines


def element(place: Place, i: int) -> str:
    """Element i of what lies at a place, as C spells it."""
    return f"{place.array}[{place.offset + i}]"


def copy_all(program: Program, placement: Placement) -> tuple[list[str], int]:
    """The copies at the end of a step, and the size that they need of the buffer `joined`.

    y comes first: it may have a part of the old state, which the new one replaces.
    """
    lines, offset = [], 0
    for window in program.model.y:
        place = placement.at(window)
        if place.array != "y":
            lines += copy_lines(Place("y", offset), place, window.size)
        offset += window.size
    moves: list[_Move] = []
    offset = placement.h.offset
    for window, stays in zip(program.model.h_next, placement.stays, strict=True):
        if not stays:
            moves.append((Place(placement.h.array, offset), placement.at(window), window.size))
        offset += window.size
    moved, joined = _moves(moves)
    return lines + moved, joined


def _moves(moves: list[_Move]) -> tuple[list[str], int]:
    """Copies within the state, as a delay line has them.

    Where one would overwrite what a later one reads, all go through the buffer `joined`.
    """
    spoils = any(
        _overlap(target, size, source, other)
        for i, (target, _, size) in enumerate(moves)
        for _, source, other in moves[i + 1 :]
    )
    if not spoils:
        return [line for move in moves for line in copy_lines(*move)], 0
    first, last, offset = [], [], 0
    for target, source, size in moves:
        kept = Place("joined", offset)
        first += copy_lines(kept, source, size)
        last += copy_lines(target, kept, size)
        offset += size
    return first + last, offset


def _overlap(a: Place, a_size: int, b: Place, b_size: int) -> bool:
    """Whether two stretches of memory share an element."""
    near = a.offset < b.offset + b_size and b.offset < a.offset + a_size
    return a.array == b.array and near


def clamp_lines(op: Clamp, target: Place, source: Place, layout: CodeLayout) -> list[str]:
    """A few inputs clamped in pairs, or one by one; those that may be any int16 are only copied."""
    size = len(op.lo)
    any_int16 = [*((op.lo == INT16_MIN) & (op.hi == INT16_MAX)), False]
    if layout.plain and np.all(any_int16[:-1]):
        return copy_lines(target, source, size)
    left = op.left if isinstance(op, Counts) else np.zeros(size, np.int64)
    held = [not any16 and not shift for any16, shift in zip(any_int16, left, strict=False)]
    lines = []
    i = 0
    while i < size:
        value = "dt" if source.array == "&dt" else element(source, i)
        if any_int16[i] and any_int16[i + 1]:
            lines.append(f"el_copy2(&{element(target, i)}, &{value});")
            i += 1
        elif any_int16[i]:
            lines.append(f"{element(target, i)} = {value};")
        elif all(held[i : i + 2]) and i + 1 < size:
            ends = ", ".join(str(end) for k in (i, i + 1) for end in (op.lo[k], op.hi[k]))
            lines.append(f"el_hold2(&{element(target, i)}, &{value}, {ends});")
            i += 1
        else:
            one = f"el_hold({value}, {op.lo[i]}, {op.hi[i]})"
            if left[i]:
                one = f"(int16_t)({one} * {1 << int(left[i])})"
            lines.append(f"{element(target, i)} = {one};")
        i += 1
    return lines


def is_inline(step: ProgramStep) -> bool:
    """Whether a step is written out in `step` itself, without a kernel."""
    clamped = isinstance(step.op, Clamp) and step.size <= FEW
    return clamped or isinstance(step.op, Constant)


def has_tables(step: ProgramStep) -> bool:
    """Whether the tables of a step are printed as they are."""
    return isinstance(step.op, Constant) or not is_inline(step)


def is_few(step: ProgramStep, layout: CodeLayout) -> bool:
    """Whether a step is a dense map of so few rows that its kernel is written into `step`."""
    return type(step.op) is Linear and step.size <= _ROWS and layout.few


def declare(name: str, size: int) -> str:
    """The declaration of a buffer."""
    return f"int16_t {name}[{size}];"


def used(buffers: Sequence[Local], lines: Iterable[str]) -> list[str]:
    """The declarations of those of the buffers that lines name: what only fused layers use lies in
    their scratch buffer, and what only a loop over elements uses stays in registers."""
    named = set(re.findall(r"\w+", " ".join(lines)))
    return [declare(buffer.name, buffer.size) for buffer in buffers if buffer.name in named]


@dataclass
class Joined:
    """The scratch buffer `joined`, in which windows are copied side by side.

    size  that it needs so far
    held  the windows that lie in it now, by their offsets
    """

    size: int = 0
    held: dict[int, Window] = field(default_factory=dict)

    def copies(self, argument: Argument, placement: Placement) -> list[str]:
        """Copies of windows into the buffer, but for those that still lie there."""
        lines, offset, held = [], 0, {}
        for window in argument:
            held[offset] = window
            if self.held.get(offset) != window:
                lines += copy_lines(Place("joined", offset), placement.at(window), window.size)
            offset += window.size
        self.held = held
        self.size = max(self.size, offset)
        return lines
