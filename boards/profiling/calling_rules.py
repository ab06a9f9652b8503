"""How a function is called on each architecture, as an emulator sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from elegans.boards.descriptors.cores import ARM, RISCV
from elegans.boards.machine_code import riscv, thumb
from elegans.boards.profiling import riscv_decoder, thumb_decoder
from elegans.boards.profiling.thumb_decoder import Instruction


@dataclass(frozen=True)
class CallingRules:
    """The rules of an architecture.

    arch, mode    unicorn's names of it
    constants     the module of unicorn with its constants
    registers     the names there of all registers, by the numbers that `decode` uses
    arguments     the numbers of the registers of the first four arguments; the first one also
                  has what a function returns
    sp, lr        the numbers of the stack pointer and the register with the return address
    code_bit      what is added to an address of code: 1 means Thumb
    addresses     the addresses of the instructions of a piece of code, from its first one on
    decode        a piece of code at an address as instructions
    """

    arch: str
    mode: str
    constants: str
    registers: dict[int, str]
    arguments: tuple[int, ...]
    sp: int
    lr: int
    code_bit: int
    addresses: Callable[[bytes, int], list[int]]
    decode: Callable[[bytes, int], tuple[Instruction, ...]]

    def numbers(self, module: Any) -> dict[int, int]:
        """unicorn's number of each register."""
        return {number: getattr(module, name) for number, name in self.registers.items()}


_FIRST = riscv_decoder.FIRST
RULES = {
    ARM: CallingRules(
        arch="UC_ARCH_ARM",
        mode="UC_MODE_THUMB",
        constants="unicorn.arm_const",
        registers={i: f"UC_ARM_REG_R{i}" for i in range(13)}
        | {thumb_decoder.SP: "UC_ARM_REG_SP", thumb_decoder.LR: "UC_ARM_REG_LR"},
        arguments=(0, 1, 2, 3),
        sp=thumb_decoder.SP,
        lr=thumb_decoder.LR,
        code_bit=1,
        addresses=thumb.instruction_addresses,
        decode=thumb_decoder.decode,
    ),
    RISCV: CallingRules(
        arch="UC_ARCH_RISCV",
        mode="UC_MODE_RISCV32",
        constants="unicorn.riscv_const",
        registers={_FIRST + i: f"UC_RISCV_REG_X{i}" for i in range(32)},
        arguments=(_FIRST + 10, _FIRST + 11, _FIRST + 12, _FIRST + 13),
        sp=_FIRST + riscv.SP,
        lr=_FIRST + riscv.RA,
        code_bit=0,
        addresses=riscv.instruction_addresses,
        decode=riscv_decoder.decode,
    ),
}
"""By the architecture of the core."""
