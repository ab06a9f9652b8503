"""A RISC-V core in machine mode emulated by unicorn: its traps, interrupt controller and mcycle."""

from __future__ import annotations

from typing import Any, ClassVar

from unicorn import riscv_const as riscv

from elegans.boards.emulation.unicorn_machine import MachineError, UnicornMachine, unicorn
from elegans.boards.firmware.elf_image import ElfImage
from elegans.boards.machine_code.riscv import Operation, decode, instruction_addresses

_REGISTERS = [getattr(riscv, f"UC_RISCV_REG_X{i}") for i in range(32)]
_NOWHERE = 0  # an address that is never executed: unicorn wants one at which to stop
_FAULT = 0x100  # added to the cause of a fault, which may be 0

# Bits of mstatus, mie and mcause (Privileged Architecture, 3.1.6, 3.1.9 and 3.1.15).
_MIE, _MPIE, _MPP = 1 << 3, 1 << 7, 3 << 11
_EXTERNAL, _INTERRUPT = 11, 1 << 31
# Causes of faults: fetch, illegal instruction, load and store; misaligned ones are one less.
_FETCH, _ILLEGAL, _LOAD, _STORE = 1, 2, 5, 7

# The PLIC's registers, as offsets: its enables and claim of context 0, and its end.
_ENABLES, _CLAIM, _PLIC_BYTES = range(0x2000, 0x2080, 4), 0x20_0004, 0x20_1000

# Control and status registers that unicorn does not have, or means otherwise: a counter of
# instructions, mcountinhibit, and the enables of Hazard3's interrupts.
_MCYCLE, _MCOUNTINHIBIT, _MEIEA = 0xB00, 0x320, 0xBE0
_OWN = (_MCYCLE, _MCOUNTINHIBIT, _MEIEA)
_NAMES = frozenset(("csrrw", "csrrs", "csrrc"))


class RiscvMachine(UnicornMachine):
    """A board with a RISC-V core. Writing mcycle begins to count; sleeping ends it."""

    wfi = b"\x73\x00\x50\x10"
    faults: ClassVar = {
        unicorn.UC_ERR_READ_UNMAPPED: _FAULT + _LOAD,
        unicorn.UC_ERR_READ_UNALIGNED: _FAULT + _LOAD - 1,
        unicorn.UC_ERR_WRITE_UNMAPPED: _FAULT + _STORE,
        unicorn.UC_ERR_WRITE_PROT: _FAULT + _STORE,
        unicorn.UC_ERR_WRITE_UNALIGNED: _FAULT + _STORE - 1,
        unicorn.UC_ERR_FETCH_UNMAPPED: _FAULT + _FETCH,
        unicorn.UC_ERR_FETCH_PROT: _FAULT + _FETCH,
        unicorn.UC_ERR_INSN_INVALID: _FAULT + _ILLEGAL,
    }

    def _make_cpu(self, unicorn: Any) -> Any:
        cpu = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
        cpu.ctl_set_cpu_model(getattr(riscv, str(self._board.core.unicorn)))
        return cpu

    def _prepare(self, image: ElfImage) -> None:
        if self._board.interrupts and self._board.interrupts.driver == "plic":
            plic = self._board.interrupts.base
            self._cpu.mmio_map(plic, _PLIC_BYTES, self._plic_read, None, self._plic_write, None)
        # What looks like an instruction among the data is never executed.
        for address, data in image.segments:
            for at in range(0, len(data) - 3, 2):
                one = decode(data[at : at + 4])
                if one.name in _NAMES and one.imm in _OWN:
                    self._hook(address + at, one)

    def _hook(self, address: int, one: Operation) -> None:
        """Execute an instruction on one of these registers here."""

        def on_register(cpu: Any, at: int, size: int, _: Any) -> None:
            value = int(cpu.reg_read(_REGISTERS[one.rs1])) & 0xFFFF_FFFF
            if one.imm == _MCYCLE and one.rd == 0:
                self._count = 0
                self._enable_counter(True)
            elif one.imm == _MEIEA:
                self._enabled |= value >> 16 << 16 * (value & 31)
            if one.rd:
                cpu.reg_write(_REGISTERS[one.rd], self._count & 0xFFFF_FFFF)
            cpu.reg_write(riscv.UC_RISCV_REG_PC, at + 4)

        self._cpu.hook_add(unicorn.UC_HOOK_CODE, on_register, begin=address, end=address)

    def _clear_registers(self) -> None:
        self._enabled = 0  # the enabled interrupts, a bit each
        for register in (*_REGISTERS[1:], riscv.UC_RISCV_REG_MSTATUS, riscv.UC_RISCV_REG_MIE):
            self._cpu.reg_write(register, 0)

    def _start(self) -> int:
        return self._board.memory.flash.origin + self._board.memory.vectors

    def _interrupt_enabled(self, irq: int) -> bool:
        core = self._cpu.reg_read(riscv.UC_RISCV_REG_MIE)
        return bool(self._enabled >> irq & 1 and core >> _EXTERNAL & 1)

    def _interrupt(self, irq: int) -> None:
        self._in_fault = False  # the firmware has started again after a fault
        self._execute(self._trap(self._pc(), _INTERRUPT | _EXTERNAL))
        self._count_wanted = False
        self._stop_counting()

    def _run(self, pc: int) -> None:
        self._cpu.emu_start(pc, _NOWHERE)

    def _pc(self) -> int:
        return int(self._cpu.reg_read(riscv.UC_RISCV_REG_PC)) & 0xFFFF_FFFF

    def _exception_status(self, number: int) -> int:
        # unicorn calls the hook of exceptions with the program counter 4 beyond the instruction.
        self._cpu.reg_write(riscv.UC_RISCV_REG_PC, self._pc() - 4)
        return _FAULT + number

    def _enter(self, pc: int, status: int) -> int:
        return self._trap(self._pc(), status - _FAULT)

    def _trap(self, pc: int, cause: int) -> int:
        """Enter the trap handler: its address."""
        cpu = self._cpu
        status = cpu.reg_read(riscv.UC_RISCV_REG_MSTATUS)
        before = _MPIE if status & _MIE else 0
        cpu.reg_write(riscv.UC_RISCV_REG_MSTATUS, status & ~(_MIE | _MPIE) | before | _MPP)
        cpu.reg_write(riscv.UC_RISCV_REG_MEPC, pc)
        cpu.reg_write(riscv.UC_RISCV_REG_MCAUSE, cause)
        handler = int(cpu.reg_read(riscv.UC_RISCV_REG_MTVEC)) & 0xFFFF_FFFC
        if not handler:
            raise MachineError(f"lockup: a fault at {pc:#010x} before there is a handler")
        return handler

    def _instructions(self, code: bytes) -> int:
        return len(instruction_addresses(code, 0))

    def _plic_read(self, cpu: Any, offset: int, size: int, _: Any) -> int:
        return self._board.uart.irq if offset == _CLAIM else 0

    def _plic_write(self, cpu: Any, offset: int, size: int, value: int, _: Any) -> None:
        if offset in _ENABLES:
            self._enabled |= value << 8 * (offset - _ENABLES.start)
