"""A microcontroller emulated by unicorn: one core, its memory, a UART and a counter.

It models what the firmware of elegans uses and nothing more, so that the ELF image that QEMU
or a chip would run boots here unchanged:

- The core sleeps in WFI whenever it has nothing to do. Interrupts are taken only there: bytes
  arrive, the handler of the receive interrupt runs, and the core wakes. (The firmware unmasks
  interrupts right after WFI, so the effect is the same.)
- SysTick and the DWT's cycle counter count executed instructions, exactly. Counting needs a hook
  on every block of code, which is installed only while the firmware has the counter enabled.
- A fault enters the HardFault handler as the architecture defines, with a frame on the stack.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Protocol

import unicorn as _untyped
from unicorn import arm_const as arm

from elegans.boards.descriptors.board import Board, Region
from elegans.boards.emulation.uart_model import UartModel
from elegans.boards.firmware.elf_image import ElfImage
from elegans.boards.firmware.thumb import instruction_addresses

unicorn: Any = _untyped  # its type annotations are wrong

# The address to which interrupt handlers return: in the code region, and used by no board.
_RETURN = 0x1FFF_F000
_WFI = b"\x30\xbf"
_PAGE = 0x1000  # unicorn maps memory in pages of 4 KiB
_STACK, _RESET, _HARD_FAULT, _EXTERNAL = 0, 1, 3, 16  # entries of the vector table
_THREAD_MAIN_STACK = 0xFFFF_FFF9  # EXC_RETURN: to thread mode, on the main stack
_FLUSH = 4096  # sent bytes that are collected, at most, before they are passed on

# Registers of the core as offsets from the start of their page, and their bits.
_SYSTEM_CONTROL, _DWT = 0xE000_E000, 0xE000_1000
_SYST_CSR, _SYST_CVR, _NVIC_ISER = 0x010, 0x018, range(0x100, 0x140, 4)
_AIRCR, _CFSR = 0xD0C, 0xD28
_SYSRESETREQ = 4
_DWT_CTRL, _DWT_CYCCNT = 0x0, 0x4
_PERIPHERALS = range(0x4000_0000, 0x6000_0000)  # the peripheral region of the architecture

# The fault status register (CFSR), as QEMU and chips report it, for each error of unicorn:
# BFARVALID and PRECISERR, IBUSERR, UNDEFINSTR, and UNALIGNED (Armv7-M manual, B3.2.15).
_BUS_DATA, _BUS_FETCH, _UNDEFINED = 0x8200, 0x0100, 0x1_0000
_FAULTS = {
    unicorn.UC_ERR_READ_UNMAPPED: _BUS_DATA,
    unicorn.UC_ERR_WRITE_UNMAPPED: _BUS_DATA,
    unicorn.UC_ERR_WRITE_PROT: _BUS_DATA,
    unicorn.UC_ERR_READ_UNALIGNED: 0x100_0000,
    unicorn.UC_ERR_WRITE_UNALIGNED: 0x100_0000,
    unicorn.UC_ERR_FETCH_UNMAPPED: _BUS_FETCH,
    unicorn.UC_ERR_FETCH_PROT: _BUS_FETCH,
    unicorn.UC_ERR_INSN_INVALID: _UNDEFINED,
}
_PREFETCH_ABORT = 3

# The exception frame that the core pushes on entry to a handler, lowest address first.
_FRAME = (
    *(arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3),
    *(arm.UC_ARM_REG_R12, arm.UC_ARM_REG_LR, arm.UC_ARM_REG_PC, arm.UC_ARM_REG_XPSR),
)


class Peripherals(Protocol):
    """The registers of a chip outside core and UART; accesses have 1, 2 or 4 bytes."""

    def read(self, address: int, size: int) -> int:
        """The value that the firmware loads."""

    def write(self, address: int, size: int, value: int) -> None:
        """A store of the firmware."""


class MachineError(Exception):
    """The core cannot continue: lockup, or an error of the emulator."""


class UnicornMachine:
    """A board with an image in its flash, off until `boot`.

    ``send`` is called with the bytes that the firmware writes to the UART, ``log`` with a line
    for every fault and reset. ``peripherals`` are the other registers of a real chip.
    """

    def __init__(
        self,
        board: Board,
        image: ElfImage,
        send: Callable[[bytes], None],
        log: Callable[[str], None],
        peripherals: Peripherals | None = None,
    ) -> None:
        self._board, self._send, self._log = board, send, log
        self._cpu = cpu = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
        cpu.ctl_set_cpu_model(getattr(arm, str(board.core.unicorn)))
        self._map(board.memory.flash, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        self._map(board.memory.ram, unicorn.UC_PROT_ALL)
        cpu.mem_map(_RETURN, _PAGE)
        for address, data in image.segments:
            cpu.mem_write(address, data)
        # A UART need not begin at the start of a page.
        page, self._uart_at = board.uart.base & -_PAGE, board.uart.base % _PAGE
        cpu.mmio_map(page, _PAGE, self._uart_read, None, self._uart_write, None)
        cpu.mmio_map(_SYSTEM_CONTROL, _PAGE, self._core_read, None, self._core_write, None)
        cpu.mmio_map(_DWT, _PAGE, self._dwt_read, None, self._dwt_write, None)
        if peripherals is not None:
            for start, stop in ((_PERIPHERALS.start, page), (page + _PAGE, _PERIPHERALS.stop)):
                self._map_peripherals(peripherals, start, stop)
        cpu.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)
        self._context = cpu.context_save()
        self._lengths: dict[tuple[int, int], int] = {}  # instructions by block
        self._reset_core()

    def boot(self) -> None:
        """Run from the reset vector to the first WFI. Raises `MachineError`."""
        self._reset_core()
        self._log("reset")
        self._execute(self._vector(_RESET))

    def receive(self, data: bytes) -> None:
        """Pass the firmware bytes from the host, all at once, and run until it sleeps again.

        Bytes are lost while the firmware has the receive interrupt disabled. Raises
        `MachineError`.
        """
        irq = self._board.uart.irq
        if not (self._uart.interrupt_enabled and self._enabled >> irq & 1):
            return
        self._uart.feed(data)
        asleep_at = self._cpu.reg_read(arm.UC_ARM_REG_PC)
        # The handler is called like a function, and the registers are restored afterwards.
        self._cpu.context_update(self._context)
        self._cpu.reg_write(arm.UC_ARM_REG_LR, _RETURN | 1)
        if self._execute(self._vector(_EXTERNAL + irq)) == _RETURN:
            self._cpu.context_restore(self._context)
            self._execute(asleep_at)

    def _map_peripherals(self, chip: Peripherals, start: int, stop: int) -> None:
        def read(cpu: Any, offset: int, size: int, _: Any) -> int:
            return chip.read(start + offset, size)

        def write(cpu: Any, offset: int, size: int, value: int, _: Any) -> None:
            chip.write(start + offset, size, value)

        if start < stop:
            self._cpu.mmio_map(start, stop - start, read, None, write, None)

    def _map(self, region: Region, rights: int) -> None:
        self._cpu.mem_map(*region.pages(_PAGE), rights)

    def _reset_core(self) -> None:
        self._uart = UartModel(self._board.uart.driver)
        self._enabled: int = 0  # the enabled interrupts, a bit each
        self._status = 0  # CFSR
        self._count = 0
        self._registers: dict[int, int] = {}
        self._counting: int | None = None  # the hook that counts
        self._count_wanted = False
        self._reset_wanted = False
        self._in_fault = False
        self._exception: int | None = None
        for register in (*_FRAME, arm.UC_ARM_REG_PRIMASK):
            self._cpu.reg_write(register, 0)
        self._cpu.reg_write(arm.UC_ARM_REG_SP, self._vector(_STACK))

    def _vector(self, number: int) -> int:
        memory = self._board.memory
        at = memory.flash.origin + memory.vectors + 4 * number
        return int.from_bytes(self._cpu.mem_read(at, 4), "little")

    def _execute(self, pc: int) -> int:
        """Run until the core sleeps or a handler returns; the address where it stopped."""
        while True:
            status = 0
            try:
                self._cpu.emu_start(pc | 1, _RETURN)
            except unicorn.UcError as error:
                status = _FAULTS.get(error.errno, 0)
                if not status:
                    raise MachineError(f"unicorn cannot continue: {error}") from None
            pc = self._cpu.reg_read(arm.UC_ARM_REG_PC)
            if self._exception is not None:
                status = _BUS_FETCH if self._exception == _PREFETCH_ABORT else _UNDEFINED
                self._exception = None
            if status:
                pc = self._enter_fault(pc, status)
            elif self._reset_wanted:
                self._flush()
                self._stop_counting()
                self._reset_core()
                self._log("reset")
                pc = self._vector(_RESET)
            elif self._count_wanted != (self._counting is not None):
                # The store that enables or disables the counter stopped the emulator before its
                # end; it is executed again once the hook is as it should be.
                if self._count_wanted:
                    self._start_counting()
                else:
                    self._stop_counting()
            elif pc == _RETURN:
                return pc
            elif self._cpu.mem_read(pc - 2, 2) == _WFI:
                self._flush()
                return pc
            else:
                raise MachineError(f"the core stopped at {pc:#010x}")

    def _enter_fault(self, pc: int, status: int) -> int:
        self._log(f"fault at {pc:#010x}, status {status:#x}")
        if self._in_fault:
            raise MachineError(f"lockup: a fault in the fault handler, at {pc:#010x}")
        self._in_fault, self._status = True, status
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

    def _on_exception(self, cpu: Any, number: int, _: Any) -> None:
        self._exception = number
        cpu.emu_stop()

    def _uart_read(self, cpu: Any, offset: int, size: int, _: Any) -> int:
        return self._uart.read(offset - self._uart_at)

    def _uart_write(self, cpu: Any, offset: int, size: int, value: int, _: Any) -> None:
        self._uart.write(offset - self._uart_at, value)
        if len(self._uart.sent) >= _FLUSH:
            self._flush()

    def _flush(self) -> None:
        if self._uart.sent:
            self._send(bytes(self._uart.sent))
            self._uart.sent.clear()

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

    def _enable_counter(self, enable: bool) -> None:
        self._count_wanted = enable
        if enable != (self._counting is not None):
            self._cpu.emu_stop()  # hooks can only be changed between runs

    def _start_counting(self) -> None:
        self._counting = self._cpu.hook_add(unicorn.UC_HOOK_BLOCK, self._on_block)
        self._cpu.ctl_flush_tb()

    def _stop_counting(self) -> None:
        if self._counting is not None:
            self._cpu.hook_del(self._counting)
            self._cpu.ctl_flush_tb()
            self._counting = None

    def _on_block(self, cpu: Any, address: int, size: int, _: Any) -> None:
        length = self._lengths.get((address, size))
        if length is None:
            code = cpu.mem_read(address, size)
            length = self._lengths[address, size] = len(instruction_addresses(code, address))
        self._count += length
