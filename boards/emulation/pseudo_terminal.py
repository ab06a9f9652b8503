"""The emulated board's end of a serial cable: a pseudo-terminal that any program can open."""

from __future__ import annotations

import os
import pty
import select
import time
import tty

_UNPLUGGED_S = 0.005  # between two looks whether a host has opened the other end


class PseudoTerminal:
    """A raw pseudo-terminal; ``name`` is the path that the host opens.

    While no host has it open, what the board sends is lost, as on an unplugged cable.
    """

    def __init__(self) -> None:
        self._fd, other = pty.openpty()
        tty.setraw(other)
        self.name = os.ttyname(other)
        os.close(other)
        os.set_blocking(self._fd, False)
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(self._fd, select.POLLIN)
        self._writable.register(self._fd, select.POLLOUT)

    def read(self) -> bytes:
        """Wait for bytes from the host, and return those that have come: at least one."""
        while True:
            events = self._readable.poll()[0][1]
            if events & select.POLLIN:
                return os.read(self._fd, 65536)
            time.sleep(_UNPLUGGED_S)

    def write(self, data: bytes) -> None:
        """Send all of ``data``, waiting for a host that reads slowly."""
        rest = memoryview(data)
        while rest:
            if self._writable.poll()[0][1] & select.POLLHUP:
                return
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:
                continue
