"""Runs steps on a board: golden vectors in bulk, recordings free-running, or single steps.

All values are the model's integers; their formats and bits are in ``model.json``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elegans.hil_tests.link import diagnosis
from elegans.hil_tests.link.link import Link
from elegans.hil_tests.link.send_window import MAX_SENDS, RoundTripTime
from elegans.hil_tests.session.build_files import Vectors
from elegans.hil_tests.wire.errors import HilError, Phase, UnansweredError
from elegans.hil_tests.wire.frames import Kind
from elegans.hil_tests.wire.messages import (
    BadMessageError,
    Ints,
    Shape,
    StepReply,
    StepRequest,
    as_integers,
)

Ticks = NDArray[np.int64]

_TIMING_TRIES = 8  # requests for one timed step, until one was not disturbed
_MAX_SENDS_OF_MANY = 5  # of a request of several steps, before it is split


@dataclass(frozen=True)
class Chunk:
    """The board's results for the vectors ``start`` to ``stop`` (exclusive): ``reply.y [n, O]`` and
    ``reply.h [n, H]``."""

    start: int
    stop: int
    reply: StepReply


def stream(link: Link, vectors: Vectors) -> Iterator[Chunk]:
    """Send every vector to the board, in order, as fast as the link permits.

    Consecutive vectors, each starting from the states that the one before ended with, share a
    request, in which the board runs free from the first one's states. Raises as
    `Link.exchange_pairs` does.
    """
    inputs = link.peer.shape.rows(vectors.x, vectors.dt)
    breaks = vectors.breaks()[1:]
    size = RequestSize(link)
    starts: dict[bytes, int] = {}

    def request(start: int, stop: int) -> bytes:
        payload = StepRequest(vectors.h[start], inputs[start:stop]).encode()
        # Equal requests for different vectors have equal answers and are split alike.
        starts[payload] = start
        return payload

    def requests() -> Iterator[bytes]:
        start = 0
        for end in breaks:
            while start < end:
                stop = min(start + size.next(), end)
                yield request(start, stop)
                start = stop

    def halves(payload: bytes) -> tuple[bytes, ...]:
        start, steps = starts[payload], _steps(payload)
        middle, stop = start + steps // 2, start + steps
        return () if steps == 1 else (request(start, middle), request(middle, stop))

    done = 0
    for payload, answer in link.exchange_pairs(Kind.STEP, requests(), None, _max_sends, halves):
        start, done = done, done + _steps(payload)
        yield Chunk(start, done, _reply(link, answer, done - start))


def ticks(link: Link, vectors: Vectors) -> Ticks:
    """Ticks of the board's counter for each vector's step, ``[N]``; 0 without a counter.

    One request is sent at a time: nothing may arrive while the board times a step, because the
    receive interrupt would count as well. A step that was disturbed by a late retransmission
    is reported as 0 and requested again.
    """
    inputs = link.peer.shape.rows(vectors.x, vectors.dt)
    rtt, counted = RoundTripTime(), np.zeros(len(vectors), np.int64)
    for i in range(len(vectors)):
        request = StepRequest(vectors.h[i], inputs[i : i + 1], timed=True).encode()
        for _ in range(_TIMING_TRIES if link.peer.counter_hz else 1):
            counted[i] = _reply(link, link.request(Kind.STEP, request, rtt), 1).ticks_max
            if counted[i]:
                break
    return counted


def run(link: Link, x: Ints, dt: Ints, h0: Ints | None = None) -> tuple[Ints, Ints]:
    """Run a recording free: ``x [T, I]`` and ``dt [T]`` from the states ``h0 [H]`` (default 0).

    Returns the outputs ``y [T, O]`` and the states after each step ``h [T, H]``, at the model's
    width. Raises as `Link.exchange_pairs` does, and `ValueError` for arrays of a wrong shape or
    integers that do not fit.
    """
    shape = link.peer.shape
    inputs = shape.rows(x, dt)
    y = np.zeros((len(inputs), shape.outputs), np.int16)
    h = np.zeros((len(inputs), shape.states), shape.state_type)
    state, start = _state(shape, h0), 0
    size, rtt = RequestSize(link), RoundTripTime()
    while start < len(inputs):
        stop = min(start + size.next(), len(inputs))
        request = StepRequest(state, inputs[start:stop]).encode()
        try:
            [(_, answer)] = link.exchange_pairs(Kind.STEP, [request], rtt, _max_sends)
        except UnansweredError:
            if stop - start == 1:
                raise
            size.set_to_one()
            continue
        reply = _reply(link, answer, stop - start)
        y[start:stop], h[start:stop] = reply.y, reply.h
        state, start = reply.h[-1], stop
    return y, h


class Controller:
    """A board in closed loop, one step a call; ``h [H]`` are the states it reported last."""

    def __init__(self, link: Link, h0: Ints | None = None) -> None:
        self.h = _state(link.peer.shape, h0)
        self._link = link
        self._rtt = RoundTripTime()

    def step(self, x: Ints, dt: int = 0) -> tuple[Ints, Ints]:
        """Run one step with inputs ``x [I]`` and elapsed time ``dt``; gives ``y``, ``h``."""
        inputs = self._link.peer.shape.rows(np.asarray(x)[None], [dt])
        answer = self._link.request(Kind.STEP, StepRequest(self.h, inputs).encode(), self._rtt)
        reply = _reply(self._link, answer, 1)
        self.h = reply.h[0]
        return reply.y[0], self.h


def most_steps(link: Link) -> int:
    """How many steps one request can hold on this board. Raises `HilError` (FAULT) if none."""
    peer = link.peer
    most = peer.shape.steps_in_a_frame(peer.max_frame, peer.credit)
    if most == 0:
        fact = f"not even one step fits a frame of {peer.max_frame} bytes"
        raise HilError(Phase.FAULT, link.port.name, fact, "give the firmware a larger frame")
    return most


class RequestSize:
    """How many steps to put into the next request.

    Long requests are fast on a good line, but on a bad one each additional byte may be damaged.
    As in TCP's congestion control, the size grows by one from request to request while nothing
    has to be sent again, and is halved when something has.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._most = most_steps(link)
        self._size = 0
        self._resent = link.resent

    def next(self) -> int:
        """The number of steps for the next request."""
        lost = self._link.resent > self._resent
        self._resent = self._link.resent
        self._size = max(1, self._size // 2) if lost else min(self._most, self._size + 1)
        return self._size

    def set_to_one(self) -> None:
        """Ask for one step next: a longer request did not get through."""
        self._size = 1


def _max_sends(request: bytes) -> int:
    """How often a STEP is sent before it is given up; one of several steps is then split."""
    return MAX_SENDS if _steps(request) == 1 else _MAX_SENDS_OF_MANY


def _steps(request: bytes) -> int:
    """The number of steps in a STEP request: its second byte."""
    return request[1]


def _state(shape: Shape, h: Ints | None) -> Ints:
    state = as_integers(np.zeros(shape.states) if h is None else h, shape.state_type)
    if state.shape != (shape.states,):
        raise ValueError(f"the states have the shape {state.shape} instead of ({shape.states},)")
    return state


def _reply(link: Link, answer: bytes, count: int) -> StepReply:
    try:
        reply = StepReply.parse(answer, link.peer.shape)
    except BadMessageError as error:
        raise diagnosis.invalid_answer(link.port.name, f"a STEP reply of {error}") from error
    if len(reply.y) != count:
        what = f"{len(reply.y)} steps in answer to {count}"
        raise diagnosis.invalid_answer(link.port.name, what)
    return reply
