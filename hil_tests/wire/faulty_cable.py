"""A serial cable as bad and as slow as wished, between a board's port and the host.

It stands in for the wire in tests and soaks: it injects what noise, loose plugs and drivers
do, from a seed, and counts it; and it carries no more bytes a second than a line would.
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

KINDS = ("flip", "drop", "garbage", "truncate", "repeat", "reorder")
"""A bit turned over, a byte lost, a burst of noise, the rest of a frame lost, a frame twice,
two frames in the wrong order."""

_LIMIT = 4096  # bytes that wait before the sender has to
_TICK_S = 0.001
_HELD_S = 0.005  # a frame waits no longer than this for the next to overtake it
_LONGEST_BURST = 48


@dataclass
class Noise:
    """One direction's faults: ``rate`` of them a byte, of ``kinds`` in equal shares.

    ``injected`` counts what has been done.
    """

    rate: float = 0.0
    kinds: tuple[str, ...] = KINDS
    seed: int = 0
    injected: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._gap = self._draw()
        self._cutting = False
        self._twist = ""
        self._frame = b""  # what has passed since the last zero
        self._held = b""

    def through(self, data: bytes) -> bytes:
        """What becomes of ``data`` on the way."""
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
        return self._twisted(bytes(out))

    def released(self) -> bytes:
        """The frame that was held back for the next to overtake, if none came."""
        held, self._held = self._held, b""
        return held

    def _draw(self) -> int:
        """Bytes until the next fault: geometrically distributed."""
        if not self.rate:
            return 1 << 62
        return int(math.log(1 - self._random.random()) / math.log(1 - self.rate))

    def _fault(self, byte: int, out: bytearray) -> int:
        """One fault at ``byte``; how many bytes of the stream it takes."""
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
            self._twist = kind
        out += self._cut(bytes([byte]))
        return 1

    def _cut(self, data: bytes) -> bytes:
        """Drops everything up to the next zero, while a frame is being truncated."""
        if not self._cutting:
            return data
        _, zero, rest = data.partition(b"\0")
        self._cutting = not zero
        return zero + rest

    def _twisted(self, data: bytes) -> bytes:
        """Repeats a whole frame, or lets the next one overtake it."""
        *ended, self._frame = (self._frame + data).split(b"\0")
        if not ended:
            return b""
        out = []
        for frame in ended:
            if self._twist == "reorder" and frame and not self._held:
                self._held, self._twist = frame + b"\0", ""
                continue
            out.append(frame + b"\0" + self._held)
            self._held = b""
            if self._twist == "repeat" and frame:
                out.append(frame + b"\0")
                self._twist = ""
        return b"".join(out)


class _Way:
    """One direction of the cable: noise, and a line that takes ten bits a byte."""

    def __init__(self, noise: Noise, baud: int | None) -> None:
        self.noise = noise
        self.waiting = bytearray()
        self.carried = 0
        self._second_a_byte = 10 / baud if baud else 0.0
        self._free = self._quiet_since = 0.0

    def take(self, data: bytes) -> None:
        now = time.monotonic()
        if not self.waiting:
            self._free = max(self._free, now)
        self._quiet_since = now
        self.waiting += self.noise.through(data)

    def due(self) -> bytes:
        """What has arrived at the far end by now."""
        if time.monotonic() - self._quiet_since > _HELD_S:
            self.waiting += self.noise.released()
        if not self._second_a_byte:
            return bytes(self.waiting)
        count = int((time.monotonic() - self._free) / self._second_a_byte)
        return bytes(self.waiting[: max(0, count)])

    def gone(self, count: int) -> None:
        del self.waiting[:count]
        self.carried += count
        self._free += count * self._second_a_byte


class Cable:
    """Plug it in with ``with Cable(port) as cable``; the host opens ``cable.port``.

    ``baud`` bounds both directions (None: as fast as it goes). `unplug` and `plug` take the
    host's end away and bring it back under the same name; `stalled` stops the traffic.
    """

    def __init__(
        self,
        port: str,
        baud: int | None = None,
        to_board: Noise | None = None,
        to_host: Noise | None = None,
    ) -> None:
        self._board = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._board)
        self.to_board, self.to_host = (_Way(n or Noise(), baud) for n in (to_board, to_host))
        self.stalled = False
        self._folder = tempfile.TemporaryDirectory(prefix="elegans-")
        self.port = str(Path(self._folder.name) / "port")
        self._host: int | None = None
        self._lock = threading.Lock()
        self._running = True
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def __enter__(self) -> Cable:
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
        """Give the host a port, under the same name as ever."""
        with self._lock:
            self._host, other = os.openpty()
            tty.setraw(other)
            os.set_blocking(self._host, False)
            link = Path(self.port)
            link.unlink(missing_ok=True)
            link.symlink_to(os.ttyname(other))
            self._other = other  # held open, so that the master never sees a hang-up

    def unplug(self) -> None:
        """Take the host's port away."""
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
                time.sleep(_TICK_S)

    def _move(self) -> bool:
        """One turn: take in what there is room for, hand over what is due."""
        host = self._host
        if host is None:
            self.to_host.waiting.clear()
            return False
        ways = ((host, self._board, self.to_board), (self._board, host, self.to_host))
        sources = [source for source, _, way in ways if len(way.waiting) < _LIMIT]
        ready, _, _ = select.select(sources, [], [], 0 if self._waiting() else _TICK_S)
        self._follow_the_rate(host)
        moved = False
        for source, sink, way in ways:
            if source in ready:
                way.take(os.read(source, _LIMIT))
            if due := way.due():
                try:
                    way.gone(os.write(sink, due))
                    moved = True
                except BlockingIOError:
                    pass
        return moved or bool(ready)

    def _follow_the_rate(self, host: int) -> None:
        """A wire knows no rate: what the host sets is what the board's port shall have."""
        wanted, present = termios.tcgetattr(host), termios.tcgetattr(self._board)
        if wanted[4:6] != present[4:6]:
            present[4:6] = wanted[4:6]
            termios.tcsetattr(self._board, termios.TCSANOW, present)

    def _waiting(self) -> bool:
        return bool(self.to_board.waiting or self.to_host.waiting)
