"""Decodes Thumb instructions into what they read and write: registers, flags, memory, branches.

The decoder is capstone's. Where it does not report what taint tracking needs, the tables here
complete it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from elegans.boards.firmware.toolchain import INSTALL_SIM
from elegans.exporter.errors import ElegansError

SP, LR, PC = 13, 14, 15
VECTORS = 16  # the number that stands for all registers of the FPU and of MVE together
_JUMP, _CALL = 1, 2  # capstone's numbers of groups of instructions

# Instructions, by the beginnings of their names, that set N, Z and perhaps C, but never V.
_NZ_ONLY = ("mov", "mvn", "and", "eor", "orr", "orn", "bic", "tst", "teq", "mul")
_SHIFTS = ("lsl", "lsr", "asr", "ror")
_WITH_CARRY = ("adc", "sbc", "rrx")
# Instructions that also read their destination, which capstone does not report for all of them.
_READ_DESTINATION = ("umlal", "smlal", "smlsl", "umaal", "movt", "bfi", "bfc")
# Loads and stores whose addresses end below the base register.
_DESCENDING = ("push", "ldmdb", "stmdb", "vpush", "vldmdb", "vstmdb")
# Loads and stores of bytes and halfwords.
_NARROW = re.compile(r"(?:ld|st)r(?:ex)?s?([bh])")
# Bytes that a load or store transfers, by a letter of its name or of a vector register's name.
_BYTES = {"b": 1, "h": 2, "d": 8, "q": 16}
_NZ_CONDITIONS = ("eq", "ne", "mi", "pl")


@dataclass(frozen=True)
class Instruction:
    """A decoded instruction.

    reads, writes      the numbers of registers, without those in the next lines
    address_registers  the registers that form the address of a load or store: base, index
    index_shift        the number of bits by which the index is shifted left
    offset             a constant that is added to the address
    transfers          the registers that a load writes or a store reads, in order of addresses
    transfer_size      the bytes of memory of each of them
    writeback          whether the base register is changed
    loads, stores      whether it is a load, or a store
    branches           whether it may branch; besides, a load or `writes` may contain PC
    condition          the flags that decide whether it is executed: "" none, "nz", or "all"
    uses_carry         whether the carry is an operand
    sets_flags         the flags that it sets: "" none, "nz" N, Z and perhaps C, or "all"
    """

    address: int
    text: str
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    address_registers: tuple[int, ...] = ()
    index_shift: int = 0
    offset: int = 0
    transfers: tuple[int, ...] = ()
    transfer_size: int = 0
    writeback: bool = False
    loads: bool = False
    stores: bool = False
    branches: bool = False
    condition: str = ""
    uses_carry: bool = False
    sets_flags: str = ""

    def accesses(self, register: Callable[[int], int]) -> list[range]:
        """The addresses of the bytes of memory that belong to each of `transfers`.

        ``register(n)`` is the value of register n before the instruction. As a base register PC
        reads as the instruction's address + 4, rounded down to a word (Armv7-M manual, A5.1.2).
        """
        if not self.transfers:
            return []
        base, *index = (
            (self.address + 4) & -4 if number == PC else register(number)
            for number in self.address_registers
        )
        first = base + self.offset + sum(i << self.index_shift for i in index)
        size = self.transfer_size
        starts = (first + i * size & 0xFFFF_FFFF for i in range(len(self.transfers)))
        return [range(start, start + size) for start in starts]


@cache
def decode(code: bytes, address: int) -> tuple[Instruction, ...]:
    """The instructions of ``code``, which must begin outside any IT block.

    Raises `ElegansError` if capstone does not know one of them, or is not installed.
    """
    engine, arm, numbers = _engine()
    found, end = [], address
    for one in engine.disasm(code, address):
        found.append(_instruction(one, arm, numbers))
        end = one.address + one.size
    if end != address + len(code):
        fact = "capstone does not know this instruction"
        raise ElegansError(f"{end:#010x}", fact, "report it")
    return tuple(found)


def decode_one(code: bytes, address: int) -> Instruction | None:
    """The first instruction of ``code``, decoded as if it were outside any IT block.

    None for a vector instruction of MVE, which capstone does not know. Raises `ElegansError` if
    capstone is not installed.
    """
    engine, arm, numbers = _engine()
    for one in engine.disasm(code, address, 1):
        return _instruction(one, arm, numbers)
    return _loop(code, address)


def _loop(code: bytes, address: int) -> Instruction | None:
    """WLS or LE, the hardware loops of Armv8.1-M, which capstone does not know; None for others.
    (Armv8-M manual, C2.4: encodings T1 and T3 of WLS, T1 to T3 of LE.)"""
    first, second = (int.from_bytes(code[i : i + 2], "little") for i in (0, 2))
    if first & 0xFF80 != 0xF000 or second & 0xF001 != 0xC001:
        return None
    counter = LR if first & 0xF == 0xF else first & 0xF
    text = "le" if counter == LR else "wls"
    return Instruction(address, text, (counter,), (LR,), branches=True)


def load_capstone() -> Any:
    """The module capstone. Raises `ElegansError` if it is not installed."""
    try:
        import capstone
        import capstone.arm_const
    except ImportError:
        raise ElegansError("Thumb code", "capstone is not installed", INSTALL_SIM) from None
    untyped: Any = capstone
    return untyped


@cache
def _engine() -> tuple[Any, Any, dict[int, int]]:
    capstone = load_capstone()
    arm: Any = capstone.arm_const
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
    address_registers = [number(r) for m in memory for r in (m.base, m.index) if r]
    if listed:
        address_registers = [number(registers.pop(0).reg)]
    elif name.startswith(("push", "pop", "vpush", "vpop")):
        address_registers = [SP]
    transfers, reads, writes = [number(o.reg) for o in registers], [], []
    if not (stored or loaded):
        transfers = []
        # Operands that capstone reports as neither read nor written are read.
        writes = [number(o.reg) for o in registers if o.access & 2]
        reads = [number(o.reg) for o in registers if o.access != 2]
        if name.startswith(_READ_DESTINATION) or VECTORS in writes:
            reads += writes
    groups = set(one.groups)
    if _CALL in groups:
        writes = [LR]
    condition = ""
    if one.cc not in (arm.ARM_CC_AL, arm.ARM_CC_INVALID) and not name.startswith("it"):
        condition = "nz" if name.endswith(_NZ_CONDITIONS) else "all"
    size = 0
    if transfers:
        unconditional = name[:-2] if condition else name
        size = _transfer_size(unconditional, one.reg_name(registers[-1].reg))
    offset = sum(m.disp for m in memory)
    if name.startswith(_DESCENDING):
        offset = -size * len(transfers)
    keeps_v = name.startswith(_NZ_ONLY + _SHIFTS)
    return Instruction(
        address=one.address,
        text=f"{one.mnemonic} {one.op_str}".strip(),
        reads=tuple(reads),
        writes=tuple(writes),
        address_registers=tuple(address_registers),
        index_shift=sum(o.shift.value for o in one.operands if o.type == arm.ARM_OP_MEM),
        offset=offset,
        transfers=tuple(transfers),
        transfer_size=size,
        writeback=bool(one.writeback),
        loads=loaded,
        stores=stored,
        branches=name in ("tbb", "tbh", "cbz", "cbnz") or bool({_JUMP, _CALL} & groups),
        condition=condition,
        uses_carry=name.startswith(_WITH_CARRY),
        sets_flags=("nz" if keeps_v else "all") if one.update_flags or name == "vmrs" else "",
    )


def _transfer_size(name: str, register: str) -> int:
    """The bytes of a register that a load or store transfers: a word, unless the name of the
    instruction or of a vector register says otherwise."""
    narrow = _NARROW.match(name)
    vector = name.startswith("v") and register[0]
    return _BYTES.get(narrow[1] if narrow else vector or "", 4)
