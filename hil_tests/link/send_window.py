"""The send window: which requests are in flight, and when each must be sent again.

A pure state machine: the caller passes the time and sends the frames that it returns, so its
tests need no clock. It relies on two properties of the protocol.

* A request has no side effect on the board. So a retransmission is simply a new request with a
  new sequence number, and the answer tells which transmission it belongs to. Its round-trip time
  is therefore never ambiguous.
* Bytes stay in order, and the board answers requests in the order in which they arrive. So an
  answer proves that every transmission before its own that is still unanswered was lost; these
  are sent again at once. The timeout only has to cover the time between two answers.

If the order is violated, the worst result is that a request is sent twice, which does no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from elegans.hil_tests.wire.frames import OVERHEAD, encoded_size

MAX_TIMEOUTS = 3
"""Timeouts in a row after which the host has to find out whether the board is there at all."""

MAX_SENDS = 64
"""How often one request is sent before it is given up, although the board answers others."""

MIN_TIMEOUT, FIRST_TIMEOUT, MAX_TIMEOUT = 0.020, 0.250, 1.0
"""Seconds: the shortest timeout, the one before any round trip was measured, the longest."""


class SilenceError(Exception):
    """Nothing at all has arrived for `MAX_TIMEOUTS` timeouts in a row."""


@dataclass
class RoundTripTime:
    """An estimate of the round-trip time of one kind of request, in seconds.

    Mean and mean deviation are smoothed as in TCP (Jacobson, "Congestion Avoidance and
    Control", SIGCOMM 1988, appendix A; RFC 6298), with weights 1/8 and 1/4. Each of the
    ``timeouts`` in a row doubles the timeout.
    """

    mean: float | None = None
    deviation: float = 0.0
    timeouts: int = 0

    @property
    def timeout(self) -> float:
        """Seconds to wait for the next answer: the mean plus four deviations, in bounds."""
        usual = FIRST_TIMEOUT if self.mean is None else self.mean + 4 * self.deviation
        return min(MAX_TIMEOUT, max(MIN_TIMEOUT, usual) * float(2**self.timeouts))

    def add(self, elapsed: float) -> None:
        """Take a measured round trip into account; it also ends a series of timeouts."""
        self.timeouts = 0
        if self.mean is None:
            self.mean, self.deviation = elapsed, elapsed / 2
        else:
            self.deviation += (abs(elapsed - self.mean) - self.deviation) / 4
            self.mean += (elapsed - self.mean) / 8


@dataclass
class _InFlight:
    """A request in flight.

    ``sent`` maps the sequence number of each of its transmissions to the number of that
    transmission, counted over all requests, and to its time. ``last`` is the number of the
    latest one.
    """

    index: int
    payload: bytes
    sent: dict[int, tuple[int, float]] = field(default_factory=dict)
    last: int = 0


def size_on_the_wire(payload: bytes) -> int:
    """The credit that a request takes: the most encoded bytes that its frame can have."""
    return encoded_size(len(payload) + OVERHEAD)


class SendWindow:
    """The requests in flight; the sum of their encoded bytes never exceeds ``credit``.

    Each request counts once. If a timeout was too short, the board may still hold the earlier
    transmission, and receives more than ``credit`` bytes before it answers: what it has no space
    for is lost, and is sent again as after any other loss.

    frame_of   makes a frame of a payload: returns its new sequence number and its bytes
    max_sends  how often a payload is worth sending. After that it is no longer in flight, and
               its index is added to ``given_up``
    rtt        the round-trip time, learnt from every answer

    Until the first answer at most one request is in flight: while the board's speed is unknown,
    a full window with a short timeout would flood a slow board with retransmissions. ``resent``
    counts retransmissions. Times are seconds of any monotonic clock.
    """

    def __init__(
        self,
        credit: int,
        rtt: RoundTripTime,
        frame_of: Callable[[bytes], tuple[int, bytes]],
        max_sends: Callable[[bytes], int],
    ) -> None:
        self.rtt = rtt
        self.resent = 0
        self.given_up: list[int] = []
        self._max_sends = max_sends
        self._credit = credit
        self._frame_of = frame_of
        self._in_flight: dict[int, _InFlight] = {}  # by index, the longest unanswered first
        self._by_sequence: dict[int, _InFlight] = {}
        self._bytes = 0
        self._transmissions = 0
        self._last_progress = 0.0

    def admits(self, payload: bytes) -> bool:
        """Whether the credit allows to send one more request now."""
        if self._in_flight and self.rtt.mean is None:
            return False
        return self._bytes + size_on_the_wire(payload) <= self._credit

    def send(self, index: int, payload: bytes, now: float) -> bytes:
        """Put request ``index`` in flight; returns its frame."""
        if not self._in_flight:
            self._last_progress = now
        request = self._in_flight[index] = _InFlight(index, payload)
        self._bytes += size_on_the_wire(payload)
        return self._transmit(request, now)

    def expects(self, sequence: int) -> bool:
        """Whether an answer with this sequence number belongs to a request in flight."""
        return sequence in self._by_sequence

    def acknowledge(self, sequence: int, now: float) -> tuple[int, bytes]:
        """Take an answer that is expected.

        Returns the index of its request, and the frames of the other requests that it proves
        lost, which are to be sent again.
        """
        request = self._by_sequence[sequence]
        number, sent = request.sent[sequence]
        self._remove(request)
        self._last_progress = now
        self.rtt.add(now - sent)
        lost = [other for other in self._in_flight.values() if other.last < number]
        return request.index, b"".join(self._retransmit(other, now) for other in lost)

    def check_timeout(self, now: float) -> bytes:
        """After a timeout the frame of the longest unanswered request, to be sent again.

        Only that one is sent, however long the silence lasts: its answer will prove what became
        of the others, and a dead board is detected without repeating them all. After
        `MAX_TIMEOUTS` in a row raises `SilenceError`; the caller then finds out whether the
        board is there, and goes on with `resend_all`.
        """
        if not self._in_flight or self.time_left(now) > 0:
            return b""
        if self.rtt.timeouts == MAX_TIMEOUTS:
            raise SilenceError
        self.rtt.timeouts += 1
        return self._retransmit_first(now)

    def resend_first(self, now: float) -> bytes:
        """A damaged frame has arrived, most likely an answer: the frame to send again.

        The board is there, so a series of timeouts ends, and the longest unanswered request is
        sent again without waiting.
        """
        if not self._in_flight:
            return b""
        self.rtt.timeouts = 0
        return self._retransmit_first(now)

    def resend_all(self, now: float) -> bytes:
        """The board has answered all that reached it: the frames of all that is unanswered."""
        self.rtt.timeouts = 0
        self._last_progress = now
        return b"".join(self._retransmit(request, now) for request in [*self._in_flight.values()])

    def time_left(self, now: float) -> float:
        """Seconds until the timeout; 0 if it has passed."""
        return max(0.0, self._last_progress + self.rtt.timeout - now)

    def _retransmit_first(self, now: float) -> bytes:
        self._last_progress = now
        return self._retransmit(next(iter(self._in_flight.values())), now)

    def _retransmit(self, request: _InFlight, now: float) -> bytes:
        if len(request.sent) >= self._max_sends(request.payload):
            self._remove(request)
            self.given_up.append(request.index)
            return b""
        self.resent += 1
        return self._transmit(request, now)

    def _remove(self, request: _InFlight) -> None:
        del self._in_flight[request.index]
        for sequence in request.sent:
            del self._by_sequence[sequence]
        self._bytes -= size_on_the_wire(request.payload)

    def _transmit(self, request: _InFlight, now: float) -> bytes:
        sequence, frame = self._frame_of(request.payload)
        self._transmissions += 1
        request.last = self._transmissions
        request.sent[sequence] = (self._transmissions, now)
        self._by_sequence[sequence] = request
        return frame
