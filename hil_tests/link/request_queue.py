"""Requests on their way to answers, in order, though lines lose them and long ones get split.

A pure state machine over `Window`, which knows what is in flight; this knows what is still
to be asked, what was answered out of turn, and in which order answers are due.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import count

from elegans.hil_tests.link.send_window import Window

AHEAD = 256
"""How many requests may be out beyond the first unanswered one, answered or not."""


class Conversation:
    """``split`` makes of a request that does not get through those to ask instead."""

    def __init__(self, window: Window, split: Callable[[bytes], tuple[bytes, ...]]) -> None:
        self.window = window
        self._split = split
        self._fresh = count()
        self._requests: dict[int, bytes] = {}  # whose answer is not out yet, by their number
        self._order: list[int] = []  # in which their answers are due
        self._waiting: deque[int] = deque()  # those of them that are not in flight yet
        self._answers: dict[int, bytes] = {}

    @property
    def over(self) -> bool:
        """Whether everything that was asked has been answered."""
        return not self._order

    def ask(self, upcoming: Iterator[bytes], now: float) -> bytes:
        """As much of ``upcoming`` as there is credit for, as frames."""
        out = b""
        while True:
            if not self._waiting and len(self._order) < AHEAD:
                payload = next(upcoming, None)
                if payload is not None:
                    self._accept(payload, len(self._order))
            if not self._waiting or not self.window.admits(self._requests[self._waiting[0]]):
                return out
            index = self._waiting.popleft()
            out += self.window.send(index, self._requests[index], now)

    def hear(self, sequence: int, answer: bytes, now: float) -> bytes:
        """Take an answer that the window expects; what it proves lost, as frames."""
        index, lost = self.window.settle(sequence, now)
        self._answers[index] = answer
        return lost

    def reconsider(self) -> bool:
        """Split what the window has given up; False when it cannot be."""
        while self.window.given_up:
            index = self.window.given_up.pop()
            parts = self._split(self._requests.pop(index))
            if not parts:
                return False
            at = self._order.index(index)
            del self._order[at]
            for part in reversed(parts):
                self._accept(part, at)
        return True

    def finished(self) -> Iterator[tuple[bytes, bytes]]:
        """Each request whose turn has come, with its answer."""
        while self._order and self._order[0] in self._answers:
            index = self._order.pop(0)
            yield self._requests.pop(index), self._answers.pop(index)

    def _accept(self, payload: bytes, at: int) -> None:
        index = next(self._fresh)
        self._requests[index] = payload
        self._order.insert(at, index)
        self._waiting.append(index)
