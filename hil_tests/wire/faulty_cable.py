"""A simulated serial cable with faults and a limited baud rate, between board and host.

Tests and long-running benchmarks put it in place of the wire. It injects the faults that noise,
loose plugs and drivers cause, reproducibly from a seed, and counts them. It transmits no more
bytes a second than a line of its baud rate.
"""

from __future__ import annotations

import math
import os
import random
import select
import tempfile
import termios
import threading
import time
import tty
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

FAULT_KINDS = ("flip", "drop", "garbage", "truncate", "repeat", "reorder")
"""In this order: a bit inverted, a byte lost, a burst of random bytes inserted, the rest of a
frame lost, a frame sent twice, two frames exchanged."""

_BUFFER = 4096  # bytes a direction; when they wait, nothing more is read from the sender
_POLL_S = 0.001
_MAX_HOLD_S = 0.005  # how long a frame to be exchanged waits for the next one
_LONGEST_BURST = 48  # bytes of "garbage"


@dataclass
class FaultInjector:
    """The faults of one direction.

    rate      faults a byte, on average
    kinds     which of `FAULT_KINDS`, each equally likely
    injected  counts the faults so far, by kind
    """

    rate: float = 0.0
    kinds: tuple[str, ...] = FAULT_KINDS
    seed: int = 0
    injected: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._gap = self._draw()
        self._cutting = False
        self._pending = ""  # "repeat" or "reorder": the fault of the frame that ends next
        self._frame = b""  # the bytes since the last zero
        self._held = b""  # a frame that the next one shall overtake

    def transmit(self, data: bytes) -> bytes:
        """``data`` as it arrives, with faults."""
        if not self.rate:
            return data
        out = bytearray()
        at = 0
        while self._gap < len(data) - at:
            out += self._cut(data[at : at + self._gap])
            at += self._gap
            at += self._fault(data[at], out)
            self._gap = self._draw()
        self._gap -= len(data) - at
        out += self._cut(data[at:])
        return self._whole_frames(bytes(out))

    def release(self) -> bytes:
        """The frame that is held back for the next one to overtake, or no bytes."""
        held, self._held = self._held, b""
        return held

    def _draw(self) -> int:
        """Bytes until the next fault: geometrically distributed, so that each byte is hit with
        probability ``rate``."""
        if not self.rate:
            return 1 << 62
        return int(math.log(1 - self._random.random()) / math.log(1 - self.rate))

    def _fault(self, byte: int, out: bytearray) -> int:
        """Inject one fault at ``byte``; return how many bytes of the stream it consumed."""
        kind = self._random.choice(self.kinds)
        self.injected[kind] += 1
        if kind == "flip":
            out += self._cut(bytes([byte ^ 1 << self._random.randrange(8)]))
            return 1
        if kind == "drop":
            return 1
        if kind == "garbage":
            out += self._random.randbytes(self._random.randint(1, _LONGEST_BURST))
        elif kind == "truncate":
            self._cutting = True
        else:
            self._pending = kind
        out += self._cut(bytes([byte]))
        return 1

    def _cut(self, data: bytes) -> bytes:
        """Drop everything up to the next zero while a frame is being truncated."""
        if not self._cutting:
            return data
        _, zero, rest = data.partition(b"\0")
        self._cutting = not zero
        return zero + rest

    def _whole_frames(self, data: bytes) -> bytes:
        """Send a whole frame twice, or let the next frame overtake it."""
        *ended, self._frame = (self._frame + data).split(b"\0")
        if not ended:
            return b""
        out = []
        for frame in ended:
            if self._pending == "reorder" and frame and not self._held:
                self._held, self._pending = frame + b"\0", ""
                continue
            out.append(frame + b"\0" + self._held)
            self._held = b""
            if self._pending == "repeat" and frame:
                out.append(frame + b"\0")
                self._pending = ""
        return b"".join(out)


class _Direction:
    """One direction of the cable: its faults, and its rate at ten bits a byte (8N1).

    ``waiting`` are the bytes under way, ``carried`` counts those that the receiver has taken.
    """

    def __init__(self, faults: FaultInjector, baud: int | None) -> None:
        self.faults = faults
        self.waiting = bytearray()
        self.carried = 0
        self._second_a_byte = 10 / baud if baud else 0.0
        self._free = self._last_input = 0.0  # from when on the line is free; time of the last input

    def push(self, data: bytes) -> None:
        """Take bytes from the sender."""
        now = time.monotonic()
        if not self.waiting:
            self._free = max(self._free, now)
        self._last_input = now
        self.waiting += self.faults.transmit(data)

    def due(self) -> bytes:
        """The bytes that have arrived at the receiver's end by now."""
        if time.monotonic() - self._last_input > _MAX_HOLD_S:
            self.waiting += self.faults.release()
        if not self._second_a_byte:
            return bytes(self.waiting)
        count = int((time.monotonic() - self._free) / self._second_a_byte)
        return bytes(self.waiting[: max(0, count)])

    def pop(self, count: int) -> None:
        """Forget the first ``count`` bytes: the receiver has taken them."""
        del self.waiting[:count]
        self.carried += count
        self._free += count * self._second_a_byte


class FaultyCable:
    """A cable to the board at ``port``: ``with FaultyCable(port) as cable``; the host opens
    ``cable.port``.

    ``baud`` limits both directions; None sets no limit. `unplug` removes the host's port, `plug`
    restores it under the same name. While `stalled` is True nothing is transmitted.
    """

    def __init__(
        self,
        port: str,
        baud: int | None = None,
        to_board: FaultInjector | None = None,
        to_host: FaultInjector | None = None,
    ) -> None:
        self._board = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._board)
        self.to_board, self.to_host = (
            _Direction(faults or FaultInjector(), baud) for faults in (to_board, to_host)
        )
        self.stalled = False
        self._folder = tempfile.TemporaryDirectory(prefix="elegans-")
        self.port = str(Path(self._folder.name) / "port")
        self._host: int | None = None
        self._lock = threading.Lock()
        self._running = True
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def __enter__(self) -> FaultyCable:
        self.plug()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._running = False
        self._thread.join()
        self.unplug()
        os.close(self._board)
        self._folder.cleanup()

    def plug(self) -> None:
        """Give the host a port; its name never changes."""
        with self._lock:
            self._host, other = os.openpty()
            tty.setraw(other)
            os.set_blocking(self._host, False)
            link = Path(self.port)
            link.unlink(missing_ok=True)
            link.symlink_to(os.ttyname(other))
            self._other = (
                other  # kept open, so that reading from the master never reports a hang-up
            )

    def unplug(self) -> None:
        """Remove the host's port."""
        with self._lock:
            if self._host is not None:
                Path(self.port).unlink(missing_ok=True)
                os.close(self._other)
                os.close(self._host)
                self._host = None

    def _carry(self) -> None:
        while self._running:
            with self._lock:
                moved = not self.stalled and self._move()
            if not moved:
                time.sleep(_POLL_S)

    def _move(self) -> bool:
        """Read what there is room for and write what is due; whether any byte was moved."""
        host = self._host
        if host is None:
            self.to_host.waiting.clear()
            return False
        directions = ((host, self._board, self.to_board), (self._board, host, self.to_host))
        sources = [source for source, _, d in directions if len(d.waiting) < _BUFFER]
        ready, _, _ = select.select(sources, [], [], 0 if self._waiting() else _POLL_S)
        self._copy_baud_rate(host)
        moved = False
        for source, sink, direction in directions:
            if source in ready:
                direction.push(os.read(source, _BUFFER))
            if due := direction.due():
                try:
                    direction.pop(os.write(sink, due))
                    moved = True
                except BlockingIOError:
                    pass
        return moved or bool(ready)

    def _copy_baud_rate(self, host: int) -> None:
        """Set the board's port to the rate that the host has set: a wire has no rate itself."""
        wanted, present = termios.tcgetattr(host), termios.tcgetattr(self._board)
        if wanted[4:6] != present[4:6]:
            present[4:6] = wanted[4:6]
            termios.tcsetattr(self._board, termios.TCSANOW, present)

    def _waiting(self) -> bool:
        return bool(self.to_board.waiting or self.to_host.waiting)
