"""A port of another machine whose rate can be set (RFC 2217), behind a descriptor.

pyserial speaks the protocol, but reads by methods of its own. Two threads carry the bytes
between them and a pair of sockets, so that `Port` waits for all ports in the same way.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

_CHUNK = 4096


class Piped:
    """``device``, an open ``rfc2217://`` port of pyserial, with a descriptor."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        device.timeout = 0.1
        for carry in (self._from_device, self._to_device):
            threading.Thread(target=carry, daemon=True).start()

    @property
    def baudrate(self) -> int:
        return int(self._device.baudrate)

    @baudrate.setter
    def baudrate(self, rate: int) -> None:
        self._device.baudrate = rate

    def fileno(self) -> int:
        return self._ours.fileno()

    def close(self) -> None:
        with suppress(OSError):
            self._ours.shutdown(socket.SHUT_RDWR)
        self._device.close()
        self._ours.close()

    def _from_device(self) -> None:
        # A device that was closed, or whose far end has gone, raises: the descriptor then ends.
        with suppress(Exception), self._theirs:
            while self._device.is_open:
                if data := self._device.read(self._device.in_waiting or 1):
                    self._theirs.sendall(data)

    def _to_device(self) -> None:
        with suppress(Exception):
            while data := self._theirs.recv(_CHUNK):
                self._device.write(data)
