"""Which requests are in flight, and when each has to be sent again.

A pure state machine: it is told the time and sends nothing itself, so that its tests need
no clock. It leans on one property of the line: bytes stay in order, and a board answers in
the order in which it was asked. Hence an answer also tells that everything sent before
that copy and still unanswered is lost (it is sent again at once), and the timeout only has
to cover the silence between two answers, whatever the number of requests in flight. Where
the property fails the worst is a request sent twice, which the protocol allows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

RETRIES = 8
"""How often a request is sent again before the run ends."""

FLOOR, FIRST, CEILING = 0.020, 0.250, 1.0
"""Seconds: the shortest timeout, the one before anything is known, and the longest."""


class ExhaustedError(Exception):
    """A request got no answer to any of its copies."""


@dataclass
class Pace:
    """What has been learnt about how long one sort of request takes (Jacobson and Karn).

    A timeout doubles ``backoff``, and only an answer to a request that was sent once
    resets it: so a board slower than the floor is soon waited for, and not flooded.
    """

    mean: float | None = None
    spread: float = 0.0
    best: float = float("inf")
    backoff: int = 1

    @property
    def timeout(self) -> float:
        usual = FIRST if self.mean is None else self.mean + 4 * self.spread
        return min(CEILING, max(FLOOR, usual) * self.backoff)

    def learn(self, elapsed: float) -> None:
        """Take note of a round trip that is beyond doubt."""
        self.backoff = 1
        self.best = min(self.best, elapsed)
        if self.mean is None:
            self.mean, self.spread = elapsed, elapsed / 2
        else:
            self.spread += (abs(elapsed - self.mean) - self.spread) / 4
            self.mean += (elapsed - self.mean) / 8


@dataclass
class _Flight:
    """A request under way. ``order`` numbers copies over all requests."""

    data: bytes
    sent: float
    order: int
    order_before: int
    copies: int = 1


@dataclass
class Window:
    """Requests in flight, their encoded bytes never above ``credit``.

    Until the first answer there is one at most: before anything is known about the
    board's speed, a full window and a short timeout would bury a slow one in copies.
    """

    credit: int
    pace: Pace = field(default_factory=Pace)
    resent: int = 0
    _flights: dict[int, _Flight] = field(default_factory=dict)
    _bytes: int = 0
    _order: int = 0
    _progress: float = 0.0

    def __len__(self) -> int:
        return len(self._flights)

    def __contains__(self, sequence: int) -> bool:
        return sequence in self._flights

    def admits(self, size: int) -> bool:
        """Whether a request of ``size`` encoded bytes may be sent now."""
        if self._flights and self.pace.mean is None:
            return False
        return self._bytes + size <= self.credit

    def send(self, sequence: int, data: bytes, now: float) -> None:
        """Note that ``data`` goes out under ``sequence``."""
        if not self._flights:
            self._progress = now
        self._order += 1
        self._bytes += len(data)
        self._flights[sequence] = _Flight(data, now, self._order, self._order)

    def settle(self, sequence: int, now: float) -> list[bytes]:
        """Take a request's answer; gives the copies of others that it proves lost."""
        flight = self._flights.pop(sequence)
        self._bytes -= len(flight.data)
        self._progress = now
        elapsed = now - flight.sent
        order = flight.order
        if flight.copies == 1:
            self.pace.learn(elapsed)
        elif elapsed < self.pace.best:
            order = flight.order_before  # too soon for the last copy: an earlier one was answered
        return list(self._again(order, now))

    def overdue(self, now: float) -> bytes:
        """After too long a silence, a copy of the longest unanswered request; else nothing."""
        if not self._flights or self.wait(now) > 0:
            return b""
        self.pace.backoff *= 2
        self._progress = now
        return self._copy(min(self._flights.values(), key=lambda flight: flight.order), now)

    def wait(self, now: float) -> float:
        """Seconds until `overdue` may have something to send; 0 when it has now."""
        return max(0.0, self._progress + self.pace.timeout - now)

    def _again(self, before: int, now: float) -> Iterator[bytes]:
        for flight in list(self._flights.values()):
            if flight.order < before:
                yield self._copy(flight, now)

    def _copy(self, flight: _Flight, now: float) -> bytes:
        if flight.copies > RETRIES:
            raise ExhaustedError
        self._order += 1
        self.resent += 1
        flight.order_before, flight.order = flight.order, self._order
        flight.sent = now
        flight.copies += 1
        return flight.data
