"""A serial port as bytes in and bytes out, with a bound on every wait.

pyserial opens, configures and locks the port. Reading and writing go straight to its
descriptor, which is non-blocking: one wait then serves both directions, so a host that
has much to say never stops listening to a board that does too.
"""

from __future__ import annotations

import errno
import os
import select
import socket
from contextlib import suppress
from typing import Any

import serial

from elegans.hil_tests.wire.errors import HilError, Phase
from elegans.hil_tests.wire.rfc2217 import Piped

_BUSY = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY}
_FORBIDDEN = {errno.EACCES, errno.EPERM}
_CHUNK = 1 << 16


class Port:
    """An open port, exclusively ours until `close`."""

    def __init__(self, device: Any, name: str) -> None:
        self._serial = device
        self._fd: int = device.fileno()
        self.name = name

    @classmethod
    def open(cls, name: str, baud: int = 115200) -> Port:
        """Open and lock a tty, or one of another machine: ``rfc2217://`` or ``socket://``.

        Raises `HilError` (SYNC) for a port that is missing, forbidden, busy or no tty.
        """
        try:
            far = name.startswith("rfc2217://")
            # No modem line matters here, and not every server acknowledges that one was set.
            url = f"{name}?ign_set_control" if far and "?" not in name else name
            device = serial.serial_for_url(url, baudrate=baud, exclusive=True)
            port = cls(Piped(device) if far else device, name)
            if port.fixed:
                _without_delay(device.fileno())
            return port
        except (OSError, ValueError) as error:
            raise _unopened(name, error) from error

    def reopen(self) -> None:
        """The same port anew, after it vanished. Raises as `open` does."""
        baud = self.baud
        self.close()
        fresh = Port.open(self.name, baud)
        self._serial, self._fd = fresh._serial, fresh._fd

    @property
    def baud(self) -> int:
        """Bits a second."""
        return int(self._serial.baudrate)

    @baud.setter
    def baud(self, rate: int) -> None:
        try:
            self._serial.baudrate = rate
        except (OSError, ValueError, NotImplementedError) as error:
            fact = f"the port cannot do {rate} baud ({error})"
            raise HilError(Phase.SYNC, self.name, fact, "take a lower rate") from error

    @property
    def fixed(self) -> bool:
        """Whether the far end of a bare TCP connection keeps its rate to itself."""
        return self.name.startswith("socket://")

    def exchange(self, out: bytearray, timeout: float) -> bytes:
        """Send from the front of ``out`` (removing what was sent) and return what arrives
        within ``timeout`` seconds, as soon as anything does; empty when nothing did."""
        try:
            if out:
                self._write(out)
            readable, _, _ = select.select([self._fd], [self._fd] if out else [], [], timeout)
            if not readable:
                return b""
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._vanished(error.strerror or str(error)) from error
        if not data:
            raise self._vanished("end of file")
        return data

    def close(self) -> None:
        self._serial.close()

    def _write(self, out: bytearray) -> None:
        # Nothing goes out while the line is full; `exchange` waits for room and for input at once.
        with suppress(BlockingIOError):
            del out[: os.write(self._fd, out)]

    def _vanished(self, reason: str) -> HilError:
        return HilError(
            Phase.FAULT,
            self.name,
            f"the port vanished ({reason})",
            "check the cable, or whether the board or its emulator has stopped",
        )


def _without_delay(descriptor: int) -> None:
    """pyserial leaves Nagle's algorithm on, which holds each small frame back for 40 ms."""
    with socket.socket(fileno=os.dup(descriptor)) as same:
        same.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _unopened(name: str, error: Exception) -> HilError:
    code = getattr(error, "errno", None)
    if code == errno.ENOENT:
        fact, remedy = (
            "there is no such port",
            "plug the board in; `python -m serial.tools.list_ports` lists ports",
        )
    elif code in _FORBIDDEN:
        fact = "permission denied"
        remedy = "join the port's group (often dialout), log in again, then retry"
    elif code in _BUSY:
        fact, remedy = "the port is busy", "close the other program that has it open"
    else:
        fact, remedy = (
            f"cannot be opened as a serial port ({error})",
            "name a tty or a pyserial URL",
        )
    return HilError(Phase.SYNC, name, fact, remedy)
