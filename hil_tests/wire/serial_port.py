"""A serial port that sends and receives bytes; every wait has a time limit.

pyserial opens, configures and locks the port. Reading and writing use its non-blocking
descriptor directly, so that one `select` waits for both directions. A host that waits for room
to write therefore still reads, and host and board cannot block each other.
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
from elegans.hil_tests.wire.rfc2217 import Rfc2217Device

_BUSY = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY}
_FORBIDDEN = {errno.EACCES, errno.EPERM}
_CHUNK = 1 << 16


class Port:
    """An open serial port, locked for this process until `close`. ``name`` is what was opened."""

    def __init__(self, device: Any, name: str) -> None:
        self._serial = device
        self._fd: int = device.fileno()
        self.name = name

    @classmethod
    def open(cls, name: str, baud: int = 115200) -> Port:
        """Open and lock a tty, or the port of another machine: ``rfc2217://`` or ``socket://``.

        Raises `HilError` (SYNC) if the port is missing, forbidden, busy or no tty.
        """
        try:
            is_rfc2217 = name.startswith("rfc2217://")
            # Modem lines are not used here, and some servers never acknowledge that one was set.
            url = f"{name}?ign_set_control" if is_rfc2217 and "?" not in name else name
            device = serial.serial_for_url(url, baudrate=baud, exclusive=True)
            port = cls(Rfc2217Device(device) if is_rfc2217 else device, name)
            if port.rate_is_fixed:
                _disable_nagle(device.fileno())
            return port
        except (OSError, ValueError) as error:
            raise _cannot_open(name, error) from error

    def reopen(self) -> None:
        """Open the same port again after it vanished, at the same rate. Raises as `open` does."""
        baud = self.baud
        self.close()
        again = Port.open(self.name, baud)
        self._serial, self._fd = again._serial, again._fd

    @property
    def baud(self) -> int:
        """Bits a second. Setting a rate that the port does not support raises `HilError` (SYNC)."""
        return int(self._serial.baudrate)

    @baud.setter
    def baud(self, rate: int) -> None:
        try:
            self._serial.baudrate = rate
        except (OSError, ValueError, NotImplementedError) as error:
            fact = f"the port does not support {rate} baud ({error})"
            raise HilError(Phase.SYNC, self.name, fact, "take a lower rate") from error

    @property
    def rate_is_fixed(self) -> bool:
        """Whether the baud rate cannot be set: a plain TCP connection does not transmit it."""
        return self.name.startswith("socket://")

    def exchange(self, out: bytearray, timeout: float) -> bytes:
        """Send bytes from the front of ``out``, remove them there, and return what arrives.

        Returns as soon as anything has arrived; empty bytes after ``timeout`` seconds. Raises
        `HilError` (FAULT) if the port vanished.
        """
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
        """Close and unlock the port."""
        self._serial.close()

    def _write(self, out: bytearray) -> None:
        # While the output buffer is full nothing is sent; `exchange` then waits for room.
        with suppress(BlockingIOError):
            del out[: os.write(self._fd, out)]

    def _vanished(self, reason: str) -> HilError:
        return HilError(
            Phase.FAULT,
            self.name,
            f"the port vanished ({reason})",
            "check the cable, or whether the board or its emulator has stopped; a USB port that "
            "comes back under another name keeps the one in /dev/serial/by-id",
        )


def _disable_nagle(descriptor: int) -> None:
    """Switch off Nagle's algorithm, which pyserial leaves on: with delayed acknowledgements it
    holds each small frame back for up to 40 ms."""
    with socket.socket(fileno=os.dup(descriptor)) as same:
        same.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _cannot_open(name: str, error: Exception) -> HilError:
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
