"""The host's end of the connection to a board.

Requests are sent within the board's credit and answered in order; what the line loses or damages
is sent again. Every wait has a time limit, and every failure is a `HilError` with its phase.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType

from elegans.hil_tests.link import diagnosis
from elegans.hil_tests.link.request_queue import RequestQueue
from elegans.hil_tests.link.send_window import (
    MAX_SENDS,
    RoundTripTime,
    SendWindow,
    SilenceError,
    size_on_the_wire,
)
from elegans.hil_tests.wire.errors import HilError, Phase
from elegans.hil_tests.wire.frames import VERSION, Decoder, Frame, Kind, encode
from elegans.hil_tests.wire.messages import BadMessageError, Hello
from elegans.hil_tests.wire.serial_port import Port

HELLO_EVERY = 0.020
"""Seconds between two HELLO requests of a handshake."""

_POLL_S = 0.050
"""Seconds without a byte after which it is checked that the emulator still runs."""

_REPLUG_S = 5.0
"""Seconds to wait for a port that vanished to come back."""


class Link:
    """A connection to one board over one port.

    ``log`` holds the last thousand LOG texts, ``requests`` counts the requests of all exchanges,
    ``resent`` those that were sent again, each time, and ``decoder.dropped`` what arrived damaged.
    ``hello_rtt`` is the round trip of the handshakes. While waiting, ``alive`` is called
    regularly; it raises if the board cannot answer any more. ``locate`` gives the function and
    line at an address. A port that vanishes is waited for ``replug`` seconds.
    """

    def __init__(
        self,
        port: Port,
        alive: Callable[[], None] | None = None,
        locate: diagnosis.Locate | None = None,
        replug: float = _REPLUG_S,
    ) -> None:
        self.port = port
        self.replug = replug
        self.decoder = Decoder()
        self.log: deque[str] = deque(maxlen=1000)
        self.requests = self.resent = 0
        self._alive = alive or (lambda: None)
        self._locate = locate or (lambda _: None)
        self._out = bytearray()
        self._sequence = secrets.randbelow(1 << 16)
        self._peer: Hello | None = None
        self._boot_baud = port.baud
        self._reopening = False
        self.hello_rtt = RoundTripTime()

    @classmethod
    def open(
        cls,
        port: str,
        baud: int = 115200,
        alive: Callable[[], None] | None = None,
        locate: diagnosis.Locate | None = None,
    ) -> Link:
        """Open and lock ``port``. Raises `HilError` (SYNC) if that is impossible."""
        return cls(Port.open(port, baud), alive, locate)

    def close(self) -> None:
        """Close the port."""
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
        """The board's answer to the last handshake; makes one if there was none."""
        return self._peer or self.hello()

    def hello(self, within: float = 5.0) -> Hello:
        """Synchronise: send HELLO with a new nonce until it is echoed, for ``within`` seconds.

        Then a second HELLO flushes the line: its echo proves that the board has processed all
        before it, so that its whole credit is free. If the baud rate was raised, the rate that a
        board starts with is tried after half of the time, for it may have been reset. Raises
        `HilError` (SYNC) if none is echoed.
        """
        received, damaged = self.decoder.received, self.decoder.dropped.total()
        hello = None
        if self.port.baud != self._boot_baud:
            hello = self._try_hello(within / 2)
            if hello is None:
                self.port.baud = self._boot_baud
        hello = hello or self._try_hello(within)
        if hello is None:
            received = self.decoder.received - received
            damaged = self.decoder.dropped.total() - damaged
            raise diagnosis.unsynchronised(self.port.name, within, received, damaged)
        self._peer = hello
        nonce = secrets.randbits(32)
        answer = self.request(Kind.HELLO, Hello.request(nonce), self.hello_rtt)
        self._peer = self._parse_hello(answer)
        return self._peer

    def request(self, kind: int, payload: bytes = b"", rtt: RoundTripTime | None = None) -> bytes:
        """The payload of the answer to one request. Raises as `exchange` does."""
        [answer] = self.exchange(kind, [payload], rtt)
        return answer

    def exchange(
        self, kind: int, payloads: Iterable[bytes], rtt: RoundTripTime | None = None
    ) -> Iterator[bytes]:
        """The payloads of the answers to many requests of one type, in the same order.

        As many are in flight as the board's credit allows. ``rtt`` keeps the measured round-trip
        time from call to call. Raises `RefusedError` for an ERROR frame, `UnansweredError` for a
        request that is not answered although others are, and `HilError`: TIMEOUT if the board
        answers nothing, FAULT if it has faulted or its answer is invalid.
        """
        for _, answer in self.exchange_pairs(kind, payloads, rtt):
            yield answer

    def exchange_pairs(
        self,
        kind: int,
        payloads: Iterable[bytes],
        rtt: RoundTripTime | None = None,
        max_sends: Callable[[bytes], int] = lambda _: MAX_SENDS,
        split: Callable[[bytes], tuple[bytes, ...]] = lambda _: (),
    ) -> Iterator[tuple[bytes, bytes]]:
        """As `exchange`, but gives pairs of request and answer, because requests may be split.

        A request that was sent ``max_sends(payload)`` times without an answer is replaced by
        those that ``split`` makes of it. Raises `UnansweredError` if it makes none.
        """

        def frame_of(payload: bytes) -> tuple[int, bytes]:
            sequence = self._next_sequence()
            return sequence, encode(Frame(kind, sequence, payload))

        window = SendWindow(self.peer.credit, rtt or RoundTripTime(), frame_of, max_sends)
        queue = RequestQueue(window, split)
        upcoming = self._within_credit(payloads)
        asked, before = self.requests, self.resent
        while True:
            self._out += queue.send(upcoming, time.monotonic())
            if queue.done:
                return
            damaged = self.decoder.dropped.total()
            frames = self._receive(window.time_left(time.monotonic()))
            now = time.monotonic()
            for frame in frames:
                if window.expects(frame.sequence):
                    self._out += queue.receive(frame.sequence, self._payload(kind, frame), now)
            if self.decoder.dropped.total() > damaged:
                self._out += window.resend_first(now)
            try:
                self._out += window.check_timeout(now)
            except SilenceError:
                self._require_board(kind)
                self._out += window.resend_all(time.monotonic())
            if not queue.split_given_up():
                raise diagnosis.unanswered(self.port.name, kind, self.peer)
            self.requests, self.resent = asked + queue.taken, before + window.resent
            yield from queue.answered()

    def require_no_fault(self, before: Hello) -> None:
        """Raise `HilError` (FAULT) if the board has faulted since the handshake ``before``, or has
        overrun its stack since its start."""
        place, after = self.port.name, self.hello()
        fault = diagnosis.faulted(place, before, after, self._locate)
        if fault := fault or diagnosis.overrun(place, after):
            raise fault

    def reset(self, within: float = 5.0) -> Hello:
        """Have the board reset itself, and synchronise again, at the rate it starts with."""
        self.request(Kind.RESET)
        if self.port.baud != self._boot_baud:
            self.port.baud = self._boot_baud
        return self.hello(within)

    def inject(self, raw: bytes) -> None:
        """Send bytes outside any frame, for tests of how the board treats garbage."""
        self._out += raw

    def _try_hello(self, within: float) -> Hello | None:
        """Send HELLO at the present rate until its nonce is echoed; None after ``within`` s."""
        self._out.clear()
        nonce, sequence = secrets.randbits(32), self._next_sequence()
        request = encode(Frame(Kind.HELLO, sequence, Hello.request(nonce)))
        end = time.monotonic() + within
        due = 0.0
        while (now := time.monotonic()) < end:
            if now >= due:
                if not self._out:
                    self._out += request
                due = now + HELLO_EVERY
            for frame in self._receive(due - now):
                if frame.sequence != sequence:
                    continue
                if frame.kind == Kind.HELLO:
                    raise diagnosis.echo(self.port.name)
                if frame.version != VERSION:  # a reply, or the ERROR of an older board
                    raise diagnosis.another_version(self.port.name, frame.version)
                if frame.kind == Kind.HELLO_REPLY:
                    hello = self._parse_hello(frame.payload)
                    if hello.nonce == nonce:
                        return hello
        return None

    def _next_sequence(self) -> int:
        self._sequence = (self._sequence + 1) & 0xFFFF
        return self._sequence

    def _within_credit(self, payloads: Iterable[bytes]) -> Iterator[bytes]:
        """The same payloads. Raises `HilError` (FAULT) for one that exceeds the board's credit."""
        credit = self.peer.credit
        for payload in payloads:
            if (size := size_on_the_wire(payload)) > credit:
                fact = f"a request of {size} bytes exceeds the board's credit of {credit}"
                remedy = "ask for fewer steps at a time, or give the firmware a larger buffer"
                raise HilError(Phase.FAULT, self.port.name, fact, remedy)
            yield payload

    def _receive(self, timeout: float) -> list[Frame]:
        """The frames that arrive within ``timeout`` seconds, at most `_POLL_S`; LOGs are kept."""
        try:
            data = self.port.exchange(self._out, max(0.0, min(timeout, _POLL_S)))
        except HilError as vanished:
            self._wait_for_port(vanished)
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

    def _payload(self, kind: int, frame: Frame) -> bytes:
        if frame.version != VERSION:
            raise diagnosis.another_version(self.port.name, frame.version)
        if frame.kind == Kind.ERROR:
            raise diagnosis.refused(self.port.name, kind, frame.payload)
        if frame.kind != kind | 0x80:
            what = f"type 0x{frame.kind:02x} in answer to 0x{kind:02x}"
            raise diagnosis.invalid_answer(self.port.name, what)
        return frame.payload

    def _parse_hello(self, payload: bytes) -> Hello:
        try:
            return Hello.parse(payload)
        except BadMessageError as error:
            raise diagnosis.invalid_answer(self.port.name, f"a HELLO reply of {error}") from error

    def _require_board(self, kind: int) -> None:
        """After a long silence raise `HilError` unless the board is there and has not faulted."""
        if kind == Kind.HELLO:  # a second HELLO shows no more; `MAX_SENDS` ends the wait
            return
        before = self.peer
        try:
            after = self.hello(within=2.0)
        except HilError:
            raise diagnosis.silent(self.port.name, kind) from None
        if fault := diagnosis.faulted(self.port.name, before, after, self._locate):
            raise fault

    def _wait_for_port(self, vanished: HilError) -> None:
        """Wait for the port to come back with the same board behind it, or raise.

        Requests in flight are lost; the timeout sends them again.
        """
        self._alive()  # if the emulator has ended, its error says more than that of the port
        if self._reopening:
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
                time.sleep(_POLL_S)
        before = self._peer
        if before is None:
            return
        self._reopening = True
        try:
            after = self.hello()
        finally:
            self._reopening = False
        if (before.board, before.model_digest) != (after.board, after.model_digest):
            raise diagnosis.another_board(self.port.name, before, after)
