"""The request queue: requests in, answers out in the same order, whatever the line loses.

A pure state machine on top of `SendWindow`. The window knows which requests are in flight; the
queue knows which wait to be sent, which answers arrived out of order, and how to split a request
that does not get through.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from elegans.hil_tests.link.send_window import SendWindow

MAX_AHEAD = 256
"""How many requests may be taken in, answered or not, from the first unanswered one on."""


class RequestQueue:
    """The requests of one exchange; ``taken`` is how many there were, with the parts of those that
    were split.

    ``split`` returns the requests to send in place of one that was given up; none if it cannot
    be split.
    """

    def __init__(self, window: SendWindow, split: Callable[[bytes], tuple[bytes, ...]]) -> None:
        self.window = window
        self._split = split
        self.taken = 0
        self._requests: dict[int, bytes] = {}  # by index, until the answer has been handed out
        self._order: list[int] = []  # the order in which answers are to be handed out
        self._waiting: deque[int] = deque()  # requests that are not in flight yet
        self._answers: dict[int, bytes] = {}

    @property
    def done(self) -> bool:
        """Whether every request that was taken in has been answered."""
        return not self._order

    def send(self, upcoming: Iterator[bytes], now: float) -> bytes:
        """Take requests from ``upcoming`` while there is credit for them; returns their frames."""
        out = b""
        while True:
            if not self._waiting and len(self._order) < MAX_AHEAD:
                payload = next(upcoming, None)
                if payload is not None:
                    self._insert(payload, len(self._order))
            if not self._waiting or not self.window.admits(self._requests[self._waiting[0]]):
                return out
            index = self._waiting.popleft()
            out += self.window.send(index, self._requests[index], now)

    def receive(self, sequence: int, answer: bytes, now: float) -> bytes:
        """Take an answer that the window expects; returns the frames that it proves lost."""
        index, lost = self.window.acknowledge(sequence, now)
        self._answers[index] = answer
        return lost

    def split_given_up(self) -> bool:
        """Split every request that the window has given up; False if one cannot be split."""
        while self.window.given_up:
            index = self.window.given_up.pop()
            parts = self._split(self._requests.pop(index))
            if not parts:
                return False
            position = self._order.index(index)
            del self._order[position]
            for part in reversed(parts):
                self._insert(part, position)
        return True

    def answered(self) -> Iterator[tuple[bytes, bytes]]:
        """Hand out each request whose turn has come, with its answer."""
        while self._order and self._order[0] in self._answers:
            index = self._order.pop(0)
            yield self._requests.pop(index), self._answers.pop(index)

    def _insert(self, payload: bytes, position: int) -> None:
        index, self.taken = self.taken, self.taken + 1
        self._requests[index] = payload
        self._order.insert(position, index)
        self._waiting.append(index)
