"""The rules for a valid board that the types of its fields cannot express.

A descriptor may come from a stranger, and its strings are put into names of folders, into C and
into the linker script.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from elegans.boards.descriptors.board import MOST_BUFFER, Board
from elegans.boards.descriptors.cores import ARM, RISCV
from elegans.boards.descriptors.uarts import UARTS
from elegans.exporter.errors import ElegansError
from elegans.exporter.templates import FIRMWARE

_LEAST_STACK = 256  # no firmware needs less; how much one needs is computed when it is built
_MOST_INTERRUPTS = 480  # external interrupts of Cortex-M33 and M55, at most; others have fewer
_COUNTERS = {ARM: ("dwt", "systick"), RISCV: ("mcycle",)}  # those that all cores have come last
_HELLO_REPLY = 85  # bytes of its frame, beside the board's name: EL_LINK_HELLO_FRAME of el_link.h
_LEAST_CREDIT = 16  # a power of two that holds the 14 bytes of a HELLO on the line
_OVERSAMPLING = 16  # clock cycles that a UART needs for a bit, at least


def require_valid(board: Board, place: Path) -> None:
    """Raises `ElegansError` at ``place`` with the first rule that the board breaks."""
    for wrong, fact, remedy in _checks(board):
        if wrong:
            raise ElegansError(place, fact, remedy)


def _checks(board: Board) -> Iterator[tuple[bool, str, str]]:
    """For each rule: whether the board breaks it, the fact and the remedy."""
    memory, uart, link = board.memory, board.uart, board.link
    yield (
        not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", board.name),
        f"name = {board.name!r} cannot name a folder",
        "use up to 40 of the characters A-Z, a-z, 0-9, '.', '_' and '-'",
    )
    yield (
        board.source is not None and not re.fullmatch(r"[A-Za-z0-9_-]+\.c", board.source),
        f"source = {board.source!r} is not the name of a C file beside the descriptor",
        "give the name without a folder, as in board.c",
    )
    for part in memory.fixed:
        yield (
            not re.fullmatch(r"\.[a-z0-9_.]+", part.section),
            f"memory.fixed: section {part.section!r} is not a valid name",
            "use a dot, followed by characters of a-z, 0-9, '_' and '.'",
        )
    for name, region in (("flash", memory.flash), ("ram", memory.ram)):
        yield (
            region.origin < 0 or region.bytes <= 0 or region.origin + region.bytes > 1 << 32,
            f"memory.{name} lies outside the address space of 32 bits",
            "correct its origin and bytes",
        )
    yield (
        memory.stack is not None and (memory.stack < _LEAST_STACK or memory.stack % 8 > 0),
        f"memory.stack = {memory.stack} is too small, or not a multiple of 8",
        f"give {_LEAST_STACK} or more, or leave it out: the stack then gets what RAM is left",
    )
    numbers = [("uart.base", uart.base), ("counter.hz", board.counter.hz)]
    numbers += [("interrupts.base", board.interrupts.base)] if board.interrupts else []
    for name, number in numbers:
        yield not 0 <= number < 1 << 32, f"{name} = {number} does not fit in 32 bits", "correct it"
    drivers = {"source"} | _drivers("uart")
    yield (
        uart.driver not in drivers,
        f"uart.driver = {uart.driver!r} is unknown",
        f"choose one of: {', '.join(sorted(drivers))}",
    )
    yield (
        uart.driver == "source" and board.source is None,
        "uart.driver = 'source', but the descriptor has no source",
        "add source = 'board.c'",
    )
    yield (
        not 0 <= uart.irq < _MOST_INTERRUPTS,
        f"uart.irq = {uart.irq} is out of range",
        f"give 0 to {_MOST_INTERRUPTS - 1}",
    )
    yield (
        not 0 < _OVERSAMPLING * uart.baud <= uart.clock_hz,
        f"uart.baud = {uart.baud} is too fast for {uart.clock_hz} Hz",
        "take at most a sixteenth of uart.clock_hz",
    )
    yield (
        board.counter.kind not in _drivers("counter"),
        f"counter.kind = {board.counter.kind!r} is unknown",
        f"choose one of: {', '.join(sorted(_drivers('counter')))}",
    )
    counters = _COUNTERS[board.core.architecture][0 if board.core.mainline else -1 :]
    yield (
        board.counter.kind not in counters,
        f"counter.kind = {board.counter.kind!r}, which {board.core.name} does not have",
        f"set it to {' or '.join(map(repr, counters))}",
    )
    yield (
        (board.interrupts is None) == (board.core.architecture == RISCV),
        f"a {board.core.name} {'needs' if board.interrupts is None else 'has no'} [interrupts]",
        "add that table: driver and base" if board.interrupts is None else "remove that table",
    )
    yield (
        board.interrupts is not None and board.interrupts.driver not in _drivers("interrupts"),
        f"interrupts.driver = {board.interrupts and board.interrupts.driver!r} is unknown",
        f"choose one of: {', '.join(sorted(_drivers('interrupts')))}",
    )
    words = [n for pair in board.mark.setup for n in pair] if board.mark else []
    if board.mark:
        mark = board.mark
        words += [mark.set_address, mark.high, mark.clear_address, mark.low]
    yield (
        any(not 0 <= word < 1 << 32 for word in words)
        or any(len(pair) != 2 for pair in (board.mark.setup if board.mark else ())),
        "mark has a number that does not fit in 32 bits, or a setup that is no pair",
        "give setup = [[address, word], ...]",
    )
    timing, current = board.timing, board.current
    yield (
        timing is not None and min(timing.hz, timing.line_bytes, timing.wait_states + 1) <= 0,
        "timing has a number that is not positive",
        "correct it",
    )
    yield (
        current is not None and min(current.ua_per_mhz, current.millivolts) <= 0,
        "current has a number that is not positive",
        "correct it",
    )
    yield (
        link.credit <= 0 or bool(link.credit & (link.credit - 1)),
        f"link.credit = {link.credit} is not a power of two",
        "take one: the receive ring buffer needs it",
    )
    hello = _HELLO_REPLY + len(board.name)
    yield (
        not hello <= link.max_frame <= MOST_BUFFER,
        f"link.max_frame must hold a HELLO reply, and is {MOST_BUFFER} at most",
        f"give {hello} to {MOST_BUFFER}",
    )
    yield (
        not _LEAST_CREDIT <= link.credit <= MOST_BUFFER,
        f"link.credit must hold the host's HELLO, and is {MOST_BUFFER} at most",
        f"give {_LEAST_CREDIT} to {MOST_BUFFER}",
    )
    for name in board.emulators:
        yield (
            name not in ("unicorn", "qemu"),
            f"emulators has {name!r}, which is unknown",
            "choose from: unicorn, qemu",
        )
    yield (
        "unicorn" in board.emulators and not (board.core.unicorn and uart.driver in UARTS),
        f"unicorn cannot emulate a {board.core.name} with a UART {uart.driver!r}",
        "remove it from emulators",
    )
    yield (
        "qemu" in board.emulators and board.qemu is None,
        "emulators has 'qemu', but there is no [qemu]",
        "add that table",
    )


@cache
def _drivers(kind: str) -> set[str]:
    """The names of the drivers of a ``kind``: uart, counter or interrupts."""
    return {path.stem.partition("_")[2] for path in FIRMWARE.glob(f"{kind}_*.c")}
