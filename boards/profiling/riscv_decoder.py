"""Decodes RISC-V instructions into what they read and write: registers, memory, branches.

Register n of RISC-V has the number `FIRST` + n here: taint tracking knows some numbers of an Arm
core. Register 0, which is always zero, is left out.
"""

from __future__ import annotations

from functools import cache

from elegans.boards.machine_code.riscv import BRANCHES, LOADS, STORES, Operation
from elegans.boards.machine_code.riscv import decode as operation
from elegans.boards.profiling.thumb_decoder import Instruction
from elegans.exporter.errors import ElegansError

FIRST = 32
_JUMPS = BRANCHES | {"jal", "jalr", "mret"}


@cache
def decode(code: bytes, address: int) -> tuple[Instruction, ...]:
    """The instructions of ``code``. Raises `ElegansError` if one of them is unknown."""
    found, offset = [], 0
    while offset < len(code):
        one = operation(code[offset : offset + 4])
        if not one.name:
            fact = "is no instruction of RV32IMC"
            raise ElegansError(f"{address + offset:#010x}", fact, "report it")
        found.append(_instruction(one, address + offset))
        offset += one.size
    return tuple(found)


def _instruction(one: Operation, address: int) -> Instruction:
    loads, stores = one.name in LOADS, one.name in STORES
    sources = () if loads or stores else _numbers(one.rs1, one.rs2)
    moved = one.rd if loads else one.rs2
    return Instruction(
        address=address,
        text=one.text,
        reads=sources,
        writes=() if loads else _numbers(one.rd),
        address_registers=_numbers(one.rs1) if loads or stores else (),
        offset=one.imm if loads or stores else 0,
        transfers=(FIRST + moved,) if loads or stores else (),
        transfer_size=(LOADS | STORES).get(one.name, 0),
        loads=loads,
        stores=stores,
        branches=one.name in _JUMPS,
    )


def _numbers(*registers: int) -> tuple[int, ...]:
    return tuple(FIRST + register for register in registers if register)
