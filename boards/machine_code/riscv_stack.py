"""What each RISC-V instruction does to the stack pointer and to the flow of control."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from elegans.boards.machine_code.riscv import (
    ALTERNATE_RA,
    BRANCHES,
    FRAME_POINTER,
    RA,
    SP,
    Operation,
    decode,
    instruction_addresses,
)
from elegans.boards.machine_code.thumb_stack import Effect


def effect(address: int, halfword: Callable[[int], int]) -> Effect:
    """The effect of the instruction at ``address``; ``halfword(a)`` is the code at a."""
    one = operation(address, halfword)
    if one.name in BRANCHES:
        return Effect(one.size, target=address + one.imm)
    if one.name == "jal":
        calls = one.rd != 0
        return Effect(one.size, target=address + one.imm & 0xFFFF_FFFF, calls=calls, ends=not calls)
    if one.name == "jalr":
        return _jump(address, one, halfword)
    if one.name in ("lui", "auipc") and one.rd == SP:  # reset and faults: another stack begins
        return Effect(one.size, ends=True)
    if one.name == "lui":
        return Effect(one.size, sets=(one.rd, one.imm))
    if one.name == "addi":
        return _add_constant(one)
    if one.rd == SP and one.name:
        return _add_register(one)
    # What is no instruction, as compilers put it behind a call that does not return, ends a path.
    return Effect(one.size, ends=one.name in ("", "mret", "ebreak"))


def computed_addresses(code: bytes, start: int) -> Iterator[int]:
    """The addresses that a function puts together in a register, by LUI or AUIPC and ADDI.

    ``code`` is the function's, which is read from its ``start`` to its end, branches or not.
    """
    upper = {0: 0}
    for address in instruction_addresses(code, start):
        one = decode(code[address - start : address - start + 4])
        if one.name == "addi" and one.rs1 in upper:
            yield upper[one.rs1] + one.imm & 0xFFFF_FFFF
        if one.name in ("lui", "auipc"):
            upper[one.rd] = one.imm + (address if one.name == "auipc" else 0)
        elif one.rd:
            upper.pop(one.rd, None)


def operation(address: int, halfword: Callable[[int], int]) -> Operation:
    """The instruction at ``address``."""
    first = halfword(address)
    second = halfword(address + 2) if first & 3 == 3 else 0
    return decode((first | second << 16).to_bytes(4, "little"))


def _jump(address: int, one: Operation, halfword: Callable[[int], int]) -> Effect:
    """A jump to a register: to one that AUIPC has just set, a return, or through a pointer."""
    calls = one.rd != 0
    if one.rs1 in (RA, ALTERNATE_RA) and not calls:
        return Effect(one.size, ends=True)
    before = operation(address - 4, halfword)
    if before.name == "auipc" and before.rd == one.rs1:
        target = address - 4 + before.imm + one.imm & 0xFFFF_FFFF
        return Effect(one.size, target=target, calls=calls, ends=not calls)
    return Effect(one.size, calls=calls, indirect=True, ends=not calls)


def _add_constant(one: Operation) -> Effect:
    if one.rd == SP:
        if one.rs1 == SP:
            return Effect(one.size, grows=-one.imm)
        return Effect(one.size, restores=one.rs1)
    if one.rs1 == SP:
        return Effect(one.size, frame=one.rd if one.rd == FRAME_POINTER else None)
    return Effect(one.size, sets=(one.rd, one.imm), to=one.rs1)


def _add_register(one: Operation) -> Effect:
    """ADD or SUB of a register to the stack pointer, or a move to it."""
    if one.name == "add" and SP in (one.rs1, one.rs2):
        return Effect(one.size, adds=(one.rs2 if one.rs1 == SP else one.rs1, 1))
    if one.name == "sub" and one.rs1 == SP:
        return Effect(one.size, adds=(one.rs2, -1))
    if one.name == "add" and one.rs1 == 0:
        return Effect(one.size, restores=one.rs2)
    return Effect(one.size, unknown="computes the stack pointer")
