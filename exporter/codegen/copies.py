"""Copies in the generated step: of results to where the caller, or the next step, expects them."""

from __future__ import annotations

from elegans.exporter.codegen.placement import Place, Placement
from elegans.exporter.codegen.program import Program

_FEW = 32  # outputs that are copied one by one, faster and smaller than by a call

_Move = tuple[Place, Place, int]  # target, source, elements


def copy_line(target: Place, source: Place, size: int) -> str:
    """The C that copies `size` elements, overlapping or not."""
    copy = "memmove" if _overlap(target, size, source, size) else "memcpy"
    return f"{copy}({target}, {source}, {size}U * sizeof(int16_t));"


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
        if place.array != "y" and window.size <= _FEW:
            target = Place("y", offset)
            for i in range(0, window.size - 1, 2):
                lines.append(f"el_copy2(&{element(target, i)}, &{element(place, i)});")
            if window.size % 2:
                i = window.size - 1
                lines.append(f"{element(target, i)} = {element(place, i)};")
        elif place.array != "y":
            lines.append(copy_line(Place("y", offset), place, window.size))
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
        return [copy_line(*move) for move in moves], 0
    first, last, offset = [], [], 0
    for target, source, size in moves:
        kept = Place("joined", offset)
        first.append(copy_line(kept, source, size))
        last.append(copy_line(target, kept, size))
        offset += size
    return first + last, offset


def _overlap(a: Place, a_size: int, b: Place, b_size: int) -> bool:
    """Whether two stretches of memory share an element."""
    near = a.offset < b.offset + b_size and b.offset < a.offset + a_size
    return a.array == b.array and near
