"""The host's end of the wire: requests go out within the board's credit, answers come back
in order, and whatever the line loses, damages or repeats is asked for again.

Every wait is bounded, and every way to fail is a `HilError` with its phase.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType

from elegans.hil_tests import diagnosis
from elegans.hil_tests.errors import HilError, Phase
from elegans.hil_tests.messages import BadMessageError, Hello
from elegans.hil_tests.port import Port
from elegans.hil_tests.protocol import VERSION, Decoder, Frame, Kind, encode
from elegans.hil_tests.window import ExhaustedError, Pace, Window, size_on_the_wire

HELLO_EVERY = 0.020
"""Seconds between two HELLOs of a handshake."""

_AHEAD = 256
"""How many requests may be out beyond the first unanswered one, answered or not."""

_GLANCE = 0.050
"""Seconds of silence after which we look whether the emulator is still alive."""


class Link:
    """A conversation with one board over one port.

    ``log`` holds the last thousand LOG texts, ``resent`` counts repeated requests, and
    ``decoder.dropped`` what arrived damaged. ``alive`` is called now and then while
    waiting, to raise when nothing will ever come (an emulator that has died); ``locate``
    tells the function and line of an address, for faults.
    """

    def __init__(
        self,
        port: Port,
        alive: Callable[[], None] | None = None,
        locate: diagnosis.Locate | None = None,
    ) -> None:
        self.port = port
        self.decoder = Decoder()
        self.log: deque[str] = deque(maxlen=1000)
        self.resent = 0
        self._alive = alive or (lambda: None)
        self._locate = locate or (lambda _: None)
        self._out = bytearray()
        self._sequence = secrets.randbelow(1 << 16)
        self._peer: Hello | None = None

    @classmethod
    def open(
        cls,
        port: str,
        baud: int = 115200,
        alive: Callable[[], None] | None = None,
        locate: diagnosis.Locate | None = None,
    ) -> Link:
        """Open ``port`` for ourselves alone; `HilError` (SYNC) when that cannot be done."""
        return cls(Port.open(port, baud), alive, locate)

    def close(self) -> None:
        self.port.close()

    def __enter__(self) -> Link:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def peer(self) -> Hello:
        """What the board said at the last handshake; makes one when there was none."""
        return self._peer or self.hello()

    def hello(self, within: float = 5.0) -> Hello:
        """Synchronise: HELLO with a fresh nonce until it is echoed, for ``within`` seconds.

        A second nonce, sent once the first is echoed, flushes the line: its echo proves
        that the board has taken everything before it, so its whole credit is free.
        """
        self._out.clear()
        nonce, sequence = secrets.randbits(32), self._next()
        greeting = encode(Frame(Kind.HELLO, sequence, Hello.request(nonce)))
        came, bad = self.decoder.received, self.decoder.dropped.total()
        end = time.monotonic() + within
        due = 0.0
        while (now := time.monotonic()) < end:
            if now >= due:
                if not self._out:
                    self._out += greeting
                due = now + HELLO_EVERY
            for frame in self._receive(due - now):
                if frame.kind == Kind.HELLO_REPLY and self._hello(frame).nonce == nonce:
                    return self._flush(self._hello(frame))
        came, bad = self.decoder.received - came, self.decoder.dropped.total() - bad
        raise diagnosis.unsynchronised(self.port.name, within, came, bad)

    def request(self, kind: int, payload: bytes = b"", pace: Pace | None = None) -> bytes:
        """The payload of the answer to one request."""
        [answer] = self.exchange(kind, [payload], pace)
        return answer

    def exchange(
        self, kind: int, payloads: Iterable[bytes], pace: Pace | None = None
    ) -> Iterator[bytes]:
        """The answers to many requests of one type, in their order, as they come.

        As many requests are in flight as the board's credit allows. ``pace`` carries what
        is known about their round trip from one call to the next.

        Raises `RefusedError` for an ERROR frame and `HilError`: TIMEOUT when a request
        stays unanswered, FAULT when the board has faulted or answers nonsense.
        """

        def number(payload: bytes) -> tuple[int, bytes]:
            sequence = self._next()
            return sequence, encode(Frame(kind, sequence, payload))

        window = Window(self.peer.credit, pace if pace is not None else Pace(), number)
        waiting = self._affordable(payloads)
        upcoming = next(waiting, None)
        asked = given = 0
        answers: dict[int, bytes] = {}
        before = self.resent
        try:
            while upcoming is not None or given < asked:
                while upcoming is not None and asked < given + _AHEAD and window.admits(upcoming):
                    self._out += window.send(asked, upcoming, time.monotonic())
                    asked += 1
                    upcoming = next(waiting, None)
                damaged = self.decoder.dropped.total()
                for frame in self._receive(window.wait(time.monotonic())):
                    if settled := window.settle(frame.sequence, time.monotonic()):
                        index, lost = settled
                        answers[index] = self._answer(kind, frame)
                        self._out += lost
                if self.decoder.dropped.total() > damaged:
                    self._out += window.damaged(time.monotonic())
                self._out += window.overdue(time.monotonic())
                self.resent = before + window.resent
                while given in answers:
                    yield answers.pop(given)
                    given += 1
        except ExhaustedError:
            raise self._diagnosed(kind) from None

    def require_no_fault(self, before: Hello) -> None:
        """Ask the board for a fault since ``before``; `HilError` (FAULT) when there was one."""
        if fault := diagnosis.faulted(self.port.name, before, self.hello(), self._locate):
            raise fault

    def reset(self, within: float = 5.0) -> Hello:
        """Have the board reset itself, and synchronise again."""
        self.request(Kind.RESET)
        return self.hello(within)

    def inject(self, raw: bytes) -> None:
        """Put bytes on the line outside any frame: the noise that a test wants there."""
        self._out += raw

    def _next(self) -> int:
        self._sequence = (self._sequence + 1) & 0xFFFF
        return self._sequence

    def _affordable(self, payloads: Iterable[bytes]) -> Iterator[bytes]:
        """The payloads, as long as the board's credit covers each."""
        credit = self.peer.credit
        for payload in payloads:
            if (size := size_on_the_wire(payload)) > credit:
                fact = f"a request of {size} bytes exceeds the board's credit of {credit}"
                remedy = "ask for fewer steps at a time, or give the firmware a larger buffer"
                raise HilError(Phase.FAULT, self.port.name, fact, remedy)
            yield payload

    def _receive(self, timeout: float) -> list[Frame]:
        """The frames that arrive within ``timeout`` seconds (a glance at most), without LOGs."""
        try:
            data = self.port.exchange(self._out, max(0.0, min(timeout, _GLANCE)))
        except HilError:
            self._alive()  # says more about a dead emulator than its port can
            raise
        if not data:
            self._alive()
            return []
        frames = []
        for frame in self.decoder.feed(data):
            if frame.kind == Kind.LOG:
                self.log.append(frame.payload.decode("utf-8", "replace"))
            else:
                frames.append(frame)
        return frames

    def _answer(self, kind: int, frame: Frame) -> bytes:
        if frame.kind == Kind.ERROR:
            raise diagnosis.refused(self.port.name, kind, frame.payload)
        if frame.version != VERSION or frame.kind != kind | 0x80:
            what = f"type 0x{frame.kind:02x} in answer to 0x{kind:02x}"
            raise diagnosis.nonsense(self.port.name, what)
        return frame.payload

    def _hello(self, frame: Frame) -> Hello:
        if frame.version != VERSION:
            raise diagnosis.another_version(self.port.name, frame)
        try:
            return Hello.parse(frame.payload)
        except BadMessageError as error:
            raise diagnosis.nonsense(self.port.name, f"a HELLO reply of {error}") from error

    def _flush(self, hello: Hello) -> Hello:
        self._peer = hello
        nonce = secrets.randbits(32)
        self._peer = Hello.parse(self.request(Kind.HELLO, Hello.request(nonce)))
        return self._peer

    def _diagnosed(self, kind: int) -> HilError:
        """A request ran out of repeats: ask the board what happened to it."""
        before = self._peer
        try:
            after = self.hello(within=1.0) if kind != Kind.HELLO else None
        except HilError:
            after = None
        return diagnosis.unanswered(self.port.name, kind, before, after, self._locate)
