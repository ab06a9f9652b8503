"""The values that each branch of an executed path was decided from.

For Cortex-M55, whose vector instructions capstone does not know, and whose shifts of 64 bits it
takes for ORRS: none of them branches, nor sets flags that a branch reads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from elegans.boards.machine_code.thumb import CONDITIONS, instruction_size
from elegans.boards.profiling.thumb_decoder import PC, Instruction, decode_one

_COMPARISONS = ("cmp", "cmn", "tst", "teq")
_XPSR = 16  # its column in a row of registers


@dataclass(frozen=True)
class BranchOperands:
    """A branch at ``address``, and the ``values`` of the registers that it depends on: its own
    operands, and those of the instructions that set its flags."""

    address: int
    text: str
    values: tuple[int, ...]


class BranchRecorder:
    """Finds the branches of executed paths; each instruction is decoded once.

    ``code(address, count)`` are ``count`` bytes of the program at ``address``.
    """

    def __init__(self, code: Callable[[int, int], bytes]) -> None:
        self._code = code
        self._decoded: dict[int, Instruction | None] = {}

    def size(self, address: int) -> int:
        """The bytes of the instruction at ``address``."""
        return instruction_size(self._code(address, 2))

    def operands(self, registers: Any) -> list[BranchOperands]:
        """The branches of a path, in order.

        ``registers [N, 17]`` are R0 to R15 and xPSR before each of its N instructions.
        """
        found: list[BranchOperands] = []
        flags: tuple[int, ...] = ()  # the values that the flags were computed from
        it_block: list[str] = []  # the conditions of the instructions that are left of an IT block
        for row in registers.tolist():
            condition = it_block.pop(0) if it_block else ""
            one = self._decode(row[PC])
            if one is None:
                continue
            executed = not condition or _holds(condition, row[_XPSR])
            values = tuple(row[r] for r in (*one.reads, *one.address_registers) if r <= PC)
            if one.branches:
                conditional = flags if one.condition or condition else ()
                operands = values * executed + conditional
                found.append(BranchOperands(one.address, one.text, operands))
            # In an IT block 16-bit instructions leave the flags unchanged, except comparisons.
            compares = one.text.startswith(_COMPARISONS)
            sets_flags = not condition or compares or self.size(row[PC]) == 4
            if one.sets_flags and sets_flags and executed:
                flags = values + (flags if one.uses_carry or condition else ())
            it_block = it_block or _it_conditions(one.text)
        return found

    def _decode(self, address: int) -> Instruction | None:
        if address not in self._decoded:
            code = self._code(address, 4)
            self._decoded[address] = None if _long_shift(code) else decode_one(code, address)
        return self._decoded[address]


def _long_shift(code: bytes) -> bool:
    """Whether these four bytes are LSLL, LSRL, ASRL or their like: ORRS with SP or PC."""
    first, second = (int.from_bytes(code[i : i + 2], "little") for i in (0, 2))
    return first & 0xFFF0 == 0xEA50 and second & 0xF in (13, 15)


def _it_conditions(text: str) -> list[str]:
    """The conditions that an IT instruction gives to those after it: for `itte eq` eq, eq, ne."""
    name, *rest = text.split()
    if not name.startswith("it"):
        return []
    first = rest[0]
    other = CONDITIONS[CONDITIONS.index(first) ^ 1] if "e" in name else first
    return [first, *(first if letter == "t" else other for letter in name[2:])]


def _holds(condition: str, xpsr: int) -> bool:
    n, z, c, v = (bool(xpsr >> bit & 1) for bit in (31, 30, 29, 28))
    number = CONDITIONS.index(condition)
    even = (z, c, n, v, c and not z, n == v, not z and n == v, True)  # eq, hs, mi, vs, hi ...
    return even[number >> 1] != bool(number & 1)
