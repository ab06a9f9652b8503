"""A microcontroller on the unicorn emulator: one core, its memory, a UART and a counter.

It models what the firmware of this house uses and nothing more, so that the ELF image
that QEMU or a chip would run boots here unchanged:

- The core sleeps in WFI whenever it has nothing to do. Only there does the outside world
  reach it: bytes arrive, the receive interrupt runs, and the core wakes. (The firmware
  unmasks interrupts right after WFI, so taking one there comes to the same.)
- SysTick counts executed instructions, exactly. Counting needs a hook on every block of
  code, so the hook is there only while the firmware has SysTick switched on.
- A fault enters the HardFault handler as the architecture has it, its frame on the stack.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Protocol

import unicorn as _untyped
from unicorn import arm_const as arm

from elegans.boards.descriptors.descriptor import Board, Region
from elegans.boards.descriptors.uarts import Uart
from elegans.boards.firmware.elf_image import Image

unicorn: Any = _untyped  # it says that it is typed, but its annotations do not hold

# Where interrupt handlers return to: nothing else uses it, and code may lie there.
_RETURN = 0x1FFF_F000
_WFI = b"\x30\xbf"
_PAGE = 0x1000
_STACK, _RESET, _HARD_FAULT, _EXTERNAL = 0, 1, 3, 16  # in the vector table
_FLUSH = 4096

# Registers of the core, by their offset, and their bits.
_SYST_CSR, _SYST_CVR, _NVIC_ISER = 0x010, 0x018, range(0x100, 0x140, 4)
_AIRCR, _CFSR = 0xD0C, 0xD28
_SYSRESETREQ = 4
_DWT_CTRL, _DWT_CYCCNT = 0x0, 0x4
_CHIP = range(0x4000_0000, 0x6000_0000)  # where the architecture has peripherals

# CFSR as QEMU and silicon would report it, by what unicorn calls the error.
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

# What the core pushes on entry to a handler, lowest address first.
_FRAME = (
    *(arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3),
    *(arm.UC_ARM_REG_R12, arm.UC_ARM_REG_LR, arm.UC_ARM_REG_PC, arm.UC_ARM_REG_XPSR),
)


class Peripherals(Protocol):
    """Registers of a chip, by their addresses, beside core and UART."""

    def read(self, address: int, size: int) -> int: ...

    def write(self, address: int, size: int, value: int) -> None: ...


class MachineError(Exception):
    """The machine can not go on: what a chip calls lockup."""


class Machine:
    """A board with an image in its flash, off until `boot`.

    ``send`` gets what the firmware writes to the UART; ``note`` gets a line for every
    fault and reset. ``peripherals`` stand in for all that a real chip has besides.
    """

    def __init__(
        self,
        board: Board,
        image: Image,
        send: Callable[[bytes], None],
        note: Callable[[str], None],
        peripherals: Peripherals | None = None,
    ) -> None:
        self._board, self._send, self._note = board, send, note
        self._cpu = cpu = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
        cpu.ctl_set_cpu_model(getattr(arm, str(board.core.unicorn)))
        self._map(board.memory.flash, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        self._map(board.memory.ram, unicorn.UC_PROT_ALL)
        cpu.mem_map(_RETURN, _PAGE)
        for address, data in image.segments:
            cpu.mem_write(address, data)
        # A UART begins anywhere in its page.
        page, self._uart_at = board.uart.base & -_PAGE, board.uart.base % _PAGE
        cpu.mmio_map(page, _PAGE, self._uart_read, None, self._uart_write, None)
        cpu.mmio_map(0xE000_E000, _PAGE, self._core_read, None, self._core_write, None)
        cpu.mmio_map(0xE000_1000, _PAGE, self._dwt_read, None, self._dwt_write, None)
        if peripherals is not None:
            for start, stop in ((_CHIP.start, page), (page + _PAGE, _CHIP.stop)):
                self._map_peripherals(peripherals, start, stop)
        cpu.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)
        self._context = cpu.context_save()
        self._lengths: dict[tuple[int, int], int] = {}
        self._power_up()

    def boot(self) -> None:
        """From the reset vector to the first sleep."""
        self._power_up()
        self._note("reset")
        self._execute(self._vector(_RESET))

    def receive(self, data: bytes) -> None:
        """Bytes from the host, all at once, and what the firmware makes of them until it
        sleeps again. Raises `MachineError` on lockup."""
        irq = self._board.uart.irq
        if not (self._uart.armed and self._enabled >> irq & 1):
            return
        self._uart.feed(data)
        asleep_at = self._cpu.reg_read(arm.UC_ARM_REG_PC)
        # An interrupt at sleep is a call that the sleeper does not notice.
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
        first = region.origin & -_PAGE
        last = -(-(region.origin + region.bytes) // _PAGE) * _PAGE
        self._cpu.mem_map(first, last - first, rights)

    def _power_up(self) -> None:
        self._uart = Uart(self._board.uart.driver)
        self._enabled: int = 0  # interrupts, a bit each
        self._status = 0  # CFSR
        self._count = 0
        self._registers: dict[int, int] = {}
        self._counting: int | None = None  # the hook
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
        """Run until the core sleeps or a handler returns; where it then stands."""
        while True:
            status = 0
            try:
                self._cpu.emu_start(pc | 1, _RETURN)
            except unicorn.UcError as error:
                status = _FAULTS.get(error.errno, 0)
                if not status:
                    raise MachineError(f"the emulator gave up: {error}") from None
            pc = self._cpu.reg_read(arm.UC_ARM_REG_PC)
            if self._exception is not None:
                status = _BUS_FETCH if self._exception == _PREFETCH_ABORT else _UNDEFINED
                self._exception = None
            if status:
                pc = self._enter_fault(pc, status)
            elif self._reset_wanted:
                self._flush()
                self._stop_counting()
                self._power_up()
                self._note("reset")
                pc = self._vector(_RESET)
            elif self._count_wanted != (self._counting is not None):
                # The store that switched the counter has not been executed yet: again.
                self._start_counting() if self._count_wanted else self._stop_counting()
            elif pc == _RETURN:
                return pc
            elif self._cpu.mem_read(pc - 2, 2) == _WFI:
                self._flush()
                return pc
            else:
                raise MachineError(f"the core stopped at {pc:#010x}")

    def _enter_fault(self, pc: int, status: int) -> int:
        self._note(f"fault at {pc:#010x}, status {status:#x}")
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
        cpu.reg_write(arm.UC_ARM_REG_LR, 0xFFFF_FFF9)
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

    # System control: SysTick, interrupt enable, fault status, reset.

    def _core_read(self, cpu: Any, offset: int, size: int, _: Any) -> int:
        if offset == _SYST_CVR:
            return -self._count & 0xFF_FFFF
        if offset == _CFSR:
            return self._status
        return self._registers.get(offset, 0)

    def _core_write(self, cpu: Any, offset: int, size: int, value: int, _: Any) -> None:
        self._registers[offset] = value
        if offset == _SYST_CSR:
            self._count_wanted = bool(value & 1)
            if self._count_wanted != (self._counting is not None):
                cpu.emu_stop()  # hooks can only be changed between runs
        elif offset == _SYST_CVR:
            self._count = 0
        elif offset in _NVIC_ISER:
            self._enabled |= value << 8 * (offset - _NVIC_ISER.start)
        elif offset == _CFSR:
            self._status &= ~value
        elif offset == _AIRCR and value & _SYSRESETREQ:
            self._reset_wanted = True
            cpu.emu_stop()

    # The cycle counter of the debug unit, which counts instructions here, too.

    def _dwt_read(self, cpu: Any, offset: int, size: int, _: Any) -> int:
        return self._count & 0xFFFF_FFFF if offset == _DWT_CYCCNT else int(self._count_wanted)

    def _dwt_write(self, cpu: Any, offset: int, size: int, value: int, _: Any) -> None:
        if offset == _DWT_CYCCNT:
            self._count = 0
        elif offset == _DWT_CTRL:
            self._count_wanted = bool(value & 1)
            if self._count_wanted != (self._counting is not None):
                cpu.emu_stop()  # hooks can only be changed between runs

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
            length = self._lengths[address, size] = _instructions(cpu.mem_read(address, size))
        self._count += length


def _instructions(code: bytes) -> int:
    """How many Thumb instructions a stretch of code holds: 32-bit ones begin 0b111 with
    anything but 00 after it."""
    at = count = 0
    while at < len(code):
        at += 4 if code[at + 1] >= 0xE8 else 2
        count += 1
    return count
