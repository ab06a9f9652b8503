"""A microcontroller emulated by unicorn: one core, its memory, a UART and a counter.

It models what the firmware of elegans uses and nothing more, so that the ELF image that QEMU
or a chip would run boots here unchanged:

- The core sleeps in WFI whenever it has nothing to do. Interrupts are taken only there: bytes
  arrive, the handler of the receive interrupt runs, and the core wakes. (The firmware unmasks
  interrupts right after WFI, so the effect is the same.)
- Counters count executed instructions, exactly. Counting needs a hook on every block of code,
  which is installed only while the firmware has the counter enabled.
- A fault enters its handler as the architecture defines.

What differs between architectures is in `ArmMachine` and `RiscvMachine`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import unicorn as _untyped
import unicorn.unicorn_py3.unicorn as _untyped_binding

from elegans.boards.descriptors.board import Board, Region
from elegans.boards.emulation.compiled_uart import CompiledUart
from elegans.boards.emulation.uart_model import UartModel
from elegans.boards.firmware.elf_image import ElfImage

unicorn: Any = _untyped  # its type annotations are wrong
_binding: Any = _untyped_binding

PAGE = 0x1000
"""unicorn maps memory in pages of 4 KiB."""

_FLUSH = 4096  # sent bytes that are collected, at most, before they are passed on
_ADDRESSES = range(0x4000_0000, 0x6000_0000)  # the peripheral region of Cortex-M


class Peripherals(Protocol):
    """The registers of a chip outside core and UART; accesses have 1, 2 or 4 bytes."""

    def read(self, address: int, size: int) -> int:
        """The value that the firmware loads."""

    def write(self, address: int, size: int, value: int) -> None:
        """A store of the firmware."""


class MachineError(Exception):
    """The core cannot continue: lockup, or an error of the emulator."""


class UnicornMachine(ABC):
    """A board with an image in its flash, off until `boot`.

    ``send`` is called with the bytes that the firmware writes to the UART, ``log`` with a line
    for every fault and reset. ``peripherals`` are the other registers of a real chip.
    """

    wfi: ClassVar[bytes]
    """The code of the instruction in which the core sleeps."""
    faults: ClassVar[dict[int, int]]
    """The core's status for each error of unicorn that is a fault of the firmware."""

    def __init__(
        self,
        board: Board,
        image: ElfImage,
        send: Callable[[bytes], None],
        log: Callable[[str], None],
        peripherals: Peripherals | None = None,
    ) -> None:
        self._board, self._send, self._log = board, send, log
        self._cpu: Any = self._make_cpu(unicorn)
        self._map(board.memory.flash, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        self._map(board.memory.ram, unicorn.UC_PROT_ALL)
        for address, data in image.segments:
            self._cpu.mem_write(address, data)
        # A UART need not begin at the start of a page.
        page, self._uart_at = board.uart.base & -PAGE, board.uart.base % PAGE
        self._uart = self._map_uart(page)
        if peripherals is not None:
            for start, stop in ((_ADDRESSES.start, page), (page + PAGE, _ADDRESSES.stop)):
                self._map_peripherals(peripherals, start, stop)
        self._cpu.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)
        self._lengths: dict[tuple[int, int], int] = {}  # instructions by block
        self._prepare(image)
        self._reset_core()

    def boot(self) -> None:
        """Run from the reset to the first WFI. Raises `MachineError`."""
        self._reset_core()
        self._log("reset")
        self._execute(self._start())

    def receive(self, data: bytes) -> None:
        """Pass the firmware bytes from the host, all at once, and run until it sleeps again.

        Bytes are lost while the firmware has the receive interrupt disabled. Raises
        `MachineError`.
        """
        if self._uart.interrupt_enabled and self._interrupt_enabled(self._board.uart.irq):
            self._uart.feed(data)
            self._interrupt(self._board.uart.irq)

    @abstractmethod
    def _make_cpu(self, unicorn: Any) -> Any:
        """The core."""

    @abstractmethod
    def _prepare(self, image: ElfImage) -> None:
        """Map the registers of the core, and hook what unicorn does not do itself."""

    @abstractmethod
    def _clear_registers(self) -> None:
        """Set the core's registers to what they are after a reset."""

    @abstractmethod
    def _start(self) -> int:
        """The address of the first instruction after a reset."""

    @abstractmethod
    def _interrupt_enabled(self, irq: int) -> bool:
        """Whether an interrupt reaches the core."""

    @abstractmethod
    def _interrupt(self, irq: int) -> None:
        """Execute the handler of an interrupt, and then the firmware until it sleeps."""

    @abstractmethod
    def _run(self, pc: int) -> None:
        """Run from ``pc`` on until the core sleeps or stops."""

    @abstractmethod
    def _enter(self, pc: int, status: int) -> int:
        """Enter the fault handler: its address. Raises `MachineError` if that is impossible."""

    @abstractmethod
    def _pc(self) -> int:
        """Where the core has stopped."""

    @abstractmethod
    def _exception_status(self, number: int) -> int:
        """The core's status for an exception, by unicorn's number."""

    @abstractmethod
    def _instructions(self, code: bytes) -> int:
        """The number of instructions of a block."""

    def _map_uart(self, page: int) -> UartModel:
        driver, cpu = self._board.uart.driver, self._cpu
        compiled = CompiledUart.find(driver, self._uart_at, self._full)
        if compiled is None:
            cpu.mmio_map(page, PAGE, self._uart_read, None, self._uart_write, None)
            return UartModel(driver)
        # `cpu.mmio_map` takes functions of Python only.
        status = _binding.uclib.uc_mmio_map(cpu._uch, page, PAGE, *compiled.accesses())
        if status != unicorn.UC_ERR_OK:
            raise unicorn.UcError(status)
        return compiled

    def _map_peripherals(self, chip: Peripherals, start: int, stop: int) -> None:
        def read(cpu: Any, offset: int, size: int, _: Any) -> int:
            return chip.read(start + offset, size)

        def write(cpu: Any, offset: int, size: int, value: int, _: Any) -> None:
            chip.write(start + offset, size, value)

        if start < stop:
            self._cpu.mmio_map(start, stop - start, read, None, write, None)

    def _map(self, region: Region, rights: int) -> None:
        self._cpu.mem_map(*region.pages(PAGE), rights)

    def _reset_core(self) -> None:
        self._uart.reset()
        self._count = 0
        self._counting: int | None = None  # the hook that counts
        self._count_wanted = False
        self._reset_wanted = False
        self._in_fault = False
        self._exception: int | None = None
        self._clear_registers()

    def _execute(self, pc: int, until: int = -1) -> int:
        """Run until the core sleeps or reaches ``until``; the address where it stopped."""
        while True:
            status = 0
            try:
                self._run(pc)
            except unicorn.UcError as error:
                status = self.faults.get(error.errno, 0)
                if not status:
                    raise MachineError(f"unicorn cannot continue: {error}") from None
            pc = self._pc()
            if self._exception is not None:
                status = self._exception_status(self._exception)
                self._exception = None
            if status:
                pc = self._enter_fault(pc, status)
            elif self._reset_wanted:
                self._flush()
                self._stop_counting()
                self._reset_core()
                self._log("reset")
                pc = self._start()
            elif self._count_wanted != (self._counting is not None):
                # What enables or disables the counter stopped the emulator; it goes on once the
                # hook is as it should be.
                if self._count_wanted:
                    self._start_counting()
                else:
                    self._stop_counting()
            elif pc == until:
                return pc
            elif self._cpu.mem_read(pc - len(self.wfi), len(self.wfi)) == self.wfi:
                self._flush()
                return pc
            else:
                raise MachineError(f"the core stopped at {pc:#010x}")

    def _enter_fault(self, pc: int, status: int) -> int:
        self._log(f"fault at {pc:#010x}, status {status:#x}")
        if self._in_fault:
            raise MachineError(f"lockup: a fault in the fault handler, at {pc:#010x}")
        self._in_fault = True
        return self._enter(pc, status)

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
        if sent := self._uart.take():
            self._send(sent)

    def _full(self) -> None:
        """Pass on what the compiled UART has sent. `emu_start` raises the error, if there is one,
        as it does for unicorn's own callbacks."""
        try:
            self._flush()
        except BaseException as error:
            self._cpu._hook_exception = error
            self._cpu.emu_stop()

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
            code = bytes(cpu.mem_read(address, size))
            length = self._lengths[address, size] = self._instructions(code)
        self._count += length
