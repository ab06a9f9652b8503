"""The remote protocol of gdb, as far as a debug probe needs it: memory, registers, run, halt.

(GDB manual, appendix E.) Whatever arrives while the target runs makes QEMU's stub stop it, so
every access here stops a running target, and lets it go on afterwards.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

_TIMEOUT_S = 5.0
_CHUNK = 0x400  # bytes of memory in one packet
_XPSR = 25  # its number in the description of an M-profile target


class GdbError(Exception):
    """The stub is not there, is gone, or refuses."""


class Gdb:
    """A connection to a stub. The target is halted when it begins."""

    def __init__(self, host: str, port: int) -> None:
        try:
            self._socket = socket.create_connection((host, port), _TIMEOUT_S)
        except OSError as error:
            raise GdbError(f"no gdb stub answers at {host}:{port} ({error})") from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self.running = False
        self._trap: int | None = None
        # Only after its description is read does QEMU know the registers by these numbers.
        self._ask(b"qXfer:features:read:target.xml:0,fff")
        self._ask(b"?")

    def close(self) -> None:
        """Let the target go, as it is."""
        try:
            if not self.running:
                self._send(b"D")
        except GdbError:
            pass  # it has gone first
        self._socket.close()

    def read(self, address: int, count: int) -> bytes:
        """Memory; zeros where there is none."""
        data = b""
        with self._halted():
            while len(data) < count:
                size = min(_CHUNK, count - len(data))
                answer = self._ask(b"m%x,%x" % (address + len(data), size))
                data += bytes(size) if answer.startswith(b"E") else bytes.fromhex(answer.decode())
        return data

    def write(self, address: int, data: bytes) -> None:
        """Memory, or registers of the chip."""
        with self._halted():
            for at in range(0, len(data), _CHUNK):
                part = data[at : at + _CHUNK]
                packet = b"M%x,%x:%s" % (address + at, len(part), part.hex().encode())
                if self._ask(packet) != b"OK":
                    raise GdbError(f"cannot write {len(part)} bytes at {address + at:#010x}")

    def register(self, number: int) -> int:
        """r0 to r15 and, as 16, xPSR; 0 for what the stub does not show."""
        answer = self._ask(b"p%x" % (_XPSR if number == 16 else number))
        return (
            0
            if answer.startswith(b"E")
            else int.from_bytes(bytes.fromhex(answer.decode()), "little")
        )

    def set_register(self, number: int, value: int) -> None:
        """As `register`; what the stub does not show stays as it is."""
        where = _XPSR if number == 16 else number
        self._ask(b"P%x=%s" % (where, value.to_bytes(4, "little").hex().encode()))

    def go(self) -> None:
        """Run. A function that was called with LR at a BKPT halts when it returns: BKPT itself
        does not stop QEMU, so a breakpoint is planted there."""
        back = self.register(14) & ~1
        if self.read(back, 2) == b"\x00\xbe":
            self._trap = back
            self._ask(b"Z0,%x,2" % back)
        self._send(b"c")
        self.running = True

    def break_at(self, address: int) -> None:
        """Halt whenever the instruction there is about to be executed."""
        self._ask(b"Z0,%x,2" % address)

    def step(self) -> None:
        """One instruction."""
        self._send(b"s")
        self._reply()

    def halt(self) -> None:
        """Stop a running target."""
        if self.running and not self.stopped():
            self._write(b"\x03")
            self._stop(self._reply())

    def stopped(self, within: float = 0.0) -> bool:
        """Whether the target stands, by itself or since `halt`."""
        if self.running and (packet := self._packet(within)) is not None:
            self._stop(packet)
        return not self.running

    def reset(self) -> None:
        """Reset the machine; it stands at its reset vector."""
        self.halt()
        self._ask(b"qRcmd," + b"system_reset".hex().encode())
        time.sleep(0.05)  # QEMU answers before it has done it

    def _stop(self, packet: bytes) -> None:
        self.running = False
        if self._trap is not None:
            self._ask(b"z0,%x,2" % self._trap)
            self._trap = None

    @contextmanager
    def _halted(self) -> Iterator[None]:
        was_running = self.running and not self.stopped()
        if was_running:
            trap = self._trap
            self.halt()
        yield
        if was_running:
            if trap is not None:
                self._trap = trap
                self._ask(b"Z0,%x,2" % trap)
            self._send(b"c")
            self.running = True

    def _ask(self, body: bytes) -> bytes:
        self._send(body)
        # Beside the answer come texts of the monitor, and word of a stop that is known already.
        while (answer := self._reply())[:1] in (b"O", b"T", b"S") and answer != b"OK":
            if body == b"?":
                break
        return answer

    def _send(self, body: bytes) -> None:
        self._write(b"$%s#%02x" % (body, sum(body) & 0xFF))

    def _write(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise GdbError(f"the gdb stub is gone ({error})") from None

    def _reply(self) -> bytes:
        packet = self._packet(_TIMEOUT_S)
        if packet is None:
            raise GdbError(f"the gdb stub said nothing for {_TIMEOUT_S:.0f} s")
        return packet

    def _packet(self, within: float) -> bytes | None:
        """The next packet, acknowledged; None when none comes in time."""
        end = time.monotonic() + within
        while True:
            start = self._buffer.find(b"$")
            stop = self._buffer.find(b"#", start)
            if start >= 0 and 0 <= stop <= len(self._buffer) - 3:
                packet, self._buffer = self._buffer[start + 1 : stop], self._buffer[stop + 3 :]
                self._write(b"+")
                return packet
            self._socket.settimeout(max(0.0005, end - time.monotonic()))
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                return None
            except OSError as error:
                raise GdbError(f"the gdb stub is gone ({error})") from None
            if not data:
                raise GdbError("the gdb stub has hung up")
            self._buffer += data
