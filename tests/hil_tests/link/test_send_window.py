"""The send window without a clock: what is in flight, and when it is sent again."""

from __future__ import annotations

from itertools import count

import pytest

from elegans.hil_tests.link.send_window import (
    FIRST_TIMEOUT,
    MAX_SENDS,
    MAX_TIMEOUT,
    MAX_TIMEOUTS,
    MIN_TIMEOUT,
    RoundTripTime,
    SendWindow,
    SilenceError,
    size_on_the_wire,
)

ONE = size_on_the_wire(b"a")


def open_window(credit: int = 100 * ONE, known: float | None = 0.001) -> SendWindow:
    """A window that knows a round trip; a frame is its payload, sequence numbers count from 1."""
    rtt = RoundTripTime()
    if known is not None:
        rtt.add(known)
    numbers = count(1)
    return SendWindow(credit, rtt, lambda payload: (next(numbers), payload), lambda _: MAX_SENDS)


def test_the_sum_in_flight_never_exceeds_the_credit() -> None:
    window = open_window(credit=2 * ONE)
    window.send(0, b"a", now=0)
    assert window.admits(b"b")
    assert not window.admits(b"bb")
    window.send(1, b"b", now=0)
    assert not window.admits(b"c")
    window.acknowledge(1, now=0.001)
    assert window.admits(b"c")


def test_only_one_request_is_in_flight_until_a_round_trip_is_known() -> None:
    window = open_window(known=None)
    window.send(0, b"a", now=0)
    assert not window.admits(b"b")
    window.acknowledge(1, now=0.5)
    window.send(1, b"b", now=0.5)
    assert window.admits(b"c")


def test_an_answer_proves_lost_what_was_sent_before_it() -> None:
    window = open_window()
    for index, data in enumerate((b"a", b"b", b"c", b"d")):
        window.send(index, data, now=0)
    assert window.acknowledge(1, now=0.001) == (0, b"")
    assert window.acknowledge(3, now=0.002) == (2, b"b")
    assert window.acknowledge(4, now=0.003) == (3, b""), "b was sent again after d"
    assert window.resent == 1


def test_the_answer_to_a_retransmission_proves_the_rest_of_the_window_lost() -> None:
    window = open_window()
    for index, data in enumerate((b"a", b"b", b"c")):
        window.send(index, data, now=0)
    assert window.check_timeout(now=1) == b"a"
    assert window.acknowledge(4, now=1.001) == (0, b"bc")


def test_a_late_answer_to_the_first_transmission_proves_nothing_lost() -> None:
    window = open_window()
    for index, data in enumerate((b"a", b"b", b"c")):
        window.send(index, data, now=0)
    assert window.check_timeout(now=1) == b"a"
    assert window.acknowledge(1, now=1.001) == (0, b"")


def test_duplicate_and_unknown_answers_are_ignored() -> None:
    window = open_window()
    window.send(0, b"a", now=0)
    assert window.check_timeout(now=1) == b"a"
    assert window.acknowledge(2, now=1) == (0, b"")
    assert not window.expects(1)
    assert not window.expects(77)


def test_a_timeout_sends_the_longest_unanswered_request_again() -> None:
    window = open_window()
    window.send(0, b"a", now=0)
    window.send(1, b"b", now=0.001)
    assert window.check_timeout(now=MIN_TIMEOUT - 0.001) == b""
    assert window.check_timeout(now=MIN_TIMEOUT) == b"a"


def test_an_answer_postpones_the_timeout() -> None:
    window = open_window()
    window.send(0, b"a", now=0)
    window.send(1, b"b", now=0)
    window.acknowledge(1, now=0.019)
    assert window.check_timeout(now=0.021) == b""
    assert window.time_left(now=0.021) > 0.01


def test_the_timeout_doubles_each_time_until_an_answer() -> None:
    window = open_window()
    window.send(0, b"a", now=0)
    assert window.check_timeout(now=1) == b"a"
    assert window.rtt.timeout == pytest.approx(2 * MIN_TIMEOUT)
    assert window.check_timeout(now=2) == b"a"
    assert window.rtt.timeout == pytest.approx(4 * MIN_TIMEOUT)
    window.acknowledge(3, now=2.001)
    assert window.rtt.timeout == pytest.approx(MIN_TIMEOUT)


def test_several_timeouts_in_a_row_are_reported_as_silence() -> None:
    window, now = open_window(), 0.0
    for index in range(20):
        window.send(index, b"abcd", now)
    for _ in range(MAX_TIMEOUTS):
        now += MAX_TIMEOUT
        assert window.check_timeout(now) == b"abcd"
    with pytest.raises(SilenceError):
        window.check_timeout(now + MAX_TIMEOUT)


def test_a_damaged_frame_sends_the_oldest_request_again_at_once() -> None:
    window, now = open_window(), 0.0
    window.send(0, b"a", now)
    window.send(1, b"b", now)
    for _ in range(3):
        for _ in range(MAX_TIMEOUTS):
            now += MAX_TIMEOUT
            assert window.check_timeout(now) == b"a"
        assert window.resend_first(now) == b"a"
        assert window.rtt.timeout == MIN_TIMEOUT


def test_resend_all_sends_every_unanswered_request_again() -> None:
    window = open_window()
    for index, data in enumerate((b"a", b"b", b"c")):
        window.send(index, data, now=0)
    window.acknowledge(1, now=0.001)
    assert window.check_timeout(now=1) == b"b"
    assert window.resend_all(now=1.001) == b"bc"


def test_a_request_that_stays_unanswered_is_given_up() -> None:
    window = open_window()
    window.send(0, b"a", now=0)
    assert b"".join(window.resend_first(now=0) for _ in range(MAX_SENDS - 1)) == b"a" * (
        MAX_SENDS - 1
    )
    assert window.given_up == []
    assert window.resend_first(now=0) == b""
    assert window.given_up == [0]
    assert window.resend_first(now=0) == b""


def test_giving_a_request_up_leaves_the_others_in_flight() -> None:
    window = open_window()
    for index, data in enumerate((b"a", b"b", b"c")):
        window.send(index, data, now=0)
    for _ in range(MAX_SENDS - 1):
        window.resend_first(now=0)
    assert window.acknowledge(2, now=0.001) == (1, b""), "a was sent again after b"
    assert window.acknowledge(3, now=0.001) == (2, b"")
    assert window.given_up == []


def test_the_timeout_stays_between_its_bounds() -> None:
    rtt = RoundTripTime()
    assert rtt.timeout == FIRST_TIMEOUT
    rtt.add(1e-5)
    assert rtt.timeout == MIN_TIMEOUT
    rtt.add(50.0)
    assert rtt.timeout == MAX_TIMEOUT


def test_the_timeout_adapts_to_a_slow_board() -> None:
    """A board takes 150 ms a request; the round-trip time was measured with a faster one."""
    numbers = count(1)
    window = SendWindow(
        100, open_window().rtt, lambda payload: (next(numbers), payload), lambda _: MAX_SENDS
    )
    now = free_at = 0.0
    for index in range(12):
        sequence = next(numbers) + 1
        window.send(index, b"a", now)
        free_at = answered = max(free_at, now) + 0.150
        while now + window.time_left(now) < answered:
            now += window.time_left(now)
            assert window.check_timeout(now) == b"a"
            free_at += 0.150
        now = answered
        assert window.acknowledge(sequence, now) == (index, b"")
    assert window.resent <= 5
