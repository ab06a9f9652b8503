"""UARTs as an emulated core sees them: the registers that each driver uses, as a table.

The table holds the registers that the drivers in ``firmware_templates/`` use, and no others.
Sending takes no time, so the transmitter is always ready. `emulation.uart_model` behaves so.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class UartRegisters:
    """The registers of a UART, as offsets in bytes from its base, and their values.

    ``rx`` and ``tx`` hold received and sent bytes. ``status`` reads as ``full`` while a byte
    waits in ``rx``, else as ``empty``; if it is ``rx`` itself, it reads as the byte.
    ``interrupt_enables`` are pairs of a register and bits: a received byte raises the interrupt
    while every one of these bits is set. ``sent``, if there is one, is a register apart from
    ``status`` that reads as 1: the transmitter is ready. ``hidden`` is a register and a bit: while
    that is set, other registers lie in front of those at the offsets 0 and 1.
    """

    rx: int
    tx: int
    status: int
    empty: int
    full: int
    interrupt_enables: tuple[tuple[int, int], ...]
    sent: int | None = None
    hidden: tuple[int, int] | None = None


UARTS = {
    "cmsdk": UartRegisters(0x0, 0x0, 0x4, 0x00, 0x02, ((0x8, 0x08),)),
    "kinetis": UartRegisters(0x7, 0x7, 0x4, 0xC0, 0xE0, ((0x3, 0x24),)),
    "ns16550": UartRegisters(0x0, 0x0, 0x5, 0x60, 0x61, ((0x1, 0x01),), hidden=(0x3, 0x80)),
    "nrf": UartRegisters(0x518, 0x51C, 0x108, 0x00, 0x01, ((0x304, 0x04), (0x000, 0x01)), 0x11C),
    "pl011": UartRegisters(0x00, 0x00, 0x18, 0x90, 0x80, ((0x38, 0x10), (0x30, 0x01))),
    "sifive": UartRegisters(0x4, 0x0, 0x4, 1 << 31, 0x00, ((0x10, 0x02), (0xC, 0x01))),
    "stm32f": UartRegisters(0x4, 0x4, 0x0, 0xC0, 0xE0, ((0xC, 0x2020),)),
    "stm32l": UartRegisters(0x24, 0x28, 0x1C, 0xC0, 0xE0, ((0x0, 0x21),)),
}
"""By the name of the driver."""
