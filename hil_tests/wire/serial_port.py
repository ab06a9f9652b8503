"""A serial port that sends and receives bytes; every wait has a time limit.

pyserial opens, configures and locks the port. Reading and writing use its non-blocking
descriptor directly, so that one `select` waits for both directions. A host that waits for room
to write therefore still reads, and host and board cannot block each other. On Windows, whose
ports have no descriptor, pyserial reads and writes: the system keeps what arrives meanwhile.
"""

from __future__ import annotations

import errno
import io
import os
import select
import socket
import time
from contextlib import suppress
from typing import Any

import serial

from elegans.hil_tests.wire.errors import HilError, Phase
from elegans.hil_tests.wire.rfc2217 import Rfc2217Device

_BUSY = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY}
_FORBIDDEN = {errno.EACCES, errno.EPERM}
_CHUNK = 1 << 16
_POLL_S = 0.001  # between two looks whether anything has arrived, where nothing tells


class Port:
    """An open serial port, locked for this process until `close`. ``name`` is what was opened."""

    def __init__(self, device: Any, name: str) -> None:
        self._serial = device
        self._fd = _descriptor(device)
        if self._fd is None:
            device.timeout = 0
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
            made_selectable = is_rfc2217 and os.name != "nt"
            port = cls(Rfc2217Device(device) if made_selectable else device, name)
            if port.rate_is_fixed and port._fd is not None:
                _disable_nagle(port._fd)
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
            if self._fd is None:
                return self._exchange_without_descriptor(out, timeout)
            if out:
                self._write(out, self._fd)
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

    def _exchange_without_descriptor(self, out: bytearray, timeout: float) -> bytes:
        end = time.monotonic() + timeout
        if out:
            del out[: self._serial.write(bytes(out))]
        while not (count := self._serial.in_waiting) and time.monotonic() < end:
            time.sleep(_POLL_S)
        return bytes(self._serial.read(count))

    def _write(self, out: bytearray, descriptor: int) -> None:
        # While the output buffer is full nothing is sent; `exchange` then waits for room.
        with suppress(BlockingIOError):
            del out[: os.write(descriptor, out)]

    def _vanished(self, reason: str) -> HilError:
        return HilError(
            Phase.FAULT,
            self.name,
            f"the port vanished ({reason})",
            "check the cable, or whether the board or its emulator has stopped; a USB port that "
            "comes back under another name keeps the one in /dev/serial/by-id",
        )


def _descriptor(device: Any) -> int | None:
    """The descriptor of an open port; None where it has none by which one can read and wait."""
    if os.name == "nt":
        return None
    try:
        return int(device.fileno())
    except io.UnsupportedOperation:  # of pyserial's loop://
        return None


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
