"""Thumb code as far as it matters who reads what: registers, flags, memory, branches."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from elegans.exporter.errors import ElegansError

VECTORS = 16  # all registers of the FPU and of MVE, as one
PC = 15
_SP, _LR = 13, 14
_JUMP, _CALL = 1, 2  # capstone's groups

_NZ_ONLY = ("mov", "mvn", "and", "eor", "orr", "orn", "bic", "tst", "teq", "mul")
_SHIFTS = ("lsl", "lsr", "asr", "ror")
_WITH_CARRY = ("adc", "sbc", "rrx")
# Their destination is an operand too, which capstone does not tell of all of them.
_GROWING = ("umlal", "smlal", "smlsl", "umaal", "movt", "bfi", "bfc")
_DESCENDING = ("push", "ldmdb", "stmdb", "vpush", "vldmdb", "vstmdb")
_NARROW = re.compile(r"(?:ld|st)r(?:ex)?s?([bh])")
_BYTES = {"b": 1, "h": 2, "d": 8, "q": 16}  # of a load or store, or of a register of vectors
_NZ_CONDITIONS = ("eq", "ne", "mi", "pl")


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    reads, writes  register numbers, those of addresses apart
    base           the registers that an address is made of: what is pointed at, and an index
    shift, offset  of the index, and of the address
    moves          the registers that a load fills or a store empties, in memory's order
    unit           the bytes of each of them
    writeback      whether it moves what it points with
    loads, stores  whether it does
    branches       whether it may go on elsewhere; `pc` may be among what it writes as well
    condition      what it is executed under: "" always, "nz" or "all" of the flags
    carry          whether it computes with the carry
    sets           the flags that it sets: "", "nz" with perhaps a carry, or "all"
    """

    address: int
    text: str
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    base: tuple[int, ...] = ()
    shift: int = 0
    offset: int = 0
    moves: tuple[int, ...] = ()
    unit: int = 0
    writeback: bool = False
    loads: bool = False
    stores: bool = False
    branches: bool = False
    condition: str = ""
    carry: bool = False
    sets: str = ""

    def accesses(self, register: Callable[[int], int]) -> list[range]:
        """The bytes of memory that belong to each of `moves`, from what registers hold before.
        (Armv7-M manual, A5.2: the program counter reads as four ahead, as a base of a word.)"""
        if not self.moves:
            return []
        base, *index = ((self.address + 4) & -4 if r == PC else register(r) for r in self.base)
        at = base + self.offset + sum(i << self.shift for i in index)
        starts = (at + i * self.unit & 0xFFFF_FFFF for i in range(len(self.moves)))
        return [range(start, start + self.unit) for start in starts]


@cache
def decode(code: bytes, address: int) -> tuple[Instruction, ...]:
    """The instructions of a block, which begins outside any IT block. Raises `ElegansError`
    where one is unknown."""
    engine, arm, numbers = _engine()
    found, end = [], address
    for one in engine.disasm(code, address):
        found.append(_instruction(one, arm, numbers))
        end = one.address + one.size
    if end != address + len(code):
        raise ElegansError(f"{end:#010x}", "capstone does not know this code", "report it")
    return tuple(found)


def decode_one(code: bytes, address: int) -> Instruction | None:
    """The instruction that code begins with, seen outside any IT block; None for a vector
    instruction of MVE."""
    engine, arm, numbers = _engine()
    for one in engine.disasm(code, address, 1):
        return _instruction(one, arm, numbers)
    return _loop(code, address)


def _loop(code: bytes, address: int) -> Instruction | None:
    """WLS and LE, with tail predication or without. (Armv8-M manual, C2.4: T1 and T3 of WLS,
    T1 to T3 of LE.)"""
    first, second = (int.from_bytes(code[i : i + 2], "little") for i in (0, 2))
    if first & 0xFF80 != 0xF000 or second & 0xF001 != 0xC001:
        return None
    counter = _LR if first & 0xF == 0xF else first & 0xF
    text = "le" if counter == _LR else "wls"
    return Instruction(address, text, (counter,), (_LR,), branches=True)


@cache
def _engine() -> tuple[Any, Any, dict[int, int]]:
    try:
        import capstone as untyped
        from capstone import arm_const
    except ImportError:
        remedy = "pip install 'elegans[sim]'"
        raise ElegansError("Thumb code", "capstone is not installed", remedy) from None
    capstone: Any = untyped
    arm: Any = arm_const
    mode = capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS | capstone.CS_MODE_V8
    engine = capstone.Cs(capstone.CS_ARCH_ARM, mode)
    engine.detail = True
    numbers = {getattr(arm, f"ARM_REG_R{i}"): i for i in range(16)}
    return engine, arm, numbers


def _instruction(one: Any, arm: Any, numbers: dict[int, int]) -> Instruction:
    name: str = one.mnemonic.split(".")[0]
    registers = [o for o in one.operands if o.type == arm.ARM_OP_REG]
    memory = [o.mem for o in one.operands if o.type == arm.ARM_OP_MEM]

    def number(register: int) -> int:
        return numbers.get(register, VECTORS)

    stored = name.startswith(("st", "push", "vst", "vpush"))
    loaded = name.startswith(("ld", "pop", "vld", "vpop"))
    listed = name.startswith(("ldm", "stm", "vldm", "vstm"))
    base = [number(r) for m in memory for r in (m.base, m.index) if r]
    if listed:
        base = [number(registers.pop(0).reg)]
    elif name.startswith(("push", "pop", "vpush", "vpop")):
        base = [_SP]
    moves, reads, writes = [number(o.reg) for o in registers], [], []
    if not (stored or loaded):
        moves = []
        # What capstone calls neither read nor written is read: it has no word for some.
        writes = [number(o.reg) for o in registers if o.access & 2]
        reads = [number(o.reg) for o in registers if o.access != 2]
        if name.startswith(_GROWING) or VECTORS in writes:
            reads += writes
    groups = set(one.groups)
    if _CALL in groups:
        writes = [_LR]
    under = ""
    if one.cc not in (arm.ARM_CC_AL, arm.ARM_CC_INVALID) and not name.startswith("it"):
        under = "nz" if name.endswith(_NZ_CONDITIONS) else "all"
    unit = _unit(name[:-2] if under else name, one.reg_name(registers[-1].reg)) if moves else 0
    offset = sum(m.disp for m in memory)
    if name.startswith(_DESCENDING):
        offset = -unit * len(moves)
    partly = name.startswith(_NZ_ONLY + _SHIFTS)
    return Instruction(
        address=one.address,
        text=f"{one.mnemonic} {one.op_str}".strip(),
        reads=tuple(reads),
        writes=tuple(writes),
        base=tuple(base),
        shift=sum(o.shift.value for o in one.operands if o.type == arm.ARM_OP_MEM),
        offset=offset,
        moves=tuple(moves),
        unit=unit,
        writeback=bool(one.writeback),
        loads=loaded,
        stores=stored,
        branches=name in ("tbb", "tbh", "cbz", "cbnz") or bool({_JUMP, _CALL} & groups),
        condition=under,
        carry=name.startswith(_WITH_CARRY),
        sets=("nz" if partly else "all") if one.update_flags or name == "vmrs" else "",
    )


def _unit(name: str, register: str) -> int:
    """The bytes that a load or store moves of a register; a core's own register has a word."""
    narrow = _NARROW.match(name)
    vector = name.startswith("v") and register[0]
    return _BYTES.get(narrow[1] if narrow else vector or "", 4)
