"""What each Thumb instruction does to the stack pointer and to the flow of control.

Only instructions that move the stack pointer, call or branch are told apart; all others have no
effect, so vector instructions need not be known. The encodings are those of the Armv8-M manual,
part C.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from elegans.boards.machine_code.thumb import instruction_size

SP, LR, PC = 13, 14, 15
FRAME_POINTER = 7  # of gcc and clang in Thumb code


@dataclass(frozen=True)
class Effect:
    """The effect of one instruction.

    size      its bytes
    grows     the bytes by which the stack grows; negative if it shrinks
    adds      a register that is added to the stack pointer, and the sign: +1 or -1
    frame     a register that gets the frame pointer less a constant
    restores  a register that the stack pointer gets
    sets      a register and the constant that it gets; of the upper half only if ``upper``
    to        a register to which that constant is added, or 0 for none (a number of RISC-V's)
    target    the address that it calls or branches to
    calls     whether it is a call; ``indirect``: of the function in a register
    ends      whether the next instruction is not executed after it
    skips     how many instructions an IT makes conditional
    unknown   what it does that cannot be followed
    """

    size: int = 2
    grows: int = 0
    adds: tuple[int, int] | None = None
    frame: int | None = None
    restores: int | None = None
    sets: tuple[int, int] | None = None
    upper: bool = False
    to: int = 0
    target: int | None = None
    calls: bool = False
    indirect: bool = False
    ends: bool = False
    skips: int = 0
    unknown: str | None = None


def effect(address: int, halfword: Callable[[int], int]) -> Effect:
    """The effect of the instruction at ``address``; ``halfword(a)`` is the code at a."""
    first = halfword(address)
    if instruction_size(first.to_bytes(2, "little")) == 2:
        return _short(address, first, halfword)
    return _long(address, first, halfword(address + 2))


def _short(address: int, code: int, halfword: Callable[[int], int]) -> Effect:
    """Of an instruction of 16 bits."""
    top = code & 0xFF00
    if code & 0xFE00 in (0xB400, 0xBC00):  # PUSH, POP; bit 8 adds LR or PC
        size = 4 * (code & 0x1FF).bit_count()
        return Effect(grows=size) if code < 0xB800 else Effect(grows=-size, ends=top == 0xBD00)
    if top == 0xB000:  # ADD and SUB of SP and a constant
        size = 4 * (code & 0x7F)
        return Effect(grows=size if code & 0x80 else -size)
    if top in (0x4400, 0x4600):  # ADD and MOV of any registers
        return _high_register(code & 7 | code >> 4 & 8, code >> 3 & 15, moves=top == 0x4600)
    if top == 0x4700:  # BX, BLX
        register = code >> 3 & 15
        calls = bool(code & 0x80)
        return Effect(calls=calls, indirect=calls or register != LR, ends=not calls)
    if code & 0xF800 == 0x4800:  # LDR of a literal
        at = (address + 4 & -4) + 4 * (code & 0xFF)
        return Effect(sets=(code >> 8 & 7, halfword(at) | halfword(at + 2) << 16))
    if code & 0xFE00 == 0x1E00 and code >> 3 & 7 == FRAME_POINTER:  # SUBS of a constant
        return Effect(frame=code & 7)
    if code & 0xF500 == 0xB100:  # CBZ, CBNZ
        return Effect(target=address + 4 + (code >> 3 & 0x40 | code >> 2 & 0x3E))
    if code & 0xF000 == 0xD000 and top < 0xDE00:  # B under a condition
        return Effect(target=address + 4 + _signed(code & 0xFF, 8) * 2)
    if code & 0xF800 == 0xE000:  # B
        return Effect(target=address + 4 + _signed(code & 0x7FF, 11) * 2, ends=True)
    if top == 0xBF00 and code & 15:  # IT: as many as the position of the lowest 1 in the mask
        return Effect(skips=4 - ((code & -code) & 15).bit_length() + 1)
    return Effect(ends=top == 0xDE00)  # UDF


def _high_register(to: int, source: int, moves: bool) -> Effect:
    """ADD or MOV of ``source`` to register ``to``."""
    if to == PC:
        returns = moves and source == LR
        return Effect(ends=True, unknown=None if returns else "jumps to a computed address")
    if to != SP:
        return Effect()
    if not moves:
        return Effect(adds=(source, 1))
    return Effect(restores=source)


def _long(address: int, first: int, second: int) -> Effect:
    """Of an instruction of 32 bits."""
    if first & 0xF800 == 0xF000:
        return _branch(address, first, second) if second & 0x8000 else _constant(first, second)
    if first & 0xFE00 == 0xEA00 and second >> 8 & 15 == SP:  # of a shifted register
        return _shifted(first, second)
    if first & 0xFFF0 == 0xE8D0 and second & 0xFFE0 == 0xF000:  # TBB, TBH
        return Effect(size=4, unknown="jumps by a table")
    return _load_or_store(first, second)


def _branch(address: int, first: int, second: int) -> Effect:
    """BL, B, and what shares their encodings."""
    sign = first >> 10 & 1
    kind = second & 0xD000
    low = (second & 0x7FF) << 1
    if kind in (0xD000, 0x9000):
        i, j = (~(second >> bit ^ sign) & 1 for bit in (13, 11))
        offset = sign << 24 | i << 23 | j << 22 | (first & 0x3FF) << 12 | low
        calls = kind == 0xD000
        target = address + 4 + _signed(offset, 25)
        return Effect(size=4, target=target, calls=calls, ends=not calls)
    if kind == 0x8000 and first >> 7 & 7 != 7:  # 7: barriers, MSR and the like
        i, j = second >> 11 & 1, second >> 13 & 1
        offset = sign << 20 | i << 19 | j << 18 | (first & 0x3F) << 12 | low
        return Effect(size=4, target=address + 4 + _signed(offset, 21))
    if first & 0xFFF0 == 0xF380 and second & 0xFF in (8, 9):  # MSR of MSP or PSP
        return Effect(size=4, unknown="sets the stack pointer")
    return Effect(size=4)  # WLS and LE too: a loop leaves the stack pointer as it was


def _constant(first: int, second: int) -> Effect:
    """Operations with a constant: MOVW, MOVT, and ADD and SUB to the stack pointer."""
    to, source, kind = second >> 8 & 15, first & 15, first & 0xFBF0
    imm12 = (first << 1 & 0x800) | (second >> 4 & 0x700) | second & 0xFF
    if kind in (0xF240, 0xF2C0):
        return Effect(size=4, sets=(to, source << 12 | imm12), upper=kind == 0xF2C0)
    if to != SP:
        return Effect(size=4)
    signs = {0xF100: -1, 0xF200: -1, 0xF1A0: 1, 0xF2A0: 1}
    if source != SP or kind not in signs:
        return Effect(size=4, unknown="computes the stack pointer")
    value = imm12 if kind in (0xF200, 0xF2A0) else _expanded(imm12)
    return Effect(size=4, grows=signs[kind] * value)


def _shifted(first: int, second: int) -> Effect:
    """ADD, SUB or MOV of a register to the stack pointer."""
    source, other = first & 15, second & 15
    plain = second & 0x70F0 == 0
    if first == 0xEA4F and plain:
        return Effect(size=4, restores=other)
    sign = {0xEB00: 1, 0xEBA0: -1}.get(first & 0xFFF0)
    if sign is None or source != SP or not plain:
        return Effect(size=4, unknown="computes the stack pointer")
    return Effect(size=4, adds=(other, sign))


def _load_or_store(first: int, second: int) -> Effect:
    """Loads and stores that move the stack pointer, or none at all."""
    if first in (0xE92D, 0xE8BD):  # PUSH, POP
        size, pops = 4 * second.bit_count(), first == 0xE8BD
        return Effect(size=4, grows=-size if pops else size, ends=pops and second >> 15 == 1)
    if first in (0xF84D, 0xF85D) and second & 0x0900 == 0x0900:  # STR, LDR with writeback
        offset = second & 0xFF if second & 0x0200 else -(second & 0xFF)
        returns = first == 0xF85D and second >> 12 == PC
        return Effect(size=4, grows=-offset, ends=returns)
    if first & 0xFE6F == 0xE86D:  # STRD, LDRD with writeback
        offset = 4 * (second & 0xFF)
        return Effect(size=4, grows=-offset if first & 0x80 else offset)
    if first & 0xFE2F == 0xEC2D:  # of the FPU and of MVE, with writeback
        if first & 0xFFBF in (0xED2D, 0xECBD) and second & 0x0E00 == 0x0A00:  # VPUSH, VPOP
            size = 4 * (second & 0xFF)
            return Effect(size=4, grows=size if first & 0x0100 else -size)
        return Effect(size=4, unknown="moves the stack pointer")
    if first == 0xF8DF and second >> 12 == PC:
        return Effect(size=4, ends=True, unknown="jumps to a computed address")
    return Effect(size=4)


def _expanded(imm12: int) -> int:
    """A constant of a data-processing instruction (ThumbExpandImm)."""
    low, kind = imm12 & 0xFF, imm12 >> 8
    if kind < 4:
        return low * (0x1, 0x10001, 0x1000100, 0x1010101)[kind]
    value, rotation = 0x80 | imm12 & 0x7F, imm12 >> 7
    return (value >> rotation | value << 32 - rotation) & 0xFFFF_FFFF


def _signed(value: int, bits: int) -> int:
    return value - (value >> bits - 1 << bits)
