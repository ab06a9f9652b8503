"""Whether a firmware fits a board's memory, and what to change in its descriptor if it does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from elegans.boards.descriptors.board import CATALOGUE, MOST_BUFFER, MOST_STACK, Board, LinkBuffers
from elegans.boards.firmware.source import ModelSource
from elegans.boards.firmware.stack_need import StackNeed
from elegans.exporter.errors import ElegansError

STACK_GUARD = 16
"""The bytes below the stack that show whether it was overrun; they are part of its section."""

_OVERFLOWS = ("overflowed by", "will not fit in region")


_FRAME_HEAD = 16
"""Bytes of a STEP request beside states and inputs: header, flags, count, checksum."""


def with_room_for_a_step(board: Board, model: ModelSource) -> Board:
    """The board with link buffers that hold one step of a model, where its own are too small for
    an image and the RAM has room; else the board as it is, and the compiler says what is wrong."""
    link, states = board.link, model.states * model.state_bits // 8
    need = _FRAME_HEAD + 2 * model.inputs + model.dt_bytes + states
    if need <= link.max_frame:
        return board
    encoded = need + need // 254 + 3  # COBS, and two delimiters
    credit = max(link.credit, 1 << (encoded - 1).bit_length())
    larger = LinkBuffers(need, credit)
    if need > MOST_BUFFER or credit > MOST_BUFFER:
        return board
    taken = credit + 2 * need - link.credit - 2 * link.max_frame
    return replace(board, link=larger) if taken <= board.memory.ram.bytes // 2 else board


def require_stack(need: StackNeed, reserved: int, ram_bytes: int, board: Board) -> None:
    """Raises `ElegansError` if a firmware needs more stack than the ``reserved`` bytes.

    ``ram_bytes`` is all RAM that the image takes. What is not known is not refused: then only the
    words below the stack tell, while the board runs, whether it was overrun.
    """
    if need.bytes is None or need.bytes <= reserved:
        return
    fact = f"the firmware needs {need.bytes:,} bytes of stack, the board has {reserved:,}"
    room = min(board.memory.ram.bytes - (ram_bytes - reserved) & -8, MOST_STACK)
    link = board.link
    if room + link.credit + 2 * link.max_frame < need.bytes:
        remedy = f"the RAM allows {room:,}: take a board with more RAM, or a smaller network"
    elif room < need.bytes:
        remedy = f"the RAM allows {room:,}: {_smaller_buffers(board)}"
    else:
        remedy = f"set memory.stack to {need.bytes} or more (the RAM allows {room:,}), or leave it"
        remedy += " out: the stack then gets what RAM is left"
    raise ElegansError(_place(board), fact, remedy)


@contextmanager
def fitting(board: Board) -> Iterator[None]:
    """Within the ``with`` an error of the compiler that some memory is too small gets the remedy
    that fits: which numbers of the descriptor to change."""
    try:
        yield
    except ElegansError as error:
        remedy = _remedy(error.fact, board)
        if remedy is None:
            raise
        raise ElegansError(error.place, error.fact, remedy) from None


def _remedy(fact: str, board: Board) -> str | None:
    """What to do about an error of the compiler; None if it is not about memory."""
    if "max_frame does not hold" in fact:
        return f"make link.max_frame larger: it is {board.link.max_frame}"
    if not any(words in fact for words in _OVERFLOWS):
        return None
    if "RAM" in fact:
        return f"the RAM has {board.memory.ram.bytes:,} bytes: {_smaller_buffers(board)}"
    return (
        f"the flash has {board.memory.flash.bytes:,} bytes: compile with --level s, or export with "
        "--layout balanced, --layout size or --weights int8"
    )


def _smaller_buffers(board: Board) -> str:
    """Which numbers of the descriptor take RAM, with their values."""
    link, stack = board.link, board.memory.stack
    sizes = [f"link.credit ({link.credit:,})", f"link.max_frame ({link.max_frame:,}, twice)"]
    last = "" if stack is None else f" or memory.stack ({stack:,})"
    text = f"make {' or '.join(sizes) if stack is None else ', '.join(sizes)}{last} smaller"
    return f"{text}; without these keys they follow from the RAM"


def _place(board: Board) -> str:
    own = board.path is not None and board.folder != CATALOGUE
    return str(board.path) if own else board.name
