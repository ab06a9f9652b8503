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

from elegans.hil_tests.link import diagnosis
from elegans.hil_tests.link.request_queue import Conversation
from elegans.hil_tests.link.send_window import (
    PATIENCE,
    Pace,
    SilenceError,
    Window,
    size_on_the_wire,
)
from elegans.hil_tests.wire.errors import HilError, Phase
from elegans.hil_tests.wire.frames import VERSION, Decoder, Frame, Kind, encode
from elegans.hil_tests.wire.messages import BadMessageError, Hello
from elegans.hil_tests.wire.serial_port import Port

HELLO_EVERY = 0.020
"""Seconds between two HELLOs of a handshake."""

_GLANCE = 0.050
"""Seconds of silence after which we look whether the emulator is still alive."""

_REPLUG = 5.0
"""Seconds for which a port that vanished is waited for."""


class Link:
    """A conversation with one board over one port.

    ``log`` holds the last thousand LOG texts, ``resent`` counts repeated requests, and
    ``decoder.dropped`` what arrived damaged. ``alive`` is called now and then while
    waiting, to raise when nothing will ever come (an emulator that has died); ``locate``
    tells the function and line of an address, for faults. A port that vanishes is waited
    for ``replug`` seconds.
    """

    def __init__(
        self,
        port: Port,
        alive: Callable[[], None] | None = None,
        locate: diagnosis.Locate | None = None,
        replug: float = _REPLUG,
    ) -> None:
        self.port = port
        self.replug = replug
        self.decoder = Decoder()
        self.log: deque[str] = deque(maxlen=1000)
        self.resent = 0
        self._alive = alive or (lambda: None)
        self._locate = locate or (lambda _: None)
        self._out = bytearray()
        self._sequence = secrets.randbelow(1 << 16)
        self._peer: Hello | None = None
        self._boot_baud = port.baud
        self._replugging = False
        self._hello_pace = Pace()

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
        that the board has taken everything before it, so its whole credit is free. When
        the line was made faster, the second half of the time goes to the rate that a board
        starts with: it may have been reset.
        """
        came, bad = self.decoder.received, self.decoder.dropped.total()
        hello = None
        if self.port.baud != self._boot_baud:
            hello = self._greet(within / 2)
            if hello is None:
                self.port.baud = self._boot_baud
        hello = hello or self._greet(within)
        if hello is None:
            came, bad = self.decoder.received - came, self.decoder.dropped.total() - bad
            raise diagnosis.unsynchronised(self.port.name, within, came, bad)
        self._peer = hello
        nonce = secrets.randbits(32)
        answer = self.request(Kind.HELLO, Hello.request(nonce), self._hello_pace)
        self._peer = Hello.parse(answer)
        return self._peer

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

        Raises `RefusedError` for an ERROR frame, `UnansweredError` for a request that the
        board does not answer while it answers others, and `HilError`: TIMEOUT when it
        answers nothing, FAULT when it has faulted or answers nonsense.
        """
        for _, answer in self.converse(kind, payloads, pace):
            yield answer

    def converse(
        self,
        kind: int,
        payloads: Iterable[bytes],
        pace: Pace | None = None,
        patience: Callable[[bytes], int] = lambda _: PATIENCE,
        split: Callable[[bytes], tuple[bytes, ...]] = lambda _: (),
    ) -> Iterator[tuple[bytes, bytes]]:
        """As `exchange`, but each answer comes with its request, for requests may change:

        one that has been sent ``patience(payload)`` times in vain is replaced by those that
        ``split`` makes of it. `UnansweredError` is raised where it makes none.
        """

        def number(payload: bytes) -> tuple[int, bytes]:
            sequence = self._next()
            return sequence, encode(Frame(kind, sequence, payload))

        talk = Conversation(Window(self.peer.credit, pace or Pace(), number, patience), split)
        upcoming, before = self._affordable(payloads), self.resent
        while True:
            self._out += talk.ask(upcoming, time.monotonic())
            if talk.over:
                return
            damaged = self.decoder.dropped.total()
            frames = self._receive(talk.window.wait(time.monotonic()))
            now = time.monotonic()
            for frame in frames:
                if talk.window.expects(frame.sequence):
                    self._out += talk.hear(frame.sequence, self._answer(kind, frame), now)
            if self.decoder.dropped.total() > damaged:
                self._out += talk.window.damaged(now)
            try:
                self._out += talk.window.overdue(now)
            except SilenceError:
                self._require_answer(kind)
                self._out += talk.window.lost(time.monotonic())
            if not talk.reconsider():
                raise diagnosis.unanswered(self.port.name, kind, self.peer)
            self.resent = before + talk.window.resent
            yield from talk.finished()

    def require_no_fault(self, before: Hello) -> None:
        """Ask the board for a fault since ``before``; `HilError` (FAULT) when there was one."""
        if fault := diagnosis.faulted(self.port.name, before, self.hello(), self._locate):
            raise fault

    def reset(self, within: float = 5.0) -> Hello:
        """Have the board reset itself, and synchronise again."""
        self.request(Kind.RESET)
        if self.port.baud != self._boot_baud:
            self.port.baud = self._boot_baud
        return self.hello(within)

    def inject(self, raw: bytes) -> None:
        """Put bytes on the line outside any frame: the noise that a test wants there."""
        self._out += raw

    def _greet(self, within: float) -> Hello | None:
        """Send HELLO until its nonce comes back, at the present rate."""
        self._out.clear()
        nonce, sequence = secrets.randbits(32), self._next()
        greeting = encode(Frame(Kind.HELLO, sequence, Hello.request(nonce)))
        end = time.monotonic() + within
        due = 0.0
        while (now := time.monotonic()) < end:
            if now >= due:
                if not self._out:
                    self._out += greeting
                due = now + HELLO_EVERY
            for frame in self._receive(due - now):
                if frame.kind == Kind.HELLO_REPLY and self._hello(frame).nonce == nonce:
                    return self._hello(frame)
        return None

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
        except HilError as vanished:
            self._replug(vanished)
            return []
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

    def _require_answer(self, kind: int) -> None:
        """After a long silence: `HilError` unless the board is there, and has not faulted."""
        if kind == Kind.HELLO:  # is the question itself; its own patience ends it
            return
        before = self.peer
        try:
            after = self.hello(within=2.0)
        except HilError:
            raise diagnosis.silent(self.port.name, kind) from None
        if fault := diagnosis.faulted(self.port.name, before, after, self._locate):
            raise fault

    def _replug(self, vanished: HilError) -> None:
        """Wait for the port to come back with the same board behind it, or raise.

        What was in flight is lost, and asked for again as everything that is lost is.
        """
        self._alive()  # says more about a dead emulator than its port can
        if self._replugging:
            raise vanished
        end = time.monotonic() + self.replug
        self._out.clear()
        while True:
            try:
                self.port.reopen()
                break
            except HilError:
                self._alive()
                if time.monotonic() > end:
                    raise vanished from None
                time.sleep(_GLANCE)
        before = self._peer
        if before is None:
            return
        self._replugging = True
        try:
            after = self.hello()
        finally:
            self._replugging = False
        if (before.board, before.model_digest) != (after.board, after.model_digest):
            raise diagnosis.stranger(self.port.name, before, after)
