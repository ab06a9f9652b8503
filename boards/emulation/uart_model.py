"""An emulated UART, from the table of its registers."""

from __future__ import annotations

from elegans.boards.descriptors.uarts import UARTS


class UartModel:
    """An emulated UART; ``driver`` is a key of `UARTS`.

    ``sent`` collects the bytes that the firmware has sent.
    """

    def __init__(self, driver: str) -> None:
        self._map = UARTS[driver]
        self.reset()

    def reset(self) -> None:
        """Set all registers to zero, and forget what was received and sent."""
        self.sent = bytearray()
        self._values: dict[int, int] = {}
        self._received = b""
        self._taken = 0

    def feed(self, data: bytes) -> None:
        """Let ``data`` arrive from the host, to be read byte by byte."""
        self._received, self._taken = data, 0

    def take(self) -> bytes:
        """The bytes that the firmware has sent since the last call."""
        data = bytes(self.sent)
        self.sent.clear()
        return data

    def value(self, register: int) -> int:
        """What the firmware has stored to a register."""
        return self._values.get(register, 0)

    @property
    def interrupt_enabled(self) -> bool:
        """Whether a received byte raises the interrupt."""
        enables = self._map.interrupt_enables
        return all(self.value(register) & bits == bits for register, bits in enables)

    def read(self, offset: int) -> int:
        """The register at ``offset``; reading ``rx`` takes a byte out of it."""
        waits = self._taken < len(self._received)
        if offset == self._map.rx and waits:
            self._taken += 1
            return self._received[self._taken - 1]
        if offset == self._map.status:
            return self._map.full if waits else self._map.empty
        return 1 if offset == self._map.sent else self._values.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """The firmware's store of ``value`` to the register at ``offset``."""
        if 0 <= offset < 2 and self._hidden():
            return
        if offset == self._map.tx:
            self.sent.append(value & 0xFF)
        else:
            self._values[offset] = value

    def _hidden(self) -> bool:
        if self._map.hidden is None:
            return False
        register, bit = self._map.hidden
        return bool(self._values.get(register, 0) & bit)
