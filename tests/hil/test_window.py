"""The window, without a clock: what is in flight, and when it goes out again."""

from __future__ import annotations

import pytest

from elegans.hil_tests.window import CEILING, FIRST, FLOOR, RETRIES, ExhaustedError, Pace, Window


def open_window(credit: int = 100) -> Window:
    """A window that knows a round trip of 1 ms, so that it admits more than one request."""
    pace = Pace()
    pace.learn(0.001)
    return Window(credit, pace)


def test_the_sum_in_flight_never_exceeds_the_credit() -> None:
    window = open_window(credit=100)
    window.send(1, b"x" * 60, now=0)
    assert window.admits(40)
    assert not window.admits(41)
    window.settle(1, now=0.001)
    assert window.admits(100)


def test_one_request_goes_alone_before_the_pace_is_known() -> None:
    window = Window(credit=100)
    window.send(1, b"x", now=0)
    assert not window.admits(1)
    window.settle(1, now=0.5)
    window.send(2, b"x", now=0.5)
    assert window.admits(1)


def test_an_answer_proves_what_was_sent_before_it_lost() -> None:
    window = open_window()
    for sequence, data in enumerate((b"a", b"b", b"c", b"d")):
        window.send(sequence, data, now=0)
    assert window.settle(0, now=0.001) == []
    assert window.settle(2, now=0.002) == [b"b"]
    assert window.settle(3, now=0.003) == [], "b was sent again after d"
    assert 1 in window
    assert window.resent == 1


def test_silence_sends_the_longest_unanswered_again() -> None:
    window = open_window()
    window.send(1, b"a", now=0)
    window.send(2, b"b", now=0.001)
    assert window.overdue(now=FLOOR - 0.001) == b""
    assert window.overdue(now=FLOOR) == b"a"


def test_progress_puts_the_timeout_off() -> None:
    window = open_window()
    window.send(1, b"a", now=0)
    window.send(2, b"b", now=0)
    window.settle(1, now=0.019)
    assert window.overdue(now=0.021) == b""
    assert window.wait(now=0.021) > 0.01


def test_the_timeout_doubles_until_an_answer_is_beyond_doubt() -> None:
    window = open_window()
    window.send(1, b"a", now=0)
    assert window.overdue(now=1) == b"a"
    assert window.pace.timeout == pytest.approx(2 * FLOOR)
    window.settle(1, now=1.5)
    assert window.pace.timeout == pytest.approx(2 * FLOOR), "a copied request teaches nothing"
    window.send(2, b"b", now=2)
    window.settle(2, now=2.001)
    assert window.pace.timeout == pytest.approx(FLOOR)


def test_an_answer_too_soon_for_the_copy_proves_nothing_lost() -> None:
    window = open_window()
    window.send(1, b"a", now=0)
    window.send(2, b"b", now=0)
    assert window.overdue(now=0.5) == b"a"
    assert window.settle(1, now=0.5001) == [], (
        "the best round trip is 1 ms: the first copy's answer"
    )
    assert window.resent == 1


def test_a_request_is_repeated_eight_times_and_no_more() -> None:
    window, now = open_window(), 0.0
    window.send(1, b"a", now)
    for _ in range(RETRIES):
        now += CEILING
        assert window.overdue(now) == b"a"
    with pytest.raises(ExhaustedError):
        window.overdue(now + CEILING)


def test_the_timeout_stays_between_its_bounds() -> None:
    pace = Pace()
    assert pace.timeout == FIRST
    pace.learn(1e-5)
    assert pace.timeout == FLOOR
    pace.learn(50.0)
    assert pace.timeout == CEILING


def test_a_slow_board_is_soon_waited_for() -> None:
    """A board that takes 150 ms a request, against a pace learnt from something quicker."""
    window, now, sent = open_window(), 0.0, 0
    free_at = 0.0
    for sequence in range(12):
        window.send(sequence, b"a", now)
        sent += 1
        free_at = max(free_at, now) + 0.150
        answered = free_at
        while window.wait(now) <= answered - now:
            now += window.wait(now)
            assert window.overdue(now) == b"a"
            sent += 1
            free_at += 0.150
        now = answered
        window.settle(sequence, now)
    assert sent - 12 <= 6
