"""Which requests are in flight, and when each has to be sent again.

A pure state machine: it is told the time and sends nothing itself, so that its tests need
no clock. It leans on two properties. Requests are pure, so a repeat is simply a new request
under a new sequence number, and every answer tells which copy it belongs to: its round trip
is beyond doubt. And bytes stay in order, and a board answers in the order in which it was
asked: so an answer proves everything lost that was sent before that copy and is still
unanswered (it is sent again at once), and the timeout has to cover no more than the silence
between two answers. Where the order fails the worst is a request sent twice, which does no
harm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from elegans.hil_tests.wire.frames import OVERHEAD, encoded_size

SILENCES = 3
"""After so many timeouts in a row it is time to ask whether the board is there at all."""

PATIENCE = 64
"""How often one request is sent before it is given up, though the board is there."""

FLOOR, FIRST, CEILING = 0.020, 0.250, 1.0
"""Seconds: the shortest timeout, the one before anything is known, and the longest."""


class SilenceError(Exception):
    """Copy after copy went out, and nothing at all came back."""


@dataclass
class Pace:
    """What has been learnt about how long one sort of request takes (Jacobson's estimate).

    Each silence in a row doubles the timeout.
    """

    mean: float | None = None
    spread: float = 0.0
    silences: int = 0

    @property
    def timeout(self) -> float:
        usual = FIRST if self.mean is None else self.mean + 4 * self.spread
        return min(CEILING, max(FLOOR, usual) * float(2**self.silences))

    def learn(self, elapsed: float) -> None:
        """Take note of a round trip."""
        self.silences = 0
        if self.mean is None:
            self.mean, self.spread = elapsed, elapsed / 2
        else:
            self.spread += (abs(elapsed - self.mean) - self.spread) / 4
            self.mean += (elapsed - self.mean) / 8


@dataclass
class _Flight:
    """A request under way: its place among the requests, and when each copy was sent.

    ``copies`` maps a copy's sequence number to its number among all copies and its time.
    """

    index: int
    payload: bytes
    copies: dict[int, tuple[int, float]] = field(default_factory=dict)
    last: int = 0


def size_on_the_wire(payload: bytes) -> int:
    """The credit that a request takes: the most encoded bytes that its frame can have."""
    return encoded_size(len(payload) + OVERHEAD)


class Window:
    """Requests in flight, their sum of encoded bytes never above ``credit``.

    ``number`` gives a payload a fresh sequence number and its frame. Until the first answer
    one request at most is in flight: before anything is known about the board's speed, a
    full window and a short timeout would bury a slow one in copies. ``patience`` says how
    often a payload is worth sending; after that it is in flight no more, and its number
    stands in ``given_up``.
    """

    def __init__(
        self,
        credit: int,
        pace: Pace,
        number: Callable[[bytes], tuple[int, bytes]],
        patience: Callable[[bytes], int],
    ) -> None:
        self.pace = pace
        self.resent = 0
        self.given_up: list[int] = []
        self._patience = patience
        self._credit = credit
        self._number = number
        self._flights: dict[int, _Flight] = {}
        self._asked: dict[int, _Flight] = {}
        self._bytes = 0
        self._copies = 0
        self._progress = 0.0

    def admits(self, payload: bytes) -> bool:
        """Whether one more request may be sent now."""
        if self._flights and self.pace.mean is None:
            return False
        return self._bytes + size_on_the_wire(payload) <= self._credit

    def send(self, index: int, payload: bytes, now: float) -> bytes:
        """The frame of request ``index``, which is now in flight."""
        if not self._flights:
            self._progress = now
        flight = self._flights[index] = _Flight(index, payload)
        self._bytes += size_on_the_wire(payload)
        return self._copy(flight, now)

    def expects(self, sequence: int) -> bool:
        """Whether an answer is of anything in flight: not a second one, nor a stranger's."""
        return sequence in self._asked

    def settle(self, sequence: int, now: float) -> tuple[int, bytes]:
        """Take an answer that is expected: whose it is, and the copies of others that it
        proves lost."""
        flight = self._asked[sequence]
        order, sent = flight.copies[sequence]
        self._forget(flight)
        self._progress = now
        self.pace.learn(now - sent)
        lost = [other for other in self._flights.values() if other.last < order]
        return flight.index, b"".join(self._again(other, now) for other in lost)

    def overdue(self, now: float) -> bytes:
        """After too long a silence, a copy of the longest unanswered request; else nothing.

        That one alone, however long the silence lasts: its answer will tell what became of
        the others, and a dead board is given up after its repeats, not after everybody's.
        After `SILENCES` of them raises `SilenceError`: find out whether the board is there,
        and go on with `lost`.
        """
        if not self._flights or self.wait(now) > 0:
            return b""
        if self.pace.silences == SILENCES:
            raise SilenceError
        self.pace.silences += 1
        return self._first(now)

    def damaged(self, now: float) -> bytes:
        """A frame came in pieces, most likely an answer: the board is there, so a silence is
        over, and the longest unanswered request is asked again at once."""
        if not self._flights:
            return b""
        self.pace.silences = 0
        return self._first(now)

    def lost(self, now: float) -> bytes:
        """The board has dealt with all that reached it: what is unanswered goes out again."""
        self.pace.silences = 0
        self._progress = now
        return b"".join(self._again(flight, now) for flight in list(self._flights.values()))

    def wait(self, now: float) -> float:
        """Seconds until `overdue` may have something to send; 0 when it has now."""
        return max(0.0, self._progress + self.pace.timeout - now)

    def _first(self, now: float) -> bytes:
        self._progress = now
        return self._again(next(iter(self._flights.values())), now)

    def _again(self, flight: _Flight, now: float) -> bytes:
        if len(flight.copies) >= self._patience(flight.payload):
            self._forget(flight)
            self.given_up.append(flight.index)
            return b""
        self.resent += 1
        return self._copy(flight, now)

    def _forget(self, flight: _Flight) -> None:
        del self._flights[flight.index]
        for copy in flight.copies:
            del self._asked[copy]
        self._bytes -= size_on_the_wire(flight.payload)

    def _copy(self, flight: _Flight, now: float) -> bytes:
        sequence, frame = self._number(flight.payload)
        self._copies += 1
        flight.last = self._copies
        flight.copies[sequence] = (self._copies, now)
        self._asked[sequence] = flight
        return frame
