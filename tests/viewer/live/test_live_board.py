"""A board that is kept at hand: it computes the reference's bits, and comes back when it dies."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from elegans.exporter.build_folder import load_model
from elegans.exporter.errors import ElegansError
from elegans.exporter.oracles import reference
from elegans.hil_tests.session.session import session
from elegans.viewer.live.live_board import ClosedError, LiveBoard


@pytest.fixture
def steps(lane):
    """Inputs of a run, and what the reference makes of them."""
    model, random = load_model(lane), np.random.default_rng(1)
    x = np.stack([random.integers(c.lo, c.hi + 1, 24) for c in model.inputs], axis=1)
    dt = random.integers(model.dt.lo, model.dt.hi + 1, 24)
    found = reference.run(model, x, dt)
    return x, dt, found.y, found.h_next


def test_a_board_that_dies_comes_back_and_goes_on_where_it_was(lane, steps):
    x, dt, y, h = steps
    devices, told = [], []

    def connect():
        found = session(lane, "mps2-an386")
        devices.append(found)
        return found

    with LiveBoard(connect, told.append) as board:
        for k in range(len(x)):
            if k == 8:
                board._device.powered._process.kill()
            if k == 16:
                board._device.powered._process.kill()
                board._device.powered._process.wait()
                board.check()  # it notices, although no step is asked for
            one = board.step(x[k], int(dt[k]))
            assert one.y.tolist() == y[k].tolist()
            assert one.h.tolist() == h[k].tolist()
            assert one.before.tolist() == (h[k - 1] if k else 0 * h[0]).tolist()
            assert 0 < one.latency < 20
        board.reset()
        assert board.step(x[0], int(dt[0])).h.tolist() == h[0].tolist()
        assert board.health().lost == 2
    assert [one.state for one in told] == ["up", "lost", "up", "lost", "up"]
    assert "unicorn ended" in told[1].text or "port vanished" in told[1].text
    assert len(devices) == 3


def test_a_board_that_is_not_there_at_the_start_is_an_error(lane):
    with (
        pytest.raises(ElegansError, match="no-such-board"),
        LiveBoard(lambda: session(lane, "no-such-board")),
    ):
        pass


def test_what_waits_for_a_lost_board_ends_when_it_is_closed(lane, steps):
    x, dt, *_ = steps
    lost = threading.Event()
    calls = []

    def connect():
        calls.append(1)
        if len(calls) > 1:
            raise ElegansError("the port", "has gone", "plug it in")
        return session(lane, "mps2-an386")

    told = []
    with LiveBoard(connect, lambda health: (told.append(health), lost.set())) as board:
        lost.clear()
        board._device.powered._process.kill()
        threading.Thread(target=lambda: (lost.wait(20), board.close())).start()
        with pytest.raises(ClosedError):
            board.step(x[0], int(dt[0]))
    assert told[1].state == "lost"
