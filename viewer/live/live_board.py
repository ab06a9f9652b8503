"""A board that is kept at hand: one step at a time, and connected anew when it is lost."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.hil_tests.session.session import Device
from elegans.hil_tests.session.stream import Controller
from elegans.hil_tests.wire.messages import Ints

Connect = Callable[[], AbstractContextManager[Device]]

_RETRY_S = 0.5
_ALIVE_S = 2.0  # within which a board that has nothing to do must answer
_RECENT = 50  # steps, of the figures

UP, LOST = "up", "lost"


@dataclass(frozen=True)
class LiveStep:
    """One step of the board: its states before it, what came out, and how long it took, s."""

    before: Ints
    y: Ints
    h: Ints
    latency: float


@dataclass(frozen=True)
class Health:
    """The state of the link.

    state     UP or LOST
    text      why it is lost; where the board is, if it is up
    requests, resent, damaged   since the link was opened: requests, those that were sent again,
              and frames that arrived damaged
    lost      how often the board has been lost
    """

    state: str
    text: str
    requests: int = 0
    resent: int = 0
    damaged: int = 0
    lost: int = 0


class ClosedError(Exception):
    """The board was closed while something waited for it."""


class LiveBoard:
    """A board for as long as the ``with`` lasts; entering connects it for the first time.

    connect  opens a session
    told     called with the `Health` whenever its state changes

    All but `close` and `health` must be called by one thread, which must live as long as the board:
    an emulator ends with the thread that started it. Entering raises what `session` does.
    """

    def __init__(self, connect: Connect, told: Callable[[Health], None] = lambda _: None) -> None:
        self._connect, self._told = connect, told
        self._session = ExitStack()
        self._device: Device | None = None
        self._controller: Controller | None = None
        self._h: Ints | None = None
        self._closed = threading.Event()
        self._lost = 0
        self._why = ""
        self.latencies: deque[float] = deque(maxlen=_RECENT)
        """Of the last steps, s."""

    def __enter__(self) -> LiveBoard:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._session.close()

    def close(self) -> None:
        """Let whatever waits for the board raise `ClosedError`. May be called by any thread."""
        self._closed.set()

    @property
    def name(self) -> str:
        """The board's name, and its emulator or its port."""
        device = self._device
        return (
            "" if device is None else f"{device.board} ({device.emulator or device.link.port.name})"
        )

    def health(self) -> Health:
        """The state of the link now."""
        device = self._device
        if device is None:
            return Health(LOST, self._why, lost=self._lost)
        link = device.link
        damaged = link.decoder.dropped.total()
        return Health(UP, self.name, link.requests, link.resent, damaged, self._lost)

    def reset(self) -> None:
        """Let the next step start from the states 0."""
        self._h = None
        self.latencies.clear()

    def step(self, x: Ints, dt: int) -> LiveStep:
        """One step with inputs x [I] and elapsed time dt, as soon as the board can take it.

        A board that is lost is connected again; then it goes on from the states before. Raises
        `ClosedError`, and `ValueError` for integers that do not fit.
        """
        while True:
            controller = self._controller or self._open_again()
            before = np.zeros_like(controller.h) if self._h is None else self._h
            controller.h = before
            began = time.perf_counter()
            try:
                y, self._h = controller.step(x, dt)
            except ElegansError as error:
                self._lose(error)
                continue
            self.latencies.append(time.perf_counter() - began)
            return LiveStep(before, y, self._h, self.latencies[-1])

    def check(self) -> None:
        """See whether the board still answers, while it has nothing to do; connect it if not.

        Raises `ClosedError`.
        """
        if self._device is None:
            self._open_again()
            return
        try:
            self._device.link.hello(within=_ALIVE_S)
        except ElegansError as error:
            self._lose(error)

    def _open(self) -> None:
        device = self._session.enter_context(self._connect())
        device.link.replug = 0.0  # the page says at once that the port has gone
        self._device, self._controller = device, Controller(device.link)
        self._told(self.health())

    def _open_again(self) -> Controller:
        while self._controller is None:
            if self._closed.wait(_RETRY_S):
                raise ClosedError
            try:
                self._open()
            except ElegansError as error:
                self._session.close()
                self._why = str(error)
                self._told(self.health())
        if self._closed.is_set():
            raise ClosedError
        return self._controller

    def _lose(self, error: ElegansError) -> None:
        self._device = self._controller = None
        self._lost += 1
        self._why = f"{error.place}: {error.fact}"
        self._told(self.health())
        self._session.close()
