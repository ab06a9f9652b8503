"""What the branches of one executed path were decided from.

For a core whose vector instructions capstone does not know: none of them branches, nor sets
the flags that a branch reads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from elegans.boards.thumb import PC, Instruction, decode_one

_COMPARING = ("cmp", "cmn", "tst", "teq")


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
        """The decisions of a path, from R0 to R15 before each of its instructions."""
        found: list[Decision] = []
        flags: tuple[int, ...] = ()
        under_it = 0
        for row in registers.tolist():
            one = self._one(row[PC])
            if one is None:
                continue
            looked_at = tuple(row[r] for r in (*one.reads, *one.base) if r < len(row))
            if one.branches:
                seen = flags if one.condition or under_it else ()
                found.append(Decision(one.address, one.text, looked_at + seen))
            # Under IT, short instructions leave the flags alone unless they compare.
            own = not under_it or one.text.startswith(_COMPARING) or self.size(row[PC]) == 4
            if one.sets and own:
                flags = looked_at + (flags if one.carry or under_it else ())
            name = one.text.split()[0]
            under_it = len(name) - 1 if name.startswith("it") else max(0, under_it - 1)
        return found

    def _one(self, address: int) -> Instruction | None:
        if address not in self._known:
            self._known[address] = decode_one(self._code(address, 4), address)
        return self._known[address]
