"""A client of the gdb remote protocol, as far as a debug probe needs it: memory, registers,
run, halt. (GDB manual, appendix E.)

QEMU's stub stops a running target at any packet, so an access to memory here halts a running
target, and resumes it afterwards.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

_TIMEOUT_S = 5.0
_CHUNK = 0x400  # bytes of memory in one packet
_XPSR = 25  # the number of this register in gdb's description of an M-profile core
_BKPT = b"\x00\xbe"  # the instruction BKPT #0
_RESET_S = 0.05  # QEMU answers before it has reset the machine


class GdbError(Exception):
    """The gdb stub cannot be reached, has gone, or rejects a command."""


class GdbClient:
    """A connection to a gdb stub, which halts the target.

    ``running`` says whether the target runs, as far as the stub has reported. Every method
    raises `GdbError`.
    """

    def __init__(self, host: str, port: int) -> None:
        try:
            self._socket = socket.create_connection((host, port), _TIMEOUT_S)
        except OSError as error:
            raise GdbError(f"no gdb stub answers at {host}:{port} ({error})") from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self.running = False
        self._trap: int | None = None  # where a breakpoint stands for a BKPT
        # QEMU uses these register numbers only after its target description has been read.
        self._ask(b"qXfer:features:read:target.xml:0,fff")
        self._ask(b"?")

    def close(self) -> None:
        """Detach from the target, halted or running as it is."""
        try:
            if not self.running:
                self._send(b"D")
        except GdbError:
            pass  # the stub has gone before
        self._socket.close()

    def read(self, address: int, count: int) -> bytes:
        """Read ``count`` bytes of memory; zeros where there is none."""
        data = b""
        with self._halted():
            while len(data) < count:
                size = min(_CHUNK, count - len(data))
                answer = self._ask(b"m%x,%x" % (address + len(data), size))
                data += bytes(size) if answer.startswith(b"E") else bytes.fromhex(answer.decode())
        return data

    def write(self, address: int, data: bytes) -> None:
        """Write to memory, or to registers of the chip."""
        with self._halted():
            for at in range(0, len(data), _CHUNK):
                part = data[at : at + _CHUNK]
                packet = b"M%x,%x:%s" % (address + at, len(part), part.hex().encode())
                if self._ask(packet) != b"OK":
                    raise GdbError(f"cannot write {len(part)} bytes at {address + at:#010x}")

    def register(self, number: int) -> int:
        """A register of the core: 0 to 15 for R0 to R15, 16 for xPSR. 0 for one that the stub
        does not have."""
        answer = self._ask(b"p%x" % (_XPSR if number == 16 else number))
        if answer.startswith(b"E"):
            return 0
        return int.from_bytes(bytes.fromhex(answer.decode()), "little")

    def set_register(self, number: int, value: int) -> None:
        """Set a register, numbered as for `register`; no effect if the stub does not have it."""
        self._ask(_setting(number, value))

    def resume(self) -> None:
        """Let the target run.

        pyOCD calls a function with LR at a BKPT, so that the target halts when it returns. BKPT
        does not halt QEMU, so a breakpoint is set there as well.
        """
        return_address = self.register(14) & ~1
        if self.read(return_address, 2) == _BKPT:
            self._trap = return_address
            self.set_breakpoint(return_address)
        self._send(b"c")
        self.running = True

    def call(self, memory: dict[int, bytes], registers: dict[int, int]) -> None:
        """Write to memory and registers, and let the target run: one round trip for all of it.

        QEMU answers packets in turn, and takes the beginning of a packet for the acknowledgement of
        its answer to the one before. Nothing is acknowledged here, because a byte that comes while
        the target runs would halt it.
        """
        bodies = [b"M%x,%x:%s" % (at, len(d), d.hex().encode()) for at, d in memory.items()]
        bodies += [_setting(number, value) for number, value in registers.items()]
        self._write(b"".join(_packed(body) for body in [*bodies, b"c"]))
        for body in bodies:
            if self._reply(acknowledged=False) != b"OK":
                raise GdbError(f"the gdb stub refuses {body[:20].decode()}")
        self.running = True

    def monitor(self, command: str) -> None:
        """Execute a command of the emulator's monitor that prints nothing."""
        self._send(b"qRcmd," + command.encode().hex().encode())
        said = b""
        while (answer := self._reply()) != b"OK":
            said += bytes.fromhex(answer[1:].decode()) if answer[:1] == b"O" else answer
        if said:
            text = said.decode(errors="replace").strip()
            raise GdbError(f"monitor: {command}: {text}")

    def set_breakpoint(self, address: int) -> None:
        """Halt whenever the instruction at ``address`` is about to be executed."""
        self._ask(b"Z0,%x,2" % address)

    def step(self) -> None:
        """Execute one instruction."""
        self._send(b"s")
        self._reply()

    def halt(self) -> None:
        """Halt a running target."""
        if self.running and not self.stopped():
            self._write(b"\x03")
            self._stop(self._reply())

    def stopped(self, within: float = 0.0) -> bool:
        """Whether the target is halted; waits for up to ``within`` seconds until it is."""
        if self.running and (packet := self._packet(within)) is not None:
            self._stop(packet)
        return not self.running

    def reset(self) -> None:
        """Reset the machine, and leave it halted at its reset vector."""
        self.halt()
        self._ask(b"qRcmd," + b"system_reset".hex().encode())
        time.sleep(_RESET_S)

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
                self.set_breakpoint(trap)
            self._send(b"c")
            self.running = True

    def _ask(self, body: bytes) -> bytes:
        self._send(body)
        # Skip texts of the monitor, and reports of a halt that is known already.
        while (answer := self._reply())[:1] in (b"O", b"T", b"S") and answer != b"OK":
            if body == b"?":
                break
        return answer

    def _send(self, body: bytes) -> None:
        self._write(_packed(body))

    def _write(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise GdbError(f"the gdb stub is gone ({error})") from None

    def _reply(self, acknowledged: bool = True) -> bytes:
        packet = self._packet(_TIMEOUT_S, acknowledged)
        if packet is None:
            raise GdbError(f"the gdb stub did not answer within {_TIMEOUT_S:.0f} s")
        return packet

    def _packet(self, within: float, acknowledged: bool = True) -> bytes | None:
        """The next packet; None if none comes within so many seconds."""
        end = time.monotonic() + within
        while True:
            start = self._buffer.find(b"$")
            stop = self._buffer.find(b"#", start)
            if start >= 0 and 0 <= stop <= len(self._buffer) - 3:
                packet, self._buffer = self._buffer[start + 1 : stop], self._buffer[stop + 3 :]
                if acknowledged:
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
                raise GdbError("the gdb stub has closed the connection")
            self._buffer += data


def _packed(body: bytes) -> bytes:
    return b"$%s#%02x" % (body, sum(body) & 0xFF)


def _setting(number: int, value: int) -> bytes:
    """The packet that sets a register, numbered as for `GdbClient.register`."""
    gdb_number = _XPSR if number == 16 else number
    return b"P%x=%s" % (gdb_number, value.to_bytes(4, "little").hex().encode())
