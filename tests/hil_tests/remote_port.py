"""A serial port of another machine, as labgrid's exporters serve it: plain TCP or RFC 2217."""

from __future__ import annotations

import contextlib
import socket
import threading

import serial
from serial.rfc2217 import PortManager


class RemotePort:
    """Serves the tty ``name`` to one client after another, at ``url``."""

    def __init__(self, name: str, scheme: str = "rfc2217") -> None:
        self._is_plain = scheme == "socket"
        self._tty = _Pty(name, 115_200, timeout=0.05, exclusive=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self.clients: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def baud(self) -> int:
        return int(self._tty.baudrate)

    def __enter__(self) -> RemotePort:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        self._listener.close()
        self._tty.close()

    def hang_up(self) -> None:
        """Close all connections, as if the network had failed."""
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.clients.append(client)
                manager = None if self._is_plain else PortManager(self._tty, _Writer(client))
                read = threading.Thread(target=self._read, args=(client, manager), daemon=True)
                read.start()
                with contextlib.suppress(OSError, serial.SerialException):
                    while data := client.recv(4096):
                        self._tty.write(b"".join(manager.filter(data)) if manager else data)
                client.close()
                read.join()  # otherwise it would read data that is for the next client

    def _read(self, client: socket.socket, manager: PortManager | None) -> None:
        with contextlib.suppress(OSError, TypeError, serial.SerialException):
            while client.fileno() >= 0:
                if data := self._tty.read(self._tty.in_waiting or 1):
                    client.sendall(b"".join(manager.escape(data)) if manager else data)


class _Pty(serial.Serial):  # type: ignore[misc]
    """A pseudo-terminal: it has no modem lines to set or to read."""

    cts = dsr = ri = cd = False

    def _update_dtr_state(self) -> None: ...

    def _update_rts_state(self) -> None: ...


class _Writer:
    def __init__(self, client: socket.socket) -> None:
        self._client = client

    def write(self, data: bytes) -> None:
        """Send what `PortManager` writes to its client."""
        self._client.sendall(data)
