"""UARTs as the emulated machine sees them: which register does what, as a table.

It holds what the drivers in ``firmware_templates/`` use and no more. Sending takes no time,
so a transmitter is always ready; what the host sends waits until it is read.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Registers:
    """Offsets in bytes from the UART's base, and what they hold.

    ``status`` reads as ``empty`` or as ``full``, by whether a byte waits in ``rx``; a byte
    that comes in interrupts while every register of ``armed`` has all the bits beside it.
    """

    rx: int
    tx: int
    status: int
    empty: int
    full: int
    armed: tuple[tuple[int, int], ...]
    sent: int | None = None
    """A flag apart from ``status`` that says: the transmitter is ready."""


UARTS = {
    "cmsdk": Registers(0x0, 0x0, 0x4, 0x00, 0x02, ((0x8, 0x08),)),
    "kinetis": Registers(0x7, 0x7, 0x4, 0xC0, 0xE0, ((0x3, 0x24),)),
    "nrf": Registers(0x518, 0x51C, 0x108, 0x00, 0x01, ((0x304, 0x04), (0x000, 0x01)), 0x11C),
    "pl011": Registers(0x00, 0x00, 0x18, 0x90, 0x80, ((0x38, 0x10), (0x30, 0x01))),
    "stm32f": Registers(0x4, 0x4, 0x0, 0xC0, 0xE0, ((0xC, 0x2020),)),
    "stm32l": Registers(0x24, 0x28, 0x1C, 0xC0, 0xE0, ((0x0, 0x21),)),
}
"""By the name of the driver."""


class Uart:
    """One UART under power. ``sent`` collects what the firmware writes."""

    def __init__(self, driver: str) -> None:
        self.sent = bytearray()
        self._map = UARTS[driver]
        self._values: dict[int, int] = {}
        self._input = b""
        self._taken = 0

    def feed(self, data: bytes) -> None:
        """Let ``data``, from the host, stand at the receiver."""
        self._input, self._taken = data, 0

    @property
    def armed(self) -> bool:
        """Whether a byte that comes in interrupts."""
        return all(self._values.get(at, 0) & bits == bits for at, bits in self._map.armed)

    def read(self, offset: int) -> int:
        """The register at ``offset``; reading ``rx`` takes the byte away."""
        waits = self._taken < len(self._input)
        if offset == self._map.status:
            return self._map.full if waits else self._map.empty
        if offset == self._map.rx and waits:
            self._taken += 1
            return self._input[self._taken - 1]
        return 1 if offset == self._map.sent else self._values.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """A store by the firmware."""
        if offset == self._map.tx:
            self.sent.append(value & 0xFF)
        else:
            self._values[offset] = value
