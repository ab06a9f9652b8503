"""A serial port of another machine, reached by RFC 2217, as a file descriptor.

RFC 2217 is telnet with options that set the baud rate. pyserial implements it, but gives no
descriptor that `select` could wait for. Two threads copy the bytes between pyserial and a pair
of sockets, so that `serial_port.Port` waits for all kinds of port in the same way.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

_CHUNK = 4096


class Rfc2217Device:
    """``device``, an open ``rfc2217://`` port of pyserial, with a descriptor for `select`."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        device.timeout = 0.1
        for carry in (self._from_device, self._to_device):
            threading.Thread(target=carry, daemon=True).start()

    @property
    def baudrate(self) -> int:
        """Bits a second at the far end."""
        return int(self._device.baudrate)

    @baudrate.setter
    def baudrate(self, rate: int) -> None:
        self._device.baudrate = rate

    def fileno(self) -> int:
        """The descriptor to read from and to write to; it does not block."""
        return self._ours.fileno()

    def close(self) -> None:
        """Close the port; the threads end."""
        with suppress(OSError):
            self._ours.shutdown(socket.SHUT_RDWR)
        self._device.close()
        self._ours.close()

    def _from_device(self) -> None:
        # pyserial raises once the port is closed or the far end is gone. Closing our socket then
        # gives the reader an end of file.
        with suppress(Exception), self._theirs:
            while self._device.is_open:
                if data := self._device.read(self._device.in_waiting or 1):
                    self._theirs.sendall(data)

    def _to_device(self) -> None:
        with suppress(Exception):
            while data := self._theirs.recv(_CHUNK):
                self._device.write(data)
