"""The request queue without a line: order, splitting, and never more than the credit."""

from __future__ import annotations

import random
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from elegans.hil_tests.link.request_queue import MAX_AHEAD, RequestQueue
from elegans.hil_tests.link.send_window import RoundTripTime, SendWindow, size_on_the_wire


def _halves(payload: bytes) -> tuple[bytes, ...]:
    middle = len(payload) // 2
    return (payload[:middle], payload[middle:]) if middle else ()


@given(
    st.lists(st.binary(min_size=1, max_size=12), max_size=30),
    st.integers(40, 200),
    st.integers(1, 6),
    st.integers(0, 1000),
)
def test_whatever_is_lost_every_byte_is_answered_once_and_in_order(
    asked: list[bytes], credit: int, longest: int, seed: int
) -> None:
    """The simulated board answers only requests up to ``longest`` bytes, and these by chance."""
    line, numbers, sent = random.Random(seed), count(), dict[int, bytes]()

    def number(payload: bytes) -> tuple[int, bytes]:
        sequence = next(numbers)
        sent[sequence] = payload
        return sequence, b""

    rtt = RoundTripTime()
    rtt.add(0.001)
    window = SendWindow(credit, rtt, number, lambda payload: 1000 if len(payload) == 1 else 4)
    queue, upcoming, now, got = RequestQueue(window, _halves), iter(asked), 0.0, b""
    open_now: dict[int, bytes] = {}
    queue.send(upcoming, now)
    while not queue.done:
        now += 0.01
        for sequence, payload in sorted(sent.items()):
            if len(payload) <= longest and line.random() < 0.7 and window.expects(sequence):
                queue.receive(sequence, payload.upper(), now)
        sent.clear()
        window.resend_all(now)
        assert queue.split_given_up()
        for payload, answer in queue.answered():
            assert answer == payload.upper()
            got += payload
        queue.send(upcoming, now)
        open_now = {index: request.payload for index, request in window._in_flight.items()}
        assert sum(map(size_on_the_wire, open_now.values())) <= credit
    assert got == b"".join(asked)


def test_at_most_max_ahead_requests_are_taken_in_from_an_unanswered_one_on() -> None:
    numbers, rtt = count(), RoundTripTime()
    rtt.add(0.001)
    window = SendWindow(1 << 30, rtt, lambda _: (next(numbers), b""), lambda _: 1000)
    queue = RequestQueue(window, _halves)
    upcoming = iter([b"x"] * (2 * MAX_AHEAD))
    queue.send(upcoming, 0)
    for sequence in range(1, MAX_AHEAD):
        queue.receive(sequence, b"", 0)
    queue.send(upcoming, 0)
    assert len(list(upcoming)) == MAX_AHEAD
    assert list(queue.answered()) == []
