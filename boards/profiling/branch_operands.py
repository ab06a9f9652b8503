"""What the branches of one executed path were decided from.

For a core whose vector instructions capstone does not know: none of them branches, nor sets
the flags that a branch reads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from elegans.boards.profiling.thumb_decoder import PC, Instruction, decode_one

_COMPARING = ("cmp", "cmn", "tst", "teq")
_XPSR = 16
# As they are numbered: each next to its opposite (Armv7-M manual, A7.3).
_CONDITIONS = (
    *("eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc"),
    *("hi", "ls", "ge", "lt", "gt", "le", "al"),
)


@dataclass(frozen=True)
class Decision:
    """A branch, and the registers that it, or what set its flags, looked at."""

    address: int
    text: str
    values: tuple[int, ...]


class Decisions:
    """Decodes code as it is executed, each instruction once."""

    def __init__(self, code: Callable[[int, int], bytes]) -> None:
        self._code = code
        self._known: dict[int, Instruction | None] = {}

    def size(self, address: int) -> int:
        return 4 if self._code(address, 2)[1] >= 0xE8 else 2

    def of(self, registers: Any) -> list[Decision]:
        """The decisions of a path, from R0 to R15 and xPSR before each of its instructions."""
        found: list[Decision] = []
        flags: tuple[int, ...] = ()
        block: list[str] = []  # the conditions of what is left of an IT block
        for row in registers.tolist():
            under = block.pop(0) if block else ""
            one = self._one(row[PC])
            if one is None:
                continue
            executed = not under or _holds(under, row[_XPSR])
            looked_at = tuple(row[r] for r in (*one.reads, *one.base) if r <= PC)
            if one.branches:
                seen = flags if one.condition or under else ()
                found.append(Decision(one.address, one.text, looked_at * executed + seen))
            # Under IT, short instructions leave the flags alone unless they compare.
            own = not under or one.text.startswith(_COMPARING) or self.size(row[PC]) == 4
            if one.sets and own and executed:
                flags = looked_at + (flags if one.carry or under else ())
            block = block or _conditions(one.text)
        return found

    def _one(self, address: int) -> Instruction | None:
        if address not in self._known:
            self._known[address] = decode_one(self._code(address, 4), address)
        return self._known[address]


def _conditions(text: str) -> list[str]:
    """Of an IT instruction, what each that follows is executed under: `itte eq` eq, eq, ne."""
    name, *rest = text.split()
    if not name.startswith("it"):
        return []
    first = rest[0]
    other = _CONDITIONS[_CONDITIONS.index(first) ^ 1] if "e" in name else first
    return [first, *(first if letter == "t" else other for letter in name[2:])]


def _holds(condition: str, xpsr: int) -> bool:
    n, z, c, v = (bool(xpsr >> bit & 1) for bit in (31, 30, 29, 28))
    number = _CONDITIONS.index(condition)
    found = (z, c, n, v, c and not z, n == v, not z and n == v, True)
    return found[number >> 1] != bool(number & 1)
