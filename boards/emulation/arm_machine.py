"""A Cortex-M emulated by unicorn: its vector table, interrupts, faults, SysTick and DWT."""

from __future__ import annotations

import struct
from typing import Any, ClassVar

from unicorn import arm_const as arm

from elegans.boards.emulation.unicorn_machine import PAGE, MachineError, UnicornMachine, unicorn
from elegans.boards.firmware.elf_image import ElfImage
from elegans.boards.machine_code.thumb import instruction_addresses

# The address to which interrupt handlers return: in the code region, and used by no board.
_RETURN = 0x1FFF_F000
_STACK, _RESET, _HARD_FAULT, _EXTERNAL = 0, 1, 3, 16  # entries of the vector table
_THREAD_MAIN_STACK = 0xFFFF_FFF9  # EXC_RETURN: to thread mode, on the main stack

# Registers of the core as offsets from the start of their page, and their bits.
_SYSTEM_CONTROL, _DWT = 0xE000_E000, 0xE000_1000
_SYST_CSR, _SYST_CVR, _NVIC_ISER = 0x010, 0x018, range(0x100, 0x140, 4)
_AIRCR, _CFSR = 0xD0C, 0xD28
_SYSRESETREQ = 4
_DWT_CTRL, _DWT_CYCCNT = 0x0, 0x4

# The fault status register (CFSR), as QEMU and chips report it, for each error of unicorn:
# BFARVALID and PRECISERR, IBUSERR, UNDEFINSTR, and UNALIGNED (Armv7-M manual, B3.2.15).
_BUS_DATA, _BUS_FETCH, _UNDEFINED = 0x8200, 0x0100, 0x1_0000
_PREFETCH_ABORT = 3

# The exception frame that the core pushes on entry to a handler, lowest address first.
_FRAME = (
    *(arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3),
    *(arm.UC_ARM_REG_R12, arm.UC_ARM_REG_LR, arm.UC_ARM_REG_PC, arm.UC_ARM_REG_XPSR),
)


class ArmMachine(UnicornMachine):
    """A board with a Cortex-M."""

    wfi = b"\x30\xbf"
    faults: ClassVar = {
        unicorn.UC_ERR_READ_UNMAPPED: _BUS_DATA,
        unicorn.UC_ERR_WRITE_UNMAPPED: _BUS_DATA,
        unicorn.UC_ERR_WRITE_PROT: _BUS_DATA,
        unicorn.UC_ERR_READ_UNALIGNED: 0x100_0000,
        unicorn.UC_ERR_WRITE_UNALIGNED: 0x100_0000,
        unicorn.UC_ERR_FETCH_UNMAPPED: _BUS_FETCH,
        unicorn.UC_ERR_FETCH_PROT: _BUS_FETCH,
        unicorn.UC_ERR_INSN_INVALID: _UNDEFINED,
    }

    def _make_cpu(self, unicorn: Any) -> Any:
        cpu = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
        cpu.ctl_set_cpu_model(getattr(arm, str(self._board.core.unicorn)))
        return cpu

    def _prepare(self, image: ElfImage) -> None:
        cpu = self._cpu
        cpu.mem_map(_RETURN, PAGE)
        cpu.mmio_map(_SYSTEM_CONTROL, PAGE, self._core_read, None, self._core_write, None)
        cpu.mmio_map(_DWT, PAGE, self._dwt_read, None, self._dwt_write, None)
        self._context = cpu.context_save()

    def _clear_registers(self) -> None:
        self._enabled: int = 0  # the enabled interrupts, a bit each
        self._status = 0  # CFSR
        self._registers: dict[int, int] = {}
        for register in (*_FRAME, arm.UC_ARM_REG_PRIMASK):
            self._cpu.reg_write(register, 0)
        self._cpu.reg_write(arm.UC_ARM_REG_SP, self._vector(_STACK))

    def _start(self) -> int:
        return self._vector(_RESET)

    def _vector(self, number: int) -> int:
        memory = self._board.memory
        at = memory.flash.origin + memory.vectors + 4 * number
        return int.from_bytes(self._cpu.mem_read(at, 4), "little")

    def _interrupt_enabled(self, irq: int) -> bool:
        return bool(self._enabled >> irq & 1)

    def _interrupt(self, irq: int) -> None:
        asleep_at = self._pc()
        # The handler is called like a function, and the registers are restored afterwards.
        self._cpu.context_update(self._context)
        self._cpu.reg_write(arm.UC_ARM_REG_LR, _RETURN | 1)
        if self._execute(self._vector(_EXTERNAL + irq), _RETURN) == _RETURN:
            self._cpu.context_restore(self._context)
            self._execute(asleep_at)

    def _run(self, pc: int) -> None:
        self._cpu.emu_start(pc | 1, _RETURN)

    def _pc(self) -> int:
        return int(self._cpu.reg_read(arm.UC_ARM_REG_PC))

    def _exception_status(self, number: int) -> int:
        return _BUS_FETCH if number == _PREFETCH_ABORT else _UNDEFINED

    def _instructions(self, code: bytes) -> int:
        return len(instruction_addresses(code, 0))

    def _enter(self, pc: int, status: int) -> int:
        """With a frame on the stack."""
        self._status = status
        cpu = self._cpu
        values = [cpu.reg_read(register) for register in _FRAME]
        sp = (cpu.reg_read(arm.UC_ARM_REG_SP) - 32) & -8
        try:
            cpu.mem_write(sp, struct.pack("<8I", *values))
        except unicorn.UcError:
            raise MachineError(f"lockup: no stack at {sp:#010x} for a fault") from None
        cpu.reg_write(arm.UC_ARM_REG_SP, sp)
        cpu.reg_write(arm.UC_ARM_REG_LR, _THREAD_MAIN_STACK)
        return self._vector(_HARD_FAULT)

    # The system control space: SysTick, interrupt enables, fault status, reset.

    def _core_read(self, cpu: Any, offset: int, size: int, _: Any) -> int:
        if offset == _SYST_CVR:
            return -self._count & 0xFF_FFFF  # SysTick counts down, in 24 bits
        if offset == _CFSR:
            return self._status
        return self._registers.get(offset, 0)

    def _core_write(self, cpu: Any, offset: int, size: int, value: int, _: Any) -> None:
        self._registers[offset] = value
        if offset == _SYST_CSR:
            self._enable_counter(bool(value & 1))
        elif offset == _SYST_CVR:
            self._count = 0
        elif offset in _NVIC_ISER:
            self._enabled |= value << 8 * (offset - _NVIC_ISER.start)
        elif offset == _CFSR:
            self._status &= ~value
        elif offset == _AIRCR and value & _SYSRESETREQ:
            self._reset_wanted = True
            cpu.emu_stop()

    # The cycle counter of the DWT, which counts instructions here, too.

    def _dwt_read(self, cpu: Any, offset: int, size: int, _: Any) -> int:
        return self._count & 0xFFFF_FFFF if offset == _DWT_CYCCNT else int(self._count_wanted)

    def _dwt_write(self, cpu: Any, offset: int, size: int, value: int, _: Any) -> None:
        if offset == _DWT_CYCCNT:
            self._count = 0
        elif offset == _DWT_CTRL:
            self._enable_counter(bool(value & 1))
